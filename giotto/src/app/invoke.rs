//! [`App::invoke`], which every controller calls: every step of an invocation, in order.

use std::future::ready;
use std::sync::Arc;

use giotto_cache::log::Cut;
use giotto_cache::{Answer, Computing, ErrorKind as CacheErrorKind, Lookup, Mode, acting, actor};
use tracing::Instrument;

use super::App;
use crate::arguments::{Arguments, Typed};
use crate::asked::{self, Asked, lookup};
use crate::cache_status::CacheStatus;
use crate::compute::Failure;
use crate::context::Context;
use crate::error::{Error, ErrorKind, InvalidInput, Result};
use crate::manifest::Found;
use crate::mime::Mime;
use crate::page::Page;
use crate::program::Program;
use crate::request::{CMD, Controller, HTTP_GET, HTTP_POST, Pairs, Request};
#[cfg(feature = "session")]
use crate::session::Carried;
use crate::varies::Negotiated;

/// How far an invocation has come without waiting for anything.
pub(crate) enum Begun<'a> {
    /// A plain hit.
    Page(Page),
    /// Boxed, because a plain hit would copy it.
    Waiting(Box<Waiting<'a>>),
}

/// What an invocation waits for.
pub(crate) enum Waiting<'a> {
    /// The input middleware of the program.
    Admission(Found<'a>),
    /// The store, and the program where nothing is stored.
    Wanted(Wanted<'a>),
    /// The program: its page is never stored, or not for this request.
    Unstored(Asked<'a>),
    /// Its output middleware, which sees a stored page.
    Guarded(Page, &'a Program, Negotiated),
}

/// A page that the cache is asked for.
pub(crate) struct Wanted<'a> {
    program: &'a Arc<Program>,
    typed: Typed,
    mime: Mime,
    negotiated: Negotiated,
    lookup: Lookup,
}

impl<'a> Begun<'a> {
    #[cold] // So that it is no part of what a plain hit runs.
    fn waiting(waiting: Waiting<'a>) -> Self {
        Self::Waiting(Box::new(waiting))
    }
}

impl App {
    /// What `request` asks for, after its input middleware.
    ///
    /// # Errors
    ///
    /// The reason why it asks for nothing, or is not admitted.
    pub(crate) async fn asked(&self, request: &mut Request<'_>) -> Result<Asked<'_>> {
        let found = asked::find(&self.manifest, request)?;
        self.admit(found.program, request).await?;
        Asked::of(&found, request)
    }

    /// Runs the input middleware of `program`. Without sessions there is none, on the command line either.
    async fn admit(&self, program: &Program, request: &mut Request<'_>) -> Result<()> {
        request.asked.own = self.site.origin().cloned();
        #[cfg(feature = "session")]
        if self.sessions.is_none() {
            request.session = Carried::Nothing;
        }
        program.admit(request, &self.states).await
    }

    /// Answers `request` with a stored page while it is fresh, and otherwise runs the program. Input middleware may set
    /// arguments of the request.
    ///
    /// # Errors
    ///
    /// The reason why there is no page; see [`ErrorKind`].
    pub async fn invoke(&self, request: &mut Request<'_>) -> Result<Page> {
        let begun = self.begin(request)?;
        self.finish(begun, request).await
    }

    /// Begins to answer `request`: all that a plain hit needs. It is no future, because the state of one would be felt in every
    /// hit.
    #[inline]
    pub(crate) fn begin(&self, request: &mut Request<'_>) -> Result<Begun<'_>> {
        let found = asked::find(&self.manifest, request)?;
        if found.program.has_input_middleware() {
            return Ok(Begun::waiting(Waiting::Admission(found)));
        }
        self.look_up(Asked::of(&found, request)?, request)
    }

    /// Answers `request`, which has `asked` for a page. An error is the reason why there is none.
    pub(crate) async fn answer(&self, asked: Asked<'_>, request: &mut Request<'_>) -> Result<Page> {
        let begun = self.look_up(asked, request)?;
        self.finish(begun, request).await
    }

    /// The page of `request`, the answer to which has `begun`.
    pub(crate) async fn finish(
        &self,
        mut begun: Begun<'_>,
        request: &mut Request<'_>,
    ) -> Result<Page> {
        loop {
            let waiting = match begun {
                Begun::Page(page) => return Ok(page),
                Begun::Waiting(waiting) => waiting,
            };
            begun = match *waiting {
                Waiting::Admission(found) => {
                    self.admit(found.program, request).await?;
                    self.look_up(Asked::of(&found, request)?, request)?
                }
                Waiting::Wanted(wanted) => {
                    let (program, negotiated) = (wanted.program, wanted.negotiated);
                    let page = self.answered(wanted, request.controller);
                    return self.finished(program, negotiated, request, page).await;
                }
                Waiting::Unstored(asked) => {
                    let (program, negotiated) = (asked.program, asked.negotiated);
                    let page = self.unstored(asked, request);
                    return self.finished(program, negotiated, request, page).await;
                }
                Waiting::Guarded(page, program, negotiated) => {
                    let page = ready(Ok(page));
                    return self.finished(program, negotiated, request, page).await;
                }
            };
        }
    }

    /// Looks into the cache for what `request` has `asked` for.
    // A part of its callers, because a call would copy what was asked.
    #[inline(always)]
    fn look_up<'a>(&'a self, asked: Asked<'a>, request: &Request<'_>) -> Result<Begun<'a>> {
        let (program, negotiated) = (asked.program, asked.negotiated);
        let Some(policy) = program.cache_policy().filter(|_| self.may_store(request)) else {
            return Ok(Begun::waiting(Waiting::Unstored(asked)));
        };
        let Arguments { typed, canonical } = asked.args;
        let mime = asked.mime;
        let tags = program.tags_of(&typed)?;
        let lookup = lookup(program, policy, tags, canonical, &mime, request, &self.site);
        let mut answer = self.cache.hit(&lookup);
        let Some(answer) = &mut answer else {
            return Ok(Begun::waiting(Waiting::Wanted(Wanted {
                program,
                typed,
                mime,
                negotiated,
                lookup,
            })));
        };
        let mut page = self.served(program, mime, answer, request.controller)?;
        if program.is_guarded() {
            return Ok(Begun::waiting(Waiting::Guarded(page, program, negotiated)));
        }
        program.describe(negotiated, &mut page);
        Ok(Begun::Page(page))
    }

    /// The `page` of `program` after its output middleware.
    async fn finished(
        &self,
        program: &Program,
        negotiated: Negotiated,
        request: &Request<'_>,
        page: impl Future<Output = Result<Page>>,
    ) -> Result<Page> {
        let mut page = page.await?;
        program.describe(negotiated, &mut page);
        if program.is_guarded() {
            program.finish(request, &mut page, &self.states).await?;
        }
        Ok(page)
    }

    /// The page of a program that is not stored, or not for this `request`.
    async fn unstored(&self, asked: Asked<'_>, request: &Request<'_>) -> Result<Page> {
        let (program, typed, mime) = (asked.program, asked.args.typed, &asked.mime);
        if request.mode == Mode::Only {
            return Err(never_stored(program, request.controller));
        }
        let (nothing, context) = (InvalidInput::new(), self.own_context(request));
        let page = self.bypass(program, typed, mime, nothing, context);
        match program.cache_policy() {
            Some(_) => page.await.map(Page::bypassing),
            None => page.await,
        }
    }

    /// Answers a POST whose input was `refused` with the page of GET, which shows the errors. The page is not stored.
    ///
    /// It is computed with what was posted, as far as GET takes that, and otherwise with the arguments of the `address` alone.
    ///
    /// # Errors
    ///
    /// If GET has no program there, or its program has no page.
    pub(crate) async fn invoke_refused<'r>(
        &self,
        request: Request<'r>,
        address: Pairs<'r>,
        refused: &InvalidInput,
    ) -> Result<Page> {
        let posted = Request {
            controller: HTTP_GET,
            ..request
        };
        let addressed = Request {
            data: address,
            is_form: false,
            ..posted.clone()
        };
        match self.show_refused(posted, refused.clone()).await {
            Ok(page) => Ok(page),
            Err(_) => self.show_refused(addressed, refused.clone()).await,
        }
    }

    async fn show_refused(&self, mut request: Request<'_>, refused: InvalidInput) -> Result<Page> {
        let Asked {
            program,
            args,
            mime,
            negotiated,
        } = Asked::again(&self.manifest, &mut request, &self.states).await?;
        let context = self.own_context(&request);
        let page = self.bypass(program, args.typed, &mime, refused, context);
        let page = async { page.await.map(Page::bypassing) };
        self.finished(program, negotiated, &request, page).await
    }

    /// The page that the cache answers with, for which it may run the program.
    async fn answered(&self, wanted: Wanted<'_>, controller: Controller) -> Result<Page> {
        let Wanted {
            program,
            typed,
            mime,
            lookup,
            ..
        } = wanted;
        let compute = |control| {
            let context = self.context(controller).stored(control);
            self.models.computed(program, typed, &mime, context)
        };
        let answer = self.cache.answer(lookup, compute).await;
        let mut answer = answer.map_err(|error| Failure::unwrap(&error))?;
        self.served(program, mime, &mut answer, controller)
    }

    /// The page that is made of `answer`, or the "not found" that was stored in place of a page.
    #[inline(always)] // A call would copy the answer.
    fn served(
        &self,
        program: &Program,
        mime: Mime,
        answer: &mut Answer,
        controller: Controller,
    ) -> Result<Page> {
        let layer = self.cache.layer_of(answer);
        if answer.entry.is_negative() {
            let message = String::from_utf8_lossy(&answer.entry.body()).into_owned();
            return Err(
                Error::not_found(message).with_cache_status(CacheStatus::new(answer, layer))
            );
        }
        let has_tags = !self.tag_fields.is_empty() && controller == HTTP_GET;
        let tags = has_tags.then(|| answer.entry.dependencies());
        let page = Page::from_cache(mime, answer, layer);
        Ok(match tags {
            Some((tags, inner)) if page.is_storable() => {
                let inner = inner.iter().map(String::as_str);
                let paths: Vec<_> = [program.path()].into_iter().chain(inner).collect();
                self.tag_fields.tell(page, &tags, &paths, &self.log)
            }
            _ => page,
        })
    }

    /// Whether the cache is asked: it is not for a POST, and not for mocks.
    fn may_store(&self, request: &Request<'_>) -> bool {
        request.controller != HTTP_POST && !self.models.are_mocked()
    }

    pub(super) fn context(&self, controller: Controller) -> Context {
        let context = Context::new(controller, self.clone(), self.states.clone());
        #[cfg(feature = "template")]
        let context = {
            // As for pages.
            let is_stored = controller != HTTP_POST && !self.models.are_mocked();
            context.with_fragments(is_stored.then(|| self.cache.clone()))
        };
        context
    }

    /// The context of a page for the reader of `request` alone.
    fn own_context(&self, request: &Request<'_>) -> Context {
        let context = self.context(request.controller);
        #[cfg(feature = "session")]
        let context = {
            let sessions = self.sessions.as_ref();
            context.of_reader(sessions.and_then(|_| request.own_session()))
        };
        context
    }

    /// Computes a page without the cache. A disconnecting client does not cancel the computation: it runs in a task of
    /// its own.
    async fn bypass(
        &self,
        program: &Arc<Program>,
        typed: Typed,
        mime: &Mime,
        refused: InvalidInput,
        context: Context,
    ) -> Result<Page> {
        let outdated = match self.models.are_mocked() {
            true => Vec::new(),
            false => program.invalidated_by(&typed)?,
        };
        let told = self
            .tag_fields
            .invalidation(&outdated, context.controller, &self.log);
        let page = self.models.page(program, typed, mime, refused, context);
        let app = self.clone();
        let by = actor().unwrap_or_else(|| by(program));
        let task = acting(by, async move {
            let result = page.await;
            if result.as_ref().err().is_none_or(is_done) {
                app.invalidate(outdated).await;
            }
            result
        });
        // Of a program without a cache, the results that it is made of count for the page around it.
        let task = Computing::current().scope(task.in_current_span());
        let task = tokio::spawn(task);
        let result = task.await.unwrap_or_else(|_| {
            Err(Error::other(
                "the program panicked; its message is in the log",
            ))
        });
        match result {
            Ok(page) => Ok(page.tell_downstream(told)),
            Err(error) if is_done(&error) => Err(error.tell_downstream(told)),
            Err(error) => Err(error),
        }
    }

    /// Invalidates these tags, before the client that has changed something gets its answer. The cache itself repeats and
    /// reports an invalidation that its store does not accept now.
    async fn invalidate(&self, tags: Vec<String>) {
        for tag in tags {
            if let Err(error) = self.cache.invalidate(tag.as_str()).await
                && error.kind() == CacheErrorKind::Configuration
            {
                let error = Cut(error).to_string();
                self.log.tell("a tag cannot be one", move |repeated| {
                    tracing::error!(
                        error,
                        repeated,
                        "invalid tag: a program invalidates no page with it"
                    );
                });
            }
        }
    }
}

/// Whether a program that ends with `error` has done its work: a redirection is the usual answer after a write.
fn is_done(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Redirection(_))
}

/// On whose behalf a program works that is not called by another.
fn by(program: &Program) -> Arc<str> {
    match program.path() {
        "" => "the program /".into(),
        path => format!("the program {path}").into(),
    }
}

fn never_stored(program: &Program, controller: Controller) -> Error {
    let path = program.path();
    let message = match controller == CMD {
        true => format!("{path} takes no page from the cache here: leave out --cache=only"),
        false => format!(
            "{path} takes no page from the cache here, and this server serves only what is stored"
        ),
    };
    Error::new(ErrorKind::NotCached, message)
}
