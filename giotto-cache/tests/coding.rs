//! Results under a content coding in a store outside the process: what is stored, what callers get, and what a hostile client
//! of the store can do.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use giotto_cache::testing::Chaos;
use giotto_cache::{
    Answer, Cache, CacheBuilder, Clock, Computed, Entry, Error, Key, KeyValue, LayeredKeyValue,
    LocMemKeyValue, Lookup, Policy, Reason, Status,
};
use xxhash_rust::xxh3::xxh3_64_with_seed;

const NOW: u64 = 1_000_000_000;
const LENGTH: usize = 5000;
/// Where the content coding and the decoded length stand in the envelope: behind the header, the key, the media type and the
/// entity tag, and 32 bytes of the extension.
const CODING: usize = 64 + "(page)(text/html)".len() + "text/html".len() + 34 + 32;

fn key() -> Key {
    Key::new("page", "", "text/html")
}

fn body(length: usize) -> Bytes {
    let rows = (0..).flat_map(|row: usize| format!("<p>{row} and {}</p>", row * 7919).into_bytes());
    rows.take(length).collect()
}

fn builder(store: &Chaos, clock: &Clock) -> CacheBuilder {
    Cache::builder(Arc::new(store.another())).clock(clock.clone())
}

fn outside() -> (Chaos, Clock) {
    let clock = Clock::manual(NOW);
    let store = LocMemKeyValue::new().clock(clock.clone());
    (Chaos::new(store), clock)
}

async fn ask(cache: &Cache, lookup: Lookup, computed: Bytes) -> Answer {
    let answer = cache.answer(lookup, |_| async {
        Ok::<_, Error>(Computed::Page(computed))
    });
    let answer = answer.await.unwrap();
    cache.settle().await;
    answer
}

/// The stored page, or a new one.
async fn page(cache: &Cache) -> Answer {
    ask(cache, Lookup::new(key(), Policy::seconds(60)), body(LENGTH)).await
}

async fn stored(store: &Chaos) -> Bytes {
    store.get(key().as_str()).await.unwrap().unwrap()
}

fn decoded(coded: &[u8]) -> Vec<u8> {
    zstd::decode_all(coded).unwrap()
}

#[tokio::test]
async fn a_result_outside_the_process_is_coded_and_callers_get_it_decoded() {
    let (store, clock) = outside();
    let cache = builder(&store, &clock).build();
    let computed = page(&cache).await;
    assert_eq!(computed.status, Status::Stored);
    assert!(computed.entry.body() == body(LENGTH));
    assert!(stored(&store).await.len() < LENGTH / 2);
    for cache in [cache, builder(&store, &clock).compress(false).build()] {
        let hit = page(&cache).await;
        assert_eq!(hit.status, Status::Hit);
        assert_eq!(hit.entry.coded(), None);
        assert_eq!(hit.entry.etag(), computed.entry.etag());
        assert!(hit.entry.body() == body(LENGTH));
        assert!(hit.entry.into_body() == body(LENGTH));
    }
}

#[tokio::test]
async fn a_caller_that_accepts_the_coding_gets_the_stored_bytes() {
    let (store, clock) = outside();
    let cache = builder(&store, &clock).build();
    let policies = [
        Policy::seconds(60),
        Policy::seconds(60).stale_while_revalidate(60),
        Policy::seconds(60).version(7),
    ];
    for policy in policies {
        let lookup = || Lookup::new(key(), policy).accept_coded(true);
        let computed = ask(&cache, lookup(), body(LENGTH)).await;
        assert_eq!(computed.entry.coded(), None);
        let hit = ask(&cache, lookup(), body(LENGTH)).await;
        assert_eq!(hit.status, Status::Hit);
        assert!(decoded(&hit.entry.coded().unwrap()) == body(LENGTH));
        assert!(hit.entry.body() == body(LENGTH));
        assert_eq!(hit.entry.etag(), computed.entry.etag());
        cache.remove(&key()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_small_or_becomes_no_smaller_is_stored_as_it_is() {
    let (store, clock) = outside();
    let cache = builder(&store, &clock).build();
    let mut random = fastrand::Rng::with_seed(0);
    let noise = std::iter::repeat_with(|| random.u8(..))
        .take(LENGTH)
        .collect();
    for plain in [body(1023), noise] {
        ask(
            &cache,
            Lookup::new(key(), Policy::seconds(60)),
            plain.clone(),
        )
        .await;
        assert!(stored(&store).await.len() > plain.len());
        assert_eq!(page(&cache).await.entry.body(), plain);
        cache.remove(&key()).await.unwrap();
    }
    ask(&cache, Lookup::new(key(), Policy::seconds(60)), body(1024)).await;
    assert!(stored(&store).await.len() < 1024);
}

#[tokio::test]
async fn memory_layers_and_a_cache_that_is_told_so_store_results_as_they_are() {
    let (store, clock) = outside();
    let memory = LocMemKeyValue::new().clock(clock.clone());
    let layers: Vec<Arc<dyn KeyValue>> = vec![Arc::new(memory), Arc::new(store.another())];
    let layered = LayeredKeyValue::new(layers);
    for cache in [
        builder(&store, &clock).compress(false).build(),
        Cache::builder(Arc::new(layered))
            .clock(clock.clone())
            .build(),
    ] {
        page(&cache).await;
        assert!(stored(&store).await.len() > LENGTH);
        cache.remove(&key()).await.unwrap();
    }
    let memory = LocMemKeyValue::new().clock(clock.clone());
    let cache = Cache::builder(Arc::new(memory.clone()))
        .clock(clock)
        .build();
    page(&cache).await;
    let stored = memory.get(key().as_str()).await.unwrap().unwrap();
    assert!(stored.len() > LENGTH);
}

#[tokio::test]
async fn an_entry_of_before_is_a_hit() {
    let (store, clock) = outside();
    let policy = Policy::seconds(60);
    let before = Entry::seal(
        &key(),
        policy,
        NOW,
        std::time::Duration::ZERO,
        &body(LENGTH),
    );
    store
        .set(key().as_str(), before.to_bytes(), None)
        .await
        .unwrap();
    let cache = builder(&store, &clock).build();
    let lookup = Lookup::new(key(), policy).accept_coded(true);
    let hit = ask(&cache, lookup, Bytes::new()).await;
    assert_eq!((hit.status, hit.entry.coded()), (Status::Hit, None));
    assert!(hit.entry.body() == body(LENGTH));
    // With the tag that it has now.
    assert_eq!(hit.entry.etag(), before.etag());
}

/// Each of these reads the stored bytes and replaces them by compare-and-set.
#[tokio::test]
async fn an_entry_that_is_expired_throttled_or_signed_keeps_its_coding() {
    let (store, clock) = outside();
    let keys = ["a key of at least thirty-two bytes"];
    let cache = builder(&store, &clock).signing_keys(keys).unwrap().build();
    let policy = Policy::seconds(60).stale_if_error(600);
    let lookup = || Lookup::new(key(), policy).wait_for_fresh(true);
    ask(&cache, lookup(), body(LENGTH)).await;
    let length = stored(&store).await.len();
    assert!(cache.expire(&key()).await.unwrap());
    assert!(stored(&store).await.len().abs_diff(length) < 64);
    for _ in 0..2 {
        let failing = |_| async { Err::<Computed, _>(std::io::Error::other("staged")) };
        for accepts in [false, true] {
            let lookup = lookup().accept_coded(accepts);
            let old = cache.answer(lookup, failing).await.unwrap();
            cache.settle().await;
            assert!(matches!(old.status, Status::Stale(_)), "{old:?}");
            assert!(old.entry.body() == body(LENGTH));
            assert!(stored(&store).await.len().abs_diff(length) < 64);
        }
    }
}

#[tokio::test]
async fn a_computation_sees_its_old_value_decoded_and_may_keep_it() {
    let (store, clock) = outside();
    let cache = builder(&store, &clock).build();
    let policy = Policy::seconds(60).stale_while_revalidate(600);
    let seen = Arc::new(AtomicUsize::new(0));
    ask(&cache, Lookup::new(key(), policy), body(LENGTH)).await;
    for accepts in [true, false] {
        clock.advance(std::time::Duration::from_secs(61));
        let seen = Arc::clone(&seen);
        let lookup = Lookup::new(key(), policy).accept_coded(accepts);
        let answer = cache.answer(lookup, |control| async move {
            assert!(control.old_value() == Some(body(LENGTH)));
            seen.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Error>(Computed::NotModified)
        });
        let old = answer.await.unwrap().entry;
        assert_eq!(old.coded().is_some(), accepts);
        cache.settle().await;
        assert!(page(&cache).await.entry.body() == body(LENGTH));
    }
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_longest_result_is_measured_without_its_coding() {
    let (store, clock) = outside();
    let cache = builder(&store, &clock).max_entry(LENGTH - 1).build();
    assert_eq!(page(&cache).await.status, Status::NotStored);
    let other = builder(&store, &clock).build();
    page(&other).await;
    // Stored by a process that allows more.
    assert_eq!(page(&cache).await.reason, Some(Reason::Undecodable));
}

/// The stored bytes with a change, and a right checksum: a client of the store can compute it.
async fn plant(store: &Chaos, raw: &Bytes, change: impl FnOnce(&mut Vec<u8>)) {
    let mut raw = raw.to_vec();
    change(&mut raw);
    let seed = u64::from_le_bytes(raw[..8].try_into().unwrap());
    let sum = xxh3_64_with_seed(&raw[16..], seed);
    raw[8..16].copy_from_slice(&sum.to_le_bytes());
    store.set(key().as_str(), raw.into(), None).await.unwrap();
}

#[tokio::test]
async fn a_planted_body_that_cannot_be_decoded_is_a_miss_and_is_replaced() {
    let (store, clock) = outside();
    let cache = builder(&store, &clock).build();
    page(&cache).await;
    let raw = stored(&store).await;
    assert_eq!(raw[CODING], 1);
    let start = CODING + 11;
    let length = |raw: &mut Vec<u8>, length: u64| {
        raw[CODING + 1..CODING + 9].copy_from_slice(&length.to_le_bytes());
    };
    // A kilobyte that claims, or becomes, a gibibyte.
    let bomb = || zstd::bulk::compress(&vec![0; 1 << 26], 3).unwrap();
    let changes: [(&str, &dyn Fn(&mut Vec<u8>)); 9] = [
        ("too long a length", &|raw| length(raw, 1 << 40)),
        ("the longest length", &|raw| length(raw, u64::MAX)),
        ("a longer one", &|raw| length(raw, LENGTH as u64 + 1)),
        ("a shorter one", &|raw| length(raw, LENGTH as u64 - 1)),
        ("none", &|raw| length(raw, 0)),
        ("no body", &|raw| raw.truncate(start)),
        ("half a body", &|raw| raw.truncate(start + 100)),
        ("no zstd", &|raw| raw[start..start + 4].fill(b'x')),
        ("a bomb", &|raw| {
            raw.truncate(start);
            raw.extend(bomb());
            length(raw, 1 << 20);
        }),
    ];
    for (what, change) in changes {
        plant(&store, &raw, change).await;
        let miss = page(&cache).await;
        assert_eq!(miss.reason, Some(Reason::Undecodable), "{what}");
        assert!(miss.entry.body() == body(LENGTH), "{what}");
        assert_eq!(page(&cache).await.status, Status::Hit, "{what}");
    }
    // A caller that accepts the coding gets what is stored, but not where the length alone is a lie.
    plant(&store, &raw, |raw| length(raw, 1 << 40)).await;
    let lookup = Lookup::new(key(), Policy::seconds(60)).accept_coded(true);
    let miss = ask(&cache, lookup, body(LENGTH)).await;
    assert_eq!(miss.reason, Some(Reason::Undecodable));
}
