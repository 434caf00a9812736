//! Settings of the stores.

use crate::is_refused;

#[cfg(all(feature = "redis", feature = "memcache", feature = "sqlite"))]
#[test]
fn wrong_settings_of_a_store_are_refused() {
    for (file, words) in [
        (
            "[cache]\nengine = \"redis\"\nport = \"abc\"",
            &["giotto.toml:3:1", "cache.port", "whole number"][..],
        ),
        (
            "[cache]\nengine = \"redis\"\nport = 0",
            &["giotto.toml:3:1", "cache.port = 0", "at least 1"],
        ),
        (
            "cache = { engine = \"redis\", password = \"\" }",
            &["cache.password", "empty", "leave it out"],
        ),
        (
            "cache = { engine = \"redis\", user = \"\" }",
            &["cache.user", "empty"],
        ),
        (
            "cache = { engine = \"redis\", host = 5 }",
            &["cache.host = 5", "text"],
        ),
        (
            "cache = { engine = \"redis\", nodes = [\"a:port\"] }",
            &["cache.nodes", "a:port"],
        ),
        (
            "cache = { engine = \"redis\", nodes = [\"a:1\"], host = \"b\" }",
            &["cache.host", "cache.nodes"],
        ),
        (
            "cache = { engine = \"redis\", nodes = [\"a:1\"], db = 1 }",
            &["cache.db", "cache.nodes"],
        ),
        (
            "cache = { engine = \"redis\", master = \"mymaster\" }",
            &["cache.master", "cache.sentinels"],
        ),
        (
            "cache = { engine = \"redis\", url = \"redis://a\", tls = true }",
            &["cache.tls", "cache.url"],
        ),
        (
            "cache = \"redis://a:b\"",
            &["giotto.toml:1:1", "cache.url", "redis://"],
        ),
        (
            "cache = { engine = \"memcache\", hosts = [] }",
            &["cache.hosts", "at least one"],
        ),
        (
            "cache = { engine = \"memcache\", hosts = [\"a:b\"] }",
            &["cache.hosts", "a:b"],
        ),
        (
            "cache = { engine = \"database\", max_rows = 0 }",
            &["cache.max_rows = 0", "at least 1"],
        ),
        (
            "cache = { engine = \"database\", table = \"\" }",
            &["cache.table"],
        ),
        (
            "cache = { engine = \"database\", table = \"side.pages\" }",
            &["cache.table", "side_pages"],
        ),
        (
            "cache = { engine = \"database\", max_connections = 0 }",
            &["cache.max_connections = 0", "at least 1"],
        ),
        ("cache = \"sqlite://\"", &["cache.url"]),
        (
            "cache = { layers = [\"locmem\"], refill_seconds = \"x\" }",
            &["cache.refill_seconds", "whole number"],
        ),
        (
            "cache = { layers = [\"locmem\"], engine = \"redis\" }",
            &["cache.engine", "cache.layers"],
        ),
        (
            "cache = [{ engine = \"locmem\", deadline_ms = 1 }]",
            &["cache.deadline_ms", "beside cache.layers"],
        ),
        (
            "cache = { engine = \"redis\", deadline_ms = 0 }",
            &["cache.deadline_ms = 0", "at least 1"],
        ),
        (
            "[cache.cache]\nport = 1",
            &["giotto.toml:2:1", "cache.cache.port"],
        ),
    ] {
        is_refused(file, &[], &[], words);
    }
}

#[cfg(all(feature = "postgres", feature = "mysql"))]
#[test]
fn parameters_of_a_database_that_are_not_known_are_refused() {
    for (file, words) in [
        (
            "cache = \"mysql://me:hunter2@host/db?ssl-mod=REQUIRED\"",
            &["giotto.toml:1:1", "cache.url", "did you mean \"ssl-mode\"?"][..],
        ),
        (
            "cache = \"postgres://me:hunter2@host/db?ssl_mod=verify-full\"",
            &["cache.url", "did you mean \"sslmode\"?"],
        ),
        (
            "cache = \"postgres://me:hunter2@host/db?schema=side\"",
            &["cache.url", "table = \"schema.name\""],
        ),
    ] {
        is_refused(file, &[], &[], words);
    }
}

/// The error says which feature to enable, and where the engine was named. SQLite is built in here for the examples.
#[cfg(not(any(
    feature = "redis",
    feature = "memcache",
    feature = "postgres",
    feature = "mysql"
)))]
#[test]
fn an_engine_that_is_not_built_in_is_refused() {
    for (file, words) in [
        (
            "cache = \"redis\"",
            &["redis", "giotto.toml:1:1", "locmem"][..],
        ),
        ("cache = \"redis://10.10.0.5:4000/0\"", &["redis"]),
        ("cache = \"memcache\"", &["memcache"]),
        ("cache = \"postgres://user:hunter2@host/db\"", &["postgres"]),
        ("cache = [\"locmem\", \"redis\"]", &["redis"]),
    ] {
        is_refused(file, &[], &[], words);
        is_refused(file, &[], &[], &["not built in", "feature"]);
    }
}

#[cfg(not(feature = "admin"))]
#[test]
fn an_admin_listener_that_is_not_built_in_is_refused_by_the_server() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("giotto.toml"),
        "[admin]\nlisten = \"127.0.0.1:0\"\n",
    )
    .unwrap();
    let output = crate::start(folder.path(), "http", &[], &[])
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    for word in [
        "giotto.toml:2",
        "not built in",
        "enable the feature \"admin\"",
    ] {
        assert!(error.contains(word), "{word}: {error}");
    }
}
