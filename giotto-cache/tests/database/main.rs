//! The database as a store, against the real ones: a file of SQLite, PostgreSQL, MariaDB.
//!
//! What holds for all of them is here. Each server is started once, and its checks run one after the other.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod file;
mod mysql;
mod operated;
#[path = "../common/patient.rs"]
mod patient;
mod pooler;
mod postgres;
mod server;
#[path = "../common/soon.rs"]
mod soon;
mod sqlite;
mod sweep;
mod table;
mod url;
mod values;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use giotto_cache::conformance::{self, Subject};
use giotto_cache::{DatabaseKeyValue, ErrorKind, KeyValue, Place, Result};
use tokio::task::JoinSet;

use crate::patient::Patient;

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

    /// The SQL expression of a value of this many `bytes`.
    fn value_of(&self, bytes: usize) -> String;

    fn execute(&self, sql: &str);
}

async fn check(database: &impl Database) {
    database.store().syncdb().await.unwrap();
    obeys_the_contract(database).await;
    table::check(database).await;
    sweep::check(database).await;
    values::check(database).await;
}

async fn obeys_the_contract(database: &impl Database) {
    let [store, neighbour] = ["ours", "ours.too"].map(|name| {
        let store = database.store().namespace(name).unwrap();
        Arc::new(Patient {
            store,
            gives_up_after: LEAST_WAIT,
        })
    });
    let subject = Subject::new(store).atomic().enumerable();
    conformance::check(&subject.neighbour(neighbour)).await;
    assert_eq!(database.store().place(), Place::Shared);
}

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
    // A wait would be in each of them, and a standstill of this machine is in some.
    let fastest = took.iter().min().unwrap();
    assert!(*fastest < DEADLINE, "{took:?}");
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
