//! What an entry takes in each store beyond its page, for sizing a store as docs/deployment.md does.
//!
//! `cargo bench -p giotto-cache --all-features --profile dev --bench sizes`. It starts the servers, stores pages that do not
//! compress, and prints bytes for each entry: as `mgt/cache/stats` tells them, and what the server or the file has grown by.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::time::Duration;

use giotto_cache::{
    Clock, DatabaseKeyValue, Entry, Key, KeyValue, LocMemKeyValue, MemcacheKeyValue, Policy,
    RedisKeyValue, Result,
};
use test_servers::{MariaDb, Memcached, Postgres, Redis, free_port};

const SIZES: [usize; 3] = [1_000, 5_000, 50_000];
const ENTRIES: u64 = 4_000;
const LIFE: Duration = Duration::from_secs(86_400);

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be started");
    println!(
        "{:12} {:>7} {:>9} {:>9}",
        "store", "page", "stats", "grown by"
    );
    for size in SIZES {
        let measured = runtime.block_on(all(size));
        measured.expect("the stores answer");
    }
}

async fn all(size: usize) -> Result<()> {
    let memory = LocMemKeyValue::new().max_bytes(4 << 30);
    tell("locmem", size, &memory, || 0).await?;

    let redis = Redis::start();
    let store = RedisKeyValue::new().host("127.0.0.1").port(redis.port());
    let used = || field(&redis.cli(&["info", "memory"]), "used_memory:");
    tell("redis", size, &store, used).await?;

    let memcached = Memcached::start_with(free_port(), &["-m", "1024"]);
    let store = MemcacheKeyValue::new().hosts([memcached.host()])?;
    let used = || field(&memcached.ask("stats slabs"), "STAT total_malloced ");
    tell("memcache", size, &store, used).await?;

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pages.sqlite3");
    let store = database(&format!("sqlite://{}", file.display()))?;
    let used = || {
        let of = |name: &str| folder.path().join(name).metadata().map_or(0, |of| of.len());
        of("pages.sqlite3") + of("pages.sqlite3-wal")
    };
    tell("sqlite", size, &store, used).await?;

    let postgres = Postgres::start();
    let store = database(&postgres.url())?;
    let used = || {
        field(
            &postgres.sql("SELECT pg_total_relation_size('giotto_cache')"),
            "",
        )
    };
    tell("postgres", size, &store, used).await?;

    let mariadb = MariaDb::start();
    let store = database(&mariadb.url())?;
    let sizes = "SELECT sum(file_size) FROM information_schema.innodb_sys_tablespaces WHERE name LIKE '%giotto_cache'";
    tell("mariadb", size, &store, || field(&mariadb.sql(sizes), "")).await
}

fn database(url: &str) -> Result<DatabaseKeyValue> {
    Ok(DatabaseKeyValue::from_url(url)?.max_bytes(8 << 30))
}

/// The number that follows `name`, or the first one.
fn field(text: &str, name: &str) -> u64 {
    let lines = text.lines().filter_map(|line| line.strip_prefix(name));
    lines
        .filter_map(|number| number.trim().parse().ok())
        .next()
        .unwrap_or_default()
}

/// Prints the bytes for each entry with a page of `size` bytes.
async fn tell(name: &str, size: usize, store: &dyn KeyValue, used: impl Fn() -> u64) -> Result<()> {
    store.syncdb().await?;
    fill(store, 0, 10, size).await?;
    let (told, grown) = (store.measure().await?.bytes, used());
    fill(store, 10, ENTRIES, size).await?;
    let told = store.measure().await?.bytes.zip(told);
    let told = told.map_or(0, |(after, before)| after.saturating_sub(before) / ENTRIES);
    let grown = used().saturating_sub(grown) / ENTRIES;
    println!("{name:12} {size:>7} {told:>9} {grown:>9}");
    Ok(())
}

/// Stores entries with pages of bytes that do not repeat.
async fn fill(store: &dyn KeyValue, from: u64, count: u64, size: usize) -> Result<()> {
    let mut state = from;
    for number in from..from + count {
        let key = Key::new(
            "book",
            format!("{{'id': {number}, 'lang': 'en'}}"),
            "text/html",
        );
        let body: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(size)
        .collect();
        let now_ms = Clock::system().now_ms();
        let entry = Entry::seal(&key, Policy::seconds(86_400), now_ms, Duration::ZERO, &body);
        store
            .set(key.as_str(), entry.to_bytes(), Some(LIFE))
            .await?;
    }
    Ok(())
}
