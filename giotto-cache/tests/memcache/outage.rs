//! A server that is not there, dies, hangs and comes back, and callers that give up.

use std::time::Duration;

use giotto_cache::{ErrorKind, KeyValue, MemcacheKeyValue, Result};
use test_servers::{Memcached, free_port};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::{PATIENCE, bytes, store};

/// As long as the engine waits for a call.
const DEADLINE: Duration = Duration::from_millis(100);

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
    // A wait would be in each of them, and a standstill of this machine is in some.
    let fastest = took.iter().min().unwrap();
    assert!(*fastest < DEADLINE, "{took:?}");
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
async fn a_cancelled_call_leaves_its_reply_to_no_other() -> Result<()> {
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
