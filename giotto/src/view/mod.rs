//! A view: one renderer per media type for what a model computed.
//!
//! Step 6 of an invocation, skipped on a hit. `renderers.rs` has the renderers of a program; [`BasicView`] (`basic.rs`)
//! shows any value, and `template` (`template.rs`, feature `template`) renders Jinja templates.

mod basic;
mod renderers;
#[cfg(feature = "template")]
mod template;

pub use crate::mime::{InvalidMime, Mime};
pub use basic::{BasicView, escape_html};
pub use renderers::{IntoRenderer, IntoResponse, Renderer, View};
#[cfg(feature = "template")]
pub use template::{Template, template};
