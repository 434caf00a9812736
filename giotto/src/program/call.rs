//! One computation of a model.
//!
//! Step 6 of an invocation awaits it, or runs it on the blocking pool.

use std::fmt;
use std::pin::Pin;

use giotto_cache::Computing;
use tokio::sync::Semaphore;
use tracing::{Instrument, Span};

use crate::error::{Error, Result};
use crate::response::Response;
use crate::trace::{Steps, note};

/// The most threads of the blocking pool on which models and views run. Of the 512 that Tokio has by default, the others are
/// left for the stores that these models and views wait for.
const MAX_THREADS: usize = 448;

/// The threads that are left for them.
static THREADS: Semaphore = Semaphore::const_new(MAX_THREADS);

/// A computation that is about to run.
#[doc(hidden)]
pub enum Call<T> {
    /// Of an ordinary function. It may compute or block for long, so it runs on the blocking pool.
    Blocking(Box<dyn FnOnce() -> Result<Response<T>> + Send>),
    /// Of an async function, which is awaited.
    Awaited(Pending<T>),
}

/// The result of an async function.
type Pending<T> = Pin<Box<dyn Future<Output = Result<Response<T>>> + Send>>;

impl<T: Send + 'static> Call<T> {
    /// Whether it runs on the blocking pool.
    #[cfg(feature = "template")]
    pub(crate) const fn is_blocking(&self) -> bool {
        matches!(self, Self::Blocking(_))
    }

    /// Runs the computation, and then `view` on its result, both as `steps` of a trace: on the same thread, or the view on one
    /// of the blocking pool if it `waits`.
    pub(crate) async fn then<V>(
        self,
        steps: Steps,
        waits: bool,
        view: impl FnOnce(&Response<T>) -> Result<V> + Send + 'static,
    ) -> Result<V>
    where
        V: Send + 'static,
    {
        let model = steps.model();
        let show = move |reply: Result<Response<T>>, model: Span| {
            note(&model, &reply);
            drop(model);
            let (reply, span) = (reply?, steps.view());
            let shown = span.in_scope(|| view(&reply));
            note(&span, &shown);
            shown
        };
        match self {
            Self::Awaited(pending) => {
                let reply = pending.instrument(model.clone()).await;
                match waits {
                    true => on_a_thread(move || show(reply, model)).await,
                    false => show(reply, model),
                }
            }
            Self::Blocking(run) => on_a_thread(move || show(model.in_scope(run), model)).await,
        }
    }
}

/// Does `work` on a thread of the blocking pool. What it takes from the cache counts for the page of this task.
async fn on_a_thread<V: Send + 'static>(
    work: impl FnOnce() -> Result<V> + Send + 'static,
) -> Result<V> {
    let computing = Computing::current();
    // Nobody closes the semaphore.
    let permit = THREADS.acquire().await.ok();
    let task = tokio::task::spawn_blocking(move || {
        // Held as long as the thread, also if this task ends before.
        let _permit = permit;
        computing.sync_scope(work)
    });
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::other("the application is shutting down")),
        },
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocking(_) => "Blocking",
            Self::Awaited(_) => "Awaited",
        })
    }
}
