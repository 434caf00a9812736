//! The wall clock of the machine is set while a process runs, and between two of them, as libfaketime shows it to them.
//!
//! The monotonic clock and the clocks of the stores' servers are left alone.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod common {
    #[expect(dead_code, reason = "only some of it is needed here")]
    pub(crate) mod server;
    pub(crate) mod testbed;
}
use common::testbed;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use common::server::{Reply, Server};
use test_servers::{MariaDb, Memcached, Postgres, Redis, wait_until};

/// So that a machine under load loses no page.
const PATIENT: &str = "cache.deadline_ms=30000";
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Between the time that is set and the one that is read, on a machine under load.
const SLACK: Duration = Duration::from_secs(600);

/// What `faketime` preloads. It is asked once: where an earlier process of the same number was killed, it fails.
fn library() -> &'static str {
    static LIBRARY: OnceLock<String> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let mut faketime = Command::new("faketime");
        let library = faketime.args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]);
        let library = library.output().expect("`make servers` installs faketime");
        assert!(
            library.status.success(),
            "remove /dev/shm/*faketime*: {library:?}"
        );
        String::from_utf8(library.stdout).unwrap().trim().to_owned()
    })
}

/// The testbed in `folder`, where the file `clock` says how the wall clock is set.
fn testbed(folder: &Path) -> Command {
    let mut command = testbed::command(folder);
    command
        .env("LD_PRELOAD", library())
        .env("FAKETIME_TIMESTAMP_FILE", folder.join("clock"))
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("NO_FAKE_STAT", "1");
    command
}

/// Sets the clock of the processes in `folder`: so many seconds ahead, or a date.
fn set_clock(folder: &Path, time: &str) {
    let new = folder.join("new clock");
    std::fs::write(&new, time).unwrap();
    std::fs::rename(new, folder.join("clock")).unwrap();
}

fn ahead(seconds: i64) -> String {
    format!("{seconds:+}")
}

/// Whether `reply` was sent with the clock `seconds` ahead.
fn is_dated(reply: &Reply, seconds: i64) -> bool {
    let date = httpdate::parse_http_date(reply.field("date").unwrap()).unwrap();
    let [day, apart] = [DAY, DAY + seconds].map(|seconds| Duration::from_secs(seconds as u64));
    let (date, is) = (date + day, SystemTime::now() + apart);
    date.max(is).duration_since(date.min(is)).unwrap() < SLACK
}

/// For how long a hit says that it is fresh.
fn ttl(reply: &Reply) -> Option<u64> {
    let status = reply.field("cache-status")?;
    status.strip_prefix("giotto; hit; ttl=")?.parse().ok()
}

/// A hit that is not fresh for longer than its program allows.
fn is_hit(reply: &Reply) -> bool {
    ttl(reply).is_some_and(|ttl| ttl <= HOUR as u64)
}

/// Asks until it is a hit: a response does not wait until it is stored.
fn until_hit(server: &Server, target: &str) -> Reply {
    let mut last = server.get(target, "");
    wait_until(&format!("{target} is a hit"), || {
        if !is_hit(&last) {
            last = server.get(target, "");
        }
        is_hit(&last)
    });
    last
}

/// Pages, invalidations and dates while the clock goes back an hour, forward a day, and is right again.
fn a_process_is_not_disturbed(cache: &str) {
    let folder = tempfile::tempdir().unwrap();
    set_clock(folder.path(), &ahead(0));
    let cache = format!("cache={cache}");
    let options = ["--set", &cache, "--set", PATIENT];
    let mut create = testbed(folder.path());
    let created = create.arg("cmd").args(options).arg("mgt/syncdb").output();
    assert!(created.unwrap().status.success());
    let server = Server::start_from(testbed(folder.path()), &options);
    let page = until_hit(&server, "/stamp?x=1");
    for (round, seconds) in [-HOUR, DAY, 0].into_iter().enumerate() {
        set_clock(folder.path(), &ahead(seconds));
        wait_until("Date follows", || {
            is_dated(&server.get("/nocache?x=1", ""), seconds)
        });
        // Each thread of the server finds out for itself.
        let mut again = page.clone();
        wait_until("Date of a hit follows", || {
            again = server.get("/stamp?x=1", "");
            assert!(
                is_hit(&again) && again.body == page.body,
                "{cache} {seconds}: {again:?}"
            );
            is_dated(&again, seconds)
        });
        assert!(ttl(&again) <= ttl(&page), "{cache} {seconds}: {again:?}");
        until_hit(&server, &format!("/stamp?x={}", round + 2));

        until_hit(&server, "/wall/shown?first=1");
        let written = server.post(
            "/wall/written",
            "application/x-www-form-urlencoded",
            "first=1",
        );
        assert_eq!(written.status, 200);
        let shown = server.get("/wall/shown?first=1", "");
        assert!(!is_hit(&shown), "{cache} {seconds}: {shown:?}");
    }
}

#[test]
fn a_process_that_caches_in_memory_is_not_disturbed() {
    a_process_is_not_disturbed("locmem");
}

#[test]
fn a_process_that_caches_in_a_file_is_not_disturbed() {
    a_process_is_not_disturbed("sqlite://cache.db");
}

#[test]
fn a_process_that_caches_in_a_server_is_not_disturbed() {
    let redis = Redis::start();
    a_process_is_not_disturbed(&format!("redis://127.0.0.1:{}", redis.port()));
    let memcached = Memcached::start();
    a_process_is_not_disturbed(&format!("memcache://{}", memcached.host()));
    a_process_is_not_disturbed(&Postgres::start().url());
    a_process_is_not_disturbed(&MariaDb::start().url());
}

/// What the command line shows when it is started with the clock so many seconds ahead.
fn shown(folder: &Path, seconds: i64, words: &[&str]) -> String {
    set_clock(folder, &ahead(seconds));
    let mut command = testbed(folder);
    command.args(["cmd", "--set", "cache=sqlite://cache.db", "--set", PATIENT]);
    let Output { status, stdout, .. } = command.args(words).output().unwrap();
    assert!(status.success());
    String::from_utf8(stdout).unwrap()
}

/// The times are those at which each process is started.
#[test]
fn between_two_processes_no_page_becomes_younger() {
    let folder = tempfile::tempdir().unwrap();
    let at = |seconds, words: &[&str]| shown(folder.path(), seconds, words);
    at(0, &["mgt/syncdb"]);

    let first = at(HOUR, &["stamp", "x=1"]);
    let kept = at(HOUR, &["kept", "x=1"]);
    assert_eq!(at(HOUR + 60, &["stamp", "x=1"]), first, "a hit");
    // Set back by an hour; another page is asked for.
    at(0, &["stamp", "x=2"]);
    // As it shows a time at which the page would be a minute old, which is an hour older.
    let second = at(HOUR + 60, &["stamp", "x=1"]);
    assert_ne!(second, first);
    assert_eq!(at(HOUR + 60, &["kept", "x=1"]), kept, "it never expires");

    // Set back, and the page itself is asked for.
    let third = at(0, &["stamp", "x=1"]);
    assert_ne!(third, second);
    assert_eq!(at(60, &["stamp", "x=1"]), third);

    // Set forward by a day, and right again.
    let tomorrow = at(DAY, &["stamp", "x=1"]);
    assert_ne!(tomorrow, third);
    assert_ne!(at(120, &["stamp", "x=1"]), tomorrow);
    at(DAY, &["stamp", "x=3"]);
    let fresh = at(120, &["stamp", "x=3"]);
    assert_eq!(at(180, &["stamp", "x=3"]), fresh);
}

#[test]
fn a_start_before_1970_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    set_clock(folder.path(), "@1969-12-30 00:00:00");
    for words in [&["http", "--port", "0"][..], &["cmd", "stamp", "x=1"]] {
        let output = testbed(folder.path()).args(words).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {error}");
        let words = ["error: ", "1970", "set the clock, and start again"];
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    let help = testbed(folder.path()).arg("--help").output().unwrap();
    assert!(help.status.success());
}
