//! The engine under races, failures and a clock that the tests set.
//!
//! Nothing here sleeps to get an order: computations wait for a permit, and time is manual or paused.

use std::collections::HashMap;
use std::future::{Ready, pending, ready};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use giotto_cache::{
    Answer, Cache, Clock, DummyKeyValue, Entry, Error, ErrorKind, Key, KeyValue, LocMemKeyValue,
    Policy, Result, Status,
};

const HOUR: Policy = Policy::seconds(3600);
const START_MS: u64 = 1_700_000_000_000;
const DEADLINE: Duration = Duration::from_millis(100);

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("broken")]
struct Broken;

fn key(name: &str) -> Key {
    Key::new(name, "{'x': 12}", "text/html")
}

fn body(text: &'static str) -> Ready<Result<Bytes, Broken>> {
    ready(Ok(Bytes::from_static(text.as_bytes())))
}

/// A cache in this process's memory, and the clock of both.
fn in_memory() -> (Cache, Clock) {
    let clock = Clock::manual(START_MS);
    let store = LocMemKeyValue::new().clock(clock.clone());
    let cache = Cache::builder(Arc::new(store));
    (cache.clock(clock.clone()).build(), clock)
}

/// A cache in front of a scripted store outside this process, the store, and the clock.
fn scripted() -> (Cache, Arc<Scripted>, Clock) {
    let (clock, store) = (Clock::manual(START_MS), Arc::new(Scripted::default()));
    let cache = Cache::builder(store.clone()).clock(clock.clone());
    (cache.build(), store, clock)
}

/// Returns once `condition` holds; other tasks run meanwhile. A test whose condition never comes fails.
async fn until(condition: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "it does not happen"
        );
        tokio::task::yield_now().await;
    }
}

fn is_pending(future: Pin<&mut impl Future>) -> bool {
    future
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending()
}

/// A computation that counts its runs and waits for a permit in each.
#[derive(Clone)]
struct Held {
    runs: Arc<AtomicUsize>,
    permits: Arc<Semaphore>,
}

impl Held {
    fn new() -> Self {
        Self {
            runs: Arc::default(),
            permits: Arc::new(Semaphore::new(0)),
        }
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// Lets the run go on that waits.
    fn release(&self) {
        self.permits.add_permits(1);
    }

    /// Lets every run go on, those included that ought not to be: they are counted, not waited for.
    fn release_all(&self) {
        self.permits.add_permits(1000);
    }

    /// Starts a run; its number, from 1, once it has a permit.
    async fn run(&self) -> usize {
        let run = self.runs.fetch_add(1, Ordering::SeqCst) + 1;
        self.permits.acquire().await.unwrap().forget();
        run
    }

    /// So many callers of `key`, whose computation ends as `end` says for the number of the run.
    fn callers(
        &self,
        cache: &Cache,
        count: usize,
        end: fn(usize) -> Result<Bytes, Broken>,
    ) -> JoinSet<Result<Answer>> {
        let mut callers = JoinSet::new();
        for _ in 0..count {
            let (cache, held) = (cache.clone(), self.clone());
            callers.spawn(async move {
                let compute = move || async move { end(held.run().await) };
                cache.get_or_compute(key("page"), HOUR, compute).await
            });
        }
        callers
    }
}

/// A store outside this process that keeps its values and does with each call as its mood is.
#[derive(Debug)]
struct Scripted {
    values: Mutex<HashMap<String, Bytes>>,
    moods: Mutex<[Mood; 2]>,
    calls: AtomicUsize,
    permits: Semaphore,
}

#[derive(Clone, Copy, Debug)]
enum Mood {
    Works,
    Fails,
    Refuses,
    Hangs,
    Waits,
}

impl Default for Scripted {
    fn default() -> Self {
        Self {
            values: Mutex::default(),
            moods: Mutex::new([Mood::Works; 2]),
            calls: AtomicUsize::new(0),
            permits: Semaphore::new(0),
        }
    }
}

impl Scripted {
    fn moods(&self, get: Mood, set: Mood) {
        *self.moods.lock().unwrap() = [get, set];
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn value(&self, key: &Key) -> Option<Bytes> {
        self.values.lock().unwrap().get(key.as_str()).cloned()
    }

    fn put(&self, key: &Key, value: impl Into<Bytes>) {
        self.values
            .lock()
            .unwrap()
            .insert(key.to_string(), value.into());
    }

    async fn act(&self, operation: usize) -> Result<()> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mood = self.moods.lock().unwrap()[operation];
        match mood {
            Mood::Works => Ok(()),
            Mood::Fails => Err(Error::backend(Broken)),
            Mood::Refuses => Err(Error::new(ErrorKind::TooLarge, "too large")),
            Mood::Hangs => pending().await,
            Mood::Waits => {
                self.permits.acquire().await.unwrap().forget();
                Ok(())
            }
        }
    }
}

#[async_trait]
impl KeyValue for Scripted {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.act(0).await?;
        Ok(self.values.lock().unwrap().get(key).cloned())
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        self.act(0).await?;
        let values = self.values.lock().unwrap();
        Ok(keys.iter().map(|key| values.get(*key).cloned()).collect())
    }

    async fn set(&self, key: &str, value: Bytes, _expire: Option<Duration>) -> Result<()> {
        self.act(1).await?;
        self.values.lock().unwrap().insert(key.to_owned(), value);
        Ok(())
    }
}

// Fresh, stored, expired.

#[tokio::test]
async fn what_was_computed_is_stored_and_then_a_hit_that_tells_how_long_it_stays_fresh()
-> Result<()> {
    let (cache, clock) = in_memory();
    let first = cache
        .get_or_compute(key("page"), HOUR, || body("one"))
        .await?;
    assert_eq!(
        (first.status, first.fresh_for),
        (Status::Stored, Some(Duration::from_secs(3600)))
    );
    assert_eq!(first.entry.created_ms(), START_MS);

    clock.advance(Duration::from_millis(1500));
    let second = cache
        .get_or_compute(key("page"), HOUR, || body("two"))
        .await?;
    assert_eq!(second.entry.body(), "one");
    assert_eq!(
        (second.status, second.fresh_for),
        (Status::Hit, Some(Duration::from_millis(3_598_500)))
    );
    assert_eq!(second.entry.etag(), first.entry.etag());

    let counts = cache.counts();
    assert_eq!(
        (counts.hits, counts.misses, counts.computed, counts.stored),
        (1, 1, 1, 1)
    );
    Ok(())
}

#[tokio::test]
async fn an_entry_expires_on_its_millisecond_and_not_before() -> Result<()> {
    for policy in [
        Policy::seconds(1),
        Policy::try_from(Duration::from_millis(1))?,
    ] {
        let (cache, clock) = in_memory();
        let first = cache
            .get_or_compute(key("page"), policy, || body("one"))
            .await?;
        let lifetime = first.fresh_for.unwrap();

        clock.advance(lifetime - Duration::from_millis(1));
        let last = cache
            .get_or_compute(key("page"), policy, || body("two"))
            .await?;
        assert_eq!(
            (last.status, last.fresh_for),
            (Status::Hit, Some(Duration::from_millis(1)))
        );

        clock.advance(Duration::from_millis(1));
        let next = cache
            .get_or_compute(key("page"), policy, || body("two"))
            .await?;
        assert_eq!(
            (next.status, next.entry.body()),
            (Status::Stored, "two".into())
        );
    }
    Ok(())
}

/// A store that ignores the expiry, or whose clock is late, must not make an entry live longer.
#[tokio::test]
async fn an_entry_expires_even_if_the_store_keeps_it() -> Result<()> {
    let (cache, _store, clock) = scripted();
    cache
        .get_or_compute(key("page"), Policy::seconds(1), || body("one"))
        .await?;
    cache.settle().await;
    clock.advance(Duration::from_secs(1));
    let answer = cache
        .get_or_compute(key("page"), Policy::seconds(1), || body("two"))
        .await?;
    assert_eq!(
        (answer.status, answer.entry.body()),
        (Status::Stored, "two".into())
    );
    assert_eq!(cache.counts().undecodable, 0);
    Ok(())
}

#[tokio::test]
async fn zero_seconds_never_expire() -> Result<()> {
    let (cache, clock) = in_memory();
    cache
        .get_or_compute(key("page"), Policy::seconds(0), || body("one"))
        .await?;
    clock.advance(Duration::from_secs(10 * 366 * 24 * 3600));
    let answer = cache
        .get_or_compute(key("page"), Policy::seconds(0), || body("two"))
        .await?;
    assert_eq!((answer.status, answer.fresh_for), (Status::Hit, None));
    Ok(())
}

#[tokio::test]
async fn an_empty_body_is_a_hit_like_any_other() -> Result<()> {
    let (cache, _clock) = in_memory();
    cache.get_or_compute(key("page"), HOUR, || body("")).await?;
    let answer = cache
        .get_or_compute(key("page"), HOUR, || body("two"))
        .await?;
    assert_eq!(
        (answer.status, answer.entry.body()),
        (Status::Hit, "".into())
    );
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_too_large_is_returned_but_not_stored() -> Result<()> {
    let store = Arc::new(LocMemKeyValue::new());
    let cache = Cache::builder(store.clone()).max_entry(3).build();
    for computed in 1..=2 {
        let answer = cache
            .get_or_compute(key("page"), HOUR, || body("four"))
            .await?;
        assert_eq!(
            (answer.status, answer.entry.body()),
            (Status::NotStored, "four".into())
        );
        assert_eq!(
            (cache.counts().computed, cache.counts().too_large),
            (computed, computed)
        );
    }
    assert_eq!(store.bytes(), 0);
    assert_eq!(
        cache
            .get_or_compute(key("other"), HOUR, || body("tre"))
            .await?
            .status,
        Status::Stored
    );
    Ok(())
}

#[tokio::test]
async fn what_the_store_itself_finds_too_large_is_returned_but_not_stored() -> Result<()> {
    let cache = Cache::new(LocMemKeyValue::new().max_bytes(1024));
    let large = Bytes::from(vec![b'x'; 2048]);
    let compute = move || ready(Ok::<_, Broken>(large));
    let answer = cache.get_or_compute(key("page"), HOUR, compute).await?;
    assert_eq!(
        (answer.status, answer.entry.body().len()),
        (Status::NotStored, 2048)
    );
    assert_eq!(
        (cache.counts().too_large, cache.counts().backend_errors),
        (1, 0)
    );
    Ok(())
}

#[tokio::test]
async fn a_store_that_keeps_nothing_lets_every_caller_compute() -> Result<()> {
    let cache = Cache::new(DummyKeyValue::new());
    for _ in 0..3 {
        let answer = cache
            .get_or_compute(key("page"), HOUR, || body("one"))
            .await?;
        assert_eq!(answer.status, Status::NotStored);
    }
    assert_eq!((cache.counts().computed, cache.counts().stored), (3, 0));
    Ok(())
}

// One computation for all.

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_callers_run_one_computation_and_get_the_same_bytes() {
    let ((cache, _clock), held) = (in_memory(), Held::new());
    let callers = held.callers(&cache, 1000, |_| Ok("one".into()));
    until(|| cache.counts().collapsed == 999).await;
    held.release_all();

    let answers: Vec<_> = callers
        .join_all()
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let first = answers[0].entry.body();
    assert!(
        answers
            .iter()
            .all(|answer| answer.entry.body().as_ptr() == first.as_ptr()),
        "no copies"
    );
    assert_eq!(first, "one");
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.status == Status::Stored)
            .count(),
        1
    );
    assert_eq!((held.runs(), cache.in_flight()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_come_at_any_moment_never_run_it_twice() {
    for _ in 0..50 {
        let ((cache, _clock), held) = (in_memory(), Held::new());
        let mut callers = held.callers(&cache, 50, |_| Ok("one".into()));
        held.release_all();
        while let Some(answer) = callers.join_next().await {
            assert_eq!(answer.unwrap().unwrap().entry.body(), "one");
        }
        assert_eq!((held.runs(), cache.in_flight()), (1, 0));
        let counts = cache.counts();
        assert_eq!(counts.hits + counts.misses, 50);
    }
}

#[tokio::test]
async fn a_computation_holds_up_no_other_key() -> Result<()> {
    let ((cache, _clock), held) = (in_memory(), Held::new());
    let callers = held.callers(&cache, 1, |_| Ok("slow".into()));
    until(|| held.runs() == 1).await;
    assert_eq!(
        cache
            .get_or_compute(key("other"), HOUR, || body("fast"))
            .await?
            .entry
            .body(),
        "fast"
    );
    assert_eq!(cache.in_flight(), 1);
    held.release_all();
    callers.join_all().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_error_goes_to_all_who_wait_and_is_not_stored() {
    let ((cache, _clock), held) = (in_memory(), Held::new());
    let callers = held.callers(&cache, 100, |_| Err(Broken));
    until(|| cache.counts().collapsed == 99).await;
    held.release_all();
    for answer in callers.join_all().await {
        let error = answer.unwrap_err();
        assert_eq!(
            (error.kind(), error.computed()),
            (ErrorKind::Compute, Some(&Broken))
        );
    }
    assert_eq!(
        (held.runs(), cache.in_flight(), cache.counts().stored),
        (1, 0, 0)
    );
}

/// The flight has ended by the time that its callers hear of it, so that asking again computes again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_asks_again_after_an_error_computes_again() {
    let (cache, _clock) = in_memory();
    for runs in 1..=2000 {
        let answer = cache
            .get_or_compute(key("page"), HOUR, || ready(Err::<Bytes, _>(Broken)))
            .await;
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Compute);
        assert_eq!(cache.counts().computed, runs);
    }
    let answer = cache
        .get_or_compute(key("page"), HOUR, || body("one"))
        .await;
    assert_eq!(answer.unwrap().status, Status::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_panic_its_caller_gets_an_error_and_one_who_waited_computes_once_more() {
    let ((cache, _clock), held) = (in_memory(), Held::new());
    let callers = held.callers(&cache, 100, |run| match run {
        1 => panic!("staged: the first run panics"),
        _ => Ok("two".into()),
    });
    until(|| cache.counts().collapsed == 99).await;
    held.release_all();

    let answers = callers.join_all().await;
    let errors: Vec<_> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .collect();
    assert_eq!(
        errors.iter().map(|error| error.kind()).collect::<Vec<_>>(),
        [ErrorKind::Panic]
    );
    assert!(
        answers
            .iter()
            .flatten()
            .all(|answer| answer.entry.body() == "two")
    );
    assert_eq!((held.runs(), cache.in_flight()), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_panic_is_shared_and_the_next_caller_starts_afresh() {
    let ((cache, _clock), held) = (in_memory(), Held::new());
    let callers = held.callers(&cache, 100, |run| panic!("staged: run {run} panics"));
    until(|| cache.counts().collapsed == 99).await;
    held.release();
    until(|| cache.counts().collapsed == 99 + 98).await;
    held.release_all();
    for answer in callers.join_all().await {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Panic);
    }
    assert_eq!((held.runs(), cache.in_flight()), (2, 0));
    let answer = cache
        .get_or_compute(key("page"), HOUR, || body("one"))
        .await;
    assert_eq!(answer.unwrap().status, Status::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_leader_whose_caller_goes_away_finishes_for_the_others_and_is_stored() -> Result<()> {
    let ((cache, _clock), held) = (in_memory(), Held::new());
    let mut leader = held.callers(&cache, 1, |_| Ok("one".into()));
    until(|| held.runs() == 1).await;
    let others = held.callers(&cache, 10, |_| Ok("two".into()));
    until(|| cache.counts().collapsed == 10).await;
    leader.shutdown().await;
    held.release_all();

    for answer in others.join_all().await {
        let answer = answer?;
        assert_eq!(
            (answer.status, answer.entry.body()),
            (Status::Collapsed, "one".into())
        );
    }
    let answer = cache
        .get_or_compute(key("page"), HOUR, || body("two"))
        .await?;
    assert_eq!(
        (answer.status, answer.entry.body()),
        (Status::Hit, "one".into())
    );
    assert_eq!((held.runs(), cache.in_flight()), (1, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_callers_that_go_away_leave_nothing_behind() -> Result<()> {
    let ((cache, _clock), held) = (in_memory(), Held::new());
    let mut callers = held.callers(&cache, 10_000, |_| Ok("one".into()));
    until(|| cache.counts().collapsed == 9_999).await;
    callers.shutdown().await;
    assert_eq!((held.runs(), cache.in_flight()), (1, 1));
    held.release_all();
    cache.settle().await;
    assert_eq!(cache.in_flight(), 0);
    assert_eq!(
        cache
            .get_or_compute(key("page"), HOUR, || body("two"))
            .await?
            .status,
        Status::Hit
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_go_away_at_any_moment_leave_nothing_behind() {
    let (cache, _clock) = in_memory();
    for round in 0..1000 {
        let mut callers = JoinSet::new();
        for _ in 0..10 {
            let cache = cache.clone();
            callers.spawn(async move {
                let compute = || async {
                    tokio::task::yield_now().await;
                    Err::<Bytes, _>(Broken)
                };
                cache
                    .get_or_compute(key(&format!("page {}", round % 7)), HOUR, compute)
                    .await
            });
        }
        if round % 3 == 0 {
            tokio::task::yield_now().await;
        }
        callers.shutdown().await;
    }
    cache.settle().await;
    assert_eq!(cache.in_flight(), 0);
}

// Stores that fail.

#[tokio::test]
async fn a_failing_store_is_a_miss_and_never_an_error() -> Result<()> {
    let (cache, store, _clock) = scripted();
    store.moods(Mood::Fails, Mood::Fails);
    for run in 1..=20 {
        let answer = cache
            .get_or_compute(key("page"), HOUR, || body("one"))
            .await?;
        assert_eq!(answer.entry.body(), "one");
        cache.settle().await;
        assert_eq!((cache.counts().computed, cache.counts().stored), (run, 0));
    }
    assert_eq!(
        cache.counts().backend_errors,
        9,
        "after the fifth get the breaker is open, and nothing is set"
    );
    assert_eq!(store.calls(), 9);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_delays_an_answer_by_one_deadline_and_then_not_at_all() -> Result<()> {
    let (cache, store, _clock) = scripted();
    store.moods(Mood::Hangs, Mood::Hangs);
    let mut delays = Vec::new();
    for _ in 0..8 {
        let started = Instant::now();
        let answer = cache
            .get_or_compute(key("page"), HOUR, || body("one"))
            .await?;
        assert_eq!(answer.entry.body(), "one");
        delays.push(started.elapsed());
        cache.settle().await;
    }
    let [late, at_once] =
        [DEADLINE, Duration::ZERO].map(|delay| delay..delay + Duration::from_millis(2));
    assert!(
        delays[..5].iter().all(|delay| late.contains(delay)),
        "{delays:?}"
    );
    assert!(
        delays[5..].iter().all(|delay| at_once.contains(delay)),
        "{delays:?}"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_of_a_hanging_store_run_one_computation() {
    let ((cache, store, _clock), held) = (scripted(), Held::new());
    store.moods(Mood::Hangs, Mood::Hangs);
    let callers = held.callers(&cache, 1000, |_| Ok("one".into()));
    until(|| store.calls() == 1000).await;
    tokio::time::advance(DEADLINE).await;
    until(|| cache.counts().collapsed == 999).await;
    held.release_all();
    assert!(
        callers
            .join_all()
            .await
            .iter()
            .flatten()
            .all(|answer| answer.entry.body() == "one")
    );
    assert_eq!(held.runs(), 1);
}

#[tokio::test]
async fn the_breaker_spares_a_store_that_is_down_and_probes_it_once_a_second() -> Result<()> {
    let (cache, store, clock) = scripted();
    let ask = async || {
        let answer = cache
            .get_or_compute(key("page"), HOUR, || body("one"))
            .await?;
        cache.settle().await;
        Ok::<_, Error>((answer.status, store.calls()))
    };
    store.moods(Mood::Fails, Mood::Fails);
    // A get and a set each, until the fifth get has failed.
    for calls in [2, 4, 6, 8, 9, 9, 9] {
        assert_eq!(ask().await?.1, calls);
    }
    clock.advance(Duration::from_millis(999));
    assert_eq!(ask().await?, (Status::NotStored, 9));
    clock.advance(Duration::from_millis(1));
    ask().await?;
    until(|| store.calls() == 10).await; // the probe
    assert_eq!(ask().await?.1, 10);

    store.moods(Mood::Works, Mood::Works);
    assert_eq!(ask().await?.1, 10, "nobody has noticed yet");
    clock.advance(Duration::from_secs(1));
    ask().await?;
    until(|| store.calls() >= 11).await; // the probe that finds it back
    ask().await?;
    assert_eq!(ask().await?.0, Status::Hit);
    Ok(())
}

/// Full, locked or read-only: reads go on, one write a second looks whether it is over, and then pages are stored.
#[tokio::test]
async fn a_store_that_refuses_writes_is_read_and_tried_again() -> Result<()> {
    let (cache, store, clock) = scripted();
    let ask = async |name: &'static str| {
        let answer = cache.get_or_compute(key(name), HOUR, || body(name)).await?;
        cache.settle().await;
        Ok::<_, Error>(answer.status)
    };
    ask("kept").await?;
    store.moods(Mood::Works, Mood::Fails);
    let names = ["1", "2", "3", "4", "5"];
    for (number, name) in names.into_iter().enumerate() {
        let calls = store.calls();
        // It is not known before the first has failed.
        let expected = match number {
            0 => Status::Stored,
            _ => Status::NotStored,
        };
        assert_eq!(ask(name).await?, expected, "{name}");
        assert_eq!(store.calls(), calls + 3, "two looks, and {name} is tried");
    }
    let calls = store.calls();
    assert_eq!(ask("6").await?, Status::NotStored);
    assert_eq!(store.calls(), calls + 2, "two looks, and no set");
    assert_eq!(ask("kept").await?, Status::Hit);

    store.moods(Mood::Works, Mood::Works);
    clock.advance(Duration::from_secs(1));
    ask("7").await?;
    assert_eq!(ask("7").await?, Status::Hit, "the probe is a set");
    ask("8").await?;
    assert_eq!(ask("8").await?, Status::Hit);
    Ok(())
}

/// The store hangs: whoever comes while the breaker is open waits for nothing, not even for the probe.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_probe() -> Result<()> {
    let (cache, store, clock) = scripted();
    store.moods(Mood::Hangs, Mood::Hangs);
    let ask = || cache.get_or_compute(key("page"), HOUR, || body("one"));
    while cache.counts().backend_skipped == 0 {
        ask().await?;
        cache.settle().await;
    }
    clock.advance(Duration::from_secs(1));
    let (calls, started) = (store.calls(), Instant::now());
    ask().await?;
    assert_eq!(started.elapsed(), Duration::ZERO);
    until(|| store.calls() > calls).await;
    Ok(())
}

#[tokio::test]
async fn a_store_that_only_refuses_large_values_is_not_taken_for_down() -> Result<()> {
    let (cache, store, _clock) = scripted();
    store.moods(Mood::Works, Mood::Refuses);
    for runs in 1..=20 {
        cache
            .get_or_compute(key("page"), HOUR, || body("one"))
            .await?;
        cache.settle().await;
        let counts = cache.counts();
        assert_eq!((counts.too_large, counts.stored), (runs, 0));
        assert_eq!((counts.backend_errors, counts.backend_skipped), (0, 0));
    }

    // Many refusals in a row, without an answered get between them.
    let (held, mut callers) = (Held::new(), JoinSet::new());
    for number in 0..20 {
        let (cache, held) = (cache.clone(), held.clone());
        callers.spawn(async move {
            let compute = || async move {
                held.run().await;
                Ok::<_, Broken>(Bytes::new())
            };
            let key = key(&format!("page {number}"));
            cache.get_or_compute(key, HOUR, compute).await
        });
    }
    until(|| held.runs() == 20).await;
    held.release_all();
    callers.join_all().await;
    cache.settle().await;
    cache
        .get_or_compute(key("page"), HOUR, || body("one"))
        .await?;
    assert_eq!(cache.counts().backend_skipped, 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_on_set_does_not_delay_the_answer_and_late_callers_join_it() -> Result<()>
{
    let (cache, store, clock) = scripted();
    store.moods(Mood::Works, Mood::Hangs);
    let started = Instant::now();
    let first = cache
        .get_or_compute(key("page"), HOUR, || body("one"))
        .await?;
    assert_eq!((first.status, cache.in_flight()), (Status::Stored, 1));

    clock.advance(Duration::from_secs(1));
    let late = cache
        .get_or_compute(key("page"), HOUR, || body("two"))
        .await?;
    assert_eq!(
        (late.status, late.entry.body()),
        (Status::Collapsed, "one".into())
    );
    assert_eq!(
        late.fresh_for,
        Some(Duration::from_secs(3599)),
        "what is left of it"
    );
    assert_eq!(started.elapsed(), Duration::ZERO);

    cache.settle().await;
    let counts = cache.counts();
    assert_eq!(
        (counts.stored, counts.backend_errors, cache.in_flight()),
        (0, 1, 0)
    );
    let next = cache
        .get_or_compute(key("page"), HOUR, || body("two"))
        .await?;
    assert_eq!(next.entry.body(), "two");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn settle_returns_once_the_store_has_taken_the_result() -> Result<()> {
    let (cache, store, _clock) = scripted();
    cache.settle().await;
    store.moods(Mood::Works, Mood::Waits);
    cache
        .get_or_compute(key("page"), HOUR, || body("one"))
        .await?;
    cache
        .get_or_compute(key("other"), HOUR, || body("two"))
        .await?;

    let mut settled = pin!(cache.settle());
    assert!(is_pending(settled.as_mut()));
    until(|| store.calls() == 6).await;
    assert!(is_pending(settled.as_mut()), "both sets are under way");
    store.permits.add_permits(1);
    until(|| cache.counts().stored == 1).await;
    assert!(is_pending(settled.as_mut()), "one of them still is");
    store.permits.add_permits(1);
    settled.await;
    assert!(store.value(&key("page")).is_some() && store.value(&key("other")).is_some());
    assert_eq!((cache.counts().stored, cache.in_flight()), (2, 0));
    Ok(())
}

#[tokio::test]
async fn bytes_that_are_no_entry_of_the_key_are_a_miss_counted_once_and_overwritten() -> Result<()>
{
    let (cache, store, _clock) = scripted();
    let [ours, other] = ["page", "other"].map(key);
    let sealed = |key| Entry::seal(key, HOUR, START_MS, Duration::ZERO, b"stored").to_bytes();
    let mut damaged = sealed(&ours).to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let mut later_version = sealed(&ours).to_vec();
    later_version[4] += 1;
    let cases = [
        ("empty", Bytes::new()),
        ("foreign", "<p>144</p>".into()),
        ("zeros", vec![0; 4096].into()),
        ("damaged", damaged.into()),
        ("cut short", sealed(&ours).slice(..70)),
        ("another version", later_version.into()),
        ("another key", sealed(&other)),
    ];
    for (number, (name, bytes)) in (1..).zip(cases) {
        store.put(&ours, bytes);
        let answer = cache
            .get_or_compute(key("page"), HOUR, || body("computed"))
            .await?;
        assert_eq!(
            (answer.status, answer.entry.body()),
            (Status::Stored, "computed".into()),
            "{name}"
        );
        assert_eq!(cache.counts().undecodable, number, "{name}");
        cache.settle().await;
        let answer = cache
            .get_or_compute(key("page"), HOUR, || body("again"))
            .await?;
        assert_eq!(
            (answer.status, answer.entry.body()),
            (Status::Hit, "computed".into()),
            "{name}"
        );
    }
    assert_eq!(cache.counts().backend_errors, 0);
    Ok(())
}

#[tokio::test]
async fn a_store_that_fails_at_random_or_answers_with_foreign_bytes_never_shows() -> Result<()> {
    let (cache, store, clock) = scripted();
    let mut random = 12_u64;
    for _ in 0..5_000 {
        // Knuth's linear congruential generator; the upper bits are the good ones.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let [get, set] = [random >> 33, random >> 43].map(|bits| match bits % 10 {
            0..3 => Mood::Fails,
            _ => Mood::Works,
        });
        store.moods(get, set);
        clock.advance(Duration::from_millis(random >> 55));
        let [page, other] =
            [random >> 50 & 15, random >> 54 & 15].map(|number| format!("page {number}"));
        if let (0, Some(foreign)) = (random >> 60, store.value(&key(&other))) {
            store.put(&key(&page), foreign);
        }
        let expected = Bytes::from(page.clone());
        let compute = move || ready(Ok::<_, Broken>(expected));
        let answer = cache
            .get_or_compute(key(&page), Policy::seconds(10), compute)
            .await?;
        assert_eq!(answer.entry.body(), page);
        cache.settle().await;
    }
    let counts = cache.counts();
    assert_eq!(counts.hits + counts.misses, 5_000);
    assert!(counts.hits > 1_000 && counts.undecodable > 10, "{counts:?}");
    Ok(())
}
