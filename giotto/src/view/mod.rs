//! A view: one renderer per media type for what a model computed.
//!
//! The last step of an invocation, skipped on a hit.

mod basic;
mod renderers;
#[cfg(feature = "template")]
mod template;

pub use crate::mime::{InvalidMime, Mime};
pub use basic::{BasicView, escape_html};
pub use renderers::{IntoBody, IntoRenderer, Renderer, View};
#[cfg(feature = "template")]
pub use template::{Template, template};
