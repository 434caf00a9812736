//! Ten thousand races of an invalidation with a computation, each staged at a point drawn from a seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use giotto_cache::{Answer, Cache, CacheControl, Computed, Lookup, Policy, Result, Scope, Status};

use crate::model::Broken;
use crate::spy::Standstill;
use crate::world::{MINUTE, key, ms, raced, seconds};

/// By what the page is made old.
#[derive(Clone, Copy, Debug)]
enum What {
    Tag,
    TagOfModel,
    Program,
    All,
    Expire,
    Remove,
}

const WAYS: [What; 6] = [
    What::Tag,
    What::TagOfModel,
    What::Program,
    What::All,
    What::Expire,
    What::Remove,
];

/// Where the computation stands still meanwhile.
#[derive(Clone, Copy, Debug)]
enum Point {
    Before(usize),
    After(usize),
    InModel,
}

impl Point {
    /// One of them; the longest computation asks the store eight times.
    fn draw(random: &mut fastrand::Rng, is_outside: bool) -> Self {
        match random.usize(..9) {
            call if is_outside && call < 8 && random.bool() => Self::Before(call),
            call if is_outside && call < 8 => Self::After(call),
            _ => Self::InModel,
        }
    }
}

/// What the pages show: a number that a writer changes. A computation reads it and then takes its time.
#[derive(Clone, Default)]
struct Truth {
    number: Arc<AtomicU64>,
    standstill: Option<Standstill>,
}

impl Truth {
    fn change(&self) {
        self.number.fetch_add(1, Ordering::SeqCst);
    }

    async fn compute(self, control: CacheControl, what: What) -> Result<Computed, Broken> {
        let page = Bytes::from(self.number.load(Ordering::SeqCst).to_string());
        if let Some(standstill) = self.standstill {
            standstill.stand().await;
        }
        if let What::TagOfModel = what {
            control.tags(["tag"]);
        }
        Ok(Computed::Page(page))
    }

    async fn ask(&self, cache: &Cache, what: What, policy: &Policy) -> Result<Answer> {
        let lookup = match what {
            What::Tag => Lookup::new(key("page"), *policy).tags(vec!["tag".to_owned()]),
            _ => Lookup::new(key("page"), *policy),
        };
        let lookup = lookup.wait_for_fresh(true);
        let compute = |control| self.clone().compute(control, what);
        let answer = cache.answer(lookup, compute).await;
        cache.settle().await;
        answer
    }
}

async fn make_old(cache: &Cache, what: What) -> Result<()> {
    match what {
        What::Tag | What::TagOfModel => cache.invalidate("tag").await,
        What::Program => cache.invalidate(Scope::Program("program".into())).await,
        What::All => cache.invalidate(Scope::All).await,
        What::Expire => cache.expire(&key("page")).await.map(drop),
        What::Remove => cache.remove(&key("page")).await.map(drop),
    }
}

/// One race: the truth changes and its pages are made old while a computation stands still at `point`. Whether it came
/// there at all.
async fn race(random: &mut fastrand::Rng, what: What, is_outside: bool) -> Result<(Point, bool)> {
    let ([here, there], spy, clock) = raced(is_outside);
    let policy = MINUTE.stale_while_revalidate(300).stale_if_error(600);
    let mut truth = Truth::default();
    if random.bool() {
        truth.ask(&here, what, &policy).await?;
        clock.advance(seconds(60));
        truth.change();
    }
    clock.advance(ms(random.u64(..3)));

    let point = Point::draw(random, is_outside);
    let standstill = match point {
        Point::Before(call) => spy.stand_still(call, false),
        Point::After(call) => spy.stand_still(call, true),
        Point::InModel => truth.standstill.insert(Standstill::new()).clone(),
    };
    let mut first = tokio::spawn({
        let (here, truth) = (here.clone(), truth.clone());
        async move { truth.ask(&here, what, &policy).await }
    });
    // A computation of fewer calls ends before it comes to that point.
    let is_staged = tokio::select! {
        () = standstill.reached() => true,
        _ = &mut first => false,
    };
    clock.advance(ms(random.u64(..2)));
    truth.standstill = None;
    truth.change();
    // The process that stands still in a call cannot make another one at the same point.
    let by = match (point, random.bool()) {
        (Point::InModel, true) => &here,
        _ => &there,
    };
    make_old(by, what).await?;
    clock.advance(ms(random.u64(..2)));
    let now = truth.number.load(Ordering::SeqCst).to_string();
    let check = |answer: Answer| {
        let is_old = answer.entry.body() != now;
        let is_called_old = matches!(answer.status, Status::Stale(_));
        assert!(
            !is_old || is_called_old,
            "{what:?} at {point:?}: {answer:?}"
        );
    };
    // The next lookup meets that computation, in its own process, unless the scope is known only a second later.
    let is_told = !matches!(what, What::Program | What::All);
    let second = tokio::spawn({
        let (here, truth) = (here.clone(), truth.clone());
        async move { truth.ask(&here, what, &policy).await }
    });
    tokio::task::yield_now().await;
    standstill.end();
    if is_staged {
        first.await.unwrap()?;
    }
    let second = second.await.unwrap()?;
    if is_told {
        check(second);
    }

    clock.advance(here.settles_within(&Scope::All));
    for cache in [&here, &there] {
        check(truth.ask(cache, what, &policy).await?);
    }
    Ok((point, is_staged))
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_that_races_a_computation_never_loses() -> Result<()> {
    let mut random = fastrand::Rng::with_seed(7);
    let (mut in_calls, mut in_models) = ([0; 8], 0);
    for number in 0..10_000 {
        let is_outside = random.u8(..4) > 0;
        match race(&mut random, WAYS[number % WAYS.len()], is_outside).await? {
            (Point::Before(call) | Point::After(call), true) => in_calls[call] += 1,
            (Point::InModel, true) => in_models += 1,
            _ => {}
        }
    }
    let is_even = in_calls[..5].iter().all(|races| *races > 500) && in_models > 2_000;
    assert!(is_even, "{in_calls:?} {in_models}");
    Ok(())
}
