//! An application: a manifest and a cache, and [`App::invoke`], which every controller calls.
//!
//! Step 1 of an invocation, and the order of all others.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use giotto_cache::log::{Cut, Limiter};
use giotto_cache::{
    Answer, Cache, CacheControl, Computed, DummyKeyValue, ErrorKind as CacheErrorKind, KeyValue,
    Lookup, Mode, Policy,
};
use tokio::sync::Semaphore;

use crate::arguments::{Arguments, Typed};
use crate::error::{Error, ErrorKind, InvalidInput, Result};
use crate::management::{self, management};
use crate::manifest::Manifest;
use crate::model::Context;
use crate::negotiate;
use crate::program::{Program, Source};
use crate::rendered::{Receipt, Rendered};
use crate::request::{Controller, HTTP_GET, HTTP_POST, Request};
use crate::view::Mime;

/// So many models may run, or wait for a thread to run on, at the same time.
const MAX_MODELS: usize = 1024;

/// A manifest with the cache that its programs share. Cloning it shares both.
#[derive(Clone, Debug)]
pub struct App {
    manifest: Arc<Manifest>,
    cache: Cache,
    cache_is_given: bool,
    source: Source,
    models: Arc<Semaphore>,
    log: Limiter,
}

/// What a request asks for, once it is understood.
pub(crate) struct Asked<'m> {
    pub(crate) program: &'m Arc<Program>,
    pub(crate) args: Arguments,
    pub(crate) mime: Mime,
}

impl App {
    /// The application of `manifest`. [`run`](crate::run()) gives it the cache that the configuration names,
    /// unless [`cache`](Self::cache) gave it one; without either it keeps nothing.
    #[must_use]
    pub fn new(manifest: Manifest) -> Self {
        Self {
            manifest: Arc::new(manifest),
            cache: Cache::new(DummyKeyValue::new()),
            cache_is_given: false,
            source: Source::Model,
            models: Arc::new(Semaphore::new(MAX_MODELS)),
            log: Limiter::default(),
        }
    }

    /// Keeps rendered pages in `store`.
    #[must_use]
    pub fn cache(self, store: impl KeyValue) -> Self {
        self.with_cache(Cache::new(store))
    }

    /// Keeps rendered pages in `cache`, which may have settings of its own.
    #[must_use]
    pub fn with_cache(self, cache: Cache) -> Self {
        Self {
            cache,
            cache_is_given: true,
            ..self
        }
    }

    /// Shows the mocks of the programs instead of running their models. What is mocked is never stored,
    /// and nothing stored is shown.
    #[must_use]
    pub fn model_mock(self, mock: bool) -> Self {
        Self {
            source: if mock { Source::Mock } else { Source::Model },
            ..self
        }
    }

    /// Runs at most `limit` models at a time, 1,024 if not set; invocations over it fail with HTTP 503.
    #[must_use]
    pub fn max_models(self, limit: usize) -> Self {
        Self {
            models: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))),
            ..self
        }
    }

    /// Whether the manifest is sound: every front end asks before it starts.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it, and how to mend it.
    pub fn check(&self) -> Result<()> {
        self.manifest.check()
    }

    /// For log lines that a client can cause.
    pub(crate) const fn log(&self) -> &Limiter {
        &self.log
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The same with the programs that manage its cache, unless the manifest has the name already.
    pub(crate) fn with_management(self) -> Self {
        if self.manifest.has(management::NAME) {
            return self;
        }
        let manifest = Manifest::clone(&self.manifest);
        let manifest = manifest.with(management::NAME, management());
        Self {
            manifest: Arc::new(manifest),
            ..self
        }
    }

    pub(crate) const fn cache_is_given(&self) -> bool {
        self.cache_is_given
    }

    /// The cache that the programs share: its counters, its store.
    #[must_use]
    pub const fn shared_cache(&self) -> &Cache {
        &self.cache
    }

    /// Answers `request`: with a stored page while it is fresh, else by running the program. Input middleware
    /// may set arguments of the request.
    ///
    /// # Errors
    ///
    /// Why there is no page; see [`ErrorKind`].
    pub async fn invoke(&self, request: &mut Request<'_>) -> Result<Rendered> {
        let Asked {
            program,
            args,
            mime,
        } = self.understand(request)?;
        let policy = program.cache_policy();
        let mut rendered = match policy.filter(|_| self.may_store(request)) {
            Some(policy) => {
                let Arguments { typed, canonical } = args;
                let lookup = lookup(program, policy, &typed, canonical, &mime, request)?;
                // First of all, because the future of `answer` is not made for nothing.
                let answer = match self.cache.hit(&lookup) {
                    Some(answer) => answer,
                    None => {
                        let context = |control| self.context(request.controller, control);
                        let compute =
                            |control| self.computed(program, typed, &mime, context(control));
                        let answer = self.cache.answer(lookup, compute).await;
                        answer.map_err(|error| Failure::unwrap(&error))?
                    }
                };
                if answer.entry.is_negative() {
                    return Err(negative(&answer));
                }
                Rendered::from_cache(mime, answer)
            }
            None if request.mode == Mode::Only => return Err(never_stored(program)),
            None => {
                let context = self.context(request.controller, CacheControl::default());
                let body = self
                    .run(program, args.typed, &mime, InvalidInput::new(), context)
                    .await?;
                match policy {
                    Some(_) => Rendered::bypassing(mime, body),
                    None => Rendered::new(mime, body),
                }
            }
        };
        program.finish(request, &mut rendered)?;
        Ok(rendered)
    }

    /// Finds the program that `request` asks for, runs its input middleware, and binds its arguments.
    pub(crate) fn understand(&self, request: &mut Request<'_>) -> Result<Asked<'_>> {
        let found = self.manifest.find(&request.path, request.controller)?;
        let program = found.program;
        program.collect(found.consumed, request);
        program.check_names(request)?;
        program.admit(request)?;
        let args = program.bind(found.consumed, request)?;
        let mime = negotiate::choose(
            found.superformat.as_deref(),
            &request.accept,
            program.mimes(),
        )?;
        Ok(Asked {
            program,
            args,
            mime,
        })
    }

    /// Answers a POST whose input was `refused` with the page that GET shows, the errors in it. The page
    /// is not stored.
    ///
    /// # Errors
    ///
    /// If GET has no program there, or its program cannot run with what was posted.
    pub async fn invoke_refused(
        &self,
        request: Request<'_>,
        refused: InvalidInput,
    ) -> Result<Rendered> {
        let mut request = Request {
            controller: HTTP_GET,
            ..request
        };
        let found = self.manifest.find(&request.path, HTTP_GET)?;
        let program = found.program;
        program.collect(found.consumed, &mut request);
        program.admit(&mut request)?;
        let mime = negotiate::choose(
            found.superformat.as_deref(),
            &request.accept,
            program.mimes(),
        )?;
        let args = program.bind(found.consumed, &request).or_else(|_| {
            // What was posted may be the very thing that was refused: the empty form, then.
            request.data.clear();
            program.admit(&mut request)?;
            program.bind(found.consumed, &request)
        })?;
        let context = self.context(HTTP_GET, CacheControl::default());
        let body = self
            .run(program, args.typed, &mime, refused, context)
            .await?;
        let mut rendered = Rendered::bypassing(mime, body);
        program.finish(&request, &mut rendered)?;
        Ok(rendered)
    }

    /// Pages of a POST are neither stored nor taken from the cache; mocked ones never meet it either.
    fn may_store(&self, request: &Request<'_>) -> bool {
        request.controller != HTTP_POST && self.source == Source::Model
    }

    fn context(&self, controller: Controller, control: CacheControl) -> Context {
        Context {
            control,
            controller,
            app: self.clone(),
        }
    }

    /// The work that a hit saves: the model, then the view.
    fn computation(
        &self,
        program: &Arc<Program>,
        typed: Typed,
        mime: &Mime,
        refused: InvalidInput,
        context: Context,
    ) -> impl Future<Output = Result<Bytes>> + Send + use<> {
        let (program, mime, source) = (Arc::clone(program), mime.clone(), self.source);
        let permit = Arc::clone(&self.models).try_acquire_owned();
        async move {
            let _permit = permit.map_err(|_| overloaded())?;
            program.render(typed, mime, source, refused, &context).await
        }
    }

    /// The same for the cache, which tells a result from an answer that is none and from a failure.
    fn computed(
        &self,
        program: &Arc<Program>,
        typed: Typed,
        mime: &Mime,
        context: Context,
    ) -> impl Future<Output = Result<Computed, Failure>> + Send + use<> {
        let computation = self.computation(program, typed, mime, InvalidInput::new(), context);
        let keeps_negative = program.cache_policy().is_some_and(Policy::keeps_negative);
        async move {
            match computation.await {
                Ok(body) => Ok(Computed::Page(body)),
                Err(error) => match error.kind() {
                    ErrorKind::NotModified => Ok(Computed::NotModified),
                    ErrorKind::NotFound if keeps_negative => {
                        Ok(Computed::Negative(error.to_string().into()))
                    }
                    _ if error.is_answer() => Ok(Computed::refused(Failure(error))),
                    _ => Err(Failure(error)),
                },
            }
        }
    }

    /// Computes past the cache, in a task of its own, so that a caller that goes away does not end it half done.
    async fn run(
        &self,
        program: &Arc<Program>,
        typed: Typed,
        mime: &Mime,
        refused: InvalidInput,
        context: Context,
    ) -> Result<Bytes> {
        let outdated = match self.source {
            Source::Model => program.invalidated_by(&typed)?,
            Source::Mock => Vec::new(),
        };
        let computation = self.computation(program, typed, mime, refused, context);
        let app = self.clone();
        let task = async move {
            let result = computation.await;
            // What sends its caller elsewhere has done its work, too.
            let is_done = |error: &Error| matches!(error.kind(), ErrorKind::Redirection(_));
            if result.as_ref().err().is_none_or(is_done) {
                app.invalidate(outdated).await;
            }
            result
        };
        tokio::spawn(task).await.unwrap_or_else(|_| {
            Err(Error::other(
                "the program panicked; its message is in the log",
            ))
        })
    }

    /// Makes the pages with these tags old, before the client that has changed something is answered. The cache itself
    /// repeats and reports what its store does not accept now.
    async fn invalidate(&self, tags: Vec<String>) {
        for tag in tags {
            if let Err(error) = self.cache.invalidate(tag.as_str()).await
                && error.kind() == CacheErrorKind::Policy
            {
                let error = Cut(error).to_string();
                self.log.tell("a tag cannot be one", move |repeated| {
                    tracing::error!(
                        error,
                        repeated,
                        "a program invalidates what cannot be a tag: no page is made old"
                    );
                });
            }
        }
    }
}

/// What `request` asks the cache for.
pub(crate) fn lookup<'p>(
    program: &Program,
    policy: &'p Policy,
    typed: &Typed,
    canonical: String,
    mime: &Mime,
    request: &Request<'_>,
) -> Result<Lookup<'p>> {
    let lookup = Lookup::new(program.key(canonical, mime), policy)
        .tags(program.tags_of(typed)?)
        .mode(request.mode)
        .allow_own_time(program.sets_time())
        .wait_for_fresh(!request.takes_stale);
    Ok(lookup)
}

impl From<Manifest> for App {
    fn from(manifest: Manifest) -> Self {
        Self::new(manifest)
    }
}

/// An [`Error`] on its way through the cache, which wants one that implements [`std::error::Error`].
#[derive(Debug)]
struct Failure(Error);

impl Failure {
    fn unwrap(error: &giotto_cache::Error) -> Error {
        let told = match error.computed() {
            Some(Self(error)) => error.clone(),
            None => {
                let kind = match error.kind() {
                    CacheErrorKind::Timeout => ErrorKind::Timeout,
                    CacheErrorKind::NotCached => ErrorKind::NotCached,
                    _ => ErrorKind::Other,
                };
                Error::new(kind, error.to_string())
            }
        };
        match error.reason() {
            Some(reason) => told.with_receipt(Receipt::of_failure(reason.clone())),
            None => told,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}

/// The "not found" that was stored in place of a page.
fn negative(answer: &Answer) -> Error {
    let message = String::from_utf8_lossy(&answer.entry.body()).into_owned();
    Error::not_found(message).with_receipt(Receipt::new(answer))
}

fn never_stored(program: &Program) -> Error {
    let message = format!(
        "no page of {} is ever taken from the cache here: leave out --cache=only",
        program.path()
    );
    Error::new(ErrorKind::NotCached, message)
}

fn overloaded() -> Error {
    let message = "too many programs are running: try again in a moment";
    Error::new(ErrorKind::Overloaded, message)
}
