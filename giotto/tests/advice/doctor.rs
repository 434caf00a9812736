//! `mgt/cache/doctor`: what it finds wrong, and that it finds nothing wrong elsewhere.

use giotto::cache::Cache;
use giotto::prelude::*;
use serde_json::Value;

use crate::{app, forever, managed, report};

/// The names of the findings, and the findings.
async fn findings(app: &App) -> (Vec<String>, Vec<Value>) {
    let report = report(app, "POST", "doctor.json").await;
    let findings = report["findings"].as_array().unwrap().clone();
    let names = findings.iter().map(|one| one["check"].as_str().unwrap());
    (names.map(str::to_owned).collect(), findings)
}

/// The one finding of this name, which has all its parts.
async fn finding(app: &App, name: &str) -> String {
    let (names, findings) = findings(app).await;
    let place = names.iter().position(|one| one == name);
    let place = place.unwrap_or_else(|| panic!("{name} is not in {findings:#?}"));
    for part in ["why", "remedy"] {
        assert!(findings[place][part].as_str().unwrap().len() > 20);
    }
    findings[place]["found"].as_str().unwrap().to_owned()
}

async fn assert_sound(app: &App) {
    assert_eq!(findings(app).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_wrong_with_memory() {
    assert_sound(&app(forever(), Cache::new(LocMemKeyValue::new()))).await;
    // No cache, because nobody wants one.
    assert_sound(&app(
        forever(),
        Cache::new(giotto::cache::DummyKeyValue::new()),
    ))
    .await;
}

#[tokio::test]
async fn programs_without_a_cache_are_found() {
    let app = managed(forever());
    let found = finding(&app, "no-cache").await;
    assert!(found.contains("front, limited, price"), "{found}");
}

#[cfg(feature = "redis")]
mod redis {
    use std::sync::Arc;

    use giotto::cache::{Clock, LayeredKeyValue};
    use test_servers::{HttpServer, Redis};

    use super::*;
    use crate::testbed;

    fn store(redis: &Redis) -> RedisKeyValue {
        RedisKeyValue::new().port(redis.port())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn redis_that_grows_for_ever_or_refuses_is_found() {
        let redis = Redis::start();
        let app = app(forever(), Cache::new(store(&redis)));
        let found = finding(&app, "never-expires").await;
        assert!(found.contains("no limit of memory"), "{found}");
        assert!(found.ends_with("never expire: price"), "{found}");
        for (policy, check) in [
            ("noeviction", Some("noeviction")),
            ("volatile-lru", Some("volatile")),
            ("allkeys-lru", None),
        ] {
            redis.cli(&["config", "set", "maxmemory", "64mb"]);
            redis.cli(&["config", "set", "maxmemory-policy", policy]);
            match check {
                Some(check) => drop(finding(&app, check).await),
                None => assert_sound(&app).await,
            }
        }
        // With a time, a store without a limit forgets by itself.
        redis.cli(&["config", "set", "maxmemory", "0"]);
        let aging = Program::new(crate::square).cache(60).view(BasicView::new());
        assert_sound(&crate::app(
            Manifest::new([("price", aging)]),
            Cache::new(store(&redis)),
        ))
        .await;
        // The probe leaves nothing behind.
        assert_eq!(redis.cli(&["dbsize"]).trim(), "0");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_redis_that_is_full_lacks_room_and_no_right() {
        let redis = Redis::start();
        redis.cli(&["config", "set", "maxmemory", "1"]);
        let app = app(Manifest::default(), Cache::new(store(&redis)));
        let found = finding(&app, "full").await;
        assert!(found.contains("redis is full"), "{found}");
        let (names, _) = findings(&app).await;
        assert!(!names.iter().any(|name| name == "rights"), "{names:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_clock_that_is_apart_from_that_of_redis_is_found() {
        let redis = Redis::start();
        let unix = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let clock = Clock::manual((unix - 600) * 1_000);
        let cache = Cache::builder(store(&redis)).clock(clock).build();
        let found = finding(&app(Manifest::default(), cache), "clock").await;
        assert!(found.contains("min"), "{found}");
        assert!(found.contains("ahead of that of this process"), "{found}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_user_of_redis_without_a_right_is_found() {
        let redis = Redis::start();
        for (rights, what) in [
            ("-set", "store a page"),
            ("-unlink", "delete a page"),
            ("-eval", "replace a record"),
            ("-getrange", "read a page"),
        ] {
            let user = [
                "acl", "setuser", "web", "on", ">secret", "~*", "+@all", rights,
            ];
            redis.cli(&["acl", "deluser", "web"]);
            redis.cli(&user);
            let url = format!("redis://web:secret@127.0.0.1:{}", redis.port());
            let app = app(
                Manifest::default(),
                Cache::new(RedisKeyValue::from_url(&url).unwrap()),
            );
            let found = finding(&app, "rights").await;
            assert!(found.contains(what), "{rights}: {found}");
        }
        // One that may not tell its figures serves all the same.
        redis.cli(&["acl", "setuser", "web", "+@all", "-info"]);
        let url = format!("redis://web:secret@127.0.0.1:{}", redis.port());
        let app = app(
            forever(),
            Cache::new(RedisKeyValue::from_url(&url).unwrap()),
        );
        assert_sound(&app).await;
        let checked = report(&app, "POST", "doctor.json").await["checked"].to_string();
        assert!(checked.contains("does not tell its figures"), "{checked}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_layer_is_checked_and_one_that_is_down_is_found() {
        let mut redis = Redis::start();
        let layers = LayeredKeyValue::new(vec![
            Arc::new(LocMemKeyValue::new()),
            Arc::new(store(&redis)),
        ]);
        let app = app(Manifest::default(), Cache::new(layers));
        assert_sound(&app).await;
        let checked = report(&app, "POST", "doctor.json").await["checked"].clone();
        assert_eq!(checked[1][0], "locmem");
        assert_eq!(
            checked[2],
            serde_json::json!(["redis", "eviction, clock, rights"])
        );
        redis.process.kill();
        let found = finding(&app, "unusable").await;
        assert!(found.starts_with("redis cannot be used: "), "{found}");
    }

    /// On the command line, and one line each in the log of a server that starts.
    #[test]
    fn the_exit_code_is_1_and_a_server_says_it_at_its_start() {
        let redis = Redis::start();
        let folder = tempfile::tempdir().unwrap();
        let cache = format!("cache=redis://127.0.0.1:{}", redis.port());
        let settings = ["--set", &cache, "--set", "cache.deadline_ms=5000"];
        let doctor = || {
            let mut command = testbed::command(folder.path());
            command.arg("cmd").args(settings).arg("mgt/cache/doctor");
            let output = command.output().unwrap();
            (
                output.status.code(),
                String::from_utf8(output.stdout).unwrap(),
            )
        };
        let mut server = testbed::command(folder.path());
        let server = HttpServer::start(server.arg("http").args(settings).args(["--port", "0"]));
        server.until_logged("check=\"never-expires\"");
        let (code, text) = doctor();
        assert_eq!(code, Some(1), "{text}");
        for part in [
            "never-expires  redis has no limit of memory",
            "\n  why ",
            "\n  remedy ",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        redis.cli(&["config", "set", "maxmemory", "64mb"]);
        redis.cli(&["config", "set", "maxmemory-policy", "allkeys-lru"]);
        let (code, text) = doctor();
        assert_eq!(code, Some(0), "{text}");
        assert!(text.ends_with("sound    nothing is wrong\n"), "{text}");
        let log = server.log();
        assert_eq!(log.matches("advice for the cache").count(), 1, "{log}");
    }
}

/// Of another user, where the test is root, who may write to every file.
#[cfg(feature = "sqlite")]
#[test]
fn a_file_that_may_only_be_read_is_found() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use crate::testbed;

    let folder = tempfile::tempdir().unwrap();
    let cache = format!("cache=sqlite://{}/cache.sqlite", folder.path().display());
    let run = |program: &str| {
        let mut command = testbed::command(folder.path());
        if folder.path().metadata().unwrap().uid() == 0 && program == "mgt/cache/doctor" {
            command = std::process::Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
            command
                .arg(testbed::path())
                .env_clear()
                .current_dir(folder.path());
        }
        let output = command.args(["cmd", "--set", &cache, program]).output();
        let output = output.unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    assert_eq!(run("mgt/syncdb").0, Some(0));
    for file in folder.path().read_dir().unwrap() {
        set_permissions(file.unwrap().path(), Permissions::from_mode(0o444)).unwrap();
    }
    set_permissions(folder.path(), Permissions::from_mode(0o555)).unwrap();
    let (code, text) = run("mgt/cache/doctor");
    set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("cache.sqlite"), "{text}");
    assert!(text.contains("remedy"), "{text}");
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_postgresql_without_a_right_is_found() {
    let server = test_servers::Postgres::start();
    let store = |url: &str| DatabaseKeyValue::from_url(url).unwrap();
    let owner = store(&server.url());
    giotto::cache::KeyValue::syncdb(&owner).await.unwrap();
    assert_sound(&app(forever(), Cache::new(owner))).await;
    server.sql("CREATE ROLE web LOGIN; GRANT SELECT, INSERT, UPDATE ON giotto_cache TO web");
    let url = server.url_of("web", "cache");
    let found = finding(&app(forever(), Cache::new(store(&url))), "rights").await;
    assert!(found.contains("delete a page"), "{found}");
}

#[cfg(feature = "mysql")]
#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_mariadb_without_a_right_is_found() {
    let server = test_servers::MariaDb::start();
    let store = |url: &str| DatabaseKeyValue::from_url(url).unwrap();
    let owner = store(&server.url());
    giotto::cache::KeyValue::syncdb(&owner).await.unwrap();
    assert_sound(&app(forever(), Cache::new(owner))).await;
    server.sql("CREATE USER web IDENTIFIED BY 'secret'; GRANT SELECT ON giotto_cache TO web");
    let found = finding(
        &app(forever(), Cache::new(store(&server.url_of("web")))),
        "rights",
    )
    .await;
    assert!(found.contains("store a page"), "{found}");
}

#[cfg(feature = "memcache")]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wrong_with_memcached_and_its_clock_is_known() {
    let server = test_servers::Memcached::start();
    let store = MemcacheKeyValue::new().hosts([server.host()]).unwrap();
    let app = app(forever(), Cache::new(store));
    assert_sound(&app).await;
    let checked = report(&app, "POST", "doctor.json").await["checked"].clone();
    assert_eq!(checked[1], serde_json::json!(["memcache", "clock, rights"]));
}
