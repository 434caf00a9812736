//! Who may compute: this process, unless another one does or has just done so.
//!
//! The first part of step 4 of a lookup, entered on a miss only.

use std::time::Duration;

use crate::answer::Answer;
use crate::cache::Inner;
use crate::engine::attempt::{Job, Rank};
use crate::engine::lease::{Asked, Lease};
use crate::engine::read::Look;
use crate::entry::freshness::Marks;
use crate::key::Key;
use crate::keyvalue::Place;
use crate::lookup::Mode;

/// So long a process waits for another one that computes.
const LEASE_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// What a computation may begin with.
pub(crate) enum Begin {
    /// Nothing: another one has ended meanwhile, and this is to be landed and given back.
    Found(Answer, Permit),
    /// Nothing: another process computes, and takes its time.
    GiveUp,
    Compute(Permit),
}

/// The right to compute, and what that is worth.
#[derive(Default)]
pub(crate) struct Permit {
    pub(crate) lease: Option<Lease>,
    pub(crate) marks: Marks,
    pub(crate) may_store: bool,
}

impl Inner {
    /// Whether this process may compute; what has become of the entry meanwhile is noted in `job`.
    pub(crate) async fn begin(&self, job: &mut Job) -> Begin {
        let mut permit = Permit {
            lease: None,
            marks: job.marks.clone(),
            may_store: job.rank != Rank::Unstored,
        };
        if !permit.may_store || self.backend.place() == Place::Nowhere {
            return Begin::Compute(permit);
        }
        if !job.is_answered {
            permit.may_store = job.tags.is_empty();
            return Begin::Compute(permit);
        }
        let waits_until = tokio::time::Instant::now() + LEASE_PATIENCE;
        loop {
            let asked = match (self.has_lease(job), job.mode) {
                (true, Mode::Refresh) => Lease::take(&self.backend, &job.key).await,
                (true, _) => Lease::ask(&self.backend, &job.key).await,
                (false, _) => Asked::Nobody,
            };
            if let Asked::Unanswered = asked {
                // A store that does not answer is not given a second chance to delay the caller, and is not said to store.
                job.is_answered = false;
                permit.may_store = job.tags.is_empty();
                return Begin::Compute(permit);
            }
            // Whoever computed before may have stored its result, or failed, between the caller's look and now.
            self.forget_copies(&job.key).await;
            let look = self.look(&job.lookup()).await;
            if job.mode != Mode::Refresh
                && let Some(answer) = job.answered_by(&look)
            {
                permit.marks = look.marks;
                if let Asked::Mine(lease) = asked {
                    permit.lease = Some(lease);
                }
                return Begin::Found(answer, permit);
            }
            let is_late = tokio::time::Instant::now() >= waits_until;
            match asked {
                Asked::Others if look.is_answered && !is_late && job.rank != Rank::Apart => {
                    self.stats.waited.increase();
                    tokio::time::sleep(LOOK_EVERY).await;
                    continue;
                }
                Asked::Others if job.rank == Rank::Behind => return Begin::GiveUp,
                Asked::Others => {
                    Lease::remove_foreign(&self.backend, &job.key).await;
                    permit.may_store = false;
                }
                Asked::Mine(lease) => permit.lease = Some(lease),
                Asked::Nobody | Asked::Unanswered => {}
            }
            self.begin_under(look, job, &mut permit).await;
            return Begin::Compute(permit);
        }
    }

    /// Has the computation begin under the generations that `look` has read.
    async fn begin_under(&self, look: Look, job: &mut Job, permit: &mut Permit) {
        let is_answered = look.is_answered;
        permit.marks = job.take(look);
        permit.may_store &= self.begin_tags(&mut permit.marks, job, is_answered).await;
    }

    fn has_lease(&self, job: &Job) -> bool {
        job.policy.has_lease() && self.is_shared() && self.backend.store().is_atomic()
    }

    /// Removes what this process keeps above the store that all share, so that the next look sees that one.
    async fn forget_copies(&self, key: &Key) {
        let layers = self.backend.store().layers();
        for layer in layers.iter().take(layers.len().saturating_sub(1)) {
            if layer.place() == Place::InProcess {
                // Memory does not fail.
                let _ = layer.delete(key.as_str()).await;
            }
        }
    }
}
