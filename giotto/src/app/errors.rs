//! What an application adds to an error before its reader sees it: words, and a page of its own.
//!
//! After an invocation that has no page.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::App;
use crate::error::{Error, Field, Result};
use crate::error_page::ErrorPage;
use crate::mime::Mime;
use crate::page::Page;
use crate::request::{HTTP_GET, Request};
use crate::view::{Rendering, View};

impl App {
    /// The same `error` of an invocation of `request`. If fields were refused, they have words for the reader, and what was
    /// given besides them.
    #[cold]
    pub(crate) fn in_words(&self, error: Error, request: &Request<'_>) -> Error {
        let refused = error.invalid_input();
        let found = self.manifest.find(&request.path, request.controller);
        let (false, Ok(found)) = (refused.is_empty(), found) else {
            return error;
        };
        let is_secret = |name: &str| found.program.is_secret(name);
        let kept = found.program.kept(found.consumed, request);
        let refused = self.messages.tell(refused.clone().keep(kept));
        let refused = refused.without(is_secret);
        // The message of the error quotes the value.
        let mut names = refused.fields().iter().map(Field::name);
        match names.any(is_secret) {
            true => error.with_message(refused.to_string()),
            false => error,
        }
        .with_invalid_input(refused)
    }

    /// The `page` of an error as `view` shows it, for a reader with these `preferred` languages. A panic in the view is an error.
    pub(crate) fn show_error(
        &self,
        page: &ErrorPage,
        view: &View<ErrorPage>,
        mime: &Mime,
        preferred: String,
    ) -> Result<Page> {
        let refused = page.refused().clone();
        let rendering = Rendering::new(mime.clone(), refused, self.context(HTTP_GET));
        let rendering = rendering.preferring(preferred);
        let page = catch_unwind(AssertUnwindSafe(|| view.render(page, &rendering)));
        let page = page.unwrap_or_else(|_| {
            let message = "the view of an error page panicked; its message is in the log";
            Err(Error::other(message))
        });
        page?.into_page(rendering.into_mime(), &self.site)
    }
}
