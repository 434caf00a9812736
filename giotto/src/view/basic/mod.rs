//! A view that shows any value: most views start from it.
//!
//! Step 6 of an invocation, where a program has no renderer of its own. `html.rs` and `text.rs` show the value; `table.rs`
//! has what both know of it.

mod html;
mod table;
mod text;

use serde::Serialize;
use serde_json::Value;

use super::renderer::Rendering;
use super::renderers::View;
use crate::error::Redirection;
use crate::mime::TEXT_CMD;

/// Shows any value that implements `Serialize`: as a page of HTML, JSON, plain text, and aligned columns on the command line.
///
/// A list of structs is a table; the plain members of a struct are a short list before the tables of the others. So
/// `{total, page, books: [..]}` is a page that can be read as it is.
///
/// The page of HTML has one element `<style>`, and is readable without it, under a `Content-Security-Policy` that refuses
/// inline styles. [`STYLE_SOURCE`](Self::STYLE_SOURCE) allows this one.
#[derive(Clone, Copy, Debug)]
pub struct BasicView;

/// What a [`BasicView`] shows: every type that implements `Serialize`, and a [`Redirection`], which is answered before a view is
/// asked.
///
/// Applications do not implement this trait.
#[diagnostic::on_unimplemented(
    message = "`BasicView` cannot show `{Self}`: add `#[derive(Serialize)]` to it, or start from `View::new()`"
)]
pub trait Shown {
    #[doc(hidden)]
    fn to_value(&self) -> serde_json::Result<Value>;

    #[doc(hidden)]
    fn to_json(&self) -> serde_json::Result<Vec<u8>>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> Shown for T {
    fn to_value(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }

    fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }
}

#[diagnostic::do_not_recommend]
impl Shown for Redirection {
    fn to_value(&self) -> serde_json::Result<Value> {
        Ok(Value::Null)
    }

    fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        self.to_value().map(|value| value.to_string().into())
    }
}

impl BasicView {
    /// What allows the style of its pages in a `Content-Security-Policy`: `style-src 'self' 'sha256-..'`.
    pub const STYLE_SOURCE: &'static str = html::STYLE_SOURCE;

    /// The four renderers. [`View::html`] and the others replace one each.
    #[expect(
        clippy::new_ret_no_self,
        reason = "every view is a View; this names where it starts"
    )]
    #[must_use]
    pub fn new<T: Shown + 'static>() -> View<T> {
        let text =
            |data: &T, rendering: &Rendering| text::text(&data.to_value()?, rendering.refused());
        View::new()
            .html(|data: &T, rendering: &Rendering| html::html(&data.to_value()?, rendering))
            .json(|data: &T| data.to_json())
            .text(text)
            .shows(TEXT_CMD, text)
    }
}
