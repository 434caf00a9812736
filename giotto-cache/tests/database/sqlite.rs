//! A file of SQLite, and what can happen to it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::soon::soon;

/// A folder with a database file in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("a cache.db")
    }
}

pub(super) fn store_at(path: &Path) -> DatabaseKeyValue {
    DatabaseKeyValue::from_url(&format!("sqlite://{}", path.display())).unwrap()
}

impl Database for Folder {
    fn store(&self) -> DatabaseKeyValue {
        store_at(&self.path())
    }

    fn number(&self, sql: &str) -> u64 {
        let connection = Connection::open(self.path()).unwrap();
        let number: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        number.try_into().unwrap()
    }

    fn value_of(&self, bytes: usize) -> String {
        format!("zeroblob({bytes})")
    }

    fn execute(&self, sql: &str) {
        let connection = Connection::open(self.path()).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        connection.execute_batch(sql).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_obeys_the_contract() {
    check(&Folder::new()).await;
}

#[tokio::test]
async fn the_file_is_made_on_first_use_for_its_owner_alone() -> Result<()> {
    let folder = Folder::new();
    let store = folder.store();
    assert!(!folder.path().exists());
    store
        .set("{'x': 12}(squared)(text/html)", "144".into(), None)
        .await?;
    for file in std::fs::read_dir(folder.0.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.path());
    }
    let key = "SELECT COUNT(*) FROM giotto_cache WHERE key = '{''x'': 12}(squared)(text/html)'";
    assert_eq!(folder.number(key), 1, "the key is readable");
    Ok(())
}

#[tokio::test]
async fn a_hit_needs_no_other_thread_and_outlives_its_store() -> Result<()> {
    let folder = Folder::new();
    let store = folder.store();
    assert_eq!(store.get_now("key"), None, "no connection is open yet");
    store.set("key", "value".into(), None).await?;
    store.get("key").await?;
    // Unless the sweeper, which the first write starts, has the only open connection at this moment.
    soon("a connection is free", async || {
        store.get_now("key").is_some()
    })
    .await;
    assert_eq!(store.get_now("key"), Some(Some("value".into())));
    assert_eq!(store.get_now("other"), Some(None));
    drop(store);
    assert_eq!(folder.store().get("key").await?, Some("value".into()));
    Ok(())
}

#[tokio::test]
async fn a_locked_file_is_an_error_and_no_longer_once_it_is_released() -> Result<()> {
    let folder = Folder::new();
    let store = folder.store();
    store.set("key", "old".into(), None).await?;
    let other = Connection::open(folder.path()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let sets = in_parallel(10, |_| {
        let store = store.clone();
        async move { tokio::time::timeout(DEADLINE, store.set("key", "new".into(), None)).await }
    })
    .await;
    assert!(
        sets.iter().all(|set| !matches!(set, Ok(Ok(())))),
        "{sets:?}"
    );
    assert_eq!(
        store.get("key").await?,
        Some("old".into()),
        "readers do not mind"
    );
    other.execute_batch("COMMIT").unwrap();
    store.set("key", "new".into(), None).await?;
    assert_eq!(store.get("key").await?, Some("new".into()));
    Ok(())
}

/// Another process locks the file exclusively, so that readers cannot have it either.
#[tokio::test]
async fn a_file_that_another_process_keeps_is_a_miss_and_no_longer_once_it_lets_go() -> Result<()> {
    let folder = Folder::new();
    folder.store().set("key", "value".into(), None).await?;
    // The connections of the store above are closed in the background.
    let other = loop {
        let other = Connection::open(folder.path()).unwrap();
        other.busy_timeout(Duration::ZERO).unwrap();
        let keep = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT";
        if other.execute_batch(keep).is_ok() {
            break other;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let store = folder.store();
    assert!(
        store
            .get("key")
            .await
            .unwrap_err()
            .to_string()
            .contains("locked")
    );
    assert_eq!(store.get_now("key"), None);
    drop(other);
    assert_eq!(store.get("key").await?, Some("value".into()));
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_deleted_or_replaced_is_made_anew() -> Result<()> {
    for remove_log in [true, false] {
        let folder = Folder::new();
        let [store, other] = [folder.store(), folder.store()];
        store.set("key", "old".into(), None).await?;
        assert!(store.get("key").await?.is_some() && other.get("key").await?.is_some());
        std::fs::remove_file(folder.path()).unwrap();
        if remove_log {
            for suffix in ["-wal", "-shm"] {
                std::fs::remove_file(format!("{}{suffix}", folder.path().display())).unwrap();
            }
        }
        store.set("key", "new".into(), None).await?;
        assert_eq!(other.get("key").await?, Some("new".into()));
        soon("the reader looks", async || {
            store.get_now("key") == Some(Some("new".into()))
                || store.get("key").await.unwrap() == Some("new".into())
        })
        .await;
        drop((store, other));
        assert_eq!(folder.store().get("key").await?, Some("new".into()));
    }
    Ok(())
}

#[tokio::test]
async fn a_table_that_is_dropped_is_made_anew() -> Result<()> {
    let folder = Folder::new();
    let store = folder.store();
    store.set("key", "value".into(), None).await?;
    Connection::open(folder.path())
        .unwrap()
        .execute_batch("DROP TABLE giotto_cache")
        .unwrap();
    // Each connection finds out by itself, with one error at most.
    soon("readers are well", async || {
        matches!(store.get("key").await, Ok(None))
    })
    .await;
    soon("the writer is well", async || {
        store.set("key", "value".into(), None).await.is_ok()
    })
    .await;
    assert_eq!(store.get("key").await?, Some("value".into()));
    Ok(())
}

#[tokio::test]
async fn a_file_that_cannot_be_used_says_so_and_is_used_once_it_can() -> Result<()> {
    let folder = Folder::new();
    let missing = folder.0.path().join("missing");
    let store = store_at(&missing.join("cache.db"));
    let error = store.get("key").await.unwrap_err().to_string();
    assert!(
        error.contains("missing/cache.db") && error.contains("missing\" does not exist: create it"),
        "{error}"
    );
    std::fs::create_dir(&missing).unwrap();
    store.set("key", "value".into(), None).await?;

    let text = "This is no database, but a text that another program needs. ".repeat(100);
    std::fs::write(folder.path(), &text).unwrap();
    let store = folder.store();
    for error in [
        store.get("key").await.unwrap_err(),
        store.set("key", "value".into(), None).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Backend);
        assert!(error.to_string().contains("not a database"), "{error}");
    }
    assert_eq!(std::fs::read_to_string(folder.path()).unwrap(), text);
    std::fs::remove_file(folder.path()).unwrap();
    store.set("key", "value".into(), None).await
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_never_another_value() -> Result<()> {
    let folder = Folder::new();
    let store = folder.store();
    set_many(&store).await;
    Connection::open(folder.path())
        .unwrap()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let mut bytes = std::fs::read(folder.path()).unwrap();
    for byte in &mut bytes[4096..] {
        *byte = byte.wrapping_mul(31).wrapping_add(7);
    }
    std::fs::write(folder.path(), bytes).unwrap();
    let store = folder.store();
    for number in 0..100 {
        let key = format!("own {number}");
        if let Ok(Some(found)) = store.get(&key).await {
            assert_eq!(found, key);
        }
    }
    Ok(())
}

/// As many commands that are started at the same time do.
#[tokio::test(flavor = "multi_thread")]
async fn many_make_the_file_at_the_same_time() -> Result<()> {
    for _ in 0..5 {
        let folder = Folder::new();
        let stores: Vec<_> = (0..20).map(|_| folder.store()).collect();
        let set = |task: usize| {
            let store = stores[task].clone();
            async move { store.set(&task.to_string(), "value".into(), None).await }
        };
        in_parallel(20, |task| {
            let set = set(task);
            async move {
                let started = Instant::now();
                if let Err(error) = set.await {
                    // It may be too late on a busy machine, but it is never turned away without a wait.
                    let waited = started.elapsed();
                    assert!(waited >= LEAST_WAIT, "{waited:?}: {error}");
                }
            }
        })
        .await;
        for task in 0..20 {
            set(task).await?;
        }
        assert_eq!(folder.number("SELECT COUNT(*) FROM giotto_cache"), 20);
    }
    Ok(())
}

/// As the command line does it: each process stores one page and ends.
#[tokio::test]
async fn a_table_that_is_written_by_short_commands_alone_is_swept() -> Result<()> {
    let folder = Folder::new();
    for number in 0..20 {
        let store = folder.store().max_rows(5);
        store.set(&number.to_string(), "page".into(), None).await?;
        store.settle().await;
    }
    assert_eq!(folder.number("SELECT COUNT(*) FROM giotto_cache"), 5);
    Ok(())
}
