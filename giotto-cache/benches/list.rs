//! What a list, or the sizes in `top`, costs over many entries: the time of its first page, the memory that it takes, and what
//! is left of the throughput of hits meanwhile, while the hits of each page are counted for it.
//!
//! The memory of a walk through a tenth of the entries and through all of them is the same, if it does not depend on how many
//! there are.
//!
//! `cargo bench -p giotto-cache --features redis,sqlite --bench list`, with the number of entries behind `--`, a million if
//! there is none. It starts a Redis of its own. Hits and a walk that goes on and on take turns of two seconds each, and the
//! table has the medians of five.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use giotto_cache::{
    Cache, DatabaseKeyValue, Entry, Key, KeyValue, Listing, LocMemKeyValue, Lookup, Mode, Policy,
    RedisKeyValue, Result, Walk,
};
use test_servers::Redis;

const ENTRIES: usize = 1_000_000;
/// The pages that are asked for.
const HOT: usize = 1_000;
const TURN: Duration = Duration::from_secs(2);
const TURNS: usize = 5;
/// As `mgt/cache/list` and `mgt/cache/top` ask.
const BUDGET: u64 = 50_000;
const PATIENCE: Duration = Duration::from_millis(800);

fn key(number: usize) -> Key {
    Key::new(
        "price",
        format!("{{'sku': 'article {number}'}}"),
        "text/html",
    )
}

fn main() {
    let entries = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .next();
    let entries: usize = entries.unwrap_or(ENTRIES);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime can be started");
    let folder = tempfile::tempdir().expect("a folder");
    let redis = Redis::start();
    let memory = LocMemKeyValue::new().max_bytes(4 << 30);
    let file = format!("sqlite://{}", folder.path().join("cache.db").display());
    let file = DatabaseKeyValue::from_url(&file).expect("the path of a file");
    let file = file.max_bytes(8 << 30).max_rows(2 * ENTRIES as u64);
    let server = RedisKeyValue::new().host("127.0.0.1").port(redis.port());
    let stores: [(&str, Arc<dyn KeyValue>); 3] = [
        ("memory", Arc::new(memory)),
        ("redis", Arc::new(server)),
        ("sqlite", Arc::new(file)),
    ];
    println!("{entries} entries");
    println!(
        "{:8} {:>12} {:>12} {:>12} {:>12} {:>12} {:>12} {:>8}",
        "store", "first page", "keys", "a tenth", "all", "hits/s", "meanwhile", "left"
    );
    for (name, store) in stores {
        let measured = runtime.block_on(measure(store, entries));
        let Measured {
            first,
            keys,
            memory,
            alone,
            meanwhile,
        } = measured.expect("the store answers");
        println!(
            "{name:8} {:>9} ms {keys:>12} {:>8} KiB {:>8} KiB {alone:>12.0} {meanwhile:>12.0} {:>6.1} %",
            first.as_millis(),
            shown(memory[0]),
            shown(memory[1]),
            100.0 * meanwhile / alone
        );
    }
}

fn shown(kibibytes: Option<u64>) -> String {
    kibibytes.map_or_else(|| "?".to_owned(), |kibibytes| kibibytes.to_string())
}

struct Measured {
    first: Duration,
    keys: u64,
    /// What a walk through a tenth of the entries and one through all take at most, in KiB; `None` where the system does not
    /// say.
    memory: [Option<u64>; 2],
    /// Hits in a second.
    alone: f64,
    meanwhile: f64,
}

async fn measure(store: Arc<dyn KeyValue>, entries: usize) -> Result<Measured> {
    fill(&*store, entries).await?;
    let page = store.place().keys_of_page();
    let cache = Cache::builder(store)
        .deadline(Duration::from_secs(5))
        .build();
    let walk = || cache.walk(Listing::new(page)).budget(BUDGET);
    let begun = Instant::now();
    let keys = go(walk().until(begun + PATIENCE)).await?;
    let first = begun.elapsed();
    let memory = memory(&cache, page, entries).await?;
    let (mut alone, mut meanwhile) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        alone.push(hits(&cache).await?);
        let is_over = Arc::new(AtomicBool::new(false));
        let listing = {
            let (cache, is_over) = (cache.clone(), Arc::clone(&is_over));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    drop(cache.popular(0));
                    let walk = cache.walk(Listing::new(page)).budget(BUDGET);
                    go(walk).await?;
                }
                Ok::<_, giotto_cache::Error>(())
            })
        };
        meanwhile.push(hits(&cache).await?);
        is_over.store(true, Ordering::Relaxed);
        listing.await.expect("it does not panic")?;
    }
    Ok(Measured {
        first,
        keys,
        memory,
        alone: median(alone),
        meanwhile: median(meanwhile),
    })
}

/// The most memory that walks through a tenth of the entries and through all of them take.
async fn memory(cache: &Cache, page: usize, entries: usize) -> Result<[Option<u64>; 2]> {
    let mut most = [None; 2];
    let before = resident("VmRSS:");
    for (most, budget) in most.iter_mut().zip([entries as u64 / 10, u64::MAX]) {
        let before = before.filter(|_| forget_peak());
        // Without a rest, which would only take time.
        let walk = cache.walk(Listing::new(page)).share(1.0);
        go(walk.budget(budget)).await?;
        *most = before.and_then(|before| Some(resident("VmHWM:")?.saturating_sub(before)));
    }
    Ok(most)
}

/// The memory of this process in KiB, now or at most (`VmHWM`).
fn resident(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// From now on, the most is counted anew.
fn forget_peak() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

async fn fill(store: &dyn KeyValue, entries: usize) -> Result<()> {
    let body = vec![b'x'; 512];
    for number in 0..entries {
        let key = key(number);
        let now_ms = giotto_cache::Clock::system().now_ms();
        let entry = Entry::seal(&key, Policy::seconds(86_400), now_ms, Duration::ZERO, &body);
        store
            .set(
                key.as_str(),
                entry.to_bytes(),
                Some(Duration::from_secs(86_400)),
            )
            .await?;
    }
    Ok(())
}

/// How many keys the walk looks at.
async fn go(mut walk: Walk) -> Result<u64> {
    while walk.next().await?.is_some() {}
    Ok(walk.looked_at())
}

/// Hits in a second.
async fn hits(cache: &Cache) -> Result<f64> {
    let begun = Instant::now();
    let mut count = 0_u64;
    while begun.elapsed() < TURN {
        let lookup =
            Lookup::new(key(count as usize % HOT), Policy::seconds(86_400)).mode(Mode::Only);
        let compute =
            |_| async { Ok::<_, giotto_cache::Error>(giotto_cache::Computed::Page("".into())) };
        cache.answer(lookup, compute).await?;
        count += 1;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
