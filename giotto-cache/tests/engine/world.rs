//! Caches in one process and in several, on memory and on a store outside, with a clock that the test sets.

use std::sync::Arc;
use std::time::Duration;

use giotto_cache::testing::{Chaos, assert_hit};
use giotto_cache::{
    Answer, Cache, Clock, Key, KeyValue, LocMemKeyValue, Lookup, Policy, Result, Scope,
};
use tokio::task::JoinSet;

use crate::model::Model;
use crate::spy::Spy;

pub(crate) const START_MS: u64 = 1_700_000_000_000;

pub(crate) const MINUTE: Policy = Policy::seconds(60);

/// Fresh for a minute, then stale for five.
pub(crate) fn stale() -> Policy {
    MINUTE.stale_while_revalidate(300)
}

/// Fresh for a minute, then there for ten if the model fails.
pub(crate) fn kept() -> Policy {
    MINUTE.stale_if_error(600)
}

pub(crate) fn key(name: &str) -> Key {
    Key::new("program", name, "text/html")
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A cache, and its clock.
pub(crate) struct World {
    pub(crate) cache: Cache,
    pub(crate) clock: Clock,
}

/// The same cache over this process's memory, and over a store outside.
pub(crate) fn worlds() -> [World; 2] {
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
pub(crate) fn processes<const N: usize>() -> ([Cache; N], [Chaos; N], Clock) {
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

pub(crate) fn cache_on(store: Arc<dyn KeyValue>, clock: &Clock) -> Cache {
    Cache::builder(store).clock(clock.clone()).seed(12).build()
}

/// Two processes, and what each asks of the store they share.
pub(crate) fn spied() -> ([Cache; 2], [Spy; 2], Clock) {
    let clock = Clock::manual(START_MS);
    let one = Spy::new(LocMemKeyValue::new().clock(clock.clone()));
    let spies = [one.clone(), one.another()];
    let caches = spies
        .each_ref()
        .map(|spy| cache_on(Arc::new(spy.clone()), &clock));
    (caches, spies, clock)
}

/// For a race: two processes on a store outside with what the first asks of it, or one, twice, with its own memory, of which
/// nothing is asked.
pub(crate) fn raced(is_outside: bool) -> ([Cache; 2], Spy, Clock) {
    let (caches, [spy, _], clock) = spied();
    if is_outside {
        return (caches, spy, clock);
    }
    let memory = LocMemKeyValue::new().clock(clock.clone());
    let cache = cache_on(Arc::new(memory), &clock);
    ([cache.clone(), cache], spy, clock)
}

impl World {
    /// Asks for the page, and has whatever goes on behind the scenes end.
    pub(crate) async fn ask(&self, policy: &Policy, model: &Model) -> Result<Answer> {
        ask(&self.cache, policy, model).await
    }
}

/// Asks for the page, and has whatever goes on behind the scenes end.
pub(crate) async fn ask(cache: &Cache, policy: &Policy, model: &Model) -> Result<Answer> {
    ask_for(cache, Lookup::new(key("page"), *policy), model).await
}

pub(crate) async fn ask_for(cache: &Cache, lookup: Lookup, model: &Model) -> Result<Answer> {
    let answer = cache
        .answer(lookup, |control| model.clone().run(control))
        .await;
    cache.settle().await;
    answer
}

/// So many callers for the page at once, who do not wait for what goes on behind the scenes.
pub(crate) fn callers(
    cache: &Cache,
    count: usize,
    policy: Policy,
    model: &Model,
) -> JoinSet<Result<Answer>> {
    let mut callers = JoinSet::new();
    for _ in 0..count {
        let (cache, model) = (cache.clone(), model.clone());
        callers.spawn(async move {
            let lookup = Lookup::new(key("page"), policy);
            cache
                .answer(lookup, |control| model.clone().run(control))
                .await
        });
    }
    callers
}

/// Lets time pass for the store and for those who wait.
pub(crate) async fn pass(clock: &Clock, time: Duration) {
    let step = ms(25);
    for _ in 0..time.as_millis() / step.as_millis() {
        clock.advance(step);
        tokio::time::sleep(step).await;
    }
}

pub(crate) const TAG: &str = "user:7";

pub(crate) fn user_page() -> Lookup {
    Lookup::new(key("page"), MINUTE).tags(vec![TAG.to_owned()])
}

pub(crate) fn scopes() -> [Scope; 3] {
    [
        Scope::Tag(TAG.to_owned()),
        Scope::Program("program".to_owned()),
        Scope::All,
    ]
}

/// Has both processes hold a fresh page.
pub(crate) async fn warm_user_page(caches: [&Cache; 2], model: &Model) -> Result<()> {
    ask_for(caches[0], user_page(), model).await?;
    for cache in caches {
        assert_hit!(ask_for(cache, user_page(), model).await?);
    }
    Ok(())
}
