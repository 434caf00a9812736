//! Memcached: the contract on real servers, and what is special about it.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod faults;
mod lies;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use giotto_cache::conformance::{self, Subject};
use giotto_cache::{ErrorKind, KeyValue, MemcacheKeyValue, Place, Result};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use test_servers::{Memcached, free_port};
use tokio::net::{TcpStream, UnixListener};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

const DAY: Duration = Duration::from_secs(24 * 3600);
const MIB: usize = 1 << 20;

/// On a machine under load one of several servers may need more than its usual time.
fn store<'s>(servers: impl IntoIterator<Item = &'s Memcached>) -> MemcacheKeyValue {
    let hosts = servers.into_iter().map(Memcached::host);
    let store = MemcacheKeyValue::new().hosts(hosts).unwrap();
    store.server_deadline(Duration::from_secs(30))
}

/// `value` as most tests use it.
fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

async fn obeys_the_contract(servers: &[Memcached]) {
    let [ours, theirs] = ["ours", "theirs"].map(|name| store(servers).namespace(name).unwrap());
    let subject = Subject::new(Arc::new(ours)).neighbour(Arc::new(theirs));
    conformance::check(&subject.atomic()).await;
    let (default, theirs) = (store(servers), store(servers).namespace("theirs").unwrap());
    let subject = Subject::new(Arc::new(default)).neighbour(Arc::new(theirs));
    conformance::clear_removes_every_key_of_this_namespace_and_nothing_else(&subject).await;
}

#[tokio::test]
async fn one_server_obeys_the_contract() {
    obeys_the_contract(&[Memcached::start()]).await;
}

#[tokio::test]
async fn three_servers_obey_the_contract() {
    obeys_the_contract(&Memcached::start_three()).await;
}

/// A Unix socket that the server on `port` is behind: Memcached itself listens on a socket or on ports. It takes
/// one connection; whoever loses that gets no other.
fn socket_for_one_connection(folder: &Path, port: u16) -> PathBuf {
    let socket = folder.join("memcached.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        tokio::io::copy_bidirectional(&mut client, &mut server).await
    });
    socket
}

#[tokio::test]
async fn a_server_is_reached_by_name_over_ipv6_and_over_a_unix_socket() -> Result<()> {
    let server = Memcached::start();
    let port = server.process.port();
    let folder = tempfile::tempdir().unwrap();
    let socket = socket_for_one_connection(folder.path(), port);
    for url in [
        format!("memcache://localhost:{port}"),
        format!("memcache://[::1]:{port}"),
        format!("memcache://{}", socket.display()),
    ] {
        let store = MemcacheKeyValue::from_url(&url)?;
        if url.contains("::1") && !Memcached::has_ipv6() {
            // Not `eprintln!`, which the test harness keeps to itself.
            let told = "not verified, because ::1 cannot be bound on this machine";
            writeln!(std::io::stderr(), "{told}: {url}").unwrap();
            continue;
        }
        store.set(&url, bytes("value"), None).await?;
        assert_eq!(store.get(&url).await?, Some(bytes("value")), "{url}");
    }
    Ok(())
}

/// Also: no constructor needs a runtime or a server.
#[test]
fn what_is_configured_is_shown_and_what_is_wrong_is_named() {
    let store = MemcacheKeyValue::from_url("memcache://b:1,a;/run/c.sock").unwrap();
    let store = store.namespace("prod").unwrap();
    let expected =
        r#"MemcacheKeyValue { hosts: ["b:1", "a:11211", "/run/c.sock"], namespace: "prod:" }"#;
    assert_eq!(format!("{store:?}"), expected);
    assert_eq!(store.place(), Place::Shared);
    let moved = store.hosts(["::1"]).unwrap();
    let expected = r#"MemcacheKeyValue { hosts: ["[::1]:11211"], namespace: "prod:" }"#;
    assert_eq!(format!("{moved:?}"), expected);
    let default = r#"MemcacheKeyValue { hosts: ["localhost:11211"], namespace: "giotto:" }"#;
    assert_eq!(format!("{:?}", MemcacheKeyValue::default()), default);

    for (wrong, named) in [
        (MemcacheKeyValue::new().hosts(["a", "b:x"]), "b:x"),
        (MemcacheKeyValue::new().hosts(["a", "A:11211"]), "a:11211"),
        (MemcacheKeyValue::new().hosts([""; 0]), "at least one"),
        (MemcacheKeyValue::new().namespace("a b"), "a b"),
        (MemcacheKeyValue::new().namespace(&"a".repeat(101)), "100"),
        (MemcacheKeyValue::from_url("redis://a"), "memcache://"),
    ] {
        let error = wrong.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Policy);
        assert!(error.to_string().contains(named), "{error}");
    }
}

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

// How long values live.

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

// Expired for us, and still there for the server.

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_add_over_an_expired_value_one_is_told_that_it_did() -> Result<()> {
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
async fn a_value_of_somebody_else_is_a_miss_or_just_bytes() -> Result<()> {
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

// Large values.

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

// Clear.

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
async fn a_measure_sums_the_servers_that_answer_and_names_the_others() -> Result<()> {
    let mut servers = Memcached::start_three();
    let store = store(&servers);
    let before = store.measure().await?;
    assert_eq!((before.entries, before.bytes), (Some(0), Some(0)));
    assert_eq!(
        (before.max_bytes, before.evictions),
        (Some(3 << 26), Some(0))
    );
    for number in 0..60 {
        let key = format!("{{'x': {number}}}(squared)(text/html)");
        store.set(&key, vec![b'x'; 1000].into(), None).await?;
    }
    let full = store.measure().await?;
    assert_eq!(full.entries, Some(60));
    assert!(full.bytes > Some(60_000), "{full:?}");

    servers[0].process.kill();
    let some = store.measure().await?;
    let left = servers[1].stat("curr_items") + servers[2].stat("curr_items");
    assert_eq!(some.entries, Some(left));
    let silent = format!("not in the figures: memcached at {}", servers[0].host());
    assert!(some.notes[0].starts_with(&silent), "{some:?}");
    // To ask for figures is no sign of how the servers are.
    assert_eq!(store.counts().backend_errors, 0);

    servers[0].process.restart();
    store.clear().await?;
    let cleared = store.measure().await?;
    assert_eq!((cleared.entries, cleared.bytes), (Some(0), Some(0)));
    for server in &mut servers {
        server.process.kill();
    }
    assert!(store.measure().await.is_err());
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

/// What it says is what it does: a value of that length is taken under the longest key, one that is some hundred bytes longer
/// is not.
#[tokio::test]
async fn the_longest_value_is_that_of_the_smallest_server() -> Result<()> {
    let small = Memcached::start_with(free_port(), &["-I", "2m"]);
    let large = Memcached::start_with(free_port(), &["-I", "8m", "-m", "256"]);
    let both = store([&large, &small]);
    let only_small = store([&small]);
    let started = Instant::now();
    while both.max_value().is_none_or(|longest| longest > 3 * MIB)
        || only_small.max_value().is_none()
    {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "{:?}",
            both.max_value()
        );
        sleep(Duration::from_millis(10)).await;
    }
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
