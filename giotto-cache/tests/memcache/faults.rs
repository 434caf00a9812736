//! Servers that are not there, die, hang and come back, and callers that give up.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use giotto_cache::{Cache, ErrorKind, Key, KeyValue, MemcacheKeyValue, Policy, Result, Status};
use test_servers::{Memcached, free_port};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::{bytes, store};

/// As long as the engine waits for a call.
const DEADLINE: Duration = Duration::from_millis(100);
/// So long is waited for what must happen, on a machine under load.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks as the engine does, once every quarter of a second, until a value can be stored and read.
async fn is_back(store: &MemcacheKeyValue, value: &str) {
    let started = Instant::now();
    loop {
        let set = timeout(DEADLINE, store.set("probe", bytes(value), None)).await;
        let got = timeout(DEADLINE, store.get("probe")).await;
        if let (Ok(Ok(())), Ok(Ok(Some(got)))) = (set, got)
            && got == value
        {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "it is not back");
        sleep(Duration::from_millis(250)).await;
    }
}

/// Whether `call` gets no answer: none by the engine's deadline, or an error after it if this process stood still.
async fn is_unanswered<T>(call: impl Future<Output = Result<T>>) -> bool {
    let asked = Instant::now();
    match timeout(DEADLINE, call).await {
        Err(_) => true,
        Ok(answer) => answer.is_err() && asked.elapsed() >= DEADLINE,
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_fails_at_once_and_is_used_when_it_appears() {
    let port = free_port();
    let store = MemcacheKeyValue::new()
        .hosts([format!("127.0.0.1:{port}")])
        .unwrap();
    let mut took = Vec::new();
    for _ in 0..10 {
        let started = Instant::now();
        let error = store.get("key").await.unwrap_err();
        took.push(started.elapsed());
        assert_eq!(error.kind(), ErrorKind::Backend);
        assert!(
            error.to_string().contains(&format!("127.0.0.1:{port}")),
            "{error}"
        );
        assert!(
            error.to_string().contains("start memcached there"),
            "{error}"
        );
    }
    // All of them but those in which this machine stood still.
    took.sort();
    assert!(took[5] < DEADLINE, "{took:?}");
    let _server = Memcached::start_with(port, &[]);
    is_back(&store, "value").await;
}

#[tokio::test]
async fn a_server_that_was_killed_is_used_when_it_is_back() -> Result<()> {
    let mut server = Memcached::start();
    let store = store([&server]);
    store.set("key", bytes("value"), None).await?;
    server.process.kill();
    assert!(store.get("key").await.is_err());
    server.process.restart();
    is_back(&store, "value").await;
    assert_eq!(store.get("key").await?, None, "it lost what it had");
    Ok(())
}

#[tokio::test]
async fn a_server_that_was_frozen_is_used_again_and_gives_no_old_reply() -> Result<()> {
    let server = Memcached::start();
    let store = store([&server]);
    for number in 0..12 {
        store
            .set(&number.to_string(), bytes(&number.to_string()), None)
            .await?;
    }
    store.set("key", bytes("old"), None).await?;
    server.process.freeze();
    // Longer than a connection without an answer is kept: the calls are on more than one.
    for number in 0..12 {
        let get = timeout(DEADLINE, store.get(&number.to_string())).await;
        assert!(get.map_or(true, |get| get.is_err()));
        let get = timeout(DEADLINE, store.get("key")).await;
        assert!(get.map_or(true, |get| get.is_err()));
    }
    server.process.thaw();
    is_back(&store, "back").await;
    store.set("key", bytes("new"), None).await?;
    assert_eq!(store.get("key").await?, Some(bytes("new")));
    for number in 0..12 {
        let value = Some(bytes(&number.to_string()));
        assert_eq!(store.get(&number.to_string()).await?, value);
    }
    Ok(())
}

/// What was sent is carried out when the server goes on, after what is newer: it cannot be called back. But its
/// expiry counts from when it was set.
#[tokio::test]
async fn a_write_that_a_frozen_server_carries_out_late_expires_in_time() -> Result<()> {
    let server = Memcached::start();
    let store = store([&server]);
    server.process.freeze();
    let second = Duration::from_secs(1);
    assert!(is_unanswered(store.set("key", bytes("late"), Some(second))).await);
    // Longer than from the time at which it was set.
    sleep(second).await;
    server.process.thaw();
    is_back(&store, "back").await;
    assert_eq!(store.get("key").await?, None);
    Ok(())
}

#[tokio::test]
async fn a_connection_without_an_answer_is_given_up_after_a_second() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let store = MemcacheKeyValue::new().hosts([host]).unwrap();
    assert!(is_unanswered(store.get("key")).await);
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut sent = Vec::new();
    let started = Instant::now();
    connection.read_to_end(&mut sent).await.unwrap();
    assert_eq!(sent, b"gets giotto:key\r\n");
    assert!(started.elapsed() < PATIENCE);

    let error = timeout(PATIENCE, store.get("key"))
        .await
        .expect("it is given up")
        .unwrap_err();
    assert!(error.to_string().contains("no reply within 1s"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_caller_that_gave_up_leaves_no_reply_to_another() -> Result<()> {
    let server = Memcached::start();
    let store = store([&server]);
    for number in 0..1000 {
        // Of many lengths, so that replies end anywhere in a buffer.
        let value = format!("{number} ").repeat(1 + number % 500);
        store.set(&number.to_string(), value.into(), None).await?;
    }
    let mut callers = JoinSet::new();
    for number in 0..1000_usize {
        let store = store.clone();
        callers.spawn(async move {
            let key = number.to_string();
            let patience = Duration::from_micros(number as u64 * 7919 % 3000);
            let first = timeout(patience, store.get(&key)).await;
            let second = store.get(&key).await.unwrap().unwrap();
            let expected = format!("{number} ").repeat(1 + number % 500);
            assert!(second == expected);
            match first {
                Ok(first) => assert!(first.unwrap().unwrap() == expected),
                Err(_) => return 1,
            }
            0
        });
    }
    let given_up: usize = callers.join_all().await.into_iter().sum();
    assert!(given_up > 0, "nobody gave up");
    Ok(())
}

#[tokio::test]
async fn more_callers_than_may_wait_are_all_answered() -> Result<()> {
    let server = Memcached::start();
    let store = store([&server]);
    store.set("key", bytes("value"), None).await?;
    let mut callers = JoinSet::new();
    for _ in 0..5000 {
        let store = store.clone();
        callers.spawn(async move { store.get("key").await.unwrap() });
    }
    let answers = callers.join_all().await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_ref() == Some(&bytes("value")))
    );
    Ok(())
}

#[tokio::test]
async fn a_server_that_dies_with_requests_under_way_answers_all_of_them_with_an_error() {
    let mut server = Memcached::start();
    let store = store([&server]);
    server.process.freeze();
    let mut callers = JoinSet::new();
    for number in 0..2000 {
        let store = store.clone();
        callers.spawn(async move { store.get(&number.to_string()).await });
    }
    tokio::task::yield_now().await;
    server.process.kill();
    let answers = timeout(PATIENCE, callers.join_all()).await;
    assert!(
        answers
            .expect("nobody waits for ever")
            .iter()
            .all(|answer| answer.is_err())
    );
}

/// A program may have one after the other, as tests do.
#[test]
fn a_connection_ends_with_its_runtime_and_the_next_one_makes_its_own() {
    let server = Memcached::start();
    let store = store([&server]);
    for number in ["1", "2", "3"] {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime
            .block_on(store.set("key", bytes(number), None))
            .unwrap();
        assert_eq!(
            runtime.block_on(store.get("key")).unwrap(),
            Some(bytes(number))
        );
    }
}

// One of three.

const PAGES: usize = 300;

/// As long as a connection waits, for a machine under load; the cache's own is far longer, so that it never passes.
const SERVER_DEADLINE: Duration = Duration::from_secs(1);

fn page_key(number: usize) -> Key {
    Key::new("page", format!("{{'x': {number}}}"), "text/html")
}

/// Whether the page was a hit.
async fn is_hit(cache: &Cache, number: usize) -> bool {
    let key = page_key(number);
    let compute = || async move { Ok::<_, giotto_cache::Error>(bytes(&number.to_string())) };
    let answer = cache.get_or_compute(key, Policy::seconds(3600), compute);
    let answer = answer.await.unwrap();
    assert_eq!(answer.entry.body(), &bytes(&number.to_string()));
    answer.status == Status::Hit
}

/// Asks for every page once; which of them were hits.
async fn hits(cache: &Cache) -> HashSet<usize> {
    let mut hits = HashSet::new();
    for number in 0..PAGES {
        if is_hit(cache, number).await {
            hits.insert(number);
        }
    }
    cache.settle().await;
    hits
}

/// Three servers, a cache on them that has all pages, and those that the first server has.
async fn three() -> ([Memcached; 3], Cache, HashSet<usize>) {
    let servers = Memcached::start_three();
    let store_on_three = store(&servers).server_deadline(SERVER_DEADLINE);
    let cache = Cache::builder(Arc::new(store_on_three))
        .deadline(PATIENCE)
        .build();
    hits(&cache).await;
    assert_eq!(hits(&cache).await.len(), PAGES);
    let alone = Cache::builder(Arc::new(store(&servers[..1])));
    let alone = alone.deadline(PATIENCE).build();
    let on_the_first = hits(&alone).await;
    alone.store().clear().await.unwrap();
    hits(&cache).await;
    (servers, cache, on_the_first)
}

fn assert_only_its_keys_miss(hits: &HashSet<usize>, lost: &HashSet<usize>, cache: &Cache) {
    let expected: HashSet<_> = (0..PAGES).filter(|page| !lost.contains(page)).collect();
    assert_eq!(*hits, expected);
    assert!(
        (PAGES / 5..PAGES / 2).contains(&lost.len()),
        "{} pages on it",
        lost.len()
    );
    // What failed is that server; the store as a whole is well.
    let (all, server) = (cache.counts(), cache.store().counts());
    assert!(server.backend_errors >= 5 && server.backend_skipped > 0);
    assert_eq!(all.backend_errors, server.backend_errors);
    assert_eq!(all.backend_skipped, server.backend_skipped);
}

#[tokio::test]
async fn of_three_servers_one_killed_takes_its_own_keys_with_it() {
    let (mut servers, cache, lost) = three().await;
    servers[0].process.kill();
    let counts = cache.counts();
    for _ in 0..3 {
        assert_only_its_keys_miss(&hits(&cache).await, &lost, &cache);
    }
    let compute = || async { Ok::<_, giotto_cache::Error>(bytes("page")) };
    for page in &lost {
        // Where no lease shows first that the server is lost.
        let policy = Policy::seconds(3600).without_lease();
        let answer = cache.get_or_compute(page_key(*page), policy, compute);
        assert_eq!(answer.await.unwrap().status, Status::NotStored);
    }
    cache.settle().await;
    let now = cache.counts();
    assert_eq!(now.stored, counts.stored);
    assert_eq!(now.not_stored, counts.not_stored + 4 * lost.len() as u64);
    let error = cache.store().clear().await.unwrap_err();
    assert!(error.to_string().contains(&servers[0].host()), "{error}");
    let left = servers[1..].iter().map(|server| server.stat("curr_items"));
    assert_eq!(left.sum::<u64>(), 0, "the others are cleared all the same");

    servers[0].process.restart();
    all_are_used(&cache).await;
}

#[tokio::test]
async fn of_three_servers_one_frozen_takes_its_own_keys_with_it() {
    let (servers, cache, lost) = three().await;
    servers[0].process.freeze();
    for _ in 0..3 {
        assert_only_its_keys_miss(&hits(&cache).await, &lost, &cache);
    }
    // Nobody waits any more, not even for the probe that goes out each second: not the one who sends it off, unless
    // this machine stands still each time.
    let (started, errors) = (Instant::now(), cache.counts().backend_errors);
    let mut took = Vec::new();
    for _ in 0..3 {
        sleep(Duration::from_secs(1)).await;
        let mut slowest = Duration::ZERO;
        for page in &lost {
            let asked = Instant::now();
            assert!(!is_hit(&cache, *page).await);
            slowest = slowest.max(asked.elapsed());
        }
        took.push(slowest);
    }
    took.sort();
    assert!(took[0] < SERVER_DEADLINE, "{took:?}");
    let probes = cache.counts().backend_errors - errors;
    // One a second, and the one that was under way before.
    let most = started.elapsed().as_secs() + 2;
    assert!((1..=most).contains(&probes), "{probes}, at most {most}");
    servers[0].process.thaw();
    all_are_used(&cache).await;
}

#[tokio::test]
async fn many_of_three_servers_come_without_those_of_the_lost_one() -> Result<()> {
    let mut servers = Memcached::start_three();
    let store = store(&servers).server_deadline(SERVER_DEADLINE);
    let keys: Vec<_> = (0..100).map(|number| format!("key {number}")).collect();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    for key in &keys {
        store.set(key, bytes(key), None).await?;
    }
    let all: Vec<_> = keys.iter().map(|key| Some(bytes(key))).collect();
    assert_eq!(store.get_many(&keys).await?, all);
    let on_the_first = servers[0].stat("curr_items");
    servers[0].process.kill();
    let killed = Instant::now();
    for _ in 0..10 {
        let found = store.get_many(&keys).await?;
        let lost = found.iter().filter(|value| value.is_none()).count();
        assert_eq!(lost as u64, on_the_first);
        let is_right = |(found, all): (&Option<_>, &Option<_>)| found.is_none() || found == all;
        assert!(found.iter().zip(&all).all(is_right));
    }
    // One request to each server, however many keys: so the breaker counts them, and the probes of each second.
    let (counts, probes) = (store.counts(), killed.elapsed().as_secs());
    assert_eq!(counts.backend_skipped, 5);
    assert!(
        (5..=5 + probes).contains(&counts.backend_errors),
        "{counts:?}"
    );
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_answered_without_the_lost_server_is_an_error() -> Result<()> {
    let mut servers = Memcached::start_three();
    let store = store(&servers);
    for server in &mut servers {
        server.process.kill();
    }
    for _ in 0..10 {
        assert_eq!(store.get("key").await?, None);
        let error = store.set("key", bytes("value"), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ServerLost, "{error}");
        assert_eq!(store.get_many(&["key", "other"]).await?, [None, None]);
        assert!(store.add("key", bytes("value"), None).await.is_err());
        assert!(store.replace("key", b"value", None, None).await.is_err());
        assert!(store.delete("key").await.is_err());
        assert!(store.clear().await.is_err());
    }
    Ok(())
}

async fn all_are_used(cache: &Cache) {
    let started = Instant::now();
    while hits(cache).await.len() < PAGES {
        assert!(started.elapsed() < PATIENCE, "it is not back");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Without `-M` a server makes room for what is new.
#[tokio::test]
async fn one_of_several_that_is_full_serves_and_removes_its_keys_and_the_others_store() -> Result<()>
{
    let full = Memcached::start_with(free_port(), &["-M", "-m", "8"]);
    let servers = [full, Memcached::start(), Memcached::start()];
    let store = store(&servers);
    let value = || vec![b'v'; 100_000].into();
    let (mut theirs, mut stored) = (Vec::new(), Vec::new());
    for number in 0..1000 {
        let key = format!("key-{number}");
        match store.set(&key, value(), None).await {
            Ok(()) => stored.push(key),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ServerLost, "{error}");
                theirs.push(key);
            }
        }
    }
    assert!((6..500).contains(&theirs.len()), "{}", theirs.len());
    assert!(store.counts().backend_errors >= 5);
    for key in &stored {
        assert_eq!(store.get(key).await?, Some(value()), "{key}");
    }
    for key in &stored {
        assert!(store.delete(key).await?, "{key}");
    }
    Ok(())
}
