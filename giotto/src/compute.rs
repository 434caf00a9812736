//! Runs the models of programs: what a cache hit saves.
//!
//! Step 6 of an invocation.

use std::fmt;
use std::sync::Arc;

use giotto_cache::{Computed, ErrorKind as CacheErrorKind, Policy};
use tokio::sync::Semaphore;

use crate::arguments::Typed;
use crate::cache_status::CacheStatus;
use crate::context::Context;
use crate::error::{Error, ErrorKind, InvalidInput, Result};
use crate::mime::Mime;
use crate::page::Page;
use crate::program::{Program, Source};
use crate::view::Rendering;

/// The most models that run, or wait for a thread to run on, at the same time.
const MAX_MODELS: usize = 1024;

/// Models or their mocks, of which a limited number runs at the same time. Clones share the limit.
#[derive(Clone, Debug)]
pub(crate) struct Models {
    source: Source,
    permits: Arc<Semaphore>,
}

impl Default for Models {
    fn default() -> Self {
        Self {
            source: Source::Model,
            permits: Arc::new(Semaphore::new(MAX_MODELS)),
        }
    }
}

impl Models {
    pub(crate) fn source(self, source: Source) -> Self {
        Self { source, ..self }
    }

    pub(crate) fn limit(self, limit: usize) -> Self {
        let permits = Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
        Self { permits, ..self }
    }

    pub(crate) fn are_mocked(&self) -> bool {
        self.source == Source::Mock
    }

    /// What computes the values that are shown.
    pub(crate) const fn shown(&self) -> Source {
        self.source
    }

    /// Runs the model of `program`, and then its view, which also shows what was `refused`.
    pub(crate) fn page(
        &self,
        program: &Arc<Program>,
        typed: Typed,
        mime: &Mime,
        refused: InvalidInput,
        context: Context,
    ) -> impl Future<Output = Result<Page>> + Send + use<> {
        let (program, source) = (Arc::clone(program), self.source);
        let rendering = Rendering::new(mime.clone(), refused, context).of(program.path());
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        async move {
            let _permit = permit.map_err(|_| overloaded())?;
            program.render(typed, source, rendering).await
        }
    }

    /// The same for the cache, which distinguishes a page, an answer that is not a page, and a failure.
    pub(crate) fn computed(
        &self,
        program: &Arc<Program>,
        typed: Typed,
        mime: &Mime,
        context: Context,
    ) -> impl Future<Output = Result<Computed, Failure>> + Send + use<> {
        let page = self.page(program, typed, mime, InvalidInput::new(), context);
        let keeps_negative = program.cache_policy().is_some_and(Policy::keeps_negative);
        async move {
            match page.await {
                Ok(page) if page.sets_cookies() => Err(Failure(cookie_for_many())),
                Err(error) if !error.cookies().is_empty() => Err(Failure(cookie_for_many())),
                Ok(page) => Ok(page.into_computed()),
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
}

/// An [`Error`] as it passes through the cache, which requires an implementation of [`std::error::Error`].
#[derive(Debug)]
pub(crate) struct Failure(Error);

impl Failure {
    /// The error of the model, or of the cache itself.
    pub(crate) fn unwrap(error: &giotto_cache::Error) -> Error {
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
            Some(reason) => told.with_cache_status(CacheStatus::of_failure(reason.clone())),
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

/// The types of models and views tell before the application starts; an application's own `IntoResponse` may hide it.
fn cookie_for_many() -> Error {
    Error::other(
        "a program with a cache sets a cookie, and its page is for many clients: leave out .cache(..), or set the cookie in \
         another program",
    )
}

fn overloaded() -> Error {
    let message = "too many programs are running: try again in a moment";
    Error::new(ErrorKind::Overloaded, message)
}
