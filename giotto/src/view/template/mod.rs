//! Jinja templates as renderers.
//!
//! Step 6 of an invocation, for views that are written in files. [`Templates`] (`templates.rs`) is what the templates of an
//! application share: `sources.rs` finds their files, `page.rs` has the variables of a page, `functions.rs`,
//! `translations.rs` and `fragment.rs` what templates call, and `values.rs` what an application adds. Before the first request, `check.rs` finds
//! mistakes, with what `scan.rs` reads in the `tokens.rs` of
//! the files, and `stored.rs` finds what no stored page may have, with the `outline.rs` of each file; `explain.rs` words them.

mod check;
mod explain;
mod fragment;
mod functions;
mod outline;
mod page;
mod renderer;
mod scan;
mod sources;
mod stored;
mod templates;
mod tokens;
mod translations;
mod urls;
mod values;
mod wrong;

pub use renderer::{Template, template};
pub use templates::Templates;
pub use values::TemplateFunction;
