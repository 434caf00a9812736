//! Values of every size, written by many at once.

use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{DatabaseKeyValue, ErrorKind, KeyValue};

use crate::soon::soon;
use crate::{Database, PATIENCE, all_are_own, in_parallel, in_the_end, set_many};

pub(crate) async fn check(database: &impl Database) {
    one_of_many_adds_succeeds(database).await;
    a_value_that_is_too_large_leaves_nothing_behind(database).await;
    a_longer_value_of_another_program_is_not_read(database).await;
    the_largest_value_is_told_and_is_stored(database).await;
    a_call_that_is_dropped_leaves_its_reply_to_nobody(database).await;
}

async fn one_of_many_adds_succeeds(database: &impl Database) {
    for (round, expire) in [(0, None), (1, Some(Duration::from_millis(1)))] {
        let key = format!("added {round}");
        if expire.is_some() {
            // An expired row is in the way.
            database
                .store()
                .set(&key, "old".into(), expire)
                .await
                .unwrap();
            let store = database.store();
            soon("it expires", async || {
                store.get(&key).await.unwrap().is_none()
            })
            .await;
        }
        let stores = [database.store(), database.store()];
        let added = in_parallel(16, |task| {
            let (store, key) = (stores[task % 2].clone(), key.clone());
            async move {
                let add = || store.add(&key, task.to_string().into(), None);
                in_the_end(add).await
            }
        })
        .await;
        assert_eq!(added.iter().filter(|added| **added).count(), 1, "{added:?}");
        assert!(stores[0].get(&key).await.unwrap().is_some());
    }
}

async fn a_value_that_is_too_large_leaves_nothing_behind(database: &impl Database) {
    // A table of its own, because this bound is swept for.
    let store = database.store().table("small").unwrap().max_bytes(10_000);
    store.syncdb().await.unwrap();
    store.set("large", "old".into(), None).await.unwrap();
    let large = Bytes::from(vec![0; 10_000]);
    let refused = store.add("large", large.clone(), None).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TooLarge);
    assert_eq!(store.get("large").await.unwrap(), Some("old".into()));
    let replace = store.replace("large", b"old", Some(large.clone()), None);
    assert_eq!(replace.await.unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(store.get("large").await.unwrap(), Some("old".into()));
    let refused = store.set("large", large, None).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TooLarge);
    assert_eq!(store.get("large").await.unwrap(), None);
}

async fn a_longer_value_of_another_program_is_not_read(database: &impl Database) {
    let store = database.store().table("planted").unwrap();
    store.syncdb().await.unwrap();
    store.limit_values(2000);
    for (key, bytes, is_read) in [
        ("exact", 2000, true),
        ("longer", 2001, false),
        ("far longer", 3_000_000, false),
        // A record of the cache is shorter than an entry.
        ("{tag:exact}", 1024, true),
        ("{tag:longer}", 1025, false),
    ] {
        store.set(key, "page".into(), None).await.unwrap();
        let value = database.value_of(bytes);
        let size = 128 + key.len() + "page".len();
        let plant = format!("UPDATE planted SET value = {value} WHERE size = {size}");
        database.execute(&plant);
        let found = store.get(key).await.unwrap().unwrap();
        let many = store.get_many(&[key, "absent"]).await.unwrap();
        assert_eq!(many, [Some(found.clone()), None]);
        assert_eq!(found.len(), if is_read { bytes } else { 0 }, "{key}");
        for new in [Some("a".into()), None] {
            assert!(!store.replace(key, b"", new, None).await.unwrap());
        }
        store.set(key, "new".into(), None).await.unwrap();
        assert_eq!(store.get(key).await.unwrap(), Some("new".into()));
        assert!(store.replace(key, b"new", None, None).await.unwrap());
    }
}

async fn the_largest_value_is_told_and_is_stored(database: &impl Database) {
    let store = database.store().table("largest").unwrap();
    let store = store.max_bytes(400_000);
    store.syncdb().await.unwrap();
    assert_eq!(store.max_value(), Some(400_000 - 128));
    let largest = Bytes::from(vec![0; 400_000 - 128 - "key".len()]);
    store.set("key", largest.clone(), None).await.unwrap();
    assert_eq!(store.get("key").await.unwrap(), Some(largest));
}

/// Every call asks for another key and is dropped after another time; whatever is answered must be its own.
async fn a_call_that_is_dropped_leaves_its_reply_to_nobody(database: &impl Database) {
    let store = database.store();
    set_many(&store).await;
    let mut step = Duration::from_micros(40);
    // What is long and what is short depends on the machine.
    while answered_within(&store, step).await == 0 {
        step *= 4;
        assert!(step < PATIENCE, "nothing is answered");
    }
    all_are_own(&store).await;
}

/// How many of many calls were answered, of which each waits a `step` longer than the one before; not all.
async fn answered_within(store: &DatabaseKeyValue, step: Duration) -> u32 {
    let answered = in_parallel(16, |task| {
        let store = store.clone();
        async move {
            let mut answered = 0;
            for round in 0..60 {
                let patience = step * (task + round) as u32;
                let key = format!("own {}", (task * 13 + round) % 100);
                if let Ok(found) = tokio::time::timeout(patience, store.get(&key)).await {
                    assert_eq!(found.unwrap(), Some(key.into()));
                    answered += 1;
                }
            }
            answered
        }
    })
    .await;
    let answered = answered.iter().sum();
    assert!(answered < 960, "nobody gave up");
    answered
}
