//! A renderer: a function, or a template, that shows a value as one media type.
//!
//! Step 6 of an invocation, skipped on a hit.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use crate::context::Context;
use crate::error::{InvalidInput, Result};
use crate::language;
use crate::mime::Mime;
use crate::response::Response;
use crate::state::{FromState, Startup, State, StateType};
use crate::view::reply::IntoResponse;

/// What a renderer may know besides the value that it shows.
#[derive(Debug)]
pub struct Rendering {
    program: String,
    mime: Mime,
    refused: InvalidInput,
    context: Context,
    language: Option<String>,
    /// What the reader of an error page prefers, as in `Accept-Language`; `None` for all other pages.
    preferred: Option<String>,
    /// Whether the thread may wait.
    #[cfg(feature = "template")]
    may_wait: bool,
}

impl Rendering {
    pub(crate) const fn new(mime: Mime, refused: InvalidInput, context: Context) -> Self {
        Self {
            program: String::new(),
            mime,
            refused,
            context,
            language: None,
            preferred: None,
            #[cfg(feature = "template")]
            may_wait: false,
        }
    }

    /// The same on a thread that may wait, if it `may`.
    #[cfg(feature = "template")]
    pub(crate) fn waiting(self, may_wait: bool) -> Self {
        Self { may_wait, ..self }
    }

    #[cfg(feature = "template")]
    pub(crate) const fn may_wait(&self) -> bool {
        self.may_wait
    }

    /// The same for a page of the program at the path `program`.
    pub(crate) fn of(self, program: &str) -> Self {
        let program = program.to_owned();
        Self { program, ..self }
    }

    /// The path of the program in the manifest: `books`, or `blog/post`. It is empty for the program at the root, and for an
    /// error page.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The same for a page in `language`.
    pub(crate) fn in_language(self, language: Option<String>) -> Self {
        Self { language, ..self }
    }

    /// The same for an error page, whose reader has these `preferred` languages, as in `Accept-Language`.
    pub(crate) fn preferring(self, preferred: String) -> Self {
        let preferred = Some(preferred);
        Self { preferred, ..self }
    }

    /// The one of the `offered` languages that suits the reader of an error page: what the address says, `?lang=de`, or else
    /// what `Accept-Language` prefers; the first one if there is neither. `None` for all other pages, whose
    /// [language](Self::language) is an argument.
    #[must_use]
    pub fn language_of_reader<'o>(&self, offered: &[&'o str]) -> Option<&'o str> {
        let preferred = self.preferred.as_deref()?;
        Some(language::choose(preferred, offered))
    }

    /// The media type of the page.
    #[must_use]
    pub const fn mime(&self) -> &Mime {
        &self.mime
    }

    /// The fields of a POST that were refused, on the page that shows its form again; empty otherwise.
    #[must_use]
    pub const fn refused(&self) -> &InvalidInput {
        &self.refused
    }

    /// The state of type `T`. A closure with a parameter [`State`] finds at the start of the application that it is missing.
    ///
    /// # Errors
    ///
    /// If the application has none.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<State<T>> {
        self.context.state("the view")
    }

    /// The language of the page: its argument `lang`, if the program has a parameter of that name and it is text. It is part of
    /// the key of the page.
    #[must_use]
    pub fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// Whether the page goes to the cache, so that other readers get it, too. Nothing that belongs to one reader may be in
    /// such a page.
    #[must_use]
    pub const fn is_stored(&self) -> bool {
        self.context.is_stored()
    }

    pub(crate) const fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn into_mime(self) -> Mime {
        self.mime
    }
}

/// Shows a `T` as bytes. What can be one implements [`IntoRenderer`].
pub struct Renderer<T> {
    render: Render<T>,
    check: Option<Check>,
    sets_cookies: bool,
    /// Whether it waits, so that it needs a thread that may; `None` = never.
    waits: Option<Arc<AtomicBool>>,
}

type Render<T> = Box<dyn Fn(&T, &Rendering) -> Result<Response<Bytes>> + Send + Sync>;
type Check = Box<dyn Fn(&Startup<'_>) -> Result<()> + Send + Sync>;

impl<T> Renderer<T> {
    /// A renderer by `render`. `Ok(bytes.into())` is a response with nothing besides.
    pub fn new(
        render: impl Fn(&T, &Rendering) -> Result<Response<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            render: Box::new(render),
            check: None,
            sets_cookies: false,
            waits: None,
        }
    }

    /// The same, which needs a thread that may wait while `waits` says so.
    #[cfg(feature = "template")]
    pub(crate) fn waiting(self, waits: Arc<AtomicBool>) -> Self {
        let waits = Some(waits);
        Self { waits, ..self }
    }

    /// Whether it needs a thread that may wait.
    pub(crate) fn waits(&self) -> bool {
        let waits = self.waits.as_ref();
        waits.is_some_and(|waits| waits.load(Ordering::Relaxed))
    }

    /// The same with a check that runs when the application starts, for example whether a template exists. Its error names the
    /// remedy.
    #[must_use]
    pub fn checked(
        self,
        check: impl Fn(&Startup<'_>) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        let check: Option<Check> = Some(Box::new(check));
        Self { check, ..self }
    }

    /// The same that may set cookies, if `R` may.
    fn of<R: IntoResponse>(self) -> Self {
        let sets_cookies = R::SETS_COOKIES;
        Self {
            sets_cookies,
            ..self
        }
    }

    pub(crate) const fn sets_cookies(&self) -> bool {
        self.sets_cookies
    }

    pub(crate) fn check(&self, startup: &Startup<'_>) -> Result<()> {
        self.check.as_ref().map_or(Ok(()), |check| check(startup))
    }

    pub(crate) fn render(&self, data: &T, rendering: &Rendering) -> Result<Response<Bytes>> {
        (self.render)(data, rendering)
    }
}

impl<T> fmt::Debug for Renderer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renderer")
    }
}

/// What can render a `T`: a function of `&T` that returns an [`IntoResponse`], or a template.
///
/// A second parameter of the function is the `&InvalidInput` of a refused POST, a [`State`] (or a type made
/// [from one](FromState)), or the [`&Rendering`](Rendering), which has all that a renderer may know.
///
/// `M` distinguishes the implementations and is never written. An application may implement this trait for other template
/// engines.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot render a `{T}`",
    note = "a renderer is a closure such as |data: &Square| format!(\"{{}}\", data.x); write the type of \
            `data`. It returns text or bytes, or a Response or Result of them"
)]
pub trait IntoRenderer<T, M> {
    /// The renderer of `mime`, the media type under which the view lists it.
    fn into_renderer(self, mime: &Mime) -> Renderer<T>;
}

impl<F, T, R> IntoRenderer<T, fn(&T) -> R> for F
where
    F: Fn(&T) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn into_renderer(self, _: &Mime) -> Renderer<T> {
        Renderer::new(move |data, _| self(data).into_response()).of::<R>()
    }
}

impl<F, T, R> IntoRenderer<T, fn(&T, &InvalidInput) -> R> for F
where
    F: Fn(&T, &InvalidInput) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn into_renderer(self, _: &Mime) -> Renderer<T> {
        Renderer::new(move |data, rendering| self(data, rendering.refused()).into_response())
            .of::<R>()
    }
}

impl<F, T, R> IntoRenderer<T, fn(&T, &Rendering) -> R> for F
where
    F: Fn(&T, &Rendering) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn into_renderer(self, _: &Mime) -> Renderer<T> {
        Renderer::new(move |data, rendering| self(data, rendering).into_response()).of::<R>()
    }
}

impl<F, T, P, R> IntoRenderer<T, (fn(&T) -> R, P)> for F
where
    F: Fn(&T, P) -> R + Send + Sync + 'static,
    P: FromState,
    R: IntoResponse,
{
    fn into_renderer(self, _: &Mime) -> Renderer<T> {
        let render = move |data: &T, rendering: &Rendering| {
            let state = P::from_state(&rendering.state()?)?;
            self(data, state).into_response()
        };
        let needed = StateType::of::<P::State>();
        Renderer::new(render)
            .of::<R>()
            .checked(move |startup| startup.require(needed, "the view"))
    }
}
