//! How long values live, and what has expired for the store and is still there for the server.

use std::time::Duration;

use giotto_cache::{KeyValue, Result};
use test_servers::Memcached;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{DAY, bytes, store};

#[tokio::test]
async fn the_server_keeps_a_value_at_least_as_long_and_frees_it_soon_after() -> Result<()> {
    let server = Memcached::start();
    let store = store([&server]);
    // A moment is rounded up too. The server is told two seconds more, of which its clock may lose both.
    for (expire, at_least, at_most) in [
        (Duration::from_millis(1), 1, 3),
        (Duration::from_secs(1), 1, 3),
        (Duration::from_millis(1001), 2, 4),
        (
            30 * DAY - Duration::from_secs(2),
            30 * 86_400 - 2,
            30 * 86_400,
        ),
        (30 * DAY, 30 * 86_400, 30 * 86_400 + 4),
        (31 * DAY, 31 * 86_400, 31 * 86_400 + 4),
    ] {
        let left = loop {
            let set = Instant::now();
            store.set("key", bytes("value"), Some(expire)).await?;
            let left = left(&server);
            // Unless this machine stood still meanwhile.
            if set.elapsed() < Duration::from_secs(1) {
                break left.unwrap();
            }
        };
        assert!((at_least..=at_most).contains(&left), "{expire:?}: {left} s");
    }
    // The end of the 32 bits: from 2028 on ten years are beyond it.
    for expire in [
        3653 * DAY,
        200 * 366 * DAY,
        Duration::from_secs(u64::MAX),
        Duration::MAX,
    ] {
        store.set("key", bytes("value"), Some(expire)).await?;
        let left = left(&server).unwrap();
        assert!(left == -1 || left >= 3653 * 86_400, "{expire:?}: {left} s");
        assert_eq!(store.get("key").await?, Some(bytes("value")), "{expire:?}");
    }
    store.set("key", bytes("value"), None).await?;
    assert_eq!(left(&server), Some(-1));
    Ok(())
}

/// What the server says that is left, in seconds; -1 = never. `None` if the value is gone.
fn left(server: &Memcached) -> Option<i64> {
    let reply = server.ask("mg giotto:key t");
    let left = reply.trim_end().strip_prefix("HD t")?;
    Some(left.parse().unwrap())
}

/// Wherever in the server's second the value is set.
#[tokio::test]
async fn a_second_is_a_second_to_a_tenth() {
    let server = Memcached::start();
    let store = store([&server]);
    let mut values = JoinSet::new();
    for number in 0..20_u32 {
        let store = store.clone();
        values.spawn(async move {
            sleep(number * Duration::from_millis(50)).await;
            let (key, set) = (number.to_string(), Instant::now());
            store
                .set(&key, bytes("value"), Some(Duration::from_secs(1)))
                .await
                .unwrap();
            let is_set = Instant::now();
            sleep_until(set + Duration::from_millis(900)).await;
            let early = store.get(&key).await.unwrap();
            assert!(early.is_some() || set.elapsed() > Duration::from_secs(1));
            sleep_until(is_set + Duration::from_millis(1100)).await;
            assert_eq!(store.get(&key).await.unwrap(), None);
        });
    }
    values.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_concurrent_adds_over_an_expired_value_succeeds() -> Result<()> {
    let server = Memcached::start();
    let store = store([&server]);
    for round in 0..50 {
        let key = format!("key {round}");
        store.set(&key, bytes("old"), Some(Duration::ZERO)).await?;
        let mut callers = JoinSet::new();
        for caller in 0..16 {
            let (store, key) = (store.clone(), key.clone());
            callers.spawn(async move {
                let value = bytes(&caller.to_string());
                let added = store.add(&key, value.clone(), None).await.unwrap();
                added.then_some(value)
            });
        }
        let added: Vec<_> = callers.join_all().await.into_iter().flatten().collect();
        assert_eq!(added.len(), 1);
        assert_eq!(store.get(&key).await?.as_ref(), added.first());
    }
    assert_eq!(server.stat("curr_items"), 50);
    Ok(())
}

#[tokio::test]
async fn an_expired_value_is_not_there_to_be_deleted() -> Result<()> {
    let server = Memcached::start();
    let store = store([&server]);
    store
        .set("key", bytes("value"), Some(Duration::ZERO))
        .await?;
    assert_eq!(server.stat("curr_items"), 1);
    assert_eq!(store.get("key").await?, None);
    assert!(!store.delete("key").await?);
    assert_eq!(server.stat("curr_items"), 0, "it is removed all the same");
    Ok(())
}

#[tokio::test]
async fn what_is_replaced_by_nothing_is_gone_for_the_server_too() -> Result<()> {
    let server = Memcached::start();
    let store = store([&server]);
    let long = "key ".repeat(100);
    for key in ["key", &long] {
        store.set(key, bytes("value"), None).await?;
        assert!(store.replace(key, b"value", None, None).await?);
    }
    assert_eq!(server.ask("get giotto:key"), "END\r\n");
    for key in ["key", &long] {
        assert!(store.add(key, bytes("other"), None).await?);
    }
    let hour = Some(Duration::from_secs(3600));
    assert!(
        store
            .replace("key", b"other", Some(bytes("third")), hour)
            .await?
    );
    assert!((3000..=3602).contains(&left(&server).unwrap()));
    Ok(())
}
