//! `RedisKeyValue` against real servers: the contract, what is stored, and every way in which a server fails.
//!
//! Each test starts the servers that it needs (Debian's package `redis-server`) and stops them.

mod cluster;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use giotto_cache::conformance::{self, Subject};
use giotto_cache::{
    Cache, ErrorKind, Key, KeyValue, Measure, Policy, RedisKeyValue, Result, Status,
};
use test_servers::{Certificate, Redis, RedisCluster, RedisSentinel, free_port};
use tokio::task::JoinSet;

/// The engine's deadline for one call.
const DEADLINE: Duration = Duration::from_millis(100);
/// After so long without a reply the store itself gives a connection up.
const SILENCE: Duration = Duration::from_secs(1);
/// For what does not fail here, on a machine under load; and how long is waited for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);
/// A master that is gone for so long is replaced: longer than one stands still on a machine under load.
const GONE: Duration = Duration::from_secs(5);
/// A master has been replaced within this time, even if sentinels that stood still distrust their clocks for a while.
const FAILOVER: Duration = Duration::from_secs(120);
const KEY: &str = "{'x': 12}(squared)(text/html)";

fn store_in(server: &Redis) -> RedisKeyValue {
    RedisKeyValue::new().host("127.0.0.1").port(server.port())
}

fn key(number: usize) -> String {
    format!("{{'x': {number}}}(squared)(text/html)")
}

async fn set(store: &RedisKeyValue, key: &str, value: &'static str) -> Result<()> {
    store
        .set(key, Bytes::from_static(value.as_bytes()), None)
        .await
}

/// A call as the engine makes it: dropped at its deadline.
async fn get_in_time(store: &RedisKeyValue, key: &str) -> Option<Result<Option<Bytes>>> {
    tokio::time::timeout(DEADLINE, store.get(key)).await.ok()
}

/// A call that gets no answer: none by the engine's deadline, or an error after it if this process stood still.
async fn is_unanswered(store: &RedisKeyValue, key: &str) -> bool {
    let asked = Instant::now();
    match get_in_time(store, key).await {
        None => true,
        Some(answer) => answer.is_err() && asked.elapsed() >= DEADLINE,
    }
}

/// Calls until one succeeds.
async fn recovers(store: &RedisKeyValue, key: &str) -> Option<Bytes> {
    let started = Instant::now();
    loop {
        match get_in_time(store, key).await {
            Some(Ok(value)) => return value,
            failed => assert!(started.elapsed() < PATIENCE, "still {failed:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

// The contract.

async fn obeys_the_contract(store: RedisKeyValue) {
    let namespaced = |name| Arc::new(store.clone().namespace(name).expect("a plain name"));
    let subject = Subject::new(namespaced("ours")).neighbour(namespaced("theirs"));
    conformance::check(&subject.atomic()).await;
}

#[tokio::test]
async fn redis_obeys_the_contract() {
    let server = Redis::start();
    obeys_the_contract(store_in(&server)).await;
}

#[tokio::test]
async fn a_cluster_obeys_the_contract() {
    let cluster = RedisCluster::start(0, PATIENCE);
    // One node is enough: it names the others.
    let store = RedisKeyValue::new().cluster(&cluster.addresses()[..1]);
    obeys_the_contract(store.expect("a node").server_deadline(PATIENCE)).await;
}

#[tokio::test]
async fn a_master_with_sentinels_obeys_the_contract() {
    let servers = RedisSentinel::start(PATIENCE);
    let store = RedisKeyValue::new().sentinel("mymaster", servers.addresses());
    obeys_the_contract(store.expect("some sentinels")).await;
}

// What is stored.

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
async fn clear_leaves_the_keys_of_others_alone() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    let cache = Cache::builder(Arc::new(store.clone()));
    let cache = cache.deadline(PATIENCE).build();
    for x in 0..2500 {
        let key = Key::new("squared", format!("{{'x': {x}}}"), "text/html");
        let compute = || async { Ok::<_, giotto_cache::Error>("page".into()) };
        cache
            .get_or_compute(key, Policy::forever(), compute)
            .await?;
    }
    cache.settle().await;
    let prod = store.clone().namespace("prod")?;
    set(&prod, KEY, "value").await?;
    for foreign in [
        ["set", "{user1000}.following", "foreign"],
        ["set", "{short", "GI"],
        ["set", "session:1", "GIOTTO"],
        ["rpush", "{list}", "foreign"],
        ["set", "prodigy", "foreign"],
        ["set", "prod-2:{}", "foreign"],
    ] {
        assert!(!server.cli(&foreign).contains("ERR"));
    }
    assert_eq!(server.cli(&["dbsize"]), "2507\n");
    store.clear().await?;
    assert_eq!(server.cli(&["dbsize"]), "7\n", "the entries are gone");
    assert_eq!(prod.get(KEY).await?, Some("value".into()));
    prod.clear().await?;
    assert_eq!(server.cli(&["dbsize"]), "6\n", "the key of prod is gone");
    Ok(())
}

#[tokio::test]
async fn the_keys_that_contain_a_part_are_removed_from_a_full_server_too() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    let [ours, theirs] = ["ours", "theirs"].map(|name| store.clone().namespace(name).unwrap());
    let special = r"{'x': '*?[a-z]\\'}(squared)(text/html)";
    let cubed = KEY.replace("squared", "cubed");
    for number in 0..2500 {
        set(&ours, &key(number), "value").await?;
    }
    for key in [KEY, special, &cubed] {
        set(&ours, key, "value").await?;
        set(&theirs, key, "value").await?;
        set(&store, key, "GIOTTO").await?;
    }
    set(&store, "{'x': 13}(squared)(text/html)", "foreign").await?;
    server.cli(&["config", "set", "maxmemory", "1mb"]);
    assert!(set(&ours, KEY, "new").await.is_err(), "it is full");

    ours.delete_containing(r"[a-z]\\").await?;
    assert_eq!(
        ours.get_many(&[special, KEY]).await?,
        [None, Some("value".into())]
    );
    ours.delete_containing("(squared)(").await?;
    assert_eq!(server.cli(&["keys", "ours:*"]), format!("ours:{cubed}\n"));
    store.delete_containing("(squared)(").await?;
    let left = server.cli(&["keys", "{*(squared)(*"]);
    assert_eq!(
        left, "{'x': 13}(squared)(text/html)\n",
        "it is none of ours"
    );
    for key in [KEY, special] {
        assert_eq!(theirs.get(key).await?, Some("value".into()), "{key}");
    }
    let used = server.cli(&["info", "commandstats"]);
    assert!(used.contains("cmdstat_scan"), "{used}");
    Ok(())
}

#[tokio::test]
async fn clear_reaches_every_master_of_a_cluster() -> Result<()> {
    let cluster = RedisCluster::start(0, PATIENCE);
    let store = RedisKeyValue::new()
        .cluster(cluster.addresses())?
        .server_deadline(PATIENCE)
        .namespace("prod")?;
    for number in 0..100 {
        set(&store, &key(number), "value").await?;
    }
    let sizes = || {
        cluster
            .nodes
            .iter()
            .map(|node| node.cli(&["dbsize"]))
            .collect::<Vec<_>>()
    };
    let have_some = || !sizes().contains(&"0\n".into());
    assert!(have_some(), "{:?}", sizes());
    store.delete_containing("(cubed)(").await?;
    assert!(have_some(), "{:?}", sizes());
    store.delete_containing("(squared)(").await?;
    assert_eq!(sizes(), ["0\n"; 3]);
    for number in 0..100 {
        set(&store, &key(number), "value").await?;
    }
    store.clear().await?;
    assert_eq!(sizes(), ["0\n"; 3]);
    Ok(())
}

/// Memory is that of the server, which does other things too: what is stored is much more than that.
#[tokio::test]
async fn a_measure_is_of_the_server_and_its_entries_of_the_database() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server).namespace("prod")?;
    set(&store.clone().db(1), KEY, "in another database").await?;
    let before = store.measure().await?;
    assert_eq!((before.entries, before.evictions), (Some(0), Some(0)));
    assert_eq!(before.max_bytes, None);
    for number in 0..1000 {
        store.set(&key(number), vec![0; 1000].into(), None).await?;
    }
    server.cli(&["config", "set", "maxmemory", "64mb"]);
    server.cli(&["config", "set", "maxmemory-policy", "allkeys-lru"]);
    let full = store.measure().await?;
    assert_eq!((full.entries, full.max_bytes), (Some(1000), Some(64 << 20)));
    assert_eq!(full.notes, ["maxmemory-policy is allkeys-lru"]);
    let grown = |from: &Measure, to: &Measure| to.bytes.unwrap() > from.bytes.unwrap() + 500_000;
    assert!(grown(&before, &full), "{before:?}, {full:?}");
    store.clear().await?;
    let cleared = store.measure().await?;
    assert_eq!(cleared.entries, Some(0));
    assert!(grown(&cleared, &full), "{cleared:?}, {full:?}");

    server.cli(&["config", "set", "maxmemory", "2mb"]);
    for number in 0..4000 {
        store.set(&key(number), vec![0; 1000].into(), None).await?;
    }
    assert!(store.measure().await?.evictions > Some(0));
    Ok(())
}

#[tokio::test]
async fn a_measure_with_sentinels_is_that_of_the_master() -> Result<()> {
    let servers = RedisSentinel::start(PATIENCE);
    let store = RedisKeyValue::new().sentinel("mymaster", servers.addresses())?;
    set(&store, KEY, "value").await?;
    assert_eq!(store.measure().await?.entries, Some(1));
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

/// What may not be sent twice is not sent on a connection that is known to be closed.
#[tokio::test]
async fn a_connection_that_was_closed_while_idle_costs_no_call() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    let close = || server.cli(&["client", "kill", "type", "normal", "skipme", "yes"]);
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

// The ways to a server.

#[tokio::test]
async fn a_unix_socket_a_database_and_a_url_lead_to_the_same_server() -> Result<()> {
    let server = Redis::start();
    let by_socket = RedisKeyValue::new().socket(server.socket()).db(1);
    set(&by_socket, KEY, "value").await?;
    assert_eq!(server.cli(&["-n", "1", "get", KEY]), "value\n");
    assert_eq!(server.cli(&["get", KEY]), "\n", "database 0 has nothing");

    let socket = server.socket().display().to_string();
    let port = server.port();
    for url in [
        format!("redis://127.0.0.1:{port}/1"),
        format!("redis+unix://{socket}?db=1"),
    ] {
        let store = RedisKeyValue::from_url(&url)?;
        assert_eq!(store.get(KEY).await?, Some("value".into()), "{url}");
    }
    let error = by_socket.db(99).get(KEY).await.unwrap_err();
    assert!(
        error.to_string().contains("DB index is out of range"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_password_is_asked_for_and_never_shown() -> Result<()> {
    let server = Redis::start_with(&["--requirepass", "s3cret"]);
    assert!(
        server
            .cli(&[
                "-a",
                "s3cret",
                "acl",
                "setuser",
                "ann",
                "on",
                ">hunter2",
                "~*",
                "+getrange",
                "+exists"
            ])
            .contains("OK")
    );
    let store = store_in(&server);
    assert_eq!(store.clone().password("s3cret").get(KEY).await?, None);
    assert_eq!(
        store
            .clone()
            .user("ann")
            .password("hunter2")
            .get(KEY)
            .await?,
        None
    );

    let wrong = store.clone().user("ann").password("wr0ng");
    let table = [
        (store.get(KEY).await, "NOAUTH", "set the password"),
        (wrong.get(KEY).await, "WRONGPASS", "check user and password"),
    ];
    for (reply, code, remedy) in table {
        let error = reply.unwrap_err().to_string();
        let place = format!("127.0.0.1:{}", server.port());
        for part in [code, remedy, &place] {
            assert!(error.contains(part), "{error}");
        }
        assert!(!error.contains("wr0ng"), "{error}");
    }
    let forbidden = store.clone().user("ann").password("hunter2");
    let error = set(&forbidden, KEY, "value").await.unwrap_err().to_string();
    assert!(
        error.contains("NOPERM") && error.contains("let the user run"),
        "{error}"
    );
    assert!(
        !format!("{wrong:?} {wrong:#?}").contains("wr0ng"),
        "{wrong:?}"
    );
    assert!(format!("{wrong:?}").contains("127.0.0.1"), "{wrong:?}");
    Ok(())
}

/// `GIOTTO_CACHE_PASSWORD=` is such a password.
#[tokio::test]
async fn an_empty_user_or_password_is_none() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    for store in [
        store.clone().password(""),
        store.clone().user("").password(""),
        RedisKeyValue::from_url(&format!("redis://:@127.0.0.1:{}", server.port()))?,
    ] {
        set(&store, KEY, "value").await?;
    }
    server.cli(&["acl", "setuser", "ann", "on", "nopass", "~*", "+@all"]);
    for ann in [store.clone().user("ann"), store.user("ann").password("")] {
        assert_eq!(ann.get(KEY).await?, Some("value".into()));
    }
    let stats = server.cli(&["info", "commandstats"]);
    assert!(stats.contains("cmdstat_auth:calls=2,"), "{stats}");
    Ok(())
}

#[tokio::test]
async fn an_address_means_the_same_in_code_and_in_a_url() -> Result<()> {
    let server = Redis::start();
    let (port, socket) = (server.port(), server.socket().display().to_string());
    set(&store_in(&server), KEY, "value").await?;
    let by_host = |host: String| RedisKeyValue::new().host(host);
    for store in [
        by_host(format!("127.0.0.1:{port}")),
        by_host("127.0.0.1".into()).port(port),
        RedisKeyValue::new().port(port).host("127.0.0.1"),
        by_host(socket.clone()),
        by_host(format!("unix:{socket}")),
        RedisKeyValue::from_url(&format!("redis://127.0.0.1:{port}"))?,
        RedisKeyValue::from_url(&format!("redis+unix://{socket}"))?,
    ] {
        assert_eq!(store.get(KEY).await?, Some("value".into()), "{store:?}");
    }
    for (host, expected) in [
        ("[::1]", "[::1]:6379"),
        ("::1", "[::1]:6379"),
        ("[::1]:7000", "[::1]:7000"),
    ] {
        let by_url = match host {
            "::1" => "[::1]",
            host => host,
        };
        let by_url = RedisKeyValue::from_url(&format!("redis://{by_url}"))?;
        for store in [by_host(host.into()), by_url] {
            assert!(format!("{store:?}").contains(expected), "{store:?}");
        }
    }
    Ok(())
}

/// Every command that there is for.
async fn every_call(store: &RedisKeyValue) -> Result<()> {
    set(store, KEY, "GIOTTO").await?;
    store.get(KEY).await?;
    store.get_many(&[KEY, "absent"]).await?;
    store.add(KEY, "value".into(), None).await?;
    store.delete(KEY).await?;
    set(store, KEY, "GIOTTO").await?;
    store
        .replace(KEY, b"GIOTTO", Some("GIOTTO2".into()), None)
        .await?;
    store.measure().await?;
    store.clear().await
}

fn allow(server: &Redis, rights: &[&str]) {
    let user = ["acl", "setuser", "ann", "reset", "on", ">hunter2", "~*"];
    let rights: Vec<_> = rights.iter().map(|right| format!("+{right}")).collect();
    let rights = rights.iter().map(String::as_str);
    let reply = server.cli(&user.into_iter().chain(rights).collect::<Vec<_>>());
    assert_eq!(reply, "OK\n");
}

/// What an error about a right names is enough, and nothing of it can be left out but PING: being refused it is a
/// reply too, which stands in the server's ACL LOG.
#[tokio::test]
async fn a_user_needs_the_rights_that_the_error_names_and_no_others() -> Result<()> {
    let named = [
        "get", "getrange", "exists", "set", "eval", "unlink", "scan", "select", "dbsize", "info",
        "ping",
    ];
    let last = named.len() - 1;
    let server = Redis::start();
    let ann = |store: RedisKeyValue| store.user("ann").password("hunter2");
    let store = || ann(store_in(&server)).db(1);
    allow(&server, &named);
    every_call(&store()).await?;
    allow(&server, &named[..last]);
    every_call(&store()).await?;
    for right in &named[..last] {
        let others: Vec<_> = named.into_iter().filter(|named| named != right).collect();
        allow(&server, &others);
        let error = every_call(&store()).await.unwrap_err().to_string();
        assert!(
            error.contains("let the user run") && error.contains(&right.to_uppercase()),
            "{right}: {error}"
        );
    }

    let cluster = RedisCluster::start(0, PATIENCE);
    let store = || -> Result<_> {
        let store = RedisKeyValue::new().cluster(cluster.addresses())?;
        Ok(ann(store.server_deadline(PATIENCE)))
    };
    let in_cluster = ["cluster|slots", "asking"];
    let is_needed = |right: &&str| !["select", "ping"].contains(right);
    let all = named.into_iter().filter(is_needed).chain(in_cluster);
    let all: Vec<_> = all.collect();
    let allow_all = |rights: &[&str]| cluster.nodes.iter().for_each(|node| allow(node, rights));
    allow_all(&all);
    every_call(&store()?).await?;
    cluster::move_slot_of(&cluster, KEY);
    assert!(store()?.add(KEY, "value".into(), None).await?);
    for right in in_cluster {
        let others: Vec<_> = all
            .iter()
            .copied()
            .filter(|other| *other != right)
            .collect();
        allow_all(&others);
        let add = store()?.add(KEY, "value".into(), None).await;
        let error = add.unwrap_err().to_string();
        assert!(
            error.contains("NOPERM") && error.contains(&right.to_uppercase()),
            "{right}: {error}"
        );
    }
    Ok(())
}

/// A server says otherwise of a script that a user may not run a command.
#[tokio::test]
async fn a_script_that_may_not_run_a_command_names_the_rights_too() -> Result<()> {
    let server = Redis::start();
    let ann = store_in(&server).user("ann").password("hunter2");
    set(&store_in(&server), KEY, "value").await?;
    for (rights, new) in [
        (["get", "eval", "set"], None),
        (["get", "eval", "unlink"], Some("new")),
    ] {
        allow(&server, &rights);
        let replace = ann.replace(KEY, b"value", new.map(Bytes::from), None).await;
        let error = replace.unwrap_err().to_string();
        assert!(error.contains("let the user run"), "{error}");
        assert_eq!(server.cli(&["get", KEY]), "value\n", "nothing was done");
    }
    Ok(())
}

#[tokio::test]
async fn a_password_that_the_server_repeats_is_not_shown() {
    // What a server that does not know AUTH answers.
    let port = fake_server(|_| {
        Some(b"-ERR unknown command 'AUTH', with args beginning with: 's3cret'\r\n".into())
    });
    let store = RedisKeyValue::new()
        .host("127.0.0.1")
        .port(port)
        .password("s3cret");
    let error = store.get(KEY).await.unwrap_err().to_string();
    assert!(
        error.contains("unknown command") && !error.contains("s3cret"),
        "{error}"
    );
}

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

/// `SSL_CERT_FILE` is read by a process, so this test runs itself in one that has it.
#[tokio::test]
async fn tls_takes_a_certificate_that_the_system_trusts_and_no_other() {
    const CHILD: &str = "REDIS_TLS_PORT";
    if let Ok(port) = std::env::var(CHILD) {
        let store = RedisKeyValue::from_url(&format!("rediss://localhost:{port}")).unwrap();
        return set(&store, KEY, "value").await.unwrap();
    }
    let [certificate, other] = [Certificate::create(), Certificate::create()];
    let tls_port = free_port().to_string();
    let (file, private_key) = (certificate.file(), certificate.key());
    let server = Redis::start_with(&[
        "--tls-port",
        &tls_port,
        "--tls-cert-file",
        &file.display().to_string(),
        "--tls-key-file",
        &private_key.display().to_string(),
        "--tls-auth-clients",
        "no",
    ]);
    let trusting = |certificate: &Certificate| {
        let name = "tls_takes_a_certificate_that_the_system_trusts_and_no_other";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", name]).env(CHILD, &tls_port);
        child
            .env("SSL_CERT_FILE", certificate.file())
            .output()
            .unwrap()
    };
    let output = trusting(&other);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        !output.status.success() && told.contains("certificate"),
        "{told}"
    );
    assert_eq!(server.cli(&["get", KEY]), "\n");
    let output = trusting(&certificate);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(server.cli(&["get", KEY]), "value\n");
}

// A server that fails.

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

/// The reply to a caller that went away is read by nobody; it was given all the same.
#[tokio::test]
async fn a_connection_whose_caller_went_away_is_kept() -> Result<()> {
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
async fn connecting_goes_on_when_its_caller_gave_up() -> Result<()> {
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

/// What a server says on the connection of that number; `None` = it keeps quiet.
type Answer = Arc<dyn Fn(usize) -> Option<Vec<u8>> + Send + Sync>;

/// A server that says the same to everything.
fn fake_server(answer: impl Fn(usize) -> Option<Vec<u8>> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let answer: Answer = Arc::new(answer);
    std::thread::spawn(move || {
        for (connection, stream) in listener.incoming().enumerate() {
            let (stream, answer) = (stream.expect("a connection"), Arc::clone(&answer));
            std::thread::spawn(move || say(stream, || answer(connection)));
        }
    });
    port
}

fn say(mut stream: TcpStream, answer: impl Fn() -> Option<Vec<u8>>) {
    let mut asked = [0; 1 << 16];
    while let Ok(1..) = stream.read(&mut asked) {
        if answer().is_some_and(|reply| stream.write_all(&reply).is_err()) {
            break;
        }
    }
}

// Sentinels.

#[tokio::test]
async fn a_failover_from_a_dead_master_is_followed() -> Result<()> {
    let mut servers = RedisSentinel::start(GONE);
    let store = RedisKeyValue::new().sentinel("mymaster", servers.addresses())?;
    set(&store, KEY, "value").await?;
    servers.master.wait_until_replicated();
    servers.master.process.kill();
    let lost = store.get(KEY).await;
    assert!(lost.is_err() || is_master(&servers.replica), "{lost:?}");
    follows_to_the_replica(&servers, &store).await?;

    // The old master comes back and is made a replica.
    servers.master.process.restart();
    assert_eq!(store.get(KEY).await?, Some("other".into()));
    set(&store, KEY, "third").await
}

#[tokio::test]
async fn a_failover_from_a_frozen_master_is_followed() -> Result<()> {
    let servers = RedisSentinel::start(GONE);
    let store = RedisKeyValue::new().sentinel("mymaster", servers.addresses())?;
    set(&store, KEY, "value").await?;
    servers.master.wait_until_replicated();
    servers.master.process.freeze();
    assert!(is_unanswered(&store, KEY).await || is_master(&servers.replica));
    follows_to_the_replica(&servers, &store).await?;

    // The old master goes on and takes itself for one until it is told.
    servers.master.process.thaw();
    assert_eq!(store.get(KEY).await?, Some("other".into()));
    Ok(())
}

async fn follows_to_the_replica(servers: &RedisSentinel, store: &RedisKeyValue) -> Result<()> {
    let started = Instant::now();
    while !is_master(&servers.replica) {
        assert!(started.elapsed() < FAILOVER, "no failover");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let found = recovers(store, KEY).await;
    assert_eq!(found, Some("value".into()));
    set(store, KEY, "other").await?;
    assert_eq!(servers.replica.cli(&["get", KEY]), "other\n");
    Ok(())
}

fn is_master(server: &Redis) -> bool {
    server.cli(&["role"]).starts_with("master")
}

#[tokio::test]
async fn a_master_that_became_a_replica_is_left_and_not_taken_again() -> Result<()> {
    let [old, new] = [Redis::start(), Redis::start()];
    let master = Arc::new(AtomicU16::new(old.port()));
    let named = Arc::clone(&master);
    let sentinel = fake_server(move |_| {
        let port = named.load(Ordering::SeqCst).to_string();
        let reply = format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len());
        Some(reply.into_bytes())
    });
    let store = RedisKeyValue::new().sentinel("mymaster", [format!("127.0.0.1:{sentinel}")])?;
    set(&store, KEY, "value").await?;

    // The connection stays; it is the reply that tells.
    old.cli(&["replicaof", "127.0.0.1", &new.port().to_string()]);
    let error = set(&store, KEY, "other").await.unwrap_err().to_string();
    assert!(error.contains("READONLY"), "{error}");
    let error = store.get(KEY).await.unwrap_err().to_string();
    assert!(error.contains("but it is a slave"), "{error}");
    master.store(new.port(), Ordering::SeqCst);
    set(&store, KEY, "other").await?;
    assert_eq!(new.cli(&["get", KEY]), "other\n");
    Ok(())
}

#[tokio::test]
async fn what_the_sentinels_do_not_know_is_told() -> Result<()> {
    let servers = RedisSentinel::start(PATIENCE);
    let store = RedisKeyValue::new().sentinel("theirmaster", servers.addresses())?;
    let error = store.get(KEY).await.unwrap_err().to_string();
    assert!(
        error.contains("theirmaster") && error.contains("check its name"),
        "{error}"
    );
    let no_sentinel = format!("127.0.0.1:{}", servers.master.port());
    let store = RedisKeyValue::new().sentinel("mymaster", [no_sentinel])?;
    let error = store.get(KEY).await.unwrap_err().to_string();
    assert!(error.contains("unknown command"), "{error}");
    Ok(())
}

#[test]
fn an_address_that_cannot_be_read_is_refused_without_its_password() {
    let new = RedisKeyValue::new;
    for (refused, told) in [
        (new().cluster(["a:7000", "a:port"]), "\"a:port\""),
        (new().sentinel("m", ["a:port"]), "\"a:port\""),
        (new().cluster(["redis://:s3cret@a"]), "host:port"),
        (new().sentinel("m", ["s3cret@a"]), "host:port"),
        (new().cluster([""; 0]), "at least one"),
        (new().sentinel("m", [""; 0]), "at least one"),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Policy);
        let error = error.to_string();
        assert!(error.contains(told) && !error.contains("s3cret"), "{error}");
    }
}

// Under the engine.

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
    let back = Instant::now();
    while ask().await?.status != Status::Hit {
        cache.settle().await;
        assert!(back.elapsed() < PATIENCE, "no hit");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
