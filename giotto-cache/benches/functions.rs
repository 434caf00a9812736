//! What a hit of a function's result costs: beside a bare look-up in `quick_cache` whose bytes are decoded by hand.
//!
//! `cargo bench -p giotto-cache --features macros --bench functions`. Same arguments, one thread. The contenders take turns in
//! every round, and the table has the medians. A hit of a function writes its key, asks the engine and decodes, or finds the
//! value that was decoded before. By hand, the key is at hand, or is written as a developer does it.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use giotto_cache::{Cache, LocMemKeyValue, Policy, cached};

const ROUNDS: usize = 2_001;
const HITS: usize = 100;

/// The promises: a hit that decodes takes at most so many times what a bare look-up and decoding take, and one that finds the
/// value decoded takes less than that.
const MAX_RATIO: f64 = 2.0;

const HOUR: Policy = Policy::seconds(3600);

/// What a function returns that looks one thing up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
    price: f64,
    tags: Vec<String>,
}

fn product(id: u64) -> Product {
    Product {
        id,
        name: "Analytical Engine".to_owned(),
        price: 99.5,
        tags: vec!["brass".to_owned(), "heavy".to_owned()],
    }
}

/// What a function of a shop or a forum returns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
    mail: String,
    is_active: bool,
    roles: Vec<String>,
    address: Option<Address>,
    balance: f64,
    signed_up: u64,
    visits: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Address {
    street: String,
    town: String,
    post_code: String,
}

fn user(id: u64) -> User {
    User {
        id,
        name: "Ada Lovelace".to_owned(),
        mail: "ada@example.org".to_owned(),
        is_active: true,
        roles: vec!["reader".to_owned(), "editor".to_owned()],
        address: Some(Address {
            street: "12 St James's Square".to_owned(),
            town: "London".to_owned(),
            post_code: "SW1Y 4JH".to_owned(),
        }),
        balance: 1_815.12,
        signed_up: 1_700_000_000,
        visits: (0..20).map(|day| day * 1_000).collect(),
    }
}

#[cached(seconds = 3600)]
async fn number(cache: &Cache, x: u64) -> u64 {
    let _ = cache;
    x * x
}

#[cached(seconds = 3600)]
async fn cached_product(cache: &Cache, x: u64) -> Product {
    let _ = cache;
    product(x)
}

#[cached(seconds = 3600)]
async fn cached_user(cache: &Cache, x: u64) -> User {
    let _ = cache;
    user(x)
}

#[cached(seconds = 3600)]
async fn cached_users(cache: &Cache, x: u64) -> Vec<User> {
    let _ = (cache, x);
    users()
}

fn users() -> Vec<User> {
    (0..50).map(user).collect()
}

fn main() {
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime can be started");
    println!("{ROUNDS} rounds of {HITS} hits each");
    compare(&runtime, "a number", &7_u64, &|cache| {
        runtime.block_on(async {
            for _ in 0..HITS {
                black_box(number(cache, black_box(7)).await);
            }
        });
    });
    compare(&runtime, "a product", &product(7), &|cache| {
        runtime.block_on(async {
            for _ in 0..HITS {
                black_box(cached_product(cache, black_box(7)).await);
            }
        });
    });
    compare(&runtime, "a user", &user(7), &|cache| {
        runtime.block_on(async {
            for _ in 0..HITS {
                black_box(cached_user(cache, black_box(7)).await);
            }
        });
    });
    compare(&runtime, "50 users", &users(), &|cache| {
        runtime.block_on(async {
            for _ in 0..HITS {
                black_box(cached_users(cache, black_box(7)).await);
            }
        });
    });
}

/// All contenders for one value, and whether the promises are kept.
fn compare<T>(runtime: &Runtime, name: &str, value: &T, attribute: &dyn Fn(&Cache))
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    let key = "{'x': 7}(cached_user)(value/0123456789abcdef)";
    let bytes = Bytes::from(rmp_serde::to_vec_named(value).expect("it can be encoded"));
    let bare = quick_cache::sync::Cache::new(10_000);
    bare.insert(key.to_owned(), bytes.clone());
    let decoding = Cache::builder(LocMemKeyValue::new()).max_decoded(0).build();
    let keeping = Cache::new(LocMemKeyValue::new());
    let write = || {
        format!(
            "{{'x': {}}}(cached_user)(value/0123456789abcdef)",
            black_box(7)
        )
    };
    let [
        get,
        decode,
        by_hand,
        written,
        decoded,
        cloned,
        shared,
        attributed,
    ] = medians([
        &|| repeat(|| bare.get(black_box(key))),
        &|| repeat(|| rmp_serde::from_slice::<T>(black_box(&bytes)).ok()),
        &|| repeat(|| rmp_serde::from_slice::<T>(&bare.get(black_box(key))?).ok()),
        &|| repeat(|| rmp_serde::from_slice::<T>(&bare.get(&write())?).ok()),
        &|| call(runtime, &decoding, value),
        &|| call(runtime, &keeping, value),
        &|| call_shared(runtime, &keeping, value),
        &|| attribute(&keeping),
    ]);
    println!(
        "\n{name}, {} bytes\n{:<44} {:>9} {:>9}",
        bytes.len(),
        "",
        "ns",
        "by hand"
    );
    for (name, nanoseconds) in [
        ("quick_cache get", get),
        ("decoding", decode),
        ("by hand: quick_cache get, then decoding", by_hand),
        ("the same, the key written", written),
        ("call, decoded in each hit", decoded),
        ("call, value kept and cloned", cloned),
        ("call_shared, value kept", shared),
        ("#[cached], value kept and cloned", attributed),
    ] {
        println!(
            "{name:<44} {nanoseconds:>9.1} {:>8.2}x",
            nanoseconds / by_hand
        );
    }
    let is_kept = decoded <= MAX_RATIO * by_hand && shared < decoded;
    println!(
        "at most {MAX_RATIO} x by hand, less with the value kept: {}",
        if is_kept { "kept" } else { "BROKEN" }
    );
}

#[derive(Serialize)]
struct Arguments {
    x: u64,
}

fn call<T>(runtime: &Runtime, cache: &Cache, value: &T)
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    runtime.block_on(async {
        for _ in 0..HITS {
            let function = cache.function("cached_user").policy(HOUR);
            let hit = function.call(Arguments { x: black_box(7) }, || {
                let value = value.clone();
                async move { Ok::<_, Infallible>(value) }
            });
            assert!(black_box(hit.await).is_ok());
        }
    });
}

fn call_shared<T>(runtime: &Runtime, cache: &Cache, value: &T)
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    runtime.block_on(async {
        for _ in 0..HITS {
            let function = cache.function("cached_user").policy(HOUR);
            let hit = function.call_shared(Arguments { x: black_box(7) }, || {
                let value = value.clone();
                async move { Ok::<_, Infallible>(value) }
            });
            assert!(black_box(hit.await).is_ok());
        }
    });
}

/// The median of each contender, of which every one has its turn in every round.
fn medians<const N: usize>(contenders: [&dyn Fn(); N]) -> [f64; N] {
    let mut nanoseconds = [const { Vec::new() }; N];
    for _ in 0..ROUNDS {
        for (contender, nanoseconds) in contenders.iter().zip(&mut nanoseconds) {
            let started = Instant::now();
            contender();
            nanoseconds.push(started.elapsed().as_nanos() as f64 / HITS as f64);
        }
    }
    nanoseconds.map(|mut values| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    })
}

fn repeat<T>(hit: impl Fn() -> Option<T>) {
    for _ in 0..HITS {
        assert!(black_box(hit()).is_some());
    }
}
