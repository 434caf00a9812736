//! The database as a store, against the real ones: a file of SQLite, PostgreSQL, MariaDB.
//!
//! What holds for all of them is here. Each server is started once, and its checks run one after the other.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod file;
mod mysql;
mod operated;
mod pooler;
mod postgres;
mod server;
mod sqlite;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use giotto_cache::conformance::{self, Subject};
use giotto_cache::{DatabaseKeyValue, ErrorKind, KeyValue, Place, Result};
use tokio::task::JoinSet;

/// What the engine gives a call.
const DEADLINE: Duration = Duration::from_millis(100);
/// So long is waited for what must happen, on a machine under load.
const PATIENCE: Duration = Duration::from_secs(30);
/// A call that has waited for so long may fail on a machine under load: SQLite waits for a lock no longer.
const LEAST_WAIT: Duration = Duration::from_millis(80);

/// A database, looked at from both sides.
trait Database: Sync {
    /// A store with connections of its own.
    fn store(&self) -> DatabaseKeyValue;

    /// The one number that `sql` selects.
    fn number(&self, sql: &str) -> u64;

    /// What makes a value of so many bytes in SQL.
    fn value_of(&self, bytes: usize) -> String;

    fn execute(&self, sql: &str);
}

async fn check(database: &impl Database) {
    database.store().syncdb().await.unwrap();
    obeys_the_contract(database).await;
    a_table_may_have_any_name(database).await;
    rows_beyond_the_bound_leave_and_the_newest_stay(database).await;
    bytes_beyond_the_bound_leave_and_the_newest_stay(database).await;
    what_has_expired_is_swept_and_nothing_else(database).await;
    one_of_many_adds_succeeds(database).await;
    what_is_replaced_is_swept_by_its_new_size_and_expiry(database).await;
    writers_and_sweepers_do_not_disturb_one_another(database).await;
    a_value_that_is_too_large_leaves_nothing_behind(database).await;
    clear_without_a_namespace_removes_the_keys_of_programs(database).await;
    what_contains_a_part_is_removed_and_nothing_else(database).await;
    a_longer_value_of_another_program_is_not_read(database).await;
    the_largest_value_is_told_and_is_stored(database).await;
    a_measure_is_of_the_whole_table(database).await;
    a_call_that_is_dropped_leaves_its_reply_to_nobody(database).await;
}

async fn obeys_the_contract(database: &impl Database) {
    let [store, neighbour] = ["ours", "ours.too"].map(|name| database.store().namespace(name));
    let subject = Subject::new(Arc::new(store.unwrap())).atomic();
    conformance::check(&subject.neighbour(Arc::new(neighbour.unwrap()))).await;
    assert_eq!(database.store().place(), Place::Shared);
}

async fn a_table_may_have_any_name(database: &impl Database) {
    let store = database.store().table("a \"cache`' table; --").unwrap();
    for _ in 0..2 {
        store.syncdb().await.unwrap();
    }
    store.set("key", "value".into(), None).await.unwrap();
    let other = database.store();
    assert_eq!(other.get("key").await.unwrap(), None, "another table");
    let again = database.store().table("a \"cache`' table; --").unwrap();
    assert_eq!(again.get("key").await.unwrap(), Some("value".into()));
    store.sweep().await.unwrap();
    store.clear().await.unwrap();
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
    until("the last one expires", || async {
        store.get("last").await.unwrap().is_none()
    })
    .await;
    store.sweep().await.unwrap();
    assert_eq!(database.number("SELECT COUNT(*) FROM swept"), 1200);
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
            until("it expires", || async {
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
    until("one expires", || async {
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

async fn clear_without_a_namespace_removes_the_keys_of_programs(database: &impl Database) {
    let store = database.store();
    let program = "{'x': '%_\\'}(squared)(text/html)";
    for key in [program, "prod:{}(squared)(text/html)", "", "[{"] {
        store.set(key, "value".into(), None).await.unwrap();
    }
    store.clear().await.unwrap();
    assert_eq!(store.get(program).await.unwrap(), None);
    for key in ["prod:{}(squared)(text/html)", "", "[{"] {
        assert!(store.get(key).await.unwrap().is_some(), "{key}");
    }
}

async fn what_contains_a_part_is_removed_and_nothing_else(database: &impl Database) {
    let [prod, test] = ["prod", "test"].map(|name| database.store().namespace(name).unwrap());
    let store = database.store();
    let pages = [
        "{'x': 12}(squared)(text/html)",
        "{'x': '\0\u{4e2d}'}(squared)(text/html)",
        "{'x': 12}(Squared)(text/html)",
        "{'x': 12}(%quared)(text/html)",
        "{'x': 12}(_quared)(text/html)",
    ];
    for store in [&prod, &test, &store] {
        for page in pages {
            store.set(page, "page".into(), None).await.unwrap();
        }
    }
    let left = async || {
        let mut left = [0; 3];
        for (left, store) in left.iter_mut().zip([&prod, &test, &store]) {
            let found = store.get_many(&pages).await.unwrap();
            *left = found.iter().flatten().count();
        }
        left
    };
    for (store, part, expected) in [
        (&prod, "(squared)(", [3, 5, 5]),
        (&store, "(%quared)(", [3, 5, 4]),
        (&test, "_\0'\\ absent", [3, 5, 4]),
        (&test, "\0\u{4e2d}'}(", [3, 4, 4]),
    ] {
        store.delete_containing(part).await.unwrap();
        assert_eq!(left().await, expected, "{part:?}");
    }
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

async fn a_measure_is_of_the_whole_table(database: &impl Database) {
    let store = database.store().table("measured").unwrap();
    let store = store.max_rows(70).max_bytes(70_000);
    store.syncdb().await.unwrap();
    let measured = async || {
        let measure = store.measure().await.unwrap();
        assert_eq!(
            (measure.max_entries, measure.max_bytes, measure.is_estimate),
            (Some(70), Some(70_000), false)
        );
        (measure.entries, measure.bytes)
    };
    assert_eq!(measured().await, (Some(0), Some(0)));
    let prod = store.clone().namespace("prod").unwrap();
    prod.set("{}(squared)(text/html)", Bytes::new(), None)
        .await
        .unwrap();
    for number in 0..50 {
        let key = format!("{{'x': {number}}}(squared)(text/html)");
        store.set(&key, vec![0; 866].into(), None).await.unwrap();
    }
    let bytes = database.number("SELECT SUM(size) FROM measured");
    assert_eq!(measured().await, (Some(51), Some(bytes)));
    store.clear().await.unwrap();
    let bytes = database.number("SELECT SUM(size) FROM measured");
    assert_eq!(measured().await, (Some(1), Some(bytes)));
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

// What the drills need.

/// A hundred keys, each its own value.
async fn set_many(store: &DatabaseKeyValue) {
    for number in 0..100 {
        let key = format!("own {number}");
        store.set(&key, key.clone().into(), None).await.unwrap();
    }
}

async fn all_are_own(store: &DatabaseKeyValue) {
    for number in 0..100 {
        let key = format!("own {number}");
        assert_eq!(store.get(&key).await.unwrap(), Some(key.into()));
    }
}

/// Calls that the engine would drop at its deadline, all at the same time.
async fn calls_are_late(store: &DatabaseKeyValue) {
    let started = Instant::now();
    in_parallel(30, |number| {
        let store = store.clone();
        async move {
            let (key, asked) = (format!("own {number}"), Instant::now());
            let get = tokio::time::timeout(DEADLINE, store.get(&key)).await;
            // Not answered by then, and given up by the store if this process stood still.
            let is_late = get.as_ref().is_ok_and(Result::is_err) && asked.elapsed() >= DEADLINE;
            assert!(get.is_err() || is_late, "{get:?}");
        }
    })
    .await;
    // If each held up the next until the store gives it up, it would be half a minute.
    assert!(started.elapsed() < PATIENCE / 3, "{:?}", started.elapsed());
}

/// One call after the other, each dropped at the engine's deadline, until one succeeds.
async fn recovers(store: &DatabaseKeyValue) {
    let started = Instant::now();
    loop {
        let get = tokio::time::timeout(DEADLINE, store.get("own 1")).await;
        if let Ok(Ok(_)) = get {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{get:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a call to a server says that is not there, at once.
async fn fails_at_once(store: &DatabaseKeyValue) {
    // Connections that were open are found broken one by one or all together.
    let mut took = Vec::new();
    for _ in 0..10 {
        let started = Instant::now();
        let error = store.get("own 1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Backend);
        took.push(started.elapsed());
    }
    // All of them but those in which this machine stood still.
    took.sort();
    assert!(took[5] < DEADLINE, "{took:?}");
}

/// What `call` answers, if need be when it is made again: on a machine under load it may wait for too long, but
/// never is it turned away without a wait.
async fn in_the_end<F, T>(call: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T>>,
{
    let begun = Instant::now();
    loop {
        let started = Instant::now();
        let error = match call().await {
            Ok(answer) => return answer,
            Err(error) => error,
        };
        let waited = started.elapsed();
        assert!(waited >= LEAST_WAIT, "{waited:?}: {error}");
        assert!(begun.elapsed() < PATIENCE, "{error}");
    }
}

async fn in_parallel<F, T>(tasks: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    (0..tasks)
        .map(task)
        .collect::<JoinSet<_>>()
        .join_all()
        .await
}

async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < PATIENCE, "waited for: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_url_that_cannot_be_used_says_why_and_keeps_its_password() {
    for (url, said) in [
        ("sqlite://", "path of a file"),
        ("sqlite://:memory:", "locmem"),
        ("sqlite://a.db?mode=ro", "no parameters"),
        ("postgres://me:secret@host:port/db", "cannot be read"),
        ("mysql://me:sec/ret@host/db", "cannot be read"),
        ("redis://me:secret@host", "sqlite://"),
    ] {
        let error = DatabaseKeyValue::from_url(url).unwrap_err().to_string();
        assert!(
            error.contains(said) && !error.contains("sec"),
            "{url}: {error}"
        );
    }
}

#[test]
fn a_store_is_made_without_a_runtime_and_shows_no_password() -> Result<()> {
    for url in [
        "postgresql://me:secret@host:1/db",
        "mariadb://me:secret@host:1/db?ssl-ca=secret",
    ] {
        let shown = format!("{:?}", DatabaseKeyValue::from_url(url)?);
        assert!(
            shown.contains("host:1/db") && shown.contains("giotto_cache"),
            "{shown}"
        );
        assert!(!shown.contains("secret"), "{shown}");
    }
    Ok(())
}
