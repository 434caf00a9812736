//! What a hit over HTTP costs through each backend: giotto beside the same page written by hand on axum with
//! the bare client of that server, and beside giotto on LocMem, in one run.
//!
//! `cargo bench -p giotto --bench backends --features redis,memcache,sqlite,postgres,mysql`, on a machine that
//! does nothing else; the servers are installed by `make servers`. Every contender is a process of its own on one
//! core. The load is on another, and the servers of the caches beside it, for all alike.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

#[path = "../common/mod.rs"]
mod common;
mod rivals;
mod stores;

use std::error::Error;
use std::process::ExitCode;

use common::contest::{ROUND, ROUNDS, Rival, equal, measure, median, ratio, verdict};
use common::load::{CONNECTIONS, Cost};
use common::process::Cores;
use common::squared;
use stores::Stores;

/// The promises, for the throughput.
const MIN_LAYERS: f64 = 0.85;
const MIN_SQLITE: f64 = 0.5;

/// If the servers that promises are about are running for less of the time, it is not they who limit the throughput.
const MIN_BUSY: f64 = 0.9;

/// Longer than the default: a machine that stalls for a moment must not turn hits into misses.
const DEADLINE: &str = "cache.deadline_ms=5000";

/// The places of the contenders in every list.
const LOCMEM: usize = 0;
const LAYERS: usize = 1;
const SQLITE: usize = 2;
const REDIS: usize = 3;
const REDIS_BY_HAND: usize = 4;
const MEMCACHE: usize = 5;
const MEMCACHE_BY_HAND: usize = 6;
const POSTGRES: usize = 7;
const POSTGRES_BY_HAND: usize = 8;
/// And MySQL, which is for information.
const CONTENDERS: usize = 10;

/// With which one each is compared.
const BESIDE: [usize; CONTENDERS] = {
    let mut beside = [LOCMEM; CONTENDERS];
    beside[REDIS] = REDIS_BY_HAND;
    beside[REDIS_BY_HAND] = REDIS_BY_HAND;
    beside[MEMCACHE] = MEMCACHE_BY_HAND;
    beside[MEMCACHE_BY_HAND] = MEMCACHE_BY_HAND;
    beside[POSTGRES] = POSTGRES_BY_HAND;
    beside[POSTGRES_BY_HAND] = POSTGRES_BY_HAND;
    beside
};

type Costs = [Vec<Cost>; CONTENDERS];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["http" | "cmd", ..] => return Ok(giotto::run(squared::manifest())),
        ["axum-redis", url] => rivals::redis(url)?,
        ["axum-memcache", host] => rivals::memcache(host)?,
        ["axum-postgres", url] => rivals::postgres(url)?,
        _ => compare()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn compare() -> Result<(), Box<dyn Error>> {
    let cores = Cores::new();
    cores.pin_this_process()?;
    // Children of this process stay on its core.
    let stores = Stores::start()?;
    let contenders = contenders(&stores);
    let costs = measure(&cores, &contenders, equal)?;
    println!(
        "GET /squared?x=12, {CONNECTIONS} connections, {ROUNDS} rounds of {} ms, medians; {cores};\n\
         Redis, Memcached, PostgreSQL and MariaDB beside the load\n",
        ROUND.as_millis()
    );
    print_table(&contenders, &costs);
    print_promises(&costs);
    Ok(())
}

/// In the order of their places.
fn contenders(stores: &Stores) -> [Rival; CONTENDERS] {
    let giotto = |name, cache: &str| {
        let cache = format!("cache={cache}");
        Rival::new(
            name,
            &["http", "--port", "0", "--set", &cache, "--set", DEADLINE],
        )
    };
    let redis = stores.redis();
    let layers = format!("[\"locmem\", \"{redis}/1\"]");
    [
        giotto("giotto, locmem", "locmem"),
        giotto("giotto, layers", &layers),
        giotto("giotto, sqlite", &stores.sqlite()),
        giotto("giotto, redis", &redis),
        Rival::new("axum + redis", &["axum-redis", &redis]),
        giotto(
            "giotto, memcache",
            &format!("memcache://{}", stores.memcached.host()),
        ),
        Rival::new(
            "axum + memcache",
            &["axum-memcache", &stores.memcached.host()],
        ),
        giotto("giotto, postgres", &stores.postgres.url()),
        Rival::new("axum + sqlx", &["axum-postgres", &stores.postgres.url()]),
        giotto("giotto, mysql", &stores.mariadb.url()),
    ]
}

fn print_table(contenders: &[Rival], costs: &Costs) {
    println!(
        "{:<18} {:>10} {:>6} {:>12} {:>6} {:>6}   of",
        "", "requests/s", "", "CPU us / hit", "", "busy"
    );
    for ((contender, cost), beside) in contenders.iter().zip(costs).zip(BESIDE) {
        println!(
            "{:<18} {:>10.0} {:>5.2}x {:>12.2} {:>5.2}x {:>5.0}%   {}",
            contender.name,
            median(cost, Cost::throughput),
            ratio(cost, &costs[beside], Cost::throughput),
            median(cost, Cost::cpu),
            ratio(cost, &costs[beside], Cost::cpu),
            median(cost, Cost::busy) * 100.0,
            contenders[beside].name,
        );
    }
}

fn print_promises(costs: &Costs) {
    let promised = &costs[..=MEMCACHE_BY_HAND];
    let busy = promised.iter().map(|cost| median(cost, Cost::busy));
    let busy = busy.fold(1.0, f64::min);
    if busy < MIN_BUSY {
        let percent = busy * 100.0;
        println!("\nNOT VALID: a contender had its core for {percent:.0}% of the time only");
    }
    println!();
    for (name, place) in [("Redis", REDIS), ("Memcached", MEMCACHE)] {
        let by_hand = &costs[BESIDE[place]];
        let throughput = ratio(&costs[place], by_hand, Cost::throughput);
        let cpu = ratio(&costs[place], by_hand, Cost::cpu);
        println!(
            "promised: {name}, at least the throughput of the page by hand: {throughput:.2} ({})",
            verdict(throughput >= 1.0)
        );
        println!(
            "promised: {name}, at most the CPU time of the page by hand: {cpu:.2} ({})",
            verdict(cpu <= 1.0)
        );
    }
    for (name, place, least) in [
        ("layers", LAYERS, MIN_LAYERS),
        ("SQLite", SQLITE, MIN_SQLITE),
    ] {
        let throughput = ratio(&costs[place], &costs[LOCMEM], Cost::throughput);
        println!(
            "promised: {name}, at least {least:.2} of the throughput of LocMem: {throughput:.2} ({})",
            verdict(throughput >= least)
        );
    }
}
