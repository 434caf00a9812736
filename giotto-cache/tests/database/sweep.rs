//! The bounds of a table, and what is swept.

use std::time::Duration;

use bytes::Bytes;
use giotto_cache::KeyValue;

use crate::soon::soon;
use crate::{Database, in_parallel, in_the_end};

pub(crate) async fn check(database: &impl Database) {
    rows_beyond_the_bound_leave_and_the_newest_stay(database).await;
    bytes_beyond_the_bound_leave_and_the_newest_stay(database).await;
    what_has_expired_is_swept_and_nothing_else(database).await;
    what_is_replaced_is_swept_by_its_new_size_and_expiry(database).await;
    writers_and_sweepers_do_not_disturb_one_another(database).await;
}

async fn rows_beyond_the_bound_leave_and_the_newest_stay(database: &impl Database) {
    let store = database.store().table("bounded").unwrap().max_rows(30);
    store.syncdb().await.unwrap();
    for number in 0..50 {
        store
            .set(&format!("key {number}"), Bytes::new(), None)
            .await
            .unwrap();
    }
    store.sweep().await.unwrap();
    assert_eq!(database.number("SELECT COUNT(*) FROM bounded"), 30);
    for number in 0..50 {
        let found = store.get(&format!("key {number}")).await.unwrap();
        assert_eq!(found.is_some(), number >= 20, "{number}");
    }
}

async fn bytes_beyond_the_bound_leave_and_the_newest_stay(database: &impl Database) {
    let store = database
        .store()
        .table("bounded_bytes")
        .unwrap()
        .max_bytes(20_000);
    store.syncdb().await.unwrap();
    for number in 10..50 {
        store
            .set(&format!("key {number}"), vec![0; 866].into(), None)
            .await
            .unwrap();
    }
    store.sweep().await.unwrap();
    assert_eq!(
        database.number("SELECT SUM(size) FROM bounded_bytes"),
        20_000
    );
    assert!(store.get("key 49").await.unwrap().is_some());
}

async fn what_has_expired_is_swept_and_nothing_else(database: &impl Database) {
    let store = database.store().table("swept").unwrap();
    store.syncdb().await.unwrap();
    let expire = |number: usize| match number % 4 {
        0 => None,
        1 => Some(Duration::from_secs(3600)),
        _ => Some(Duration::from_millis(1)),
    };
    in_parallel(8, |task| {
        let store = store.clone();
        async move {
            for number in (task..2400).step_by(8) {
                let key = format!("key {number}");
                store.set(&key, Bytes::new(), expire(number)).await.unwrap();
            }
        }
    })
    .await;
    let millisecond = Some(Duration::from_millis(1));
    store.set("last", Bytes::new(), millisecond).await.unwrap();
    soon("the last one expires", async || {
        store.get("last").await.unwrap().is_none()
    })
    .await;
    store.sweep().await.unwrap();
    assert_eq!(database.number("SELECT COUNT(*) FROM swept"), 1200);
}

async fn what_is_replaced_is_swept_by_its_new_size_and_expiry(database: &impl Database) {
    let store = database.store().table("replaced").unwrap();
    store.syncdb().await.unwrap();
    for key in ["a", "b"] {
        store.set(key, "old".into(), None).await.unwrap();
        // The sweep that the first write sets off is over before anything expires.
        store.settle().await;
        let new = Some(Bytes::from(vec![0; 871]));
        let expire = (key == "b").then_some(Duration::from_millis(1));
        assert!(store.replace(key, b"old", new, expire).await.unwrap());
    }
    assert_eq!(database.number("SELECT SUM(size) FROM replaced"), 2000);
    soon("one expires", async || {
        store.get("b").await.unwrap().is_none()
    })
    .await;
    store.sweep().await.unwrap();
    assert_eq!(database.number("SELECT COUNT(*) FROM replaced"), 1);
}

async fn writers_and_sweepers_do_not_disturb_one_another(database: &impl Database) {
    let stores = [(); 2].map(|()| database.store().table("busy").unwrap().max_rows(100));
    stores[0].syncdb().await.unwrap();
    in_parallel(16, |task| {
        let store = stores[task % 2].clone();
        async move {
            for round in 0..60 {
                let key = format!("key {}", (task * 7 + round) % 150);
                let expire = (round % 3 == 0).then_some(Duration::from_millis(20));
                in_the_end(|| store.set(&key, key.clone().into(), expire)).await;
                let found = in_the_end(|| store.get(&key)).await;
                assert!(found.is_none_or(|found| found == key));
                if round % 10 == task % 10 {
                    in_the_end(|| store.sweep()).await;
                }
                if round % 6 == 0 {
                    in_the_end(|| store.delete(&key)).await;
                }
            }
        }
    })
    .await;
    stores[0].sweep().await.unwrap();
    assert!(database.number("SELECT COUNT(*) FROM busy") <= 100);
}
