//! One computation from its beginning to its landing: who may compute, under which generations, and what becomes of the
//! result.
//!
//! Step 4 of a lookup, entered on a miss only, in a task of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::cache::{Answer, Inner, Status};
use crate::control::{CacheControl, Wish};
use crate::entry::{Clocks, Draft, Entry, Extension, Stamp};
use crate::flight::{Flight, Outcome};
use crate::generation::{Record, tag_key};
use crate::lease::{Asked, Lease};
use crate::look::Look;
use crate::lookup::{Lookup, Mode, is_tag};
use crate::verdict::Marks;
use crate::{Error, ErrorKind, Key, Place, Policy, Result};

/// So long a process waits for another one that computes.
const LEASE_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// A record outlives the entries that name it by so much, so that it is not written again for each of them.
const RECORD_MARGIN_MS: u64 = 24 * 3_600_000;

tokio::task_local! {
    /// The keys that the current task computes: one that asks for its own would wait for itself.
    static COMPUTING: Vec<String>;
}

/// Whether the current task is part of the computation of `key`.
pub(crate) fn is_computing(key: &str) -> bool {
    COMPUTING
        .try_with(|keys| keys.iter().any(|known| known == key))
        .unwrap_or(false)
}

/// What a computation returns.
#[derive(Debug)]
pub enum Computed {
    /// A result.
    Page(Bytes),
    /// A result that says "there is no such thing": it is stored only if the policy has a time for
    /// [negative](Policy::negative) results.
    Negative(Bytes),
    /// The [old value](CacheControl::old_value) is still right: it is fresh again.
    NotModified,
    /// An error that is an answer, such as "not allowed": it is not stored, and no old result stands in for it.
    Refused(Error),
}

impl From<Bytes> for Computed {
    fn from(body: Bytes) -> Self {
        Self::Page(body)
    }
}

impl Computed {
    /// An error that is an answer.
    pub fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Refused(Error::refused(error))
    }
}

/// What a task needs to compute.
#[derive(Debug)]
pub(crate) struct Job {
    key: Key,
    policy: Policy,
    tags: Vec<String>,
    mode: Mode,
    control: CacheControl,
    /// The entry that the caller has found, of whatever age.
    old: Option<Entry>,
    marks: Marks,
    /// Whether a computation may see the old entry.
    is_old_usable: bool,
    /// Whether the store answered the caller: one that did not is not given a second chance to delay it.
    is_answered: bool,
    pub(crate) rank: Rank,
    /// The keys in whose computations this one is, the outermost first, and its own.
    computing: Vec<String>,
}

/// What a computation is among those of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// The one that others wait for.
    First,
    /// The same, behind the scenes: nobody waits for it who could not have an old result.
    Behind,
    /// One of many at the same time, because their results are not shared.
    Apart,
    /// One whose result is for its caller alone.
    Unstored,
}

/// What a computation may begin with.
enum Begin {
    /// Nothing: another one has ended meanwhile.
    Found(Answer),
    /// Nothing: another process computes, and takes its time.
    GiveUp,
    Compute(Permit),
}

/// The right to compute, and what that is worth.
#[derive(Default)]
struct Permit {
    lease: Option<Lease>,
    marks: Marks,
    may_store: bool,
}

impl Job {
    pub(crate) fn new(lookup: Lookup<'_>, look: Look, control: CacheControl) -> Self {
        // Asked here, in the caller's task: the computation has one of its own.
        let mut computing = COMPUTING.try_with(Clone::clone).unwrap_or_default();
        computing.push(lookup.key.as_str().to_owned());
        Self {
            key: lookup.key,
            policy: *lookup.policy,
            tags: lookup.tags,
            mode: lookup.mode,
            control,
            is_old_usable: look.old_value().is_some(),
            old: look.entry,
            marks: look.marks,
            is_answered: look.is_answered,
            rank: Rank::First,
            computing,
        }
    }

    fn lookup(&self) -> Lookup<'_> {
        Lookup::new(self.key.clone(), &self.policy).tags(self.tags.clone())
    }

    /// Whether there is an old entry that may be served while nothing better can be had.
    fn keeps_old(&self) -> bool {
        let may_serve = self.policy.serves_stale() || self.policy.serves_after_error();
        may_serve && self.old.as_ref().is_some_and(|old| !old.is_negative())
    }

    /// Whether `look` found what another computation has stored since.
    fn is_done(&self, look: &Look) -> bool {
        let created_ms = |entry: &Entry| entry.created_ms();
        look.is_fresh() && look.entry.as_ref().map(created_ms) != self.old.as_ref().map(created_ms)
    }
}

impl Inner {
    /// Computes, unless another process does or has just done so, and lands the flight.
    pub(crate) async fn lead<F, E>(self: Arc<Self>, flight: Flight, mut job: Job, computation: F)
    where
        F: Future<Output = Result<Computed, E>>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let permit = match self.begin(&job).await {
            Begin::Found(answer) => return flight.land(Outcome::Shared(Ok(answer))),
            Begin::GiveUp => return flight.land(Outcome::GivenUp),
            Begin::Compute(permit) => permit,
        };
        flight.mark(permit.marks.clone());
        self.stats.computed.increase();
        let (started, started_ms) = (Instant::now(), self.clock.now_ms());
        let computing = std::mem::take(&mut job.computing);
        let computation = COMPUTING.scope(computing, unwound(computation));
        let result = self.patiently(&mut job, computation).await;
        let cost = started.elapsed();
        let (body, is_negative) = match result {
            Some(Ok(Computed::Page(body))) => (body, false),
            Some(Ok(Computed::Negative(body))) => (body, true),
            Some(Ok(Computed::NotModified)) => match job.old.as_ref().filter(|_| job.is_old_usable)
            {
                Some(old) => (old.body(), false),
                None => return self.failed(flight, job, permit, Some(nothing_old())).await,
            },
            Some(Ok(Computed::Refused(error))) => {
                flight.land(Outcome::Shared(Err(error)));
                release(permit.lease).await;
                return;
            }
            Some(Err(error)) => {
                return self
                    .failed(flight, job, permit, Some(Error::compute(error)))
                    .await;
            }
            None => return self.failed(flight, job, permit, None).await,
        };
        let result = Finished {
            body,
            is_negative,
            cost,
            started_ms,
        };
        // That there is no such thing is news: the old result goes, even if that is not stored.
        let outdated = job.old.clone().filter(|_| is_negative);
        let key = job.key.clone();
        self.finish(flight, job, permit, result).await;
        if let Some(old) = outdated {
            let (key, raw) = (key.as_str(), old.to_bytes());
            let _ = self.backend.replace(key, &raw, None, None).await;
        }
    }

    async fn begin(&self, job: &Job) -> Begin {
        let mut permit = Permit {
            lease: None,
            marks: job.marks.clone(),
            may_store: job.rank != Rank::Unstored,
        };
        if !permit.may_store || self.backend.place() == Place::Nowhere {
            return Begin::Compute(permit);
        }
        if job.mode == Mode::Refresh {
            if self.has_lease(job)
                && let Asked::Mine(lease) = Lease::take(&self.backend, &job.key).await
            {
                permit.lease = Some(lease);
            }
            let look = self.look(&job.lookup()).await;
            permit.marks = look.marks;
            permit.may_store = self
                .begin_tags(&mut permit.marks, job, look.is_answered)
                .await;
            return Begin::Compute(permit);
        }
        if !job.is_answered {
            permit.may_store = job.tags.is_empty();
            return Begin::Compute(permit);
        }
        let waits_until = tokio::time::Instant::now() + LEASE_PATIENCE;
        loop {
            let asked = match self.has_lease(job) {
                true => Lease::ask(&self.backend, &job.key).await,
                false => Asked::Nobody,
            };
            if let Asked::Unanswered = asked {
                // A store that does not answer is not given a second chance to delay the caller.
                permit.may_store = job.tags.is_empty();
                return Begin::Compute(permit);
            }
            // Whoever computed before may have stored its result between the caller's look and now.
            let look = self.look(&job.lookup()).await;
            if job.is_done(&look) {
                if let Asked::Mine(lease) = asked {
                    lease.release().await;
                }
                return Begin::Found(self.found(look));
            }
            let is_late = tokio::time::Instant::now() >= waits_until;
            match asked {
                Asked::Others if look.is_answered && !is_late && job.rank != Rank::Apart => {
                    self.stats.waited.increase();
                    tokio::time::sleep(LOOK_EVERY).await;
                    continue;
                }
                Asked::Others if job.rank == Rank::Behind => return Begin::GiveUp,
                Asked::Others => permit.may_store = false,
                Asked::Mine(lease) => permit.lease = Some(lease),
                Asked::Nobody | Asked::Unanswered => {}
            }
            permit.marks = look.marks;
            let has_tags = self
                .begin_tags(&mut permit.marks, job, look.is_answered)
                .await;
            permit.may_store &= has_tags;
            return Begin::Compute(permit);
        }
    }

    fn has_lease(&self, job: &Job) -> bool {
        job.policy.has_lease() && self.is_shared() && self.backend.store().is_atomic()
    }

    fn found(&self, look: Look) -> Answer {
        let entry = look.entry.expect("a fresh look has an entry");
        Answer::new(entry, Status::Hit, None, look.now_ms)
    }

    /// Gives each tag of `job` a generation before the result is computed, so that an invalidation from here on is seen;
    /// whether all have one.
    async fn begin_tags(&self, marks: &mut Marks, job: &Job, is_answered: bool) -> bool {
        if job.tags.is_empty() {
            return true;
        }
        if !is_answered || !job.tags.iter().all(|tag| is_tag(tag)) {
            return false;
        }
        let keep_until = self.record_keep_until(&job.policy);
        for (tag, record) in &mut marks.tags {
            if record.is_none() {
                *record = self.add_record(tag, keep_until).await;
            }
        }
        job.tags.iter().all(|tag| marks.has(tag))
            && marks.tags.iter().all(|(_, record)| record.is_some())
    }

    fn record_keep_until(&self, policy: &Policy) -> u64 {
        let keep_until = policy.clocks(self.clock.now_ms(), 0.0).keep_until;
        keep_until.saturating_add(RECORD_MARGIN_MS)
    }

    /// The record of a tag that had none, made now unless somebody else has just made it.
    async fn add_record(&self, tag: &str, keep_until: u64) -> Option<Record> {
        let (key, record) = (tag_key(tag), Record::new(keep_until));
        let expire = record.keep_for(self.clock.now_ms());
        match self.backend.add(&key, record.encode(), expire).await.ok()? {
            true => Some(record),
            false => Record::decode(&self.backend.get(&key).await.ok()??),
        }
    }

    /// The output of `computation`. While it takes longer than its callers wait, they get the old entry without waiting.
    async fn patiently<T>(&self, job: &mut Job, computation: impl Future<Output = T>) -> T {
        let mut computation = pin!(computation);
        if let Some(limit) = job.policy.patience().hard.filter(|_| job.keeps_old()) {
            if let Ok(output) = tokio::time::timeout(limit, &mut computation).await {
                return output;
            }
            self.throttle(job).await;
        }
        computation.await
    }

    async fn failed(&self, flight: Flight, mut job: Job, permit: Permit, error: Option<Error>) {
        self.stats.failed.increase();
        if job.keeps_old() {
            let throttle = Duration::from_millis(job.policy.throttle_ms());
            let error = error
                .as_ref()
                .map_or_else(|| "it panicked".to_owned(), ToString::to_string);
            tracing::warn!(key = %job.key, error, "a computation failed: the old result is kept, and the next attempt is made in {throttle:?}");
        }
        match error {
            // Nobody waits for the store; those who come until it has answered get the same.
            Some(error) if job.keeps_old() => flight.announce(Err(error)),
            Some(error) => flight.land(Outcome::Shared(Err(error))),
            None => {}
        }
        self.throttle(&mut job).await;
        release(permit.lease).await;
    }

    /// Leaves an old entry that may be served alone for a while, so that what fails is not asked with every call.
    async fn throttle(&self, job: &mut Job) {
        let Some(old) = job.old.clone().filter(|_| job.keeps_old()) else {
            return;
        };
        let Some(extension) = old.extension() else {
            return;
        };
        let now_ms = self.clock.now_ms();
        let retry_at = now_ms.saturating_add(job.policy.throttle_ms());
        let extension = Extension {
            retry_at,
            ..extension
        };
        let marked = old.resealed(&job.key, old.clocks(), extension);
        let (key, raw) = (job.key.as_str(), marked.to_bytes());
        let expire = marked.keep_for(now_ms);
        job.old = Some(marked);
        // Only what was there: it may have been replaced or removed meanwhile. A store that does not
        // answer is asked again with the next call.
        let _ = self
            .backend
            .replace(key, &old.to_bytes(), Some(raw), expire)
            .await;
    }

    async fn finish(&self, flight: Flight, job: Job, mut permit: Permit, result: Finished) {
        let wish = job.control.wish();
        let now_ms = self.clock.now_ms();
        let policy = wish.ttl.map_or(job.policy, |ms| job.policy.lasting(ms));
        let clocks = match result.is_negative {
            true => policy.negative_clocks(now_ms, wish.ttl),
            false => Some(policy.clocks(now_ms, self.draw_jitter(&policy))),
        };
        let may_store = permit.may_store && !wish.no_store && clocks.is_some();
        let clocks = clocks.unwrap_or(Clocks::plain(now_ms, 0));
        let tags = match may_store {
            true => {
                self.stamp(&mut permit.marks, &job, &wish, clocks, result.started_ms)
                    .await
            }
            false => None,
        };
        let draft = Draft {
            key: &job.key,
            clocks: if tags.is_some() {
                clocks
            } else {
                Clocks::plain(now_ms, 0)
            },
            cost: result.cost,
            is_negative: result.is_negative,
            extension: Extension {
                version: policy.version_number(),
                retry_at: 0,
                epoch: permit.marks.epoch,
                tags: tags.clone().unwrap_or_default(),
            },
            body: &result.body,
        };
        let entry = draft.seal();
        if wish.no_store {
            self.flights.keep_apart(job.key.as_str(), now_ms);
            let answer = Answer::new(entry, Status::NotStored, None, now_ms);
            flight.land(Outcome::Private(answer));
            release(permit.lease).await;
            return;
        }
        self.store(flight, &job.key, entry, tags.is_some(), permit.lease)
            .await;
    }

    fn draw_jitter(&self, policy: &Policy) -> f64 {
        if policy.has_jitter() {
            self.draw()
        } else {
            0.0
        }
    }

    /// The tags of a result with the generations from before it was computed; `None` if one of them was invalidated meanwhile,
    /// or cannot be had.
    async fn stamp(
        &self,
        marks: &mut Marks,
        job: &Job,
        wish: &Wish,
        clocks: Clocks,
        started_ms: u64,
    ) -> Option<Vec<Stamp>> {
        // Tags that only the computation knew. When they were last invalidated tells whether that was before it began.
        let mut late: Vec<String> = wish.tags.clone();
        late.sort_unstable();
        late.dedup();
        late.retain(|tag| !job.tags.contains(tag));
        if !late.iter().all(|tag| is_tag(tag)) {
            tracing::warn!(key = %job.key, "a tag is empty, longer than 200 bytes or has control characters: the result is not stored");
            return None;
        }
        marks.tags.retain(|(tag, _)| job.tags.contains(tag));
        if !late.is_empty() {
            for (tag, record) in self.read_records(late).await.ok()? {
                let keep_until = self.record_keep_until(&job.policy);
                let record = match record {
                    Some(record) => record,
                    None => self.add_record(&tag, keep_until).await?,
                };
                if record.changed_ms >= started_ms {
                    return None;
                }
                marks.tags.push((tag, Some(record)));
            }
        }
        let mut stamps = Vec::with_capacity(marks.tags.len());
        for (tag, record) in &marks.tags {
            let record = record.as_ref()?;
            self.prolong(tag, *record, clocks.keep_until).await;
            stamps.push(Stamp {
                tag: tag.clone(),
                generation: record.generation,
            });
        }
        Some(stamps)
    }

    /// Has the record of a tag live as long as an entry that names it.
    async fn prolong(&self, tag: &str, record: Record, keep_until: u64) {
        if record.keep_until >= keep_until {
            return;
        }
        let longer = Record {
            keep_until: keep_until.saturating_add(RECORD_MARGIN_MS),
            ..record
        };
        let expire = longer.keep_for(self.clock.now_ms());
        let raw = record.encode();
        // A record that ends too early makes its entries old, and no old entry fresh.
        let _ = self
            .backend
            .replace(&tag_key(tag), &raw, Some(longer.encode()), expire)
            .await;
    }

    /// Stores and lands. To a store outside this process the result is written after it was announced,
    /// so that nobody waits; until that store has answered, the flight goes on and those who come get its result.
    async fn store(
        &self,
        flight: Flight,
        key: &Key,
        entry: Entry,
        may_store: bool,
        lease: Option<Lease>,
    ) {
        let now_ms = self.clock.now_ms();
        let answer = |status| Ok(Answer::new(entry.clone(), status, None, now_ms));
        let is_too_large = entry.body().len() > self.max_entry;
        if is_too_large {
            self.stats.too_large.increase();
        }
        let is_wanted = !is_too_large && !flight.is_revoked();
        let may_store = may_store && is_wanted && self.backend.place() != Place::Nowhere;
        if !may_store {
            flight.land(Outcome::Shared(answer(Status::NotStored)));
            release(lease).await;
            return;
        }
        if self.is_shared() {
            let is_writable = self.backend.is_writable();
            flight.announce(answer(match is_writable {
                true => Status::Stored,
                false => Status::NotStored,
            }));
        }
        let expire = entry.keep_for(now_ms);
        let is_stored = self
            .backend
            .set(key.as_str(), entry.to_bytes(), expire)
            .await;
        if is_stored {
            self.stats.stored.increase();
            self.recent.note(key.as_str(), entry.clocks().keep_until);
        }
        let is_owner = release(lease).await;
        // Removed or taken over while it was computed: then it is not to be found afterwards.
        if is_stored && (!is_owner || flight.is_revoked()) {
            let removed = self
                .backend
                .replace(key.as_str(), &entry.to_bytes(), None, None)
                .await;
            if removed.is_err() {
                tracing::warn!(%key, "an entry that was removed while it was computed is still stored: remove it again");
            }
        }
        if !self.is_shared() {
            let status = match is_stored {
                true => Status::Stored,
                false => Status::NotStored,
            };
            flight.land(Outcome::Shared(answer(status)));
        }
    }
}

/// What was computed.
struct Finished {
    body: Bytes,
    is_negative: bool,
    cost: Duration,
    started_ms: u64,
}

/// Whether the lease, if there was one, was this process's to the end.
async fn release(lease: Option<Lease>) -> bool {
    match lease {
        Some(lease) => lease.release().await,
        None => true,
    }
}

/// The output of `computation`, or `None` if it panicked.
async fn unwound<F: Future>(computation: F) -> Option<F::Output> {
    let mut computation = pin!(computation);
    std::future::poll_fn(|context| {
        let poll = catch_unwind(AssertUnwindSafe(|| computation.as_mut().poll(context)));
        match poll {
            Ok(poll) => poll.map(Some),
            Err(_) => std::task::Poll::Ready(None),
        }
    })
    .await
}

fn nothing_old() -> Error {
    let message = "the computation says that the old result is not modified, but there is none: ask \
                   CacheControl::old_value first";
    Error::new(ErrorKind::Compute, message)
}
