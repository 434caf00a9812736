//! The renderers of a program, one for each media type.
//!
//! Step 6 of an invocation, skipped on a hit.

use std::any::{Any, TypeId};
use std::fmt;

use bytes::Bytes;

use super::renderer::{IntoRenderer, Renderer, Rendering};
use crate::error::{Error, ErrorKind, Redirection, Result};
use crate::mime::{Mime, TEXT_CMD};
use crate::response::Response;
use crate::state::Startup;

/// The usual media types of a program.
const USUAL: [&str; 4] = ["text/html", "application/json", "text/plain", TEXT_CMD];

/// The renderers of a program, the preferred one first.
pub struct View<T> {
    renderers: Vec<Listed<T>>,
    failure: Option<fn(&T) -> Option<Error>>,
    error: Option<Error>,
}

/// A renderer of a view.
struct Listed<T> {
    mime: Mime,
    renderer: Renderer<T>,
    /// Whether colours in the page may come from its author. A terminal gets only such colours.
    is_styled: bool,
}

impl<T: 'static> View<T> {
    /// A view that renders nothing yet. Most programs start from [`BasicView::new`](crate::view::BasicView::new) instead.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            renderers: Vec::new(),
            failure: None,
            error: None,
        }
    }

    /// Renders `text/html` with `renderer`.
    #[must_use]
    pub fn html<M>(self, renderer: impl IntoRenderer<T, M>) -> Self {
        self.renders("text/html", renderer)
    }

    /// Renders `application/json` with `renderer`.
    #[must_use]
    pub fn json<M>(self, renderer: impl IntoRenderer<T, M>) -> Self {
        self.renders("application/json", renderer)
    }

    /// Renders `text/plain` with `renderer`.
    #[must_use]
    pub fn text<M>(self, renderer: impl IntoRenderer<T, M>) -> Self {
        self.renders("text/plain", renderer)
    }

    /// Renders `text/cmd`, the media type of the command line, with `renderer`. Its escape sequences for colours reach a
    /// terminal with colours. A terminal shows every other control character in escaped form, whatever the media type.
    #[must_use]
    pub fn cmd<M>(self, renderer: impl IntoRenderer<T, M>) -> Self {
        self.renders(TEXT_CMD, renderer)
    }

    /// Renders `mimetype` with `renderer`. This replaces an earlier renderer of `mimetype`; a new media type becomes the last
    /// choice. Its subtype becomes a superformat: `text/csv` answers `report.csv`.
    #[must_use]
    pub fn renders<M>(self, mimetype: &str, renderer: impl IntoRenderer<T, M>) -> Self {
        self.list(mimetype, renderer, true)
    }

    /// The same with a renderer that has no colours of its own.
    pub(crate) fn shows<M>(self, mimetype: &str, renderer: impl IntoRenderer<T, M>) -> Self {
        self.list(mimetype, renderer, false)
    }

    fn list<M>(
        mut self,
        mimetype: &str,
        renderer: impl IntoRenderer<T, M>,
        is_styled: bool,
    ) -> Self {
        let mime = match Mime::new(mimetype) {
            Ok(mime) => mime,
            Err(error) => {
                let error = Error::configuration(error.to_string());
                self.error.get_or_insert(error);
                return self;
            }
        };
        let listed = Listed {
            renderer: renderer.into_renderer(&mime),
            mime,
            is_styled,
        };
        let mut existing = self.renderers.iter_mut();
        match existing.find(|existing| existing.mime == listed.mime) {
            Some(existing) => *existing = listed,
            None => self.renderers.push(listed),
        }
        self
    }

    /// Renders as before. If `failure` finds an error in the value, the result is that error, with the page as its report.
    pub(crate) fn fails_by(self, failure: fn(&T) -> Option<Error>) -> Self {
        let failure = Some(failure);
        Self { failure, ..self }
    }

    /// The media types that it renders. A program that redirects also answers the usual ones, because a [`Redirection`]
    /// needs no renderer.
    pub(crate) fn mimes(&self) -> Vec<Mime> {
        let own = self.renderers.iter().map(|listed| listed.mime.clone());
        let mut mimes: Vec<_> = own.collect();
        for usual in USUAL.iter().filter(|_| Self::redirects()) {
            let usual = Mime::new(usual).expect("a media type");
            if !mimes.contains(&usual) {
                mimes.push(usual);
            }
        }
        mimes
    }

    fn redirects() -> bool {
        TypeId::of::<T>() == TypeId::of::<Redirection>()
    }

    /// The media types whose pages may have colours of their author.
    pub(crate) fn styled(&self) -> Vec<Mime> {
        let styled = self.renderers.iter().filter(|listed| listed.is_styled);
        styled.map(|listed| listed.mime.clone()).collect()
    }

    pub(crate) fn error(&self) -> Option<Error> {
        let no_renderer =
            || Error::configuration("the view renders nothing: add .html(..) or another renderer");
        self.error
            .clone()
            .or_else(|| (self.renderers.is_empty() && !Self::redirects()).then(no_renderer))
    }

    /// Runs the checks of its renderers.
    pub(crate) fn check(&self, startup: &Startup<'_>) -> Result<()> {
        let mut renderers = self.renderers.iter();
        renderers.try_for_each(|listed| listed.renderer.check(startup))
    }

    /// Whether one of its renderers may set cookies.
    pub(crate) fn sets_cookies(&self) -> bool {
        let mut renderers = self.renderers.iter();
        renderers.any(|listed| listed.renderer.sets_cookies())
    }

    /// Whether its renderer of `mime` needs a thread that may wait.
    pub(crate) fn waits(&self, mime: &Mime) -> bool {
        let listed = self.renderers.iter().find(|listed| listed.mime == *mime);
        listed.is_some_and(|listed| listed.renderer.waits())
    }

    pub(crate) fn render(&self, data: &T, rendering: &Rendering) -> Result<Response<Bytes>> {
        let mime = rendering.mime();
        // A `Redirection` is never rendered, whether the model or the mock returns it.
        if let Some(redirection) = (data as &dyn Any).downcast_ref::<Redirection>() {
            return Err(redirection.clone().into());
        }
        let listed = self.renderers.iter().find(|listed| listed.mime == *mime);
        let missing = || {
            Error::new(
                ErrorKind::NotAcceptable,
                format!("the view does not render {mime}"),
            )
        };
        let page = listed
            .ok_or_else(missing)?
            .renderer
            .render(data, rendering)?;
        match self.failure.and_then(|failure| failure(data)) {
            None => Ok(page),
            Some(error) => Err(error.with_page(mime.clone(), page.value().clone())),
        }
    }
}

impl<T: 'static> Default for View<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for View<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.renderers.iter().map(|listed| &listed.mime))
            .finish()
    }
}
