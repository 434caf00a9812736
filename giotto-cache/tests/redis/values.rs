//! What is stored under a key: its text, its expiry, its limit, and what replaces it.

use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{ErrorKind, KeyValue, Result};
use test_servers::Redis;

use crate::{KEY, set, store_in};

#[tokio::test]
async fn a_key_is_stored_as_its_text_with_its_expiry_in_milliseconds() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    let millisecond = Duration::from_millis(1);
    let years = 10 * 365 * 24 * 3600;
    let table = [
        (None, -1..=-1),
        (Some(Duration::from_secs(3600)), 3_590_000..=3_600_000),
        (
            Some(Duration::from_secs(years)),
            315_359_990_000..=315_360_000_000,
        ),
        (
            Some(Duration::from_millis(i64::MAX as u64 / 2)),
            1 << 61..=1 << 62,
        ),
        (Some(Duration::from_millis(i64::MAX as u64)), -1..=-1),
        (Some(Duration::from_millis(u64::MAX)), -1..=-1),
        (Some(Duration::MAX), -1..=-1),
    ];
    for (expire, left) in table {
        store.set(KEY, "<p>144</p>".into(), expire).await?;
        assert_eq!(server.cli(&["get", KEY]), "<p>144</p>\n");
        let found: i64 = server.cli(&["pttl", KEY]).trim().parse().unwrap();
        assert!(left.contains(&found), "{expire:?}: {found}");
    }
    for expire in [Duration::ZERO, Duration::from_nanos(1), millisecond] {
        store.set(KEY, "value".into(), Some(expire)).await?;
    }

    let store = store.namespace("prod")?;
    set(&store, KEY, "value").await?;
    assert_eq!(server.cli(&["get", &format!("prod:{KEY}")]), "value\n");
    Ok(())
}

#[tokio::test]
async fn what_replaces_a_value_has_its_own_expiry_in_milliseconds() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    let mut old = "0";
    store.set(KEY, old.into(), None).await?;
    for (new, expire, left) in [
        ("1", Some(Duration::from_secs(3600)), 3_590_000..=3_600_000),
        ("2", None, -1..=-1),
        ("3", Some(Duration::from_millis(90_000)), 80_000..=90_000),
        ("4", Some(Duration::MAX), -1..=-1),
    ] {
        assert!(
            store
                .replace(KEY, old.as_bytes(), Some(new.into()), expire)
                .await?
        );
        let found: i64 = server.cli(&["pttl", KEY]).trim().parse().unwrap();
        assert!(left.contains(&found), "{expire:?}: {found}");
        old = new;
    }
    let zero = Some(Duration::ZERO);
    assert!(store.replace(KEY, b"4", Some("5".into()), zero).await?);

    store.set(KEY, "old".into(), None).await?;
    let large = Bytes::from(vec![0; (512 << 20) + 1]);
    let replace = store.replace(KEY, b"old", Some(large), None);
    assert_eq!(replace.await.unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(store.get(KEY).await?, Some("old".into()));
    Ok(())
}

#[tokio::test]
async fn many_are_got_in_one_batch_and_a_key_of_another_kind_is_absent() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    set(&store, KEY, "value").await?;
    server.cli(&["rpush", "list", "value"]);
    let found = store.get_many(&["list", KEY, "absent", KEY]).await?;
    let value = Some(Bytes::from("value"));
    assert_eq!(found, [None, value.clone(), None, value]);
    assert_eq!(store.get_many(&[]).await?, []);
    let stats = server.cli(&["info", "commandstats"]);
    assert!(stats.contains("cmdstat_getrange:calls=4,"), "{stats}");
    assert!(stats.contains("cmdstat_exists:calls=1,"), "{stats}");
    set(&store, "empty", "").await?;
    let found = store.get_many(&["absent", "empty", "list"]).await?;
    assert_eq!(found, [None, Some(Bytes::new()), None]);

    for new in [Some("new".into()), None] {
        assert!(!store.replace("list", b"value", new, None).await?);
    }
    assert_eq!(server.cli(&["lrange", "list", "0", "-1"]), "value\n");
    Ok(())
}

#[tokio::test]
async fn a_value_over_the_limit_of_redis_is_too_large_and_the_connection_goes_on() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    let error = store
        .set(KEY, vec![0; (512 << 20) + 1].into(), None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(store.get(KEY).await?, None);
    Ok(())
}

/// The server closes the connection on such a value, and a client that is still writing cannot read why.
#[tokio::test]
async fn a_value_over_the_limit_that_a_server_was_given_is_too_large() -> Result<()> {
    let server = Redis::start();
    server.cli(&["config", "set", "proto-max-bulk-len", "1mb"]);
    let store = store_in(&server);
    for _ in 0..20 {
        let value = vec![0; (1 << 20) + 1].into();
        let error = store.set(KEY, value, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
        assert_eq!(store.get(KEY).await?, None);
    }
    Ok(())
}

#[tokio::test]
async fn replies_that_are_errors_are_errors_and_pass() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    let expect = |error: Option<giotto_cache::Error>, parts: [&str; 2]| {
        let error = error.expect("an error").to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    };

    assert_eq!(server.cli(&["rpush", KEY, "value"]), "1\n");
    assert_eq!(store.get(KEY).await?, None, "a list is no value");
    set(&store, KEY, "value").await?;
    assert_eq!(
        store.get(KEY).await?,
        Some("value".into()),
        "which is replaced"
    );
    assert!(store.delete(KEY).await?);

    server.cli(&["replicaof", "127.0.0.1", "1"]);
    expect(
        set(&store, KEY, "value").await.err(),
        ["READONLY", "replica"],
    );
    assert_eq!(store.get(KEY).await?, None, "it can be read");
    server.cli(&["replicaof", "no", "one"]);
    set(&store, KEY, "value").await?;

    server.cli(&["config", "set", "maxmemory", "1mb"]);
    expect(
        set(&store, KEY, "other").await.err(),
        ["OOM", "maxmemory-policy"],
    );
    assert_eq!(
        store.get(KEY).await?,
        Some("value".into()),
        "what is stored is served"
    );
    server.cli(&["config", "set", "maxmemory", "0"]);
    set(&store, KEY, "other").await?;

    server.fail_to_save();
    expect(
        set(&store, KEY, "third").await.err(),
        ["MISCONF", "cannot save"],
    );
    assert_eq!(
        store.get(KEY).await?,
        Some("other".into()),
        "it can be read"
    );
    server.cli(&["config", "set", "stop-writes-on-bgsave-error", "no"]);
    set(&store, KEY, "third").await?;

    server.cli(&["config", "set", "maxclients", "1"]);
    expect(
        store_in(&server).get(KEY).await.err(),
        ["Redis at", "127.0.0.1"],
    );
    Ok(())
}
