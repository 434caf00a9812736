//! Keys and values of every kind and size.

use bytes::Bytes;
use giotto_cache::{ErrorKind, KeyValue, MemcacheKeyValue, Result};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use test_servers::{Memcached, free_port};

use crate::address::socket_for_one_connection;
use crate::soon::soon;
use crate::{MIB, bytes, store};

#[tokio::test]
async fn no_key_is_ever_a_command() -> Result<()> {
    let server = Memcached::start();
    let store = store([&server]);
    let mut runner = TestRunner::deterministic();
    let texts = proptest::string::string_regex("(?s).{0,120}").unwrap();
    for number in 0..1000 {
        let text = texts.new_tree(&mut runner).unwrap().current();
        let key = format!(
            "{text}\r\nset a 0 0 1\r\n{number}{}",
            "k".repeat(number % 300)
        );
        let value = bytes(&format!("flush_all\r\nset a 0 0 1\r\n{number}\r\n"));
        store.set(&key, value.clone(), None).await?;
        assert_eq!(store.get(&key).await?, Some(value), "{key:?}");
    }
    assert_eq!(
        ["cmd_set", "cmd_get", "cmd_flush"].map(|name| server.stat(name)),
        [1000, 1000, 0]
    );
    assert_eq!(server.ask("get a"), "END\r\n");
    assert_eq!(server.stat("curr_items"), 1000);
    Ok(())
}

#[tokio::test]
async fn thousands_are_got_at_once() -> Result<()> {
    let server = Memcached::start();
    let store = store([&server]);
    let keys: Vec<_> = (0..3000)
        .map(|number| format!("{number} {}", "k".repeat(200)))
        .collect();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    for key in &keys {
        store.set(key, bytes(&key[..4]), None).await?;
    }
    let all: Vec<_> = keys.iter().map(|key| Some(bytes(&key[..4]))).collect();
    assert!(store.get_many(&keys).await? == all);
    Ok(())
}

#[tokio::test]
async fn a_value_of_another_program_is_a_miss_or_just_bytes() -> Result<()> {
    let server = Memcached::start();
    let store = store([&server]);
    for value in ["", "short", "\0\0\0\0\0\0\0\0expired in 1970"] {
        let reply = server.ask(&format!("set giotto:key 7 0 {}\r\n{value}", value.len()));
        assert_eq!(reply, "STORED\r\n");
        assert_eq!(store.get("key").await?, None, "{value:?}");
        assert!(store.add("key", bytes("ours"), None).await?);
        assert_eq!(store.get("key").await?, Some(bytes("ours")));
    }
    Ok(())
}

#[tokio::test]
async fn a_value_over_the_limit_is_refused_and_the_old_one_is_gone() -> Result<()> {
    let server = Memcached::start();
    let folder = tempfile::tempdir().unwrap();
    let socket = socket_for_one_connection(folder.path(), server.process.port());
    let store = MemcacheKeyValue::new().hosts([socket.display().to_string()])?;
    for length in [MIB, 2 * MIB, (128 << 20) + 1] {
        store.set("key", bytes("old"), None).await?;
        let error = store
            .set("key", vec![0; length].into(), None)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert!(error.to_string().contains("-I"), "{error}");
        assert_eq!(store.get("key").await?, None);
        let error = store
            .add("key", vec![0; length].into(), None)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        store.set("key", bytes("old"), None).await?;
        let replace = store.replace("key", b"old", Some(vec![0; length].into()), None);
        assert_eq!(replace.await.unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(store.get("key").await?, Some(bytes("old")));
    }
    for number in 0..100 {
        store.set("key", bytes(&number.to_string()), None).await?;
        assert_eq!(store.get("key").await?, Some(bytes(&number.to_string())));
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_takes_more_is_given_more() -> Result<()> {
    let server = Memcached::start_with(free_port(), &["-I", "8m", "-m", "256"]);
    let store = store([&server]);
    let value: Bytes = (0..6 * MIB).map(|at| at.to_le_bytes()[at % 3]).collect();
    store.set("key", value.clone(), None).await?;
    assert!(store.get("key").await? == Some(value));
    Ok(())
}

/// What it says is what it does: a value of that length is taken under the longest key, one that is some hundred bytes longer
/// is not.
#[tokio::test]
async fn the_longest_value_is_that_of_the_smallest_server() -> Result<()> {
    let small = Memcached::start_with(free_port(), &["-I", "2m"]);
    let large = Memcached::start_with(free_port(), &["-I", "8m", "-m", "256"]);
    let both = store([&large, &small]);
    let only_small = store([&small]);
    soon("both have said it", async || {
        let is_known = both.max_value().is_some_and(|longest| longest <= 3 * MIB);
        is_known && only_small.max_value().is_some()
    })
    .await;
    let longest = only_small.max_value().unwrap();
    assert_eq!(both.max_value(), Some(longest));
    assert!((2 * MIB - 400..2 * MIB).contains(&longest), "{longest}");
    let key = "k".repeat(243);
    only_small
        .set(&key, vec![b'v'; longest].into(), None)
        .await?;
    assert_eq!(only_small.get(&key).await?.unwrap().len(), longest);
    let error = only_small
        .set(&key, vec![b'v'; longest + 400].into(), None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    Ok(())
}
