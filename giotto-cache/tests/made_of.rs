//! Fifty pages that are made of two hundred results, under random writes by two processes: an oracle finds no stale page, and
//! little is computed that need not be.
//!
//! `GIOTTO_MADE_OF=10000` makes so many writes, and prints what it finds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use giotto_cache::{Cache, Computed, Error, Key, LocMemKeyValue, Lookup, Policy, Result};
use tokio::task::JoinSet;

const PAGES: usize = 50;
const PARTS: usize = 200;
/// How many results a page is made of.
const OF: usize = 8;
/// How many pages are read for each write.
const READS: usize = 4;
const PROCESSES: u64 = 2;
const FEW_WRITES: u64 = 1_000;
/// More than are computed that must be, at most.
const MOST: f64 = 1.2;

/// What is true, and what was computed.
struct World {
    /// The number that each result shows, and the last one whose invalidation has ended.
    parts: Vec<(AtomicU64, AtomicU64)>,
    pages: Vec<Vec<usize>>,
    of_parts: Runs,
    of_pages: Runs,
    stale: AtomicU64,
    read: AtomicU64,
}

/// The runs of computations. One is necessary if its result is not that of the run before.
#[derive(Default)]
struct Runs {
    all: AtomicU64,
    necessary: AtomicU64,
    last: Mutex<HashMap<usize, Bytes>>,
}

impl Runs {
    fn note(&self, of: usize, result: &Bytes) {
        self.all.fetch_add(1, Ordering::Relaxed);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.insert(of, result.clone()).as_ref() != Some(result) {
            self.necessary.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn ratio(&self) -> f64 {
        let of = |runs: &AtomicU64| runs.load(Ordering::Relaxed) as f64;
        of(&self.all) / of(&self.necessary)
    }
}

impl World {
    fn new(random: &mut fastrand::Rng) -> Self {
        let mut page = || (0..OF).map(|_| random.usize(..PARTS)).collect();
        Self {
            pages: (0..PAGES).map(|_| page()).collect(),
            parts: (0..PARTS).map(|_| Default::default()).collect(),
            of_parts: Runs::default(),
            of_pages: Runs::default(),
            stale: AtomicU64::new(0),
            read: AtomicU64::new(0),
        }
    }

    async fn part(self: &Arc<Self>, cache: &Cache, number: usize) -> Result<Bytes> {
        let key = Key::new("part", number.to_string(), "text/plain");
        let lookup = Lookup::new(key, Policy::seconds(3_600)).tags(vec![tag(number)]);
        let world = Arc::clone(self);
        let compute = |_| async move {
            let shown = world.parts[number].0.load(Ordering::SeqCst);
            let shown = Bytes::from(shown.to_string());
            world.of_parts.note(number, &shown);
            Ok::<_, Error>(Computed::Page(shown))
        };
        Ok(cache.answer(lookup, compute).await?.entry.body())
    }

    /// A page, which names no tag.
    async fn page(self: &Arc<Self>, cache: &Cache, number: usize) -> Result<Bytes> {
        let key = Key::new("page", number.to_string(), "text/html");
        let lookup = Lookup::new(key, Policy::seconds(3_600));
        let (world, inside) = (Arc::clone(self), cache.clone());
        let compute = |_| async move {
            let mut shown = Vec::new();
            for part in &world.pages[number] {
                shown.push(world.part(&inside, *part).await?);
            }
            let shown = Bytes::from(shown.join(&b' '));
            world.of_pages.note(number, &shown);
            Ok::<_, Error>(Computed::Page(shown))
        };
        Ok(cache.answer(lookup, compute).await?.entry.body())
    }

    async fn write(&self, cache: &Cache, number: usize) -> Result<()> {
        let (shown, told) = &self.parts[number];
        let new = shown.fetch_add(1, Ordering::SeqCst) + 1;
        cache.invalidate(tag(number)).await?;
        told.fetch_max(new, Ordering::SeqCst);
        Ok(())
    }

    /// Reads a page, each number of which must be as new as the last write that had ended before.
    async fn read(self: &Arc<Self>, cache: &Cache, number: usize) -> Result<()> {
        let parts = self.pages[number].iter();
        let told: Vec<_> = parts
            .map(|part| self.parts[*part].1.load(Ordering::SeqCst))
            .collect();
        let page = self.page(cache, number).await?;
        let shown = std::str::from_utf8(&page).unwrap_or_default().split(' ');
        let shown = shown.map(|shown| shown.parse().unwrap_or(0));
        let is_stale = shown
            .zip(told)
            .any(|(shown, told): (u64, u64)| shown < told);
        self.stale.fetch_add(u64::from(is_stale), Ordering::Relaxed);
        self.read.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn tag(number: usize) -> String {
    format!("part:{number}")
}

async fn check(
    name: &str,
    cache: impl Fn() -> Cache,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let given = std::env::var("GIOTTO_MADE_OF").ok();
    let writes = given
        .as_ref()
        .map_or(Ok(FEW_WRITES), |given| given.parse())?;
    let world = Arc::new(World::new(&mut fastrand::Rng::with_seed(14)));
    let mut processes = JoinSet::new();
    for seed in 0..PROCESSES {
        let (world, cache) = (Arc::clone(&world), cache());
        processes.spawn(async move {
            let mut random = fastrand::Rng::with_seed(seed);
            for _ in 0..writes / PROCESSES {
                world.write(&cache, random.usize(..PARTS)).await?;
                for _ in 0..READS {
                    world.read(&cache, random.usize(..PAGES)).await?;
                }
            }
            cache.settle().await;
            Ok::<_, Error>(())
        });
    }
    while let Some(ended) = processes.join_next().await {
        ended??;
    }
    let (stale, read) = (&world.stale, &world.read);
    let [stale, read] = [stale, read].map(|count| count.load(Ordering::Relaxed));
    let ratios = [&world.of_pages, &world.of_parts].map(Runs::ratio);
    if given.is_some() {
        let [pages, parts] =
            [&world.of_pages, &world.of_parts].map(|runs| runs.all.load(Ordering::Relaxed));
        #[expect(clippy::print_stderr, reason = "the figures of a run by hand")]
        {
            eprintln!(
                "{name}, {writes} writes, {read} pages read: {stale} stale; {pages} pages and {parts} parts computed, {:.3} and \
                 {:.3} of what is necessary",
                ratios[0], ratios[1]
            );
        }
    }
    assert_eq!(stale, 0, "{name}: of {read}");
    assert!(
        ratios.iter().all(|ratio| *ratio <= MOST),
        "{name}: {ratios:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory_no_page_is_stale() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let cache = Cache::new(LocMemKeyValue::new());
    check("memory", || cache.clone()).await
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_redis_no_page_is_stale() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let redis = test_servers::Redis::start();
    // A machine that is busy must not make a miss of a hit.
    let patient = std::time::Duration::from_secs(30);
    let cache = || {
        let store = giotto_cache::RedisKeyValue::new().port(redis.port());
        Cache::builder(store).deadline(patient).build()
    };
    check("redis", cache).await
}
