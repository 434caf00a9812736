//! One computation of a model.
//!
//! Step 6 of an invocation awaits it, or runs it on the blocking pool.

use std::fmt;
use std::pin::Pin;

use giotto_cache::Computing;
use tracing::{Instrument, Span};

use crate::error::{Error, Result};
use crate::response::Response;
use crate::trace::{Steps, note};

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

impl<T: 'static> Call<T> {
    /// Runs the computation, and then `view` on its result on the same thread, both as `steps` of a trace.
    pub(crate) async fn then<V>(
        self,
        steps: Steps,
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
            Self::Awaited(pending) => show(pending.instrument(model.clone()).await, model),
            Self::Blocking(run) => {
                // What the model and the view take from the cache on that thread counts for this page, too.
                let computing = Computing::current();
                let work = move || computing.sync_scope(|| show(model.in_scope(run), model));
                match tokio::task::spawn_blocking(work).await {
                    Ok(result) => result,
                    Err(error) => match error.try_into_panic() {
                        Ok(panic) => std::panic::resume_unwind(panic),
                        Err(_) => Err(Error::other("the application is shutting down")),
                    },
                }
            }
        }
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
