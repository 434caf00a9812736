//! Ten thousand races of an invalidation with a computation, each staged at a point drawn from a seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use giotto_cache::{
    Cache, CacheControl, Clock, Computed, KeyValue, LocMemKeyValue, Lookup, Policy, Result, Scope,
    Status,
};
use tokio::sync::Semaphore;

use super::spy::Spy;
use super::{Broken, MINUTE, START_MS, cache_on, key, ms, seconds};

/// What is changed and then invalidated.
#[derive(Clone, Copy, Debug)]
enum What {
    Tag,
    TagOfModel,
    Program,
    All,
    Expire,
    Remove,
}

const ALL: [What; 6] = [
    What::Tag,
    What::TagOfModel,
    What::Program,
    What::All,
    What::Expire,
    What::Remove,
];

/// What the pages show: a number that a writer changes.
#[derive(Clone, Default)]
struct Truth(Arc<AtomicU64>);

impl Truth {
    /// Reads the truth, and then takes its time.
    async fn compute(
        self,
        control: CacheControl,
        what: What,
        gate: Option<[Arc<Semaphore>; 2]>,
    ) -> Result<Computed, Broken> {
        let page = Bytes::from(self.0.load(Ordering::SeqCst).to_string());
        if let Some([reached, goes_on]) = gate {
            reached.add_permits(1);
            let _ = goes_on.acquire().await;
        }
        if matches!(what, What::TagOfModel) {
            control.tags(["tag"]);
        }
        Ok(Computed::Page(page))
    }
}

fn lookup(what: What, policy: &Policy) -> Lookup<'_> {
    let lookup = Lookup::new(key("page"), policy);
    match what {
        What::Tag => lookup.tags(vec!["tag".to_owned()]),
        _ => lookup,
    }
}

async fn invalidate(cache: &Cache, what: What) -> Result<()> {
    match what {
        What::Tag | What::TagOfModel => cache.invalidate("tag").await,
        What::Program => cache.invalidate(Scope::Program("program".into())).await,
        What::All => cache.invalidate(Scope::All).await,
        What::Expire => cache.expire(&key("page")).await.map(drop),
        What::Remove => cache.remove(&key("page")).await.map(drop),
    }
}

/// One race: the writer changes the truth and invalidates while a computation stands still at some point.
async fn race(random: &mut fastrand::Rng, what: What) -> Result<String> {
    let clock = Clock::manual(START_MS);
    let one = Spy::new(LocMemKeyValue::new().clock(clock.clone()));
    let spies = [one.clone(), one.another()];
    let caches = spies
        .each_ref()
        .map(|spy| cache_on(Arc::new(spy.clone()) as Arc<dyn KeyValue>, &clock));
    let [here, there] = &caches;
    let truth = Truth::default();
    let policy = MINUTE.stale(300).stale_if_error(600);
    let has_old = random.bool();
    if has_old {
        let ask = here.answer(lookup(what, &policy), |control| {
            truth.clone().compute(control, what, None)
        });
        ask.await?;
        here.settle().await;
        clock.advance(seconds(60));
        truth.0.store(1, Ordering::SeqCst);
    }
    clock.advance(ms(random.u64(..3)));

    // Every call of the store is a point, before and after, and the model is one.
    let (point, is_after) = (random.usize(..9), random.bool());
    let gate = [(); 2].map(|()| Arc::new(Semaphore::new(0)));
    let in_model = point == 8;
    let standstill = (!in_model).then(|| spies[0].stand_still(point, is_after));
    let task = tokio::spawn({
        let (here, truth, clock) = (here.clone(), truth.clone(), clock.clone());
        let gate = in_model.then(|| gate.clone());
        async move {
            let lookup = lookup(what, &policy).wait_for_fresh(true);
            let asked = here.answer(lookup, |control| truth.compute(control, what, gate));
            let _ = asked.await;
            here.settle().await;
            clock.advance(ms(0));
        }
    });
    let [reached, goes_on] = &gate;
    let mut task = std::pin::pin!(task);
    let is_reached = async {
        match &standstill {
            Some(standstill) => standstill.reached().await,
            None => drop(reached.acquire().await),
        }
    };
    // A computation of fewer calls ends before it comes to that point.
    let is_staged = tokio::select! {
        () = is_reached => true,
        _ = &mut task => false,
    };
    clock.advance(ms(random.u64(..2)));
    truth.0.store(2, Ordering::SeqCst);
    invalidate(
        if random.bool() && is_staged && in_model {
            here
        } else {
            there
        },
        what,
    )
    .await?;
    clock.advance(ms(random.u64(..2)));
    if let Some(standstill) = &standstill {
        standstill.end();
    }
    goes_on.add_permits(1);
    if is_staged {
        task.await.unwrap();
    }

    clock.advance(here.settles_within(&Scope::All));
    for (name, cache) in [("here", here), ("there", there)] {
        let asked = cache.answer(lookup(what, &policy), |control| {
            truth.clone().compute(control, what, None)
        });
        let answer = asked.await?;
        let is_fresh = !matches!(answer.status, Status::Stale(_));
        assert!(
            !is_fresh || answer.entry.body() == "2",
            "{what:?} at {point} {is_after}, {has_old}: {name} got {:?} {:?}",
            answer.status,
            answer.entry.body()
        );
        cache.settle().await;
    }
    Ok(format!("{point} {is_staged}"))
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_that_races_a_computation_never_loses() -> Result<()> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut staged = [0; 9];
    for number in 0..10_000 {
        let point = race(&mut random, ALL[number % ALL.len()]).await?;
        if let Some(point) = point.strip_suffix(" true") {
            staged[point.parse::<usize>().unwrap()] += 1;
        }
    }
    assert!(staged[..5].iter().all(|races| *races > 500), "{staged:?}");
    assert!(staged[8] > 500, "{staged:?}");
    Ok(())
}
