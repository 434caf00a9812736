//! The cache: what callers use of the engine.
//!
//! Before step 1 of a lookup. Every method is thin and calls a step of the engine.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tracing::Instrument;

use crate::answer::Answer;
use crate::clock::Clock;
use crate::computed::{CacheControl, Computed};
use crate::downstream::{Downstream, DownstreamCounts, Downstreams, Outdated};
use crate::engine;
use crate::engine::budget::Budgets;
use crate::engine::compute::Computation;
#[cfg(feature = "functions")]
use crate::engine::functions::{Functions, kept::DEFAULT_MAX_BYTES as DEFAULT_MAX_DECODED};
use crate::engine::history::History;
use crate::engine::hit::{self, Terms};
use crate::engine::popular::{Popular, PopularPages};
use crate::engine::single_flight::SingleFlight;
use crate::engine::state::{Engine, Paces};
use crate::engine::tasks::Tasks;
use crate::engine::unstored::ENVELOPE;
use crate::engine::waits::Waits;
use crate::error::{Error, Result};
use crate::guard::store::{DEFAULT_DEADLINE, GuardedStore};
use crate::inspect::explain::{self, Explanation};
use crate::inspect::list::{self, ListPage, Listing};
use crate::inspect::measure::{self, LayerMeasure};
use crate::inspect::walk::Walk;
use crate::invalidation::outward::settles_within;
use crate::invalidation::past::{Past, PastInvalidation, actor};
use crate::invalidation::pending::Pending;
use crate::invalidation::programs::ProgramGenerations;
use crate::invalidation::tell::unanswered;
use crate::invalidation::{invalidate, repeat, single};
use crate::key::Key;
use crate::keyvalue::{KeyValue, Place};
use crate::log::Limiter;
use crate::lookup::Lookup;
use crate::policy::Policy;
use crate::policy::budget::{Budget, BudgetUse};
use crate::scope::{Scope, tag_key};
use crate::signature::Signer;
use crate::stats::layer::LayerCounts;
use crate::stats::program::ProgramCounts;
use crate::stats::programs::Programs;
use crate::stats::{Counts, Stats};
use crate::trace;
use crate::upkeep::copy;
use crate::upkeep::matching::{self, Removed};
use crate::upkeep::transfer::Moved;

const DEFAULT_MAX_ENTRY: usize = 1 << 20;

/// A cache of finished results in front of a [`KeyValue`] store. Cloning it shares it.
///
/// It runs inside a Tokio runtime whose timer is enabled.
#[derive(Clone)]
pub struct Cache {
    engine: Arc<Engine>,
}

/// The settings of a [`Cache`], given one by one.
#[derive(Debug)]
pub struct CacheBuilder {
    store: Arc<dyn KeyValue>,
    clock: Clock,
    deadline: Duration,
    max_entry: usize,
    compress: bool,
    seed: Option<u64>,
    signer: Signer,
    #[cfg(feature = "functions")]
    max_decoded: u64,
}

/// What a cache can be put in front of: a [`KeyValue`], or one that is shared already by an [`Arc`].
pub trait IntoStore: sealed::Sealed {
    /// The store, shared.
    fn into_store(self) -> Arc<dyn KeyValue>;
}

impl<T: KeyValue> IntoStore for T {
    fn into_store(self) -> Arc<dyn KeyValue> {
        Arc::new(self)
    }
}

impl<T: KeyValue> IntoStore for Arc<T> {
    fn into_store(self) -> Arc<dyn KeyValue> {
        self
    }
}

impl IntoStore for Arc<dyn KeyValue> {
    fn into_store(self) -> Self {
        self
    }
}

mod sealed {
    use super::{Arc, KeyValue};

    pub trait Sealed {}

    impl<T: KeyValue> Sealed for T {}
    impl<T: KeyValue> Sealed for Arc<T> {}
    impl Sealed for Arc<dyn KeyValue> {}
}

impl Cache {
    /// A cache in front of `store`, with the default settings.
    #[must_use]
    pub fn new(store: impl IntoStore) -> Self {
        Self::builder(store).build()
    }

    /// A cache in front of `store`, with settings.
    #[must_use]
    pub fn builder(store: impl IntoStore) -> CacheBuilder {
        CacheBuilder {
            store: store.into_store(),
            clock: Clock::system(),
            deadline: DEFAULT_DEADLINE,
            max_entry: DEFAULT_MAX_ENTRY,
            compress: true,
            seed: None,
            signer: Signer::default(),
            #[cfg(feature = "functions")]
            max_decoded: DEFAULT_MAX_DECODED,
        }
    }

    /// The stored result of `key` while it is fresh, otherwise the result of `compute`, stored as `policy` says.
    ///
    /// This is [`answer`](Self::answer) for a computation that returns bytes and asks for nothing else.
    ///
    /// # Errors
    ///
    /// Those of [`answer`](Self::answer).
    pub async fn get_or_compute<C, F, E>(
        &self,
        key: Key,
        policy: Policy,
        compute: C,
    ) -> Result<Answer>
    where
        C: FnOnce() -> F,
        F: Future<Output = Result<Bytes, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        // Before there is a lookup, so that a hit moves few bytes.
        let terms = Terms {
            policy: &policy,
            tags: &[],
            accepts_coded: false,
            is_independent: false,
        };
        if !policy.refreshes_early()
            && let Some(answer) = hit_now(&self.engine, &key, terms)
        {
            return Ok(answer);
        }
        let lookup = Lookup::new(key, policy).allow_own_time(false);
        self.answer_computed(lookup, |_| {
            let computation = compute();
            async move { computation.await.map(Computed::Page) }
        })
        .await
    }

    /// The stored result of `lookup` while it may be served, otherwise the result of `compute`, stored as the policy says.
    ///
    /// `compute` is called at most once for all callers that ask for the same key at the same time, and its future runs in
    /// a task of its own: a disconnecting client does not cancel it. All callers get the same bytes, or the same error,
    /// which is not stored. A caller that comes after an invalidation never gets a result whose computation began before
    /// it. If `compute` panics, its caller gets an error, and one of the callers that waited computes again, once. Of
    /// several processes that share the store, one computes; the others wait for it for up to five seconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Compute`](crate::ErrorKind::Compute) with the error of `compute` (see [`Error::computed`]),
    /// [`Panic`](crate::ErrorKind::Panic), [`Timeout`](crate::ErrorKind::Timeout) or
    /// [`NotCached`](crate::ErrorKind::NotCached). A failing store is not an error but a miss.
    pub async fn answer<C, F, E>(&self, lookup: Lookup, compute: C) -> Result<Answer>
    where
        C: FnOnce(CacheControl) -> F,
        F: Future<Output = Result<Computed, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        if !self.engine.is_shared()
            && let Some(answer) = self.hit(&lookup)
        {
            return Ok(answer);
        }
        self.answer_computed(lookup, compute).await
    }

    /// The same after there was no hit at once.
    async fn answer_computed<C, F, E>(&self, lookup: Lookup, compute: C) -> Result<Answer>
    where
        C: FnOnce(CacheControl) -> F,
        F: Future<Output = Result<Computed, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let compute = |control| -> Computation {
            let computation = compute(control);
            Box::pin(async move { computation.await.map_err(Error::compute) })
        };
        self.answer_computation(lookup, compute).await
    }

    /// The same for a computation whose error is one of the cache already.
    pub(crate) async fn answer_computation(
        &self,
        lookup: Lookup,
        compute: impl FnOnce(CacheControl) -> Computation,
    ) -> Result<Answer> {
        if !trace::is_on() {
            return engine::answer(&self.engine, lookup, compute).await;
        }
        let span = trace::lookup(&lookup.key.program_name());
        let answer = Box::pin(engine::answer(&self.engine, lookup, compute));
        let answer = answer.instrument(span.clone()).await;
        match &answer {
            Ok(answer) => trace::answered(&span, answer.status, answer.reason.as_ref()),
            Err(error) => trace::failed(&span, &error.kind()),
        }
        answer
    }

    /// The stored result of `lookup` if it is fresh, and can be read and judged without waiting: what most lookups in memory
    /// come to. [`answer`](Self::answer) does this as well.
    #[doc(hidden)]
    #[must_use]
    #[inline]
    pub fn hit(&self, lookup: &Lookup) -> Option<Answer> {
        // A subscriber that asks for spans gets one for each lookup.
        if !lookup.is_plain() || trace::is_on() {
            return None;
        }
        hit_now(&self.engine, &lookup.key, Terms::of(lookup))
    }

    /// Makes all entries of `scope`, for example a tag, old: `cache.invalidate("user:7")`. From then on they are served only
    /// where the policy allows an old entry. This is one small write, however many entries there are.
    ///
    /// Entries with a tag are old for every process from the next lookup on. For a [program](Scope::Program) or
    /// [everything](Scope::All), other processes know within a second. A result whose computation began before the
    /// invalidation is never fresh.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a text that is no valid tag.
    /// [`ErrorKind::Backend`](crate::ErrorKind::Backend) if the store accepts neither the write nor a removal in its place:
    /// this process does not serve those entries as fresh any more, and repeats the call in the background until the store
    /// accepts it. Until then other processes may serve them.
    pub async fn invalidate(&self, scope: impl Into<Scope>) -> Result<()> {
        invalidate(&self.engine, scope.into(), false).await
    }

    /// Like [`invalidate`](Self::invalidate), but the entries are never served again, not even after an error.
    ///
    /// # Errors
    ///
    /// As for [`invalidate`](Self::invalidate).
    pub async fn purge(&self, scope: impl Into<Scope>) -> Result<()> {
        invalidate(&self.engine, scope.into(), true).await
    }

    /// Makes one entry old and returns whether there was one. It is served only where its policy allows an old entry.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Backend`](crate::ErrorKind::Backend) if the store does not answer.
    pub async fn expire(&self, key: &Key) -> Result<bool> {
        single::expire(&self.engine, key).await
    }

    /// Removes one entry and returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Backend`](crate::ErrorKind::Backend) if the store does not answer.
    pub async fn remove(&self, key: &Key) -> Result<bool> {
        single::remove(&self.engine, key).await
    }

    /// Removes the entries of `program` whose keys are `meant`, by going through the keys of the store in batches. A computation
    /// of such an entry that began before does not keep its result. Caches downstream are told to drop all of `program`.
    ///
    /// Copies in the memory of other processes live on for [`copies_live`](Self::copies_live). Where the store has only digests
    /// of some keys, these entries are removed, too, because they may be meant.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Backend`](crate::ErrorKind::Backend) if the store does not answer or cannot enumerate its keys. What was
    /// removed until then stays removed.
    pub async fn remove_matching(
        &self,
        program: &str,
        meant: impl Fn(&Key) -> bool + Send + Sync + 'static,
    ) -> Result<Removed> {
        let (engine, program) = (Arc::clone(&self.engine), program.to_owned());
        // In a task of its own, so that a disconnecting client does not leave it half done.
        let task =
            tokio::spawn(async move { matching::remove_matching(&engine, &program, &meant).await });
        task.await
            .unwrap_or_else(|_| Err(unanswered("remove all before the runtime ended")))
    }

    /// Removes the entries of `scope` that were [purged](Self::purge), so that their room in the store is free; `None` if the
    /// store does not say which they are. What was computed since then stays, except in a store that shows no part of a value,
    /// where all entries of a program are removed.
    ///
    /// # Errors
    ///
    /// As for [`remove_matching`](Self::remove_matching).
    pub async fn reclaim(&self, scope: &Scope) -> Result<Option<Removed>> {
        matching::reclaim(&self.engine, scope).await
    }

    /// Copies everything that the store has to that of `target`: entries with the time that they have left, and the records of
    /// what was invalidated, so that nothing becomes fresh again. Of two entries of one key the newer one stays. Everything is
    /// verified with the signing keys of this cache.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Backend`](crate::ErrorKind::Backend) if a store does not answer or the source cannot enumerate its keys.
    /// What was copied until then stays; call it again.
    pub async fn copy_to(&self, target: &Self) -> Result<Moved> {
        copy::copy(&self.engine, target.store()).await
    }

    /// Writes everything that the store has to a new file, readable by its owner only, with a checksum.
    ///
    /// # Errors
    ///
    /// If the file is there already or cannot be written, or as for [`copy_to`](Self::copy_to). The file gets its name when it
    /// is complete.
    pub async fn export(&self, path: &Path) -> Result<Moved> {
        copy::export(&self.engine, path).await
    }

    /// Stores what was [exported](Self::export) to `path`, unless the store has something newer.
    ///
    /// # Errors
    ///
    /// If the file is damaged, cut short, of another version, or no export: then nothing of it is stored. Or as for
    /// [`copy_to`](Self::copy_to); then call it again.
    pub async fn import(&self, path: &Path) -> Result<Moved> {
        copy::import(&self.engine, path).await
    }

    /// For how long other processes may still have a copy of an entry that was removed here.
    #[must_use]
    pub fn copies_live(&self) -> Duration {
        self.store().copies_live()
    }

    /// Whether any entry may have `tag`: it was used, and the store still has its record.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Backend`](crate::ErrorKind::Backend) if the store does not answer.
    pub async fn knows_tag(&self, tag: &str) -> Result<bool> {
        // A record that cannot be read is one all the same: an invalidation replaces it.
        let record = self.engine.store.get(&tag_key(tag)).await;
        let record = record.map_err(|_| unanswered("look for the tag"))?;
        Ok(record.is_some())
    }

    /// How many invalidations the store has not accepted yet. This process repeats them in the background.
    #[must_use]
    pub fn pending_invalidations(&self) -> usize {
        self.engine.pending.len()
    }

    /// The last 50 invalidations that this process has made, the newest first. What other processes have invalidated in the
    /// same store is not among them.
    #[must_use]
    pub fn past_invalidations(&self) -> Vec<PastInvalidation> {
        self.engine.past.all()
    }

    /// Waits for up to a second until the store has accepted the [pending](Self::pending_invalidations) invalidations, and
    /// logs those that it has not; then waits for what is told [downstream](Self::add_downstream). Call it before the process
    /// exits: its pending invalidations end with it.
    pub async fn tell_invalidations(&self) {
        repeat::tell_the_rest(&self.engine).await;
        self.engine.downstream.settle().await;
    }

    /// Tells `downstream` of every invalidation from now on: of tags, programs, entries and everything, soft or hard, also
    /// where the store does not accept it at once or keeps nothing. It is told after the store, and once more if the store
    /// accepts the invalidation late.
    pub fn add_downstream(&self, downstream: Arc<dyn Downstream>) {
        self.engine.downstream.add(downstream);
    }

    /// What became of the invalidations that are told [downstream](Self::add_downstream); `None` if nothing is.
    #[must_use]
    pub fn downstream_counts(&self) -> Option<DownstreamCounts> {
        self.engine.downstream.counts()
    }

    /// Has this process see at once what another process has changed in the store that they share: it reads again what was
    /// invalidated, and forgets the copies that it has in memory of the entries under `keys`, or of all.
    #[doc(hidden)]
    pub async fn forget_copies(&self, keys: Option<&[&str]>) {
        self.engine.programs.reread(self.engine.clock.now_ms());
        self.store().forget_copies(keys).await;
    }

    /// Gives `program`, named as in [`Key::new`], a budget from now on, in place of the one that it had.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Policy`](crate::ErrorKind::Policy) if the budget [makes no sense](Budget::check).
    pub fn set_budget(&self, program: &str, budget: Budget) -> Result<()> {
        self.engine.budgets.set(program, budget.check()?);
        Ok(())
    }

    /// What the programs that have a budget have used of it, as far as this process knows.
    #[must_use]
    pub fn budgets(&self) -> Vec<BudgetUse> {
        self.engine.budgets.uses(self.engine.clock.now_ms())
    }

    /// Removes everything that this namespace has in the store.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn clear(&self) -> Result<()> {
        let cleared = self.store().clear().await;
        self.engine.budgets.all_left();
        let outdated = Outdated::Scope(Scope::All);
        // Also after an error: the store may be empty all the same.
        self.engine.downstream.tell(outdated, true, Duration::ZERO);
        let now_ms = self.engine.clock.now_ms();
        self.engine
            .past
            .note_scope(&Scope::All, true, now_ms, actor());
        cleared
    }

    /// How long it takes after [`invalidate`](Self::invalidate) until every process sees it: zero for a tag, and for a
    /// store that only this process uses.
    #[must_use]
    pub fn settles_within(&self, scope: &Scope) -> Duration {
        settles_within(&self.engine, scope)
    }

    /// Explains what `lookup` would find and do. Nothing is computed, and nothing changes except that layers may be
    /// refilled as by any lookup.
    pub async fn explain(&self, lookup: &Lookup) -> Explanation {
        explain::explain(&self.engine, lookup).await
    }

    /// What each layer of the store holds now, the fastest first; a store without layers is one. Each has two seconds to
    /// answer, or the deadline of any call if that is longer.
    pub async fn measure(&self) -> Vec<LayerMeasure> {
        measure::measure(&self.engine).await
    }

    /// A page of what is in the store: each entry with all that is known of it but its body. The bodies are not read, and a
    /// page is a bounded piece of work.
    ///
    /// ```
    /// use giotto_cache::{Cache, Key, ListedState, Listing, LocMemKeyValue, Policy};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// let cache = Cache::new(LocMemKeyValue::new());
    /// let key = Key::new("squared", "{'x': 12}", "text/html");
    /// let compute = || async { Ok::<_, giotto_cache::Error>("<p>144</p>".into()) };
    /// cache.get_or_compute(key, Policy::seconds(3600), compute).await?;
    ///
    /// let page = cache.list(&Listing::new(100).program("squared")).await?;
    /// assert_eq!(page.entries[0].arguments.as_deref(), Some("{'x': 12}"));
    /// assert_eq!(page.entries[0].state, ListedState::Fresh);
    /// assert_eq!(page.next, None);
    /// # Ok::<(), giotto_cache::Error>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a cursor or a layer that there is none of, and
    /// [`ErrorKind::Backend`](crate::ErrorKind::Backend) if the store does not answer or cannot enumerate its keys.
    pub async fn list(&self, listing: &Listing) -> Result<ListPage> {
        list::list(&self.engine, listing).await
    }

    /// Goes through the pages of `listing`, with a rest after each, so that requests are hardly slower meanwhile.
    pub fn walk(&self, listing: Listing) -> Walk {
        Walk::new(Arc::clone(&self.engine), listing)
    }

    /// The name of the layer that had `answer`; `None` if it was not stored, or the store has no layers.
    #[must_use]
    #[inline]
    pub fn layer_of(&self, answer: &Answer) -> Option<&'static str> {
        self.engine.layer_name(answer.layer?)
    }

    /// Whether results are stored under a content coding, so that callers may [accept](Lookup::accept_coded) it.
    #[doc(hidden)]
    #[must_use]
    pub fn is_coding(&self) -> bool {
        self.engine.is_coding()
    }

    /// Counters of what this cache did since it was made: the sum over its [programs](Self::programs), the invalidations, and
    /// the failures of its [layers](Self::layers).
    #[must_use]
    pub fn counts(&self) -> Counts {
        let engine = &self.engine;
        engine.meters.counts() + engine.stats.snapshot() + engine.store.counts()
    }

    /// The same by program, in the order of their names. The first 1,000 programs that the cache is asked for are told apart;
    /// all others are one, `(other)`. For those, a store that other processes use is asked with each lookup whether their
    /// program was invalidated.
    ///
    /// ```
    /// # use giotto_cache::{Cache, Key, LocMemKeyValue, Policy};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// let cache = Cache::new(LocMemKeyValue::new());
    /// let compute = || async { Ok::<_, giotto_cache::Error>("<p>144</p>".into()) };
    /// for x in [12, 12, 12] {
    ///     let key = Key::new("squared", x.to_string(), "text/html");
    ///     cache.get_or_compute(key, Policy::seconds(3600), compute).await?;
    /// }
    /// let squared = &cache.programs()[0];
    /// assert_eq!((squared.counts.hits, squared.counts.misses), (2, 1));
    /// println!("{}: {:?} of its model saved", squared.program, squared.saved);
    /// assert_eq!(cache.layers()[0].hits, 2);
    /// # Ok::<(), giotto_cache::Error>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn programs(&self) -> Vec<ProgramCounts> {
        self.engine.meters.snapshot(self.engine.clock.now_ms())
    }

    /// The keys with the most hits of the last minute: counted for a minute after each call, so that nothing is counted while
    /// nobody asks. Hits at the same moment may be left out, and so are keys beyond 512 KiB of them in ten seconds.
    ///
    /// ```
    /// use giotto_cache::{Cache, Computed, Key, LocMemKeyValue, Lookup, Policy};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let cache = Cache::new(LocMemKeyValue::new());
    /// assert!(cache.popular(10).pages.is_empty());
    /// for _ in 0..3 {
    ///     let lookup = Lookup::new(Key::plain("user:7"), Policy::seconds(60));
    ///     let compute = |_| async { Ok::<_, giotto_cache::Error>(Computed::Page("Ada".into())) };
    ///     cache.answer(lookup, compute).await?;
    /// }
    /// let popular = cache.popular(10);
    /// assert_eq!(popular.pages[0].1, 2);
    /// # Ok::<(), giotto_cache::Error>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn popular(&self, limit: usize) -> PopularPages {
        let now_ms = self.engine.clock.now_ms();
        self.engine.popular.most(limit, now_ms)
    }

    /// What was counted of each layer of the store, the fastest first; a store without layers is one.
    #[must_use]
    pub fn layers(&self) -> Vec<LayerCounts> {
        let engine = &self.engine;
        engine.store.layer_counts(engine.meters.hits_now())
    }

    /// How many computations are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.engine.flights.len()
    }

    #[cfg(feature = "functions")]
    pub(crate) const fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The time by the clock of this cache, in milliseconds since 1970.
    #[doc(hidden)]
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.engine.clock.now_ms()
    }

    /// The store itself, for management: creating its tables, emptying it.
    #[must_use]
    pub fn store(&self) -> &dyn KeyValue {
        self.engine.store.store()
    }

    /// The largest result, in bytes, that is [stored](CacheBuilder::max_entry).
    #[must_use]
    pub fn max_entry(&self) -> usize {
        self.engine.max_entry
    }

    /// How long one call to a store outside this process may take.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.engine.store.deadline()
    }

    /// Changes how long one call to a store outside this process may take, from the next call on. False if a part of the store
    /// keeps the limit that it was made with, because it has several servers: then nothing has changed.
    #[must_use]
    pub fn set_deadline(&self, deadline: Duration) -> bool {
        let is_taken = self.store().set_deadline(deadline);
        if is_taken {
            self.engine.store.deadline.set(deadline);
        }
        is_taken
    }

    /// Changes how many bytes the store keeps at most, and evicts what is over it. False if the store cannot: only
    /// [`LocMemKeyValue`](crate::LocMemKeyValue) can.
    #[must_use]
    pub fn set_max_bytes(&self, bytes: u64) -> bool {
        self.store().set_max_bytes(bytes)
    }

    /// Returns once every running computation has ended, its result is stored, and the background tasks of the store have ended. Call it before
    /// the process exits, so that what was computed last is kept.
    pub async fn settle(&self) {
        self.engine.tasks.ended().await;
        self.store().settle().await;
    }
}

impl CacheBuilder {
    /// Tells the time by `clock` instead of the machine's clock.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// How long one call to a store outside this process may take, connecting included; 100 ms by default.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The largest result, in bytes, that is stored; 1 MiB by default. A larger one is returned all the same.
    #[must_use]
    pub fn max_entry(self, bytes: usize) -> Self {
        Self {
            max_entry: bytes,
            ..self
        }
    }

    /// Whether results of 1 KiB or more are stored under the content coding zstd in a store outside this process, if that
    /// makes them a tenth smaller; true by default, with the feature `zstd`. What is stored so is read in any case. Layers
    /// store results as they are.
    #[must_use]
    pub fn compress(self, compress: bool) -> Self {
        Self { compress, ..self }
    }

    /// How many bytes of decoded results of [functions](Cache::function) are kept in memory, where entries are, too: 16 MiB by
    /// default, 0 = none, so that every hit decodes. What a value takes is estimated from its bytes. The few small ones that
    /// each thread remembers do not count; with 0 there are none of them, either.
    #[cfg(feature = "functions")]
    #[must_use]
    pub fn max_decoded(self, bytes: u64) -> Self {
        Self {
            max_decoded: bytes,
            ..self
        }
    }

    /// Draws the random numbers of early refresh and jitter from this seed, so that they are the same in every run.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self {
            seed: Some(seed),
            ..self
        }
    }

    /// Signs what is stored outside this process with the first of `keys`, and accepts nothing from there that is not signed
    /// with one of them: a client of the store without the key cannot forge a page. To replace a key, put the new one
    /// first. Once every process has it, leave the old one out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if a key is shorter than 32 bytes.
    pub fn signing_keys<K: AsRef<[u8]>>(self, keys: impl IntoIterator<Item = K>) -> Result<Self> {
        Ok(Self {
            signer: Signer::new(keys)?,
            ..self
        })
    }

    /// The cache with these settings.
    #[must_use]
    pub fn build(self) -> Cache {
        self.store
            .limit_values(self.max_entry.saturating_add(ENVELOPE));
        let store = GuardedStore::new(self.store, self.deadline, self.clock.clone());
        let is_own = matches!(store.place(), Place::InProcess | Place::Nowhere);
        let random = self
            .seed
            .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let layers = store.share();
        let layer_names = layers.layers().into_iter().map(KeyValue::name);
        let engine = Engine {
            layer_names: layer_names.collect(),
            flights: SingleFlight::default(),
            waits: Waits::default(),
            tasks: Tasks::default(),
            programs: ProgramGenerations::new(is_own),
            pending: Pending::new(),
            past: Past::default(),
            downstream: Downstreams::default(),
            // No other process writes to this process's memory.
            signer: match is_own {
                true => Signer::default(),
                false => self.signer,
            },
            history: History::default(),
            budgets: Budgets::before(store.store()),
            store: Arc::new(store),
            popular: Popular::default(),
            #[cfg(feature = "functions")]
            functions: Functions::new(self.max_decoded, &*layers, self.clock.clone()),
            clock: self.clock,
            meters: Programs::new(),
            stats: Stats::default(),
            max_entry: self.max_entry,
            compresses: self.compress,
            random: Mutex::new(random),
            log: Limiter::default(),
            paces: Paces::default(),
        };
        Cache {
            engine: Arc::new(engine),
        }
    }
}

/// A fresh answer that needs no wait.
#[inline]
fn hit_now(engine: &Engine, key: &Key, terms: Terms<'_>) -> Option<Answer> {
    let now = |_| engine.clock.now_ms();
    let answer = |entry, now_ms| Answer::hit(entry, 0, now_ms);
    hit::at_once(engine, key, terms, now, answer)
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("store", &self.store())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
