//! One computation: it runs the model once, in a task of its own, and survives its panic.
//!
//! Step 5 of a lookup, after the right to compute is acquired.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::computed::Computed;
use crate::engine::attempt::Attempt;
use crate::engine::fallback;
use crate::engine::heritage::of_old;
use crate::engine::state::Engine;
use crate::entry::Entry;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::Metadata;

/// The future of the caller's computation. Boxed on a miss, so that no step after this is generic.
pub(crate) type Computation = Pin<Box<dyn Future<Output = Result<Computed>> + Send>>;

/// A result to store.
pub(crate) struct Finished {
    pub(crate) body: Bytes,
    pub(crate) metadata: Metadata,
    pub(crate) is_negative: bool,
    pub(crate) cost: Duration,
    pub(crate) started_ms: u64,
}

/// Why there is no result to store.
pub(crate) enum Unfinished {
    /// The computation answered with an error, such as "not allowed".
    Refused(Error),
    /// The same, and what is stored stays.
    Declined(Error),
    Failed(Error),
    Panicked,
}

/// Runs the computation to its end.
pub(crate) async fn run(
    engine: &Engine,
    attempt: &mut Attempt,
    computation: Computation,
) -> Result<Finished, Unfinished> {
    let meter = engine.meter(attempt.key());
    meter.stats.computed.increase();
    let (started, started_ms) = (Instant::now(), engine.clock.now_ms());
    let inherited = of_old(engine, attempt);
    let computation = attempt.computing.clone().scope(unwound(computation));
    let computed = patiently(engine, attempt, computation).await;
    let cost = started.elapsed();
    meter.model.observe(cost);
    let computed = computed.ok_or(Unfinished::Panicked)?;
    let (body, metadata, is_negative) = match computed.map_err(Unfinished::Failed)? {
        Computed::Page(body) => (body, Metadata::default(), false),
        Computed::Described(body, metadata) => (body, metadata, false),
        Computed::Negative(body) => (body, Metadata::default(), true),
        Computed::Refused(error) => return Err(Unfinished::Refused(error)),
        Computed::Declined(error) => return Err(Unfinished::Declined(error)),
        Computed::NotModified => {
            attempt.computing.keep(inherited);
            let old = usable(attempt)?;
            (old.body(), old.metadata().unwrap_or_default(), false)
        }
        Computed::Revalidated(metadata) => {
            attempt.computing.keep(inherited);
            (usable(attempt)?.body(), metadata, false)
        }
    };
    Ok(Finished {
        body,
        metadata,
        is_negative,
        cost,
        started_ms,
    })
}

/// The old entry, whose body the computation wants to keep.
fn usable(attempt: &Attempt) -> Result<&Entry, Unfinished> {
    let old = attempt.old.as_ref().filter(|_| attempt.is_old_usable);
    old.ok_or_else(|| match attempt.control.old_value() {
        // It was there when the computation began, and is gone meanwhile: nothing has failed.
        Some(_) => Unfinished::Declined(removed_meanwhile()),
        None => Unfinished::Failed(nothing_old()),
    })
}

/// The output of `computation`. When it takes longer than its callers wait, the old entry is throttled, so that the next
/// callers get it without waiting.
async fn patiently<T>(
    engine: &Engine,
    attempt: &mut Attempt,
    computation: impl Future<Output = T>,
) -> T {
    let mut computation = pin!(computation);
    if attempt.keeps_old(engine.clock.now_ms())
        && let Some(limit) = attempt.lookup.policy.patience().hard
    {
        if let Ok(output) = tokio::time::timeout(limit, &mut computation).await {
            return output;
        }
        fallback::throttle(engine, attempt).await;
    }
    computation.await
}

/// The output of `computation`, or `None` if it panicked.
async fn unwound<F: Future>(computation: F) -> Option<F::Output> {
    let mut computation = pin!(computation);
    std::future::poll_fn(|context| {
        let poll = catch_unwind(AssertUnwindSafe(|| computation.as_mut().poll(context)));
        match poll {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

fn removed_meanwhile() -> Error {
    let message = "the old result was removed while the computation asked whether it is still valid: try again";
    Error::new(ErrorKind::Compute, message)
}

fn nothing_old() -> Error {
    let message = "the computation says that the old result is not modified, but there is none: ask \
                   CacheControl::old_value first";
    Error::new(ErrorKind::Compute, message)
}
