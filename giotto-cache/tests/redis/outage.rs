//! A server that is not there, dies, hangs, comes back or talks nonsense.

use std::sync::Arc;
use std::time::{Duration, Instant};

use giotto_cache::{Cache, ErrorKind, Key, KeyValue, Policy, RedisKeyValue, Result, Status};
use test_servers::{Redis, free_port};
use tokio::task::JoinSet;

use crate::fake_server::fake_server;
use crate::soon::soon;
use crate::{
    DEADLINE, KEY, PATIENCE, SILENCE, get_in_time, is_unanswered, key, recovers, set, store_in,
};

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_at_once_and_a_hit_once_it_appears() -> Result<()> {
    let port = free_port();
    let store = RedisKeyValue::new().host("127.0.0.1").port(port);
    for _ in 0..3 {
        let error = store.get(KEY).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Backend);
        let text = error.to_string();
        assert!(
            text.contains(&format!("127.0.0.1:{port}")) && text.contains("start the server"),
            "{text}"
        );
    }
    let error = RedisKeyValue::new()
        .socket("/nowhere/redis.sock")
        .get(KEY)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("/nowhere/redis.sock"), "{error}");

    let _server = Redis::start_on(port, &[]);
    set(&store, KEY, "value").await?;
    assert_eq!(store.get(KEY).await?, Some("value".into()));
    Ok(())
}

#[tokio::test]
async fn the_first_get_after_a_restart_is_answered() -> Result<()> {
    let mut server = Redis::start();
    let store = store_in(&server);
    for _ in 0..3 {
        set(&store, KEY, "value").await?;
        server.process.restart();
        assert_eq!(store.get(KEY).await?, None);
        set(&store, KEY, "value").await?;
    }
    server.process.kill();
    store.get(KEY).await.unwrap_err();
    server.process.restart();
    assert_eq!(store.get(KEY).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_frozen_server_answers_again_when_it_is_thawed() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    set(&store, KEY, "value").await?;
    for frozen_for in [Duration::ZERO, Duration::from_millis(1100)] {
        server.process.freeze();
        assert!(is_unanswered(&store, KEY).await);
        tokio::time::sleep(frozen_for).await;
        assert!(
            is_unanswered(&store, KEY).await,
            "also on a connection that is new"
        );
        server.process.thaw();
        let found = recovers(&store, KEY).await;
        assert_eq!(found, Some("value".into()));
    }
    Ok(())
}

#[tokio::test]
async fn a_call_without_a_deadline_ends_while_a_server_hangs() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    set(&store, KEY, "value").await?;
    server.process.freeze();
    let started = Instant::now();
    let error = store.get(KEY).await.unwrap_err();
    assert!(error.to_string().contains("hangs"), "{error}");
    assert!(started.elapsed() < PATIENCE);
    server.process.thaw();
    assert_eq!(store.get(KEY).await?, Some("value".into()));
    Ok(())
}

#[tokio::test]
async fn a_connection_into_a_black_hole_is_given_up_after_a_second() {
    let port = fake_server(|connection| (connection > 0).then(|| b"$5\r\nvalue\r\n".into()));
    let store = RedisKeyValue::new().host("127.0.0.1").port(port);
    assert!(is_unanswered(&store, KEY).await);
    let found = recovers(&store, KEY).await;
    assert_eq!(found, Some("value".into()));
}

/// Under load, thousands of requests are ahead of one. To give them up would be to compute them all.
#[tokio::test]
async fn a_server_that_replies_to_the_requests_ahead_is_not_silent() {
    let slow = |_| {
        std::thread::sleep(SILENCE / 2);
        Some(b"$5\r\nvalue\r\n".into())
    };
    let store = RedisKeyValue::new()
        .host("127.0.0.1")
        .port(fake_server(slow))
        .server_deadline(PATIENCE);
    let mut callers = JoinSet::new();
    for number in 0..5 {
        let store = store.clone();
        callers.spawn(async move { store.get(&key(number)).await.unwrap() });
    }
    assert_eq!(callers.join_all().await, vec![Some("value".into()); 5]);
}

/// A server that is not Redis, or that an attacker has taken over, sends a reply without end. Its bytes are not collected.
#[tokio::test]
async fn a_server_that_sends_more_than_it_was_asked_for_is_left() {
    let port = fake_server(|_| {
        let endless = vec![b'x'; 16 << 20];
        Some([b"$400000000\r\n".as_slice(), &endless].concat())
    });
    let store = RedisKeyValue::new().host("127.0.0.1").port(port);
    store.limit_values(1 << 20);
    let error = store.get(KEY).await.unwrap_err().to_string();
    assert!(error.contains("more than it was asked for"), "{error}");
}

#[tokio::test]
async fn whatever_a_server_says_is_a_value_nothing_or_an_error() {
    let replies: [&'static [u8]; 24] = [
        b"$-1\r\n",
        b"$0\r\n\r\n",
        b"+OK\r\n",
        b":1\r\n",
        b":-9223372036854775809\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"*2\r\n$1\r\na\r\n$1\r\nb\r\n",
        b"*2\r\n$1\r\n0\r\n*0\r\n",
        b"-ERR no\r\n",
        b"-\r\n",
        b"-MOVED\r\n",
        b"-MOVED 1 a\r\n",
        b"-ASK 99999 :::\r\n",
        b"-LOADING \xff\r\n",
        b"$99999999999999999999\r\n",
        b"$-2\r\n",
        b"*999999999\r\n",
        b"\r\n",
        b"\0\0\0\0",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b">2\r\n+a\r\n+b\r\n",
        b"%1\r\n+a\r\n",
        b"+OK\r\n+OK\r\n+OK\r\n",
    ];
    for reply in replies {
        let port = fake_server(move |_| Some(reply.into()));
        let single = RedisKeyValue::new().host("127.0.0.1").port(port);
        let node = format!("127.0.0.1:{port}");
        let stores = [
            single.clone(),
            single.clone().user("ann").db(1),
            single.clone().cluster([&node]).expect("a node"),
            single.sentinel("mymaster", [&node]).expect("a sentinel"),
        ];
        for store in stores {
            for _ in 0..2 {
                // No panic and no wait is what is asserted; a server that says this may say anything.
                let _ = get_in_time(&store, KEY).await;
                let _ = tokio::time::timeout(DEADLINE, set(&store, KEY, "value")).await;
                let _ = tokio::time::timeout(DEADLINE, store.add(KEY, "value".into(), None)).await;
                let _ = tokio::time::timeout(DEADLINE, store.delete(KEY)).await;
                let _ = tokio::time::timeout(DEADLINE, store.clear()).await;
            }
        }
    }
}

#[tokio::test]
async fn the_engine_answers_while_the_server_is_dead_and_hits_when_it_is_back() -> Result<()> {
    let mut server = Redis::start();
    let cache = Cache::builder(Arc::new(store_in(&server)));
    let cache = cache.deadline(PATIENCE).build();
    let ask = || {
        let key = Key::new("squared", "{'x': 12}", "text/html");
        let compute = || async { Ok::<_, giotto_cache::Error>("144".into()) };
        cache.get_or_compute(key, Policy::seconds(60), compute)
    };
    let stored = ask().await?;
    cache.settle().await;
    assert_eq!(
        (stored.status, ask().await?.status),
        (Status::Stored, Status::Hit)
    );
    server.process.kill();
    for _ in 0..10 {
        assert_eq!(ask().await?.entry.body(), "144");
    }
    server.process.restart();
    soon("the page is a hit", async || {
        let answer = ask().await.unwrap();
        cache.settle().await;
        answer.status == Status::Hit
    })
    .await;
    Ok(())
}
