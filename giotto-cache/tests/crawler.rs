//! A crawler that invents arguments, beside a thousand pages that are read: with a budget they stay.
//!
//! `GIOTTO_CRAWLER=1000000` has it invent so many, and prints what it finds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use giotto_cache::{Budget, Cache, Error, Key, KeyValue, LocMemKeyValue, Policy, Result, Status};
use tokio::task::JoinSet;

const HOT: u64 = 1_000;
/// How many pages the crawler asks for, for each that is read.
const CRAWLED: u64 = 10;
const PAGE: usize = 2_000;
/// More than the pages that are read take, and less than ten thousand of the crawler's.
const ROOM: u64 = 8 << 20;
const CALLERS: u64 = 16;

async fn ask(cache: &Cache, program: &str, number: u64) -> Result<bool> {
    let key = Key::new(program, number.to_string(), "text/html");
    let page = || async { Ok::<_, Error>(vec![b'x'; PAGE].into()) };
    let answer = cache
        .get_or_compute(key, Policy::seconds(3_600), page)
        .await?;
    Ok(answer.status == Status::Hit)
}

/// The part of the reads of the hot set that are hits, while the crawler asks for `invented` other pages.
async fn hit_rate(
    store: Arc<dyn KeyValue>,
    budget: Budget,
    invented: u64,
) -> Result<(f64, Cache), Box<dyn std::error::Error>> {
    // A machine that is busy must not make a miss of a hit.
    let patient = Duration::from_secs(30);
    let cache = Cache::builder(store).deadline(patient).build();
    // The hot set is of the same program in one half, and of another in the other half.
    cache.set_budget("crawled", budget)?;
    let program = |number: u64| {
        if number.is_multiple_of(2) {
            "crawled"
        } else {
            "other"
        }
    };
    for number in (0..HOT).chain(0..HOT).chain(0..HOT) {
        ask(&cache, program(number), number).await?;
        // Memory is quick to forget what was asked for once.
        cache.settle().await;
    }
    let (next, hits) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (cache, next, hits) = (cache.clone(), Arc::clone(&next), Arc::clone(&hits));
        callers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= invented {
                    return Ok::<_, Error>(());
                }
                ask(&cache, "crawled", HOT + number).await?;
                if number.is_multiple_of(CRAWLED) {
                    let hot = number / CRAWLED % HOT;
                    let is_hit = ask(&cache, program(hot), hot).await?;
                    hits.fetch_add(u64::from(is_hit), Ordering::Relaxed);
                }
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended??;
    }
    let reads = invented.div_ceil(CRAWLED);
    Ok((hits.load(Ordering::Relaxed) as f64 / reads as f64, cache))
}

async fn is_kept(
    name: &str,
    store: impl Fn() -> Arc<dyn KeyValue>,
) -> Result<(), Box<dyn std::error::Error>> {
    let given = std::env::var("GIOTTO_CRAWLER").ok();
    let invented = given.as_ref().map_or(Ok(20_000), |given| given.parse())?;
    for budget in [
        Budget::new(),
        Budget::new().cache_on_second_request(),
        Budget::new().max_entries(1_500),
        Budget::new().new_entries_per_second(500),
    ] {
        let store = store();
        store.clear().await?;
        let (rate, cache) = hit_rate(store, budget, invented).await?;
        if given.is_some() {
            let stored = cache.counts().stored;
            #[expect(clippy::print_stderr, reason = "the figures of a run by hand")]
            {
                eprintln!(
                    "{name}, {invented} invented, {budget:?}: {:.2} % hits, {stored} stored",
                    rate * 100.0
                );
            }
        }
        let is_limited = !budget.is_unlimited();
        assert!(!is_limited || rate >= 0.95, "{name}, {budget:?}: {rate}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory_the_hot_set_stays() -> Result<(), Box<dyn std::error::Error>> {
    is_kept("memory", || Arc::new(LocMemKeyValue::new().max_bytes(ROOM))).await
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_redis_the_hot_set_stays() -> Result<(), Box<dyn std::error::Error>> {
    use giotto_cache::RedisKeyValue;

    let room = ROOM.to_string();
    let limits = ["--maxmemory", &room, "--maxmemory-policy", "allkeys-lru"];
    let redis = test_servers::Redis::start_with(&limits);
    let store = RedisKeyValue::new().port(redis.port());
    is_kept("redis", || Arc::new(store.clone())).await
}
