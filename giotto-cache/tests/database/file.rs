//! The file of SQLite where it cannot be written: no room, no rights, or behind a link that leads nowhere yet.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;

use super::sqlite::store_at;
use super::*;
use crate::soon::soon;

/// Tells this program that it was started by one of its tests, and in which folder it is to work.
const FOLDER: &str = "GIOTTO_TEST_FOLDER";

/// Starts `program`, this one, in another environment for its `test`, in `folder`, where it must pass.
fn again(command: &[&str], program: &Path, test: &str, folder: &Path) {
    let output = Command::new(command[0])
        .args(&command[1..])
        .arg(program)
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder)
        .current_dir("/")
        .output()
        .unwrap();
    let [told, error] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    // With a name that no test has, none fails.
    let has_passed = output.status.success() && told.contains("1 passed");
    assert!(has_passed, "{test}: {told}{error}");
}

fn own_folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A file may grow to half a megabyte, and a folder has room for one.
#[tokio::test(flavor = "multi_thread")]
async fn what_must_go_goes_where_nothing_can_be_written() {
    if let Some(folder) = own_folder() {
        return it_goes(&folder).await;
    }
    let program = std::env::current_exe().unwrap();
    let test = "file::what_must_go_goes_where_nothing_can_be_written";
    let folder = tempfile::tempdir().unwrap();
    let limited = ["prlimit", "--fsize=524288", "env", "--ignore-signal=XFSZ"];
    again(&limited, &program, test, folder.path());

    // Where nobody may mount anything, the limit above has to do.
    let may_mount = Command::new("unshare").args(["-rm", "true"]).status();
    if may_mount.is_ok_and(|status| status.success()) {
        let mount = "mount -t tmpfs -o size=1m none \"$GIOTTO_TEST_FOLDER\" && exec \"$@\"";
        let small = ["unshare", "-rm", "sh", "-c", mount, "sh"];
        again(&small, &program, test, folder.path());
    }
}

async fn it_goes(folder: &Path) {
    // What is removed is the file, not the link.
    let path = folder.join("cache.db");
    symlink("pages.db", folder.join("cache.db")).unwrap();
    the_rest_stays_where_the_log_has_room(folder, &path).await;
    for (round, removes) in ["delete", "part", "clear", "replace"].iter().enumerate() {
        let [store, other] = [store_at(&path), store_at(&path)];
        let page = |number: usize| format!("{{'x': {number}}}(round {round})(text/html)");
        let stored = fill(&store, folder, page).await;
        assert!(stored > 1, "{stored} pages fit");
        let last = page(stored - 1);
        assert!(
            other.get(&last).await.unwrap().is_some(),
            "it is still read"
        );
        match *removes {
            "delete" => assert!(store.delete(&last).await.unwrap()),
            "part" => store.delete_containing(")(text/html)").await.unwrap(),
            // As a command does, which has no connection yet.
            "clear" => store_at(&path).clear().await.unwrap(),
            _ => {
                let value = store.get(&last).await.unwrap().unwrap();
                assert!(store.replace(&last, &value, None, None).await.unwrap());
            }
        }
        // Who removed it knows so at once, another process soon.
        if *removes != "clear" {
            assert_eq!(store.get_now(&last).flatten(), None, "{removes}");
        }
        for store in [&store, &other] {
            soon("it is gone for all", async || {
                store.get_now(&last).flatten().is_none()
            })
            .await;
            // It may fail to make a new file, which is a miss.
            let found = store.get(&last).await.ok().flatten();
            assert_eq!(found, None, "{removes}");
        }
        std::fs::remove_file(folder.join("junk")).ok();
        drop((store, other));
        store_at(&path).clear().await.unwrap();
        let again = store_at(&path);
        // The file may still be full until the last connection to the removed one is closed: a page that is not stored then
        // is a miss.
        soon("a page is stored again", async || {
            again.set("key", "value".into(), None).await.is_ok()
        })
        .await;
        assert_eq!(again.get("key").await.unwrap(), Some("value".into()));
        assert!(path.is_symlink());
        std::fs::remove_file(folder.join("pages.db")).unwrap();
    }
}

/// All that was written is in the file, so that the log can be written from its beginning.
async fn the_rest_stays_where_the_log_has_room(folder: &Path, path: &Path) {
    let store = store_at(path);
    for number in 0..8 {
        let page = Bytes::from(vec![b'x'; 20_000]);
        store.set(&number.to_string(), page, None).await.unwrap();
    }
    store.settle().await;
    let log = Connection::open(path).unwrap();
    log.query_row("PRAGMA wal_checkpoint", [], |_| Ok(()))
        .unwrap();
    let _full = std::fs::write(folder.join("junk"), vec![0; 2 << 20]).unwrap_err();
    for number in 0..8 {
        assert!(store.get(&number.to_string()).await.unwrap().is_some());
        assert!(store.delete(&number.to_string()).await.unwrap());
    }
    std::fs::remove_file(folder.join("junk")).unwrap();
    drop((log, store));
    std::fs::remove_file(folder.join("pages.db")).unwrap();
}

/// Stores pages until one does not fit, and leaves no room for anything else. How many were stored.
async fn fill(store: &DatabaseKeyValue, folder: &Path, page: impl Fn(usize) -> String) -> usize {
    let mut stored = 0;
    for bytes in [30_000, 100] {
        let error = loop {
            match store
                .set(&page(stored), vec![b'x'; bytes].into(), None)
                .await
            {
                Ok(()) => stored += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Backend, "{error}");
        // The rest of the folder; it ends with an error.
        std::fs::write(folder.join("junk"), vec![0; 2 << 20]).unwrap_err();
    }
    store.settle().await;
    stored
}

/// In a process of its own, whose memory nothing else uses.
#[tokio::test]
async fn a_huge_value_of_another_program_takes_no_memory() {
    if let Some(folder) = own_folder() {
        return it_is_not_read(&folder.join("cache.db")).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    let store = store_at(&path);
    store.set("huge", "a".into(), None).await.unwrap();
    store.settle().await;
    drop(store);
    let other = Connection::open(&path).unwrap();
    other.busy_timeout(PATIENCE).unwrap();
    let plant = "UPDATE giotto_cache SET value = zeroblob(100000000)";
    other.execute_batch(plant).unwrap();
    let program = std::env::current_exe().unwrap();
    let test = "file::a_huge_value_of_another_program_takes_no_memory";
    again(&["env"], &program, test, folder.path());
}

async fn it_is_not_read(path: &Path) {
    let store = store_at(path);
    store.limit_values(1 << 20);
    store.get("absent").await.unwrap();
    let before = most_memory();
    for _ in 0..3 {
        assert_eq!(store.get("huge").await.unwrap(), Some(Bytes::new()));
        assert_eq!(store.get_now("huge"), Some(Some(Bytes::new())));
        store.get_many(&["huge", "huge"]).await.unwrap();
        assert!(!store.replace("huge", b"a", None, None).await.unwrap());
    }
    store.set("huge", "new".into(), None).await.unwrap();
    let grown = most_memory() - before;
    // A reader keeps 8 MiB of pages, and so does the writer.
    assert!(grown < 32 << 10, "{grown} KiB");
}

/// What this process ever had in memory, in KiB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().trim_end_matches("kB").trim();
    number.parse().unwrap()
}

#[tokio::test]
async fn a_file_of_another_user_is_told_as_that() {
    if let Some(folder) = own_folder() {
        return it_is_told(&folder.join("cache.db")).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    store_at(&path).set("key", "a".into(), None).await.unwrap();
    if !is_root() {
        std::fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
        return it_is_told(&path).await;
    }
    // Nobody may read this program where it is.
    let program = folder.path().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    let nobody = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let test = "file::a_file_of_another_user_is_told_as_that";
    again(&nobody, &program, test, folder.path());
    for mode in [0o644, 0o444] {
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        again(&nobody, &program, test, folder.path());
    }
    // The file is there for all, and what SQLite keeps beside it is not.
    std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    again(&nobody, &program, test, folder.path());
    // There is none, and its folder is not the user's.
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{suffix}", path.display())).unwrap();
    }
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    again(&nobody, &program, test, folder.path());
}

async fn it_is_told(path: &Path) {
    let error = store_at(path)
        .set("key", "b".into(), None)
        .await
        .unwrap_err()
        .to_string();
    let folder = path.parent().unwrap();
    let owner = std::fs::metadata(folder).unwrap().uid();
    let said = format!("belongs to user {owner} and has the mode");
    assert!(error.contains(&said), "{error}");
    let is_the_folder = error.contains(&format!("{folder:?} belongs"));
    assert_eq!(is_the_folder, !path.exists(), "{error}");
}

#[tokio::test]
async fn a_file_is_made_where_a_link_leads() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("data")).unwrap();
    symlink("data/pages.db", at("current")).unwrap();
    symlink(at("current"), at("cache.db")).unwrap();
    let store = store_at(&at("cache.db"));
    store.set("key", "value".into(), None).await?;
    let file = std::fs::metadata(at("data/pages.db")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    assert_eq!(
        store_at(&at("data/pages.db")).get("key").await?,
        Some("value".into())
    );

    symlink("absent/pages.db", at("astray")).unwrap();
    let error = store_at(&at("astray")).get("key").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("absent\" does not exist: create it"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn what_one_row_is_refused_for_is_no_outage() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    let store = store_at(&path);
    store.set("key", "value".into(), None).await?;
    store.settle().await;
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE INSERT ON giotto_cache WHEN new.size > 5000
             BEGIN SELECT RAISE(ABORT, 'too much'); END;",
        )
        .unwrap();
    let error = store.set("large", vec![0; 6000].into(), None).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Rejected);
    store.set("other", "value".into(), None).await?;
    // No value that this store writes.
    other
        .execute_batch("UPDATE giotto_cache SET value = 'a text' WHERE key = 'key'")
        .unwrap();
    assert_eq!(store.get("key").await?, Some("a text".into()));
    other
        .execute_batch("UPDATE giotto_cache SET value = 12 WHERE key = 'key'")
        .unwrap();
    assert_eq!(
        store.get("key").await.unwrap_err().kind(),
        ErrorKind::Rejected
    );
    store.set("key", "value".into(), None).await?;
    assert_eq!(store.get("key").await?, Some("value".into()));
    Ok(())
}
