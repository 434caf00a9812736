//! Memory: its bounds, its expiry, and that nobody changes what it holds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use giotto_cache::{Clock, ErrorKind, KeyValue, LocMemKeyValue, Result};
use tokio::task::JoinSet;

use crate::bytes;

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn the_cap_holds_under_a_hundred_thousand_inserts() -> Result<()> {
    let store = LocMemKeyValue::new().max_bytes(MIB);
    for number in 0..100_000 {
        store
            .set(&format!("key {number}"), bytes(number % 2048), None)
            .await?;
        assert!(
            store.bytes() <= MIB,
            "{} bytes after {number} inserts",
            store.bytes()
        );
    }
    assert!(store.bytes() > MIB / 2, "it is used");
    assert!(
        store.get("key 99999").await?.is_some(),
        "the newest is kept"
    );
    store.clear().await?;
    assert_eq!(store.bytes(), 0);
    Ok(())
}

/// Also when values grow where they are.
#[tokio::test]
async fn the_cap_holds_under_values_that_are_replaced_by_larger_ones() -> Result<()> {
    let store = LocMemKeyValue::new().max_bytes(MIB);
    for number in 0..2_000 {
        let key = format!("key {number}");
        store.set(&key, bytes(1), None).await?;
        assert!(store.replace(&key, b"x", Some(bytes(2048)), None).await?);
        assert!(store.bytes() <= MIB, "{} bytes", store.bytes());
        assert_eq!(store.get(&key).await?, Some(bytes(2048)));
    }
    Ok(())
}

#[tokio::test]
async fn keys_are_weighed() -> Result<()> {
    let store = LocMemKeyValue::new().max_bytes(MIB);
    store.set(&"k".repeat(7000), Bytes::new(), None).await?;
    assert!(store.bytes() >= 7000);
    for number in 0..1000 {
        store
            .set(&format!("{number:07000}"), bytes(10), None)
            .await?;
    }
    assert!(store.bytes() <= MIB);
    let mut kept = 0;
    for number in 0..1000 {
        kept += u64::from(store.get(&format!("{number:07000}")).await?.is_some());
    }
    assert!(
        (1..=MIB / 7000).contains(&kept),
        "{kept} keys of 7,000 bytes"
    );
    Ok(())
}

#[tokio::test]
async fn a_value_that_is_too_large_is_refused_and_the_old_one_is_gone() -> Result<()> {
    let store = LocMemKeyValue::new().max_bytes(MIB);
    store.set("key", bytes(10), None).await?;
    let error = store.set("key", bytes(2 << 20), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(
        store.get("key").await?,
        None,
        "the old value was not the last one set"
    );

    let error = store.add("key", bytes(2 << 20), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!((store.get("key").await?, store.bytes()), (None, 0));

    store.set("key", "old".into(), None).await?;
    let replace = store.replace("key", b"old", Some(bytes(2 << 20)), None);
    assert_eq!(replace.await.unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(
        store.get("key").await?,
        Some("old".into()),
        "it was not replaced"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_accepted_is_there_whatever_its_size_and_the_cap() -> Result<()> {
    for cap in [
        0,
        1,
        300,
        1 << 10,
        MIB,
        4 * MIB - 1,
        4 * MIB,
        10 * MIB,
        64 * MIB,
        1 << 40,
        u64::MAX,
    ] {
        let store = LocMemKeyValue::new().max_bytes(cap);
        for length in [0, 1, 100, 1 << 10, 1 << 20, 3_800_000, 5 << 20] {
            let accepted = store.set("key", bytes(length), None).await.is_ok();
            assert_eq!(
                store.get("key").await?.is_some(),
                accepted,
                "{length} bytes in {cap}"
            );
            store.clear().await?;
            let accepted = store.add("key", bytes(length), None).await.is_ok();
            assert_eq!(
                store.get("key").await?.is_some(),
                accepted,
                "{length} bytes in {cap}"
            );
            let must_fit = cap >= 4 * MIB && length <= 3_800_000;
            assert!(accepted || !must_fit, "{length} bytes in {cap}");
        }
    }
    Ok(())
}

/// A crawler asks once for each of a million pages, while clients read a thousand.
#[tokio::test]
async fn a_scan_of_a_million_keys_leaves_what_is_read_alone() -> Result<()> {
    let store = LocMemKeyValue::new().max_bytes(4 * MIB);
    let (hot, page) = (|number: usize| format!("hot {}", number % 1000), bytes(512));
    for number in 0..1000 {
        store.set(&hot(number), page.clone(), None).await?;
    }
    for number in 0..1_000_000 {
        store
            .set(&format!("scan {number}"), page.clone(), None)
            .await?;
        store.get(&hot(number)).await?;
    }
    let mut kept = 0;
    for number in 0..1000 {
        kept += usize::from(store.get(&hot(number)).await?.is_some());
    }
    assert!(kept >= 900, "{kept} of 1000");
    Ok(())
}

#[tokio::test]
async fn instances_are_isolated_and_clones_share() -> Result<()> {
    let (one, other) = (LocMemKeyValue::new(), LocMemKeyValue::new());
    let same = one.clone();
    one.set("key", bytes(1), None).await?;
    assert_eq!(same.get("key").await?, Some(bytes(1)));
    assert_eq!(other.get("key").await?, None);
    other.clear().await?;
    assert_eq!(one.get("key").await?, Some(bytes(1)));
    Ok(())
}

#[tokio::test]
async fn changing_what_was_set_or_got_changes_nothing_in_the_store() -> Result<()> {
    let store = LocMemKeyValue::new();
    let mut original = BytesMut::from(&b"value"[..]);
    store.set("key", original.split().freeze(), None).await?;
    original.extend_from_slice(b"other");

    let got = store.get("key").await?.unwrap();
    let got = got
        .try_into_mut()
        .expect_err("the store shares these bytes");
    BytesMut::from(got).fill(b'x');
    assert_eq!(store.get("key").await?.unwrap(), "value");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_concurrent_adds_succeeds() {
    let store = LocMemKeyValue::new();
    for round in 0..200 {
        let mut callers = JoinSet::new();
        for caller in 0..16 {
            let store = store.clone();
            callers.spawn(async move {
                store
                    .add(&format!("key {round}"), bytes(caller), None)
                    .await
            });
        }
        let added = callers
            .join_all()
            .await
            .into_iter()
            .filter(|added| *added.as_ref().unwrap());
        assert_eq!(added.count(), 1);
    }
}

#[tokio::test]
async fn a_value_expires_on_its_millisecond() -> Result<()> {
    let clock = Clock::manual(1_000);
    let store = LocMemKeyValue::new().clock(clock.clone());
    store
        .set("key", bytes(1), Some(Duration::from_millis(5)))
        .await?;
    clock.advance(Duration::from_millis(4));
    assert!(store.get("key").await?.is_some());
    clock.advance(Duration::from_millis(1));
    assert!(store.get("key").await?.is_none());
    assert!(!store.delete("key").await?, "it was not there any more");
    Ok(())
}
