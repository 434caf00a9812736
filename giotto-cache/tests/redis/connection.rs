//! One connection, shared by all callers: kept, made again, and never mixing up two replies.

use std::time::{Duration, Instant};

use giotto_cache::{KeyValue, Result};
use test_servers::Redis;
use tokio::task::JoinSet;

use crate::{KEY, SILENCE, is_unanswered, key, recovers, set, store_in};

#[test]
fn a_store_is_made_outside_of_a_runtime_and_used_in_one_after_another() {
    let server = Redis::start();
    let store = store_in(&server);
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        assert_eq!(runtime.block_on(store.get(KEY)).unwrap(), None);
    }
}

#[tokio::test]
async fn clones_share_one_connection() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    let mut callers = JoinSet::new();
    for number in 0..100 {
        let store = store.clone();
        callers.spawn(async move { store.get(&key(number)).await.unwrap() });
    }
    assert_eq!(callers.join_all().await, vec![None; 100]);
    // The one that asks is the other.
    assert!(
        server
            .cli(&["info", "clients"])
            .contains("connected_clients:2\r")
    );
    Ok(())
}

/// On a runtime such as an application's, where a task that is woken runs before those that wait already.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_many_ask_at_once_is_written_at_once() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    set(&store, KEY, "value").await?;
    let before = reads(&server);
    let callers = async move {
        let mut callers = JoinSet::new();
        for _ in 0..100 {
            let store = store.clone();
            callers.spawn(async move { store.get(KEY).await.unwrap().unwrap() });
        }
        callers.join_all().await
    };
    let values = tokio::spawn(callers).await.unwrap();
    assert_eq!(values, vec!["value"; 100]);
    // Some are those of the one that asks.
    let reads = reads(&server) - before;
    assert!(reads <= 10, "the server read {reads} times");
    Ok(())
}

/// How often `server` has read from a connection.
fn reads(server: &Redis) -> u32 {
    let stats = server.cli(&["info", "stats"]);
    let reads = stats.split_once("total_reads_processed:");
    let reads = reads.and_then(|(_, reads)| reads.lines().next()?.parse().ok());
    reads.expect("Redis counts its reads")
}

/// What may not be sent twice is not sent on a connection that is known to be closed.
#[tokio::test]
async fn a_connection_that_was_closed_while_idle_costs_no_call() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    let close = || {
        let killed = server.cli(&["client", "kill", "type", "normal", "skipme", "yes"]);
        // The server closes what it has killed a moment later; the one that asks is the other.
        while !server
            .cli(&["info", "clients"])
            .contains("connected_clients:1\r")
        {}
        killed
    };
    for round in 0..5 {
        set(&store, KEY, "0").await?;
        assert_eq!(close(), "1\n");
        // As long as nobody uses it: until its end has been read.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert!(
            store.replace(KEY, b"0", Some("1".into()), None).await?,
            "{round}"
        );
        close();
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert!(store.delete(KEY).await?, "{round}");
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_made_again_unseen() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    set(&store, KEY, "value").await?;
    for _ in 0..10 {
        assert!(
            !server
                .cli(&["client", "kill", "type", "normal"])
                .starts_with('0')
        );
        assert_eq!(store.get(KEY).await?, Some("value".into()));
        assert!(
            !server
                .cli(&["client", "kill", "type", "normal"])
                .starts_with('0')
        );
        set(&store, KEY, "value").await?;
    }
    Ok(())
}

/// The connection may have been lost after the server had done it, and the second time it would say that it did not.
#[tokio::test]
async fn a_replace_is_not_sent_again_but_many_gets_are() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    set(&store, KEY, "value").await?;
    let lose = || {
        assert!(
            !server
                .cli(&["client", "kill", "type", "normal"])
                .starts_with('0')
        )
    };
    lose();
    assert_eq!(store.get_many(&[KEY]).await?, [Some("value".into())]);
    lose();
    store
        .replace(KEY, b"value", Some("new".into()), None)
        .await
        .unwrap_err();
    assert!(
        store
            .replace(KEY, b"value", Some("new".into()), None)
            .await?
    );
    Ok(())
}

/// The reply to a caller that went away is read by nobody; it was given all the same.
#[tokio::test]
async fn a_connection_whose_caller_was_cancelled_is_kept() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    set(&store, KEY, "value").await?;
    let before = loop {
        server.process.freeze();
        let asked = Instant::now();
        assert!(is_unanswered(&store, KEY).await);
        server.process.thaw();
        let before = connections(&server, &[]);
        // It is given in time, unless this machine stood still: then the connection was given up.
        if asked.elapsed() < SILENCE {
            break before;
        }
        recovers(&store, KEY).await;
    };
    // No other reply shows meanwhile that the server answers.
    tokio::time::sleep(SILENCE + SILENCE / 2).await;
    assert_eq!(store.get(KEY).await?, Some("value".into()));
    assert_eq!(connections(&server, &[]), before + 1, "the one that asks");
    Ok(())
}

/// How many connections `server` has taken, that of the one that asks, with these `options`, included.
fn connections(server: &Redis, options: &[&str]) -> u32 {
    let stats = server.cli(&[options, &["info", "stats"]].concat());
    let line = stats.lines().find_map(|line| {
        let number = line.strip_prefix("total_connections_received:")?;
        number.trim().parse().ok()
    });
    line.expect("it counts them")
}

#[tokio::test]
async fn connecting_continues_when_its_caller_gave_up() -> Result<()> {
    let server = Redis::start_with(&["--requirepass", "s3cret"]);
    let connections = || connections(&server, &["-a", "s3cret"]);
    loop {
        let (store, before) = (store_in(&server).password("s3cret"), connections());
        server.process.freeze();
        let asked = Instant::now();
        // It connects, and waits for the reply to AUTH.
        assert!(is_unanswered(&store, KEY).await);
        let callers: Vec<_> = (0..10)
            .map(|_| store.clone())
            .map(|store| tokio::spawn(async move { store.get(KEY).await }))
            .collect();
        tokio::task::yield_now().await;
        server.process.thaw();
        let mut answers = Vec::new();
        for caller in callers {
            answers.push(caller.await.unwrap());
        }
        // Unless this machine stood still: then connecting was given up.
        if asked.elapsed() < SILENCE {
            for answer in answers {
                assert_eq!(answer?, None);
            }
            assert_eq!(connections(), before + 2, "one, and the one that asks");
            return Ok(());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_caller_gets_the_reply_of_another_that_was_cancelled() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    for number in 0..1000 {
        store
            .set(&key(number), number.to_string().into(), None)
            .await?;
    }
    for round in 0..20_u64 {
        let is_frozen = round % 4 == 3;
        if is_frozen {
            server.process.freeze();
        }
        let mut callers = JoinSet::new();
        for number in 0..1000 {
            let store = store.clone();
            // From no time at all to more than the slowest reply takes.
            let patience = Duration::from_micros((number as u64 * 7919 + round * 104_729) % 20_000);
            callers.spawn(async move {
                let asked = Instant::now();
                let reply = tokio::time::timeout(patience, store.get(&key(number))).await;
                (number, reply.ok(), asked.elapsed())
            });
        }
        let replies = callers.join_all().await;
        if is_frozen {
            server.process.thaw();
        }
        let cancelled = replies.iter().filter(|(_, reply, _)| reply.is_none());
        let cancelled = cancelled.count();
        assert!(cancelled > 0, "round {round}");
        for (number, reply, waited) in replies {
            // Who stood still until the store gave it up has no reply either.
            let given_up = |reply: &Result<_>| reply.is_err() && waited >= SILENCE;
            let reply = reply.filter(|reply| !given_up(reply)).transpose()?;
            assert!(reply.is_none() || !is_frozen, "{number}: {reply:?}");
            let value = reply.flatten();
            assert!(
                value.is_none_or(|value| value == number.to_string()),
                "{number}"
            );
        }
        let mut readers = JoinSet::new();
        for number in 0..1000 {
            let store = store.clone();
            readers.spawn(async move {
                let asked = Instant::now();
                (number, store.get(&key(number)).await, asked.elapsed())
            });
        }
        for (number, value, waited) in readers.join_all().await {
            if value.is_ok() || waited < SILENCE {
                assert_eq!(value?, Some(number.to_string().into()));
            }
        }
    }
    Ok(())
}
