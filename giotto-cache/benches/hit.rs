//! What a hit costs: the whole engine against a bare look-up in `quick_cache` and in `moka`.
//!
//! `cargo bench -p giotto-cache --bench hit`. Same key, 1 KiB body, one thread. The contenders take turns
//! in every round, and the table has the medians. The engine takes its key by value: what cloning it for
//! every hit costs is measured alone and subtracted, and so is what writing it costs. Two rows are of a page that depends on more
//! than the time: on an invalidation before it was computed, and on a tag. The last rows are of a store that
//! counts as one outside this process, so that what comes from it is verified: by its checksum, or where signing keys are
//! set by its signature.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::convert::Infallible;
use std::future::ready;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

use giotto_cache::{
    Cache, Computed, Key, KeyValue, LocMemKeyValue, Lookup, Policy, Scope, Status, literal,
};

const ROUNDS: usize = 10_001;
const HITS: usize = 100;

/// The promises: at most four bare look-ups, at most two allocations.
const MAX_RATIO: f64 = 4.0;
const MAX_ALLOCATIONS: f64 = 2.0;

const KEY: &str = "{'x': 12}(squared)(text/html)";
const HOUR: Policy = Policy::seconds(3600);

#[derive(Serialize)]
struct Arguments {
    x: i64,
}

fn main() {
    let body = Bytes::from(vec![b'x'; 1024]);
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime can be started");
    let bare = quick_cache::sync::Cache::new(10_000);
    let moka = moka::sync::Cache::new(10_000);
    let store = LocMemKeyValue::new();
    let cache = Cache::new(store.clone());
    bare.insert(KEY.to_owned(), body.clone());
    moka.insert(KEY.to_owned(), body.clone());
    runtime.block_on(ask(&cache, key(), body.clone()));

    let invalidated = invalidated(&runtime, body.clone());
    let tagged = Cache::new(LocMemKeyValue::new());
    runtime.block_on(ask_tagged(&tagged, key(), body));

    let outside = [1, 20].map(|kib| [false, true].map(|signed| outside(&runtime, kib, signed)));
    let [[small, small_signed], [large, large_signed]] = &outside;

    let at_hand = key();
    let [
        quick_cache,
        moka,
        locmem,
        clone,
        write,
        cloned,
        written,
        after,
        with_tag,
        verified,
        signed,
        verified_large,
        signed_large,
    ] = medians([
        &|| repeat(|| bare.get(black_box(KEY))),
        &|| repeat(|| moka.get(black_box(KEY))),
        &|| stored(&runtime, &store),
        &|| repeat(|| Some(black_box(&at_hand).clone())),
        &|| repeat(|| Some(key())),
        &|| hits(&runtime, &cache, || at_hand.clone()),
        &|| hits(&runtime, &cache, key),
        &|| hits(&runtime, &invalidated, || at_hand.clone()),
        &|| tagged_hits(&runtime, &tagged, || at_hand.clone()),
        &|| hits(&runtime, small, || at_hand.clone()),
        &|| hits(&runtime, small_signed, || at_hand.clone()),
        &|| hits(&runtime, large, || at_hand.clone()),
        &|| hits(&runtime, large_signed, || at_hand.clone()),
    ]);
    let hit = cloned.less(clone);

    println!("{ROUNDS} rounds of {HITS} hits each\n");
    println!(
        "{:<34} {:>8} {:>12} {:>12}",
        "", "ns", "quick_cache", "allocations"
    );
    for (name, cost) in [
        ("quick_cache get", quick_cache),
        ("moka get", moka),
        ("LocMemKeyValue::get", locmem),
        ("Key::clone", clone),
        ("Key::new and its literal", write),
        ("get_or_compute", hit),
        ("get_or_compute, key cloned", cloned),
        ("get_or_compute, key written", written),
        ("the same, after an invalidation", after),
        ("answer, one tag", with_tag),
        ("outside, 1 KiB", verified),
        ("outside, 1 KiB, signed", signed),
        ("outside, 20 KiB", verified_large),
        ("outside, 20 KiB, signed", signed_large),
    ] {
        let (ns, ratio) = (cost.nanoseconds, cost.nanoseconds / quick_cache.nanoseconds);
        println!(
            "{name:<34} {ns:>8.1} {ratio:>11.2}x {:>12.2}",
            cost.allocations
        );
    }
    let verdict = |kept| if kept { "kept" } else { "BROKEN" };
    let is_fast = hit.nanoseconds <= MAX_RATIO * quick_cache.nanoseconds;
    let is_lean = hit.allocations <= MAX_ALLOCATIONS;
    println!(
        "\nget_or_compute, promised: at most {MAX_RATIO} x quick_cache: {}",
        verdict(is_fast)
    );
    println!(
        "get_or_compute, promised: at most {MAX_ALLOCATIONS} allocations: {}",
        verdict(is_lean)
    );
}

/// A cache with a page that was computed after everything was invalidated.
fn invalidated(runtime: &Runtime, body: Bytes) -> Cache {
    let cache = Cache::new(LocMemKeyValue::new());
    runtime.block_on(async {
        assert!(cache.invalidate(Scope::All).await.is_ok());
        ask(&cache, key(), body).await;
    });
    cache
}

/// A cache on memory that counts as a store outside this process, with a page of so many KiB.
fn outside(runtime: &Runtime, kib: usize, signed: bool) -> Cache {
    let builder = Cache::builder(Arc::new(Outside(LocMemKeyValue::new())));
    let keys: &[&str] = match signed {
        true => &["a key of 32 bytes for measurements"],
        false => &[],
    };
    let cache = builder
        .signing_keys(keys)
        .expect("it is long enough")
        .build();
    runtime.block_on(async {
        ask(&cache, key(), Bytes::from(vec![b'x'; kib << 10])).await;
        cache.settle().await;
    });
    cache
}

#[derive(Debug)]
struct Outside(LocMemKeyValue);

#[giotto_cache::async_trait]
impl KeyValue for Outside {
    async fn get(&self, key: &str) -> giotto_cache::Result<Option<Bytes>> {
        self.0.get(key).await
    }

    async fn set(
        &self,
        key: &str,
        value: Bytes,
        expire: Option<Duration>,
    ) -> giotto_cache::Result<()> {
        self.0.set(key, value, expire).await
    }

    fn get_now(&self, key: &str) -> Option<Option<Bytes>> {
        self.0.get_now(key)
    }
}

/// What one hit costs.
#[derive(Clone, Copy)]
struct Cost {
    nanoseconds: f64,
    allocations: f64,
}

impl Cost {
    fn less(self, other: Self) -> Self {
        Self {
            nanoseconds: self.nanoseconds - other.nanoseconds,
            allocations: self.allocations - other.allocations,
        }
    }
}

/// The median cost of each contender, of which every one has its turn in every round.
fn medians<const N: usize>(contenders: [&dyn Fn(); N]) -> [Cost; N] {
    let mut nanoseconds = [const { Vec::new() }; N];
    for _ in 0..ROUNDS {
        for (contender, nanoseconds) in contenders.iter().zip(&mut nanoseconds) {
            // Counting allocations takes time, so it is done apart.
            let started = Instant::now();
            allocation_counter::opt_out(contender);
            nanoseconds.push(started.elapsed().as_nanos() as f64 / HITS as f64);
        }
    }
    let mut nanoseconds = nanoseconds.into_iter();
    contenders.map(|contender| Cost {
        nanoseconds: nanoseconds.next().map_or(f64::NAN, median),
        allocations: allocation_counter::measure(contender).count_total as f64 / HITS as f64,
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn key() -> Key {
    let arguments = literal::to_string(&Arguments { x: black_box(12) });
    Key::new(
        "squared",
        arguments.expect("an integer can be written"),
        "text/html",
    )
}

fn repeat<T>(hit: impl Fn() -> Option<T>) {
    for _ in 0..HITS {
        assert!(black_box(hit()).is_some());
    }
}

fn stored(runtime: &Runtime, store: &LocMemKeyValue) {
    runtime.block_on(async {
        let store: &dyn KeyValue = black_box(store);
        for _ in 0..HITS {
            assert!(
                store
                    .get(black_box(KEY))
                    .await
                    .is_ok_and(|value| value.is_some())
            );
        }
    });
}

fn hits(runtime: &Runtime, cache: &Cache, key: impl Fn() -> Key) {
    runtime.block_on(async {
        for _ in 0..HITS {
            assert_eq!(ask(cache, key(), Bytes::new()).await, Some(Status::Hit));
        }
    });
}

async fn ask(cache: &Cache, key: Key, body: Bytes) -> Option<Status> {
    let answer = cache
        .get_or_compute(key, HOUR, || ready(Ok::<_, Infallible>(body)))
        .await;
    black_box(&answer).as_ref().ok().map(|answer| answer.status)
}

fn tagged_hits(runtime: &Runtime, cache: &Cache, key: impl Fn() -> Key) {
    runtime.block_on(async {
        for _ in 0..HITS {
            let status = ask_tagged(cache, key(), Bytes::new()).await;
            assert_eq!(status, Some(Status::Hit));
        }
    });
}

async fn ask_tagged(cache: &Cache, key: Key, body: Bytes) -> Option<Status> {
    let lookup = Lookup::new(key, HOUR).tags(vec!["product:12".to_owned()]);
    let compute = |_| ready(Ok::<_, Infallible>(Computed::Page(body)));
    let answer = cache.answer(lookup, compute).await;
    black_box(&answer).as_ref().ok().map(|answer| answer.status)
}
