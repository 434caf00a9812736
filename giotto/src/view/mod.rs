//! A view: one renderer per media type for what a model computed.
//!
//! Step 6 of an invocation, skipped on a hit. `renderers.rs` has the renderers of a program, each a [`Renderer`]
//! (`renderer.rs`); [`BasicView`] (`basic/`) shows any value, and `template` (`template/`, feature `template`) renders Jinja
//! templates.

mod basic;
mod document;
mod escape;
mod renderer;
mod renderers;
mod reply;

#[cfg(feature = "session")]
mod session;
#[cfg(feature = "template")]
mod template;

pub use crate::mime::{InvalidMime, Mime};
pub use basic::{BasicView, Shown};
pub(crate) use document::{CLOSE, open};
pub use escape::escape_html;
pub use renderer::{IntoRenderer, Renderer, Rendering};
pub use renderers::View;
pub use reply::IntoResponse;
#[cfg(feature = "template")]
pub use template::{Template, TemplateFunction, Templates, template};
