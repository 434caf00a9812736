//! One cache, two front ends: what the web server stored the command line shows, and the other way round,
//! through every store that processes share, on real servers.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod common {
    #[expect(dead_code, reason = "only some of it is needed here")]
    pub(crate) mod server;
    pub(crate) mod testbed;
}
use common::testbed;

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use common::server::{Reply, Server};
use test_servers::{MariaDb, Memcached, Postgres, Redis, RedisCluster, RedisSentinel, wait_until};

const HIT: &str = "giotto; hit";
/// Of a page that this process has stored, and that another client has removed.
const MISS: &str = "giotto; fwd=uri-miss; stored; detail=evicted";

/// So that a machine under load loses no page: what is tested is where pages go, not how fast.
const PATIENT: &str = "cache.deadline_ms=30000";
/// Nothing is lost here: a server that does not answer for a while is not replaced.
const GONE: Duration = Duration::from_secs(60);

/// Runs the command line in `folder`, which must succeed.
fn cmd(folder: &Path, cache: &str, words: &[&str]) -> Output {
    let mut command = testbed::command(folder);
    let output = command
        .arg("cmd")
        .args(["--set", &format!("cache={cache}"), "--set", PATIENT]);
    let output = output.args(words).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{cache} {words:?}: {stderr}");
    output
}

/// Asks until `Cache-Status` begins with `status`: a response does not wait until it is stored.
fn until(status: &str, server: &Server, target: &str) -> Reply {
    let mut last = server.get(target, "");
    wait_until(&format!("{target} is {status}"), || {
        let is_so = last.field("cache-status").unwrap().starts_with(status);
        if !is_so {
            last = server.get(target, "");
        }
        is_so
    });
    last
}

/// A page that shows which process computed it and when is the same on both front ends, whichever computed it.
fn is_shared(cache: &str) {
    let folder = tempfile::tempdir().unwrap();
    cmd(folder.path(), cache, &["mgt/syncdb"]);
    let server = Server::start_in(
        folder.path(),
        &["--set", &format!("cache={cache}"), "--set", PATIENT],
    );
    for program in ["stamp", "kept"] {
        let web = server.get(&format!("/{program}?x=1"), "");
        assert_eq!(web.status, 200);
        let hit = until(HIT, &server, &format!("/{program}?x=1"));
        assert_eq!(hit.text(), web.text(), "{cache}");
        let words = [&format!("{program}.html"), "x=1"];
        let shown = cmd(folder.path(), cache, &words);
        assert_eq!(
            shown.stdout, web.body,
            "{cache}: the command line shows another page"
        );

        let shown = cmd(folder.path(), cache, &[&format!("{program}.html"), "x=2"]);
        let web = server.get(&format!("/{program}?x=2"), "");
        assert_eq!(
            web.body, shown.stdout,
            "{cache}: the web server shows another page"
        );
        assert!(web.field("cache-status").unwrap().starts_with(HIT));
    }

    cmd(folder.path(), cache, &["mgt/flush"]);
    let is_layered = cache.contains("layers");
    let after = match is_layered {
        false => server.get("/stamp?x=1", ""),
        // The copy above lives on for the second that it was given.
        true => until(MISS, &server, "/stamp?x=1"),
    };
    assert_eq!(after.field("cache-status"), Some(MISS));
}

#[test]
fn redis_shares_pages_under_readable_keys() {
    let redis = Redis::start();
    is_shared(&format!("redis://127.0.0.1:{}", redis.process.port()));

    let folder = tempfile::tempdir().unwrap();
    let cache = format!("{{engine = \"redis\", port = {}}}", redis.process.port());
    cmd(folder.path(), &cache, &["squared.html", "x=12"]);
    let key = "{'x': 12}(squared)(text/html)";
    assert!(redis.cli(&["GET", key]).contains("<p>144</p>"));
    let ttl: i64 = redis.cli(&["TTL", key]).trim().parse().unwrap();
    assert!((3590..=3600).contains(&ttl), "{ttl}");
    cmd(folder.path(), &cache, &["kept.html", "x=12"]);
    assert_eq!(
        redis.cli(&["TTL", "{'x': 12}(kept)(text/html)"]).trim(),
        "-1"
    );

    // No cache setting sends nothing at all.
    let before = redis.cli(&["INFO", "stats"]);
    cmd(folder.path(), &cache, &["nocache", "x=12"]);
    let connections = |stats: &str| {
        let line = stats
            .lines()
            .find(|line| line.starts_with("total_commands_processed"));
        line.unwrap()
            .trim()
            .split_once(':')
            .unwrap()
            .1
            .parse::<u64>()
            .unwrap()
    };
    let after = redis.cli(&["INFO", "stats"]);
    assert_eq!(
        connections(&after),
        connections(&before) + 1,
        "the INFO itself"
    );
}

#[test]
fn a_namespace_stands_in_front_of_the_stored_key() {
    let redis = Redis::start();
    let folder = tempfile::tempdir().unwrap();
    let cache = format!("cache=redis://127.0.0.1:{}", redis.process.port());
    let mut command = testbed::command(folder.path());
    let set = ["--set", &cache, "--set", "namespace=prod"];
    let output = command.arg("cmd").args(set).args(["squared.html", "x=12"]);
    assert!(output.output().unwrap().status.success());
    let stored = redis.cli(&["GET", "prod:{'x': 12}(squared)(text/html)"]);
    assert!(stored.contains("<p>144</p>"));
}

#[test]
fn redis_cluster_and_sentinel_are_named_by_url() {
    let cluster = RedisCluster::start(0, GONE);
    is_shared(&format!(
        "redis+cluster://{}",
        cluster.addresses().join(",")
    ));
    let sentinel = RedisSentinel::start(GONE);
    let sentinels = sentinel.addresses().join(",");
    is_shared(&format!("redis+sentinel://{sentinels}/mymaster"));
}

#[test]
fn memcached_shares_pages() {
    let alone = Memcached::start();
    is_shared(&format!("memcache://{}", alone.host()));
    // Not `alone` among them: what its web server stored as it was stopped would be a page here.
    let [one, two, three] = Memcached::start_three();
    is_shared(&format!(
        "memcache://{},{},{}",
        one.host(),
        two.host(),
        three.host()
    ));
}

#[test]
fn a_database_shares_pages() {
    is_shared("database");
    is_shared("sqlite://pages.sqlite3");
    is_shared(&Postgres::start().url());
    is_shared(&MariaDb::start().url());
}

#[test]
fn layers_share_pages() {
    let redis = Redis::start();
    let url = format!("redis://127.0.0.1:{}", redis.process.port());
    for below in [&url, "database"] {
        let layers = format!("[\"locmem\", \"{below}\"]");
        is_shared(&format!("{{layers = {layers}, refill_seconds = 1}}"));
    }
}

/// Until its table is there a database is a miss, told once, in one line that names the remedy.
#[test]
fn a_database_without_its_table_is_a_miss_that_names_the_command() {
    let postgres = Postgres::start();
    let cache = format!("cache={}", postgres.url());
    // The first failure is told, and it is not to be that the server was late.
    let server = Server::start_with(&["--set", &cache, "--set", PATIENT]);
    for x in 0..20 {
        let reply = server.get(&format!("/squared?x={x}"), "");
        assert_eq!(
            (reply.status, reply.text()),
            (200, &*format!("<p>{}</p>", x * x))
        );
    }
    let log = server.kill();
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("mgt/syncdb"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("WARN"), "{log}");
}

/// A process without the key stands for a client of the store.
#[test]
fn a_page_that_is_not_signed_with_the_key_is_computed_anew() {
    let redis = Redis::start();
    let folder = tempfile::tempdir().unwrap();
    let cache = format!("cache=redis://127.0.0.1:{}", redis.process.port());
    let (new, old) = ("n".repeat(32), "o".repeat(32));
    let keys = format!("signing_key=[\"{new}\", \"{old}\"]");
    let settings = ["--set", &cache, "--set", PATIENT, "--set", &keys];
    let server = Server::start_in(folder.path(), &settings);
    server.get("/stamp?x=1", "");
    until(HIT, &server, "/stamp?x=1");
    let key = "{'x': 1}(stamp)(text/html)";
    assert_ne!(redis.cli(&["del", key]).trim(), "0");
    // Has a command with this signing key show the page, and store it if it has to compute it.
    let stamp = |key: &str| {
        let mut command = testbed::command(folder.path());
        command.env("GIOTTO_SIGNING_KEY", key);
        command.args(["cmd", "--set", &cache, "--set", PATIENT]);
        let output = command.args(["stamp.html", "x=1"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    // An empty variable counts as not set.
    stamp("");
    let forged = server.get("/stamp?x=1", "");
    let status = forged.field("cache-status").unwrap();
    assert!(status.contains("detail=forged"), "{status}");
    until(HIT, &server, "/stamp?x=1");
    // A process that has only the old key still signs what the others take.
    redis.cli(&["del", key]);
    stamp(&old);
    let hit = server.get("/stamp?x=1", "");
    assert!(hit.field("cache-status").unwrap().starts_with(HIT));
}

/// Of 1 byte, which nothing fits into.
#[test]
fn a_full_redis_is_purged() {
    for scope in ["program=stamp", "--all"] {
        let redis = Redis::start();
        let folder = tempfile::tempdir().unwrap();
        let cache = format!("redis://127.0.0.1:{}", redis.process.port());
        let set = format!("cache={cache}");
        let server = Server::start_in(folder.path(), &["--set", &set, "--set", PATIENT]);
        server.get("/stamp?x=1", "");
        until(HIT, &server, "/stamp?x=1");
        redis.cli(&["config", "set", "maxmemory-policy", "noeviction"]);
        redis.cli(&["config", "set", "maxmemory", "1"]);
        // It waits until every process knows, for which it counts the deadline of one call.
        let purged = testbed::command(folder.path())
            .args(["cmd", "--set", &set, "--set", "cache.deadline_ms=2000"])
            .args(["mgt/cache/purge", scope, "--yes"])
            .output();
        let purged = purged.unwrap();
        assert!(purged.status.success(), "{purged:?}");
        let after = server.get("/stamp?x=1", "");
        let status = after.field("cache-status").unwrap();
        assert!(!status.contains("hit"), "{scope}: {status}");
        assert!(!status.contains("; stored"), "{scope}: {status}");
    }
}
