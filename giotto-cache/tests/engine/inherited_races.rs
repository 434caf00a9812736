//! Races of an invalidation with a page that is made of another result, each staged at a point drawn from a seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use giotto_cache::{Answer, Cache, CacheControl, Computed, Error, Key, Lookup, Result, Scope};

use crate::spy::Standstill;
use crate::world::{MINUTE, key, ms, raced, seconds};

/// By what the page is made old, which knows of none of it.
#[derive(Clone, Copy, Debug)]
enum What {
    Tag,
    TagOfModel,
    Program,
    All,
    /// One of so many that the page depends on a wildcard.
    OneOfMany,
}

const WAYS: [What; 9] = [
    What::Tag,
    What::TagOfModel,
    What::Program,
    What::All,
    What::Tag,
    What::TagOfModel,
    What::Program,
    What::All,
    // It takes the longest.
    What::OneOfMany,
];

/// The most calls to the store until the page is stored.
const CALLS: usize = 16;

/// Where the computation stands still meanwhile.
#[derive(Clone, Copy, Debug)]
enum Point {
    Before(usize),
    After(usize),
    InInner,
    InPage,
}

impl Point {
    fn draw(random: &mut fastrand::Rng, is_outside: bool) -> Self {
        let call = random.usize(..CALLS);
        match random.u8(..4) {
            0 if is_outside => Self::Before(call),
            1 if is_outside => Self::After(call),
            2 => Self::InInner,
            _ => Self::InPage,
        }
    }
}

/// What the inner result shows: a number that a writer changes.
#[derive(Clone, Default)]
struct Truth {
    number: Arc<AtomicU64>,
    in_inner: Option<Standstill>,
    in_page: Option<Standstill>,
}

impl Truth {
    fn change(&self) {
        self.number.fetch_add(1, Ordering::SeqCst);
    }

    async fn inner(&self, cache: &Cache, what: What) -> Result<Bytes> {
        let lookup = Lookup::new(Key::new("inner", "", "text/plain"), MINUTE);
        let lookup = match what {
            What::Tag => lookup.tags(vec!["inner".to_owned()]),
            What::OneOfMany => {
                lookup.tags((0..64).map(|number| format!("user:{number}")).collect())
            }
            _ => lookup,
        };
        let truth = self.clone();
        let compute = |control: CacheControl| async move {
            let shown = Bytes::from(truth.number.load(Ordering::SeqCst).to_string());
            if let Some(standstill) = &truth.in_inner {
                standstill.stand().await;
            }
            if let What::TagOfModel = what {
                control.tags(["inner"]);
            }
            Ok::<_, Error>(Computed::Page(shown))
        };
        Ok(cache.answer(lookup, compute).await?.entry.body())
    }

    async fn page(&self, cache: &Cache, what: What) -> Result<Answer> {
        let lookup = Lookup::new(key("page"), MINUTE).tags(vec!["page".to_owned()]);
        let (truth, inside) = (self.clone(), cache.clone());
        let compute = |_| async move {
            let shown = truth.inner(&inside, what).await?;
            if let Some(standstill) = &truth.in_page {
                standstill.stand().await;
            }
            Ok::<_, Error>(Computed::Page(shown))
        };
        let answer = cache.answer(lookup, compute).await;
        cache.settle().await;
        answer
    }
}

async fn make_old(cache: &Cache, what: What, random: &mut fastrand::Rng) -> Result<()> {
    match what {
        What::Tag | What::TagOfModel => cache.invalidate("inner").await,
        What::Program => cache.invalidate(Scope::Program("inner".into())).await,
        What::All => cache.invalidate(Scope::All).await,
        What::OneOfMany => cache.invalidate(format!("user:{}", random.u8(..64))).await,
    }
}

/// One race: the truth changes and its results are made old while the page stands still at a point. Whether it came there at
/// all.
async fn race(random: &mut fastrand::Rng, what: What, is_outside: bool) -> Result<(Point, bool)> {
    let ([here, there], spy, clock) = raced(is_outside);
    let mut truth = Truth::default();
    match random.u8(..3) {
        // The page is old.
        0 => {
            truth.page(&here, what).await?;
            clock.advance(seconds(60));
            truth.change();
        }
        // The inner result is there already, and a hit.
        1 => {
            truth.inner(&there, what).await?;
            there.settle().await;
        }
        _ => {}
    }
    clock.advance(ms(random.u64(..3)));

    let point = Point::draw(random, is_outside);
    let standstill = match point {
        Point::Before(call) => spy.stand_still(call, false),
        Point::After(call) => spy.stand_still(call, true),
        Point::InInner => truth.in_inner.insert(Standstill::new()).clone(),
        Point::InPage => truth.in_page.insert(Standstill::new()).clone(),
    };
    let mut first = tokio::spawn({
        let (here, truth) = (here.clone(), truth.clone());
        async move { truth.page(&here, what).await }
    });
    let is_staged = tokio::select! {
        () = standstill.reached() => true,
        _ = &mut first => false,
    };
    clock.advance(ms(random.u64(..2)));
    truth.in_inner = None;
    truth.in_page = None;
    truth.change();
    // The process that stands still in a call cannot make another one at the same point.
    let by = match (point, random.bool()) {
        (Point::InInner | Point::InPage, true) => &here,
        _ => &there,
    };
    make_old(by, what, random).await?;
    clock.advance(ms(random.u64(..2)));
    let now = truth.number.load(Ordering::SeqCst).to_string();
    let check = |answer: Answer| {
        assert_eq!(
            answer.entry.body(),
            now,
            "{what:?} at {point:?}: {answer:?}"
        );
    };
    // The next lookup meets that computation, in its own process, unless the scope is known only a second later.
    let is_told = !matches!(what, What::Program | What::All);
    let second = tokio::spawn({
        let (here, truth) = (here.clone(), truth.clone());
        async move { truth.page(&here, what).await }
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
        check(truth.page(cache, what).await?);
    }
    Ok((point, is_staged))
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_that_races_a_page_made_of_another_result_never_loses() -> Result<()> {
    let mut random = fastrand::Rng::with_seed(11);
    let (mut in_calls, mut in_inner, mut in_page) = ([0; CALLS], 0, 0);
    for number in 0..2_000 {
        let is_outside = random.u8(..4) > 0;
        match race(&mut random, WAYS[number % WAYS.len()], is_outside).await? {
            (Point::Before(call) | Point::After(call), true) => in_calls[call] += 1,
            (Point::InInner, true) => in_inner += 1,
            (Point::InPage, true) => in_page += 1,
            _ => {}
        }
    }
    let is_even = in_calls[..8].iter().all(|races| *races > 20) && in_inner > 150 && in_page > 300;
    assert!(is_even, "{in_calls:?} {in_inner} {in_page}");
    Ok(())
}
