//! What a renderer may know of the only reader of a page.
//!
//! Step 6 of an invocation. A page that goes to the cache has no such reader.

use super::renderer::Rendering;
use crate::error::Result;
use crate::session::{Flash, Session};

impl Rendering {
    /// The session of the reader.
    ///
    /// # Errors
    ///
    /// If the page goes to the cache, or the application has no sessions.
    pub fn session(&self) -> Result<Session> {
        self.context().session("the session")
    }

    /// The messages for the reader, each of which is shown once.
    ///
    /// # Errors
    ///
    /// If the page goes to the cache, or the application has no sessions.
    pub fn flashes(&self) -> Result<Vec<Flash>> {
        Ok(self.context().session("a flash message")?.flashes())
    }

    /// The token that a form of this page posts in its field `csrf_token`: letters, digits, `-` and `_`.
    ///
    /// # Errors
    ///
    /// If the page goes to the cache, or the application has no sessions.
    pub fn csrf(&self) -> Result<String> {
        Ok(self.context().session("the token of a form")?.csrf_token())
    }

    /// The hidden field of a form in HTML that holds the [token](Self::csrf).
    ///
    /// ```
    /// use giotto::prelude::*;
    /// use giotto::view::Rendering;
    ///
    /// let form = |_: &(), rendering: &Rendering| {
    ///     let token = rendering.csrf_field()?;
    ///     Ok::<_, Error>(format!("<form method=post>{token}<input name=title><button>Save</button></form>"))
    /// };
    /// let view = View::new().html(form);
    /// ```
    ///
    /// # Errors
    ///
    /// If the page goes to the cache, or the application has no sessions.
    pub fn csrf_field(&self) -> Result<String> {
        Ok(self.context().session("the token of a form")?.csrf_field())
    }
}
