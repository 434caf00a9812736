//! `clear` and removal by a part of the key.

use giotto_cache::{ErrorKind, KeyValue, Result};
use test_servers::{Memcached, free_port};
use tokio::task::JoinSet;

use crate::{bytes, store};

#[tokio::test]
async fn clear_of_many_keys_leaves_what_others_keep() -> Result<()> {
    let servers = Memcached::start_three();
    let (ours, theirs) = (
        store(&servers).namespace("ours")?,
        store(&servers).namespace("our")?,
    );
    for number in 0..5000 {
        ours.set(&format!("key {number} %"), bytes("ours"), None)
            .await?;
    }
    theirs.set("key", bytes("theirs"), None).await?;
    assert_eq!(servers[0].ask("set session:1 0 0 1\r\nx"), "STORED\r\n");
    ours.clear().await?;
    let left: u64 = servers.iter().map(|server| server.stat("curr_items")).sum();
    assert_eq!(left, 2);
    assert_eq!(theirs.get("key").await?, Some(bytes("theirs")));
    assert_eq!(servers.map(|server| server.stat("cmd_flush")), [0; 3]);
    Ok(())
}

#[tokio::test]
async fn clears_at_the_same_time_wait_for_one_another() {
    let server = Memcached::start();
    let mut clears = JoinSet::new();
    for number in 0..8 {
        let store = store([&server])
            .namespace(&format!("number-{number}"))
            .unwrap();
        clears.spawn(async move {
            store.set("key", bytes("value"), None).await.unwrap();
            store.clear().await.unwrap();
            assert_eq!(store.get("key").await.unwrap(), None);
        });
    }
    clears.join_all().await;
}

#[tokio::test]
async fn a_server_that_does_not_list_its_keys_says_what_clear_needs() {
    let server = Memcached::start_with(free_port(), &["-o", "no_lru_crawler"]);
    let host = server.host();
    let error = store([&server]).clear().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backend);
    for part in [host.as_str(), "lru crawler disabled", "LRU crawler enabled"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn the_keys_that_contain_a_part_are_removed_from_a_full_server_too() -> Result<()> {
    let servers = [
        Memcached::start_with(free_port(), &["-M", "-m", "8"]),
        Memcached::start(),
    ];
    let [ours, theirs] = ["ours", "theirs"].map(|name| store(&servers).namespace(name).unwrap());
    let [squared, cubed] =
        ["squared", "cubed"].map(|name| format!("{{'x': 12}}({name})(text/html)"));
    let long = format!("{{'x': '{}'}}(squared)(text/html)", "\u{e9}".repeat(300));
    for key in [&squared, &cubed, &long] {
        ours.set(key, bytes("value"), None).await?;
        theirs.set(key, bytes("value"), None).await?;
    }
    for number in 0..1000 {
        let key = format!("filler-{number}");
        // Those of the other server are stored.
        let _ = ours.set(&key, vec![b'v'; 100_000].into(), None).await;
    }
    assert!(ours.counts().backend_errors > 0, "it is full");
    ours.delete_containing("(squared)(").await?;
    assert_eq!(
        ours.get_many(&[&squared, &long, &cubed]).await?,
        [None, None, Some(bytes("value"))]
    );
    assert_eq!(theirs.get(&squared).await?, Some(bytes("value")));
    assert_eq!(theirs.get(&long).await?, Some(bytes("value")));
    ours.delete_containing("'x': 12}").await?;
    assert_eq!(ours.get(&cubed).await?, None);
    Ok(())
}
