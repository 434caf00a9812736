//! What the engine promises, edge by edge: on memory, and on a store outside this process.
//!
//! Nothing here sleeps to get an order: models wait for a permit, and time is manual or paused.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod cache_control;
mod coalescing;
mod invalidation;
mod lease;
mod lifetimes;
mod not_stored;
mod pending_invalidations;
mod races;
mod reasons;
mod signing;
mod spy;
mod stale_while_revalidate;
mod timeouts;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use giotto_cache::testing::Chaos;
use giotto_cache::{
    Answer, Cache, CacheControl, Clock, Computed, Key, KeyValue, LocMemKeyValue, Lookup, Policy,
    Result,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const START_MS: u64 = 1_700_000_000_000;
const MINUTE: Policy = Policy::seconds(60);

fn key(name: &str) -> Key {
    Key::new("program", name, "text/html")
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A cache, and its clock.
struct World {
    cache: Cache,
    clock: Clock,
}

/// The same cache over this process's memory, and over a store outside.
fn worlds() -> [World; 2] {
    let build = |is_outside| {
        let clock = Clock::manual(START_MS);
        let memory = LocMemKeyValue::new().clock(clock.clone());
        let store: Arc<dyn KeyValue> = match is_outside {
            false => Arc::new(memory),
            true => Arc::new(Chaos::new(memory)),
        };
        let cache = Cache::builder(store).clock(clock.clone()).seed(12).build();
        World { cache, clock }
    };
    [false, true].map(build)
}

/// So many processes that share a store: their caches, what each does to its calls, and the clock of all.
fn processes<const N: usize>() -> ([Cache; N], [Chaos; N], Clock) {
    let clock = Clock::manual(START_MS);
    let first = Chaos::new(LocMemKeyValue::new().clock(clock.clone()));
    let chaos: [Chaos; N] = std::array::from_fn(|number| match number {
        0 => first.clone(),
        _ => first.another(),
    });
    let caches = chaos
        .each_ref()
        .map(|chaos| cache_on(Arc::new(chaos.clone()), &clock));
    (caches, chaos, clock)
}

fn cache_on(store: Arc<dyn KeyValue>, clock: &Clock) -> Cache {
    Cache::builder(store).clock(clock.clone()).seed(12).build()
}

impl World {
    /// Asks for the page, and has whatever goes on behind the scenes end.
    async fn ask(&self, policy: &Policy, model: &Model) -> Result<Answer> {
        ask(&self.cache, policy, model).await
    }
}

/// Asks for the page, and has whatever goes on behind the scenes end.
async fn ask(cache: &Cache, policy: &Policy, model: &Model) -> Result<Answer> {
    ask_for(cache, Lookup::new(key("page"), policy), model).await
}

async fn ask_for(cache: &Cache, lookup: Lookup<'_>, model: &Model) -> Result<Answer> {
    let answer = cache
        .answer(lookup, |control| model.clone().run(control))
        .await;
    cache.settle().await;
    answer
}

/// So many callers for the page at once, who do not wait for what goes on behind the scenes.
fn callers(cache: &Cache, count: usize, policy: Policy, model: &Model) -> JoinSet<Result<Answer>> {
    let mut callers = JoinSet::new();
    for _ in 0..count {
        let (cache, model) = (cache.clone(), model.clone());
        callers.spawn(async move {
            let lookup = Lookup::new(key("page"), &policy);
            cache
                .answer(lookup, |control| model.clone().run(control))
                .await
        });
    }
    callers
}

/// The page, which is the number of the run that made it.
fn page(answer: &Answer) -> usize {
    let body = answer.entry.body();
    std::str::from_utf8(&body).unwrap().parse().unwrap()
}

/// Returns once `condition` holds; other tasks run meanwhile. A test whose condition never comes fails.
async fn until(condition: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed() < seconds(30), "it does not happen");
        tokio::task::yield_now().await;
    }
}

/// Returns once `condition` holds, which has to ask first.
async fn until_async(condition: impl AsyncFn() -> Result<bool>) -> Result<()> {
    let started = std::time::Instant::now();
    while !condition().await? {
        assert!(started.elapsed() < seconds(30), "it does not happen");
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Lets time pass for the store and for those who wait.
async fn pass(clock: &Clock, time: Duration) {
    let step = ms(25);
    for _ in 0..time.as_millis() / step.as_millis() {
        clock.advance(step);
        tokio::time::sleep(step).await;
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("broken")]
struct Broken;

/// A computation whose runs are counted, and held if the test wants; it shows the number of its run.
#[derive(Clone, Default)]
struct Model(Arc<State>);

#[derive(Default)]
struct State {
    runs: AtomicUsize,
    says: Mutex<Says>,
    gate: Mutex<Option<Arc<Semaphore>>>,
}

/// How a run ends.
#[derive(Clone, Copy, Default)]
enum Says {
    #[default]
    Page,
    NotFound,
    NotFoundFor(i64),
    NotModified,
    Refused,
    Fails,
    Panics,
    /// A page, about which this is said.
    Wants(fn(&CacheControl)),
}

impl Model {
    fn saying(says: Says) -> Self {
        let model = Self::default();
        model.says(says);
        model
    }

    fn says(&self, says: Says) {
        *self.0.says.lock().unwrap() = says;
    }

    /// Runs begun.
    fn runs(&self) -> usize {
        self.0.runs.load(Ordering::SeqCst)
    }

    /// From now on runs wait until they are released.
    fn hold(&self) {
        *self.0.gate.lock().unwrap() = Some(Arc::new(Semaphore::new(0)));
    }

    /// Lets every run go on that waits, and those that will begin.
    fn release(&self) {
        if let Some(gate) = self.0.gate.lock().unwrap().take() {
            gate.close();
        }
    }

    async fn run(self, control: CacheControl) -> Result<Computed, Broken> {
        let run = self.0.runs.fetch_add(1, Ordering::SeqCst) + 1;
        let gate = self.0.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            // Released when it is closed.
            let _ = gate.acquire().await;
        }
        let says = *self.0.says.lock().unwrap();
        let page = Bytes::from(run.to_string());
        match says {
            Says::Page => Ok(Computed::Page(page)),
            Says::NotFound => Ok(Computed::Negative(page)),
            Says::NotFoundFor(ttl) => {
                control.ttl(ttl);
                Ok(Computed::Negative(page))
            }
            Says::NotModified => Ok(Computed::NotModified),
            Says::Refused => Ok(Computed::refused(Broken)),
            Says::Fails => Err(Broken),
            Says::Panics => panic!("staged: run {run} panics"),
            Says::Wants(wants) => {
                wants(&control);
                Ok(Computed::Page(page))
            }
        }
    }
}
