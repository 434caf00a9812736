//! What is wrong with a manifest or a configuration is told before anything runs, in one line that says how
//! to mend it.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod common {
    pub(crate) mod testbed;
}

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::testbed;
use giotto::prelude::*;

#[model]
fn square(x: i64) -> i64 {
    x * x
}

fn program() -> Program {
    Program::new(square).view(BasicView::new())
}

#[derive(Serialize)]
struct NoError;

/// An argument that is no part of the key.
#[derive(Serialize, Deserialize)]
#[expect(dead_code, reason = "only its fields are looked at")]
struct Secretive {
    user: u64,
    #[serde(skip_serializing, default)]
    token: Option<String>,
}

/// Arguments that are not always written, or under another name.
#[derive(Serialize, Deserialize)]
struct Terse {
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<u8>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    loud: bool,
    #[serde(rename(serialize = "other"))]
    size: f64,
    grade: Grade,
}

#[derive(Serialize, Deserialize)]
enum Grade {
    Only,
}

/// What `App::check` says of `manifest`; every front end asks it before it starts.
fn refusal(manifest: Manifest) -> String {
    let error = App::new(manifest)
        .check()
        .expect_err("the manifest is wrong");
    assert_eq!(*error.kind(), giotto::ErrorKind::Configuration);
    error.to_string()
}

#[test]
fn a_wrong_manifest_is_refused_with_the_place_and_the_remedy() {
    let with_ttl = |seconds| Program::new(square).cache(seconds).view(BasicView::new());
    let over = |controller| {
        Program::new(square)
            .controllers([controller])
            .view(BasicView::new())
    };
    let shop = Manifest::new([("list", program())]);
    let secretive = || Program::new(|_: Secretive| 1).view(BasicView::new());
    for (manifest, words) in [
        (
            Manifest::new([("a", program()), ("a", program())]),
            &["'a'", "twice"][..],
        ),
        (
            Manifest::new([("a", program())]).with("a", "b"),
            &["'a'", "twice"],
        ),
        (
            Manifest::new([("a", [program(), program()])]),
            &["'a'", "two programs for http-get"],
        ),
        (
            Manifest::new([("a", secretive().cache(60))]),
            &["'a'", "'token'", "same key", "skip_serializing"],
        ),
        (
            Manifest::new([("a", shop.clone()), ("b", shop)]),
            &["'a'", "cloned", "twice"],
        ),
        (
            Manifest::new([("a", [over(CMD), program()])]),
            &["'a'", "two programs for cmd"],
        ),
        (
            Manifest::new([("a", [over(HTTP_POST), over(HTTP_POST)])]),
            &["'a'", "http-post"],
        ),
        (
            Manifest::new([("a", Vec::<Program>::new())]),
            &["'a'", "empty list"],
        ),
        (
            Manifest::new([("a", "nowhere")]),
            &["'a'", "'nowhere'", "no program"],
        ),
        (
            Manifest::new([("a", program())]).with("b", "a/c"),
            &["'b'", "'a/c'"],
        ),
        (Manifest::new([("a", "a")]), &["'a'"]),
        (
            Manifest::new([("a", "b"), ("b", "c"), ("c", "a")]),
            &["no program"],
        ),
        (
            Manifest::new([("a", program())]).with("b", Manifest::new([("c", "d")])),
            &["'c'", "'d'"],
        ),
        (Manifest::new([("a b", program())]), &["\"a b\""]),
        (Manifest::new([("a/b", program())]), &["\"a/b\""]),
        (Manifest::new([("a.json", program())]), &["\"a.json\""]),
        (Manifest::new([("a)(b", program())]), &["\"a)(b\""]),
        (Manifest::new([("a\n", program())]), &["\"a\\n\""]),
        (Manifest::new([("a?b", program())]), &["\"a?b\""]),
        (
            Manifest::new([("", Manifest::new([("a", program())]))]),
            &["''", "manifest"],
        ),
        (
            Manifest::new([("a", with_ttl(-1))]),
            &["'a'", "-1 seconds", "negative"],
        ),
        (
            Manifest::new([("a", with_ttl(i64::MIN))]),
            &["'a'", "negative"],
        ),
        (
            Manifest::new([(
                "a",
                Program::new(square)
                    .cache(Duration::ZERO)
                    .view(BasicView::new()),
            )]),
            &["'a'", "zero", "Policy::forever()"],
        ),
        (
            Manifest::new([("a", Program::new(|x: i64| x).view(BasicView::new()))]),
            &["'a'", "one struct", "i64"],
        ),
        (
            Manifest::new([("a", Program::new(|x: Vec<i64>| x).view(BasicView::new()))]),
            &["'a'", "one struct", "Vec"],
        ),
        (
            Manifest::new([(
                "a",
                Program::new(|(): ()| Err::<i64, _>(NoError)).view(BasicView::new()),
            )]),
            &["'a'", "Result", "std::error::Error"],
        ),
        (
            Manifest::new([("a", Program::new(square).view(View::new()))]),
            &["'a'", "renders nothing"],
        ),
        (
            Manifest::new([(
                "a",
                Program::new(square).view(View::new().renders("csv", |_: &i64| "")),
            )]),
            &["'a'", "\"csv\"", "text/csv"],
        ),
    ] {
        let refusal = refusal(manifest);
        assert_eq!(refusal.lines().count(), 1, "{refusal}");
        for word in words {
            assert!(refusal.contains(word), "{word}: {refusal}");
        }
    }
}

#[test]
fn the_place_of_a_wrong_program_is_told_in_full() {
    let wrong = Program::new(square).cache(-1).view(BasicView::new());
    let inner = Manifest::new([("post", wrong)]);
    let refusal = refusal(Manifest::new([("blog", inner)]));
    assert!(refusal.contains("'post'"), "{refusal}");
}

#[test]
fn a_sound_manifest_is_not_refused() {
    let long = Program::new(square).cache(u64::MAX).view(BasicView::new());
    let off = Program::new(square).cache(None).view(BasicView::new());
    let manifest = Manifest::new([
        ("a", long),
        ("b", off),
        ("", program()),
        ("ünï-1_2", program()),
    ])
    .with("c", "d")
    .with("d", "e/f")
    .with("e", Manifest::new([("f", program()), ("", program())]))
    .with("g", "e")
    .with(
        "terse",
        Program::new(|_: Terse| 1).cache(60).view(BasicView::new()),
    )
    .with(
        "uncached",
        Program::new(|_: Secretive| 1).view(BasicView::new()),
    );
    App::new(manifest).check().unwrap();
    App::new(Manifest::default()).check().unwrap();
}

#[test]
fn a_wrong_manifest_starts_no_front_end() {
    // In this process: the testbed's own manifest is sound.
    let manifest = || Manifest::new([("a", program()), ("a", program())]);
    assert!(App::new(manifest()).into_service().is_err());
}

/// Starts the testbed with `file` as giotto.toml; expects it to stop with exit code 2 and one line on
/// standard error that has all of `words` in it.
fn is_refused(file: &str, arguments: &[&str], variables: &[(&str, &str)], words: &[&str]) {
    for front_end in ["cmd", "http"] {
        let folder = tempfile::tempdir().unwrap();
        if !file.is_empty() {
            std::fs::write(folder.path().join("giotto.toml"), file).unwrap();
        }
        let mut command = start(folder.path(), front_end, arguments, variables);
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let shown = format!("{file:?} {arguments:?} {variables:?} {front_end}: {stderr}");
        assert_eq!(output.status.code(), Some(2), "{shown}");
        assert!(output.stdout.is_empty(), "{shown}");
        assert!(
            stderr.starts_with("error: ") && stderr.lines().count() == 1,
            "{shown}"
        );
        for word in words {
            assert!(stderr.contains(word), "{word} is not in {shown}");
        }
    }
}

fn start(
    folder: &Path,
    front_end: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Command {
    let mut command = testbed::command(folder);
    command.arg(front_end);
    command.args(arguments).envs(variables.iter().copied());
    if front_end == "cmd" {
        command.args(["squared", "x=12"]);
    } else {
        command.args(["--port", "0"]);
    }
    command
}

#[test]
fn a_wrong_file_is_refused_with_line_and_column() {
    for (file, words) in [
        ("cache = \"locmem", &["giotto.toml:1:"][..]),
        ("\n\ncache = ", &["giotto.toml:3:"]),
        ("cache = \"\"\"a\nb", &["giotto.toml:"]),
        ("cache locmem", &["giotto.toml:1:"]),
        (
            "cache = \"locmem\"\ncache = \"dummy\"",
            &["giotto.toml:2:", "duplicate key"],
        ),
        (
            "[http]\n  prot = 1",
            &["giotto.toml:2:3", "\"http.prot\"", "\"http.port\""],
        ),
        (
            "cach = \"locmem\"",
            &["giotto.toml:1:1", "\"cach\"", "did you mean \"cache\"?"],
        ),
        (
            "caches = \"locmem\"",
            &["giotto.toml:1:1", "\"caches\"", "did you mean \"cache\"?"],
        ),
        (
            "cache_engine = \"locmem\"",
            &["giotto.toml:1:1", "did you mean \"cache.engine\"?"],
        ),
        (
            "debug = \"maybe\"",
            &["giotto.toml:1:1", "debug", "true or false"],
        ),
        ("debug = 1", &["giotto.toml:1:1", "debug", "true or false"]),
        (
            "\n# é\nlog = \"loud\"",
            &["giotto.toml:3:1", "log", "\"warn\""],
        ),
        ("log = \"a\\nb\"", &["giotto.toml:1:1", "log"]),
        (
            "http.port = \"a\"",
            &["giotto.toml:1:", "http.port", "whole number"],
        ),
        (
            "http.port = 65536",
            &["giotto.toml:1:", "http.port", "65536"],
        ),
        ("http.port = -1", &["http.port"]),
        ("http.port = 80.5", &["http.port"]),
        ("http.backlog = 0", &["http.backlog", "at least 1"]),
        ("http.backlog = -5", &["http.backlog"]),
        ("http.drain_seconds = -1", &["http.drain_seconds"]),
        ("http.drain_seconds = 0.5", &["http.drain_seconds"]),
        (
            "[http]\ndrain = 5",
            &["giotto.toml:2:1", "\"http.drain\"", "http.drain_seconds"],
        ),
        ("http.host = 1", &["http.host", "text"]),
        ("http.host = \"\"", &["http.host", "address of a host"]),
        (
            "http.host = \"[::1]:80\"",
            &["http.host", "address of a host"],
        ),
        (
            "signing_key = 1",
            &["giotto.toml:1:1", "signing_key", "array of texts"],
        ),
        ("signing_key = []", &["signing_key", "array of texts"]),
        (
            "signing_key = [\"0123456789abcdef0123456789abcdef\", \"\"]",
            &["signing_key:", "0 bytes", "openssl rand -hex 32"],
        ),
        ("http = 80", &["giotto.toml:1:1", "http = 80", "http.port"]),
        ("cache = 1", &["giotto.toml:1:1", "cache", "redis"]),
        ("cache = []", &["giotto.toml:1:1", "at least one engine"]),
        ("cache = {}", &["giotto.toml:1:1", "cache", "redis"]),
        ("[cache]", &["giotto.toml:1:2", "cache", "redis"]),
        ("\n[htpp]", &["giotto.toml:2:2", "\"htpp\"", "\"http\""]),
        ("htpp = {}", &["giotto.toml:1:1", "\"htpp\""]),
        ("http.host = {}", &["giotto.toml:1:6", "http.host", "text"]),
        (
            "cache = \"locmen\"",
            &["giotto.toml:1:1", "\"locmen\"", "did you mean \"locmem\"?"],
        ),
        ("cache = \"\"", &["giotto.toml:1:1", "cache engine"]),
        (
            "cache = \"rediss3://a\"",
            &["\"rediss3\"", "did you mean \"rediss\"?"],
        ),
        (
            "cache = { engine = \"redis\", hosst = \"a\" }",
            &["\"hosst\"", "\"host\""],
        ),
        (
            "cache = { engine = \"locmem\", host = \"a\" }",
            &["locmem", "host"],
        ),
        (
            "cache = { engine = \"locmem\", max_bytes = \"much\" }",
            &["max_bytes", "whole number"],
        ),
        (
            "[cache]\nengine = \"locmem\"\nmax_bytes = -1",
            &["giotto.toml:3:1", "cache.max_bytes = -1", "whole number"],
        ),
        (
            "cache = { engine = \"locmem\", max_bytes = 0 }",
            &[
                "giotto.toml:1:30",
                "cache.max_bytes = 0",
                "at least 65536 bytes",
            ],
        ),
        (
            "cache = { engine = \"dummy\", port = 1 }",
            &["giotto.toml:1:29", "\"port\"", "dummy", "it takes none"],
        ),
        (
            "cache = { engine = \"locmem\", deadline_ms = \"soon\" }",
            &["cache.deadline_ms", "whole number"],
        ),
        (
            "cache = { layers = \"locmem\" }",
            &["cache.layers", "an array"],
        ),
        (
            "cache = { layers = [\"locmem\", \"dummy\"], refill_seconds = -1 }",
            &["cache.refill_seconds = -1", "whole number"],
        ),
        ("cache = { engine = 1 }", &["cache.engine"]),
        ("cache = { host = \"a\" }", &["engine"]),
        ("cache = [\"locmem\", \"nothing\"]", &["\"nothing\""]),
        (
            "namespace = \"a b\"",
            &["giotto.toml:1:1", "namespace", "\"a b\"", "letters"],
        ),
        ("namespace = 1", &["namespace", "text"]),
    ] {
        is_refused(file, &[], &[], words);
    }
}

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

#[test]
fn secrets_of_the_configuration_are_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    for url in [
        "redis://:hunter2@127.0.0.1:1",
        "redis://:hunter2@127.0.0.1:one",
        "redis://user:hunter2@127.0.0.1:1/0/0",
        "memcache://user:hunter2@127.0.0.1:1",
        "postgres://user:hunter2@127.0.0.1:1/db",
        "postgres://user:hunter2@127.0.0.1:one/db",
        "mysql://user:hunter2@127.0.0.1:1/db",
        "rediss3://user:hunter2@127.0.0.1:1",
        "redis:/:hunter2@127.0.0.1:1",
        "{ engine = \"redis\", url = \"user:hunter2@127.0.0.1:1\" }",
        "{ url = \"user:hunter2@127.0.0.1:1\" }",
        "{ engine = \"redis\", nodes = [\"redis://:hunter2@127.0.0.1:1\"] }",
        "{ engine = \"memcache\", hosts = [\"user:hunter2@127.0.0.1\"] }",
        "{ password = \"hunter2\" }",
        "{ engine = \"redis\", port = 1, password = \"hunter2\" }",
        "{ engine = \"redis\", prot = 1, password = \"hunter2\" }",
        "[{ engine = \"redis\", prot = 1, password = \"hunter2\" }]",
    ] {
        let variables = [("GIOTTO_CACHE", url)];
        let output = start(folder.path(), "cmd", &[], &variables)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("hunter2"), "{url}: {stderr}");
    }
}

#[test]
fn wrong_variables_and_flags_are_refused_by_name() {
    for (variables, words) in [
        (
            ("GIOTTO_CACH", "locmem"),
            &["GIOTTO_CACH ", "did you mean GIOTTO_CACHE?"][..],
        ),
        (
            ("GIOTTO_HTTP_PROT", "1"),
            &["GIOTTO_HTTP_PROT", "did you mean GIOTTO_HTTP_PORT?"],
        ),
        (
            ("GIOTTO_CONFIGG", "a"),
            &["GIOTTO_CONFIGG", "did you mean GIOTTO_CONFIG?"],
        ),
        (
            ("GIOTTO_CACHE", "locmen"),
            &["GIOTTO_CACHE:", "did you mean \"locmem\"?"],
        ),
        (
            ("GIOTTO_HTTP_PORT", "a"),
            &["GIOTTO_HTTP_PORT", "whole number"],
        ),
        (
            ("GIOTTO_HTTP_PORT", "http://10.0.0.9:80"),
            &["GIOTTO_HTTP_PORT", "whole number", "unset the variable"],
        ),
        (
            ("GIOTTO_CACHE_HOST", "tcp://10.0.0.9:6379"),
            &["GIOTTO_CACHE_HOST", "engine"],
        ),
        (
            ("GIOTTO_SIGNING_KEY", "short"),
            &[
                "GIOTTO_SIGNING_KEY",
                "5 bytes",
                "32",
                "openssl rand -hex 32",
            ],
        ),
        (
            ("GIOTTO_SIGNING_KEYS", "a"),
            &["did you mean GIOTTO_SIGNING_KEY?"],
        ),
        (
            ("GIOTTO_HTTP_HOST", "http://[::1]"),
            &["GIOTTO_HTTP_HOST", "address of a host"],
        ),
        (
            ("GIOTTO_DEBUG", "maybe"),
            &["GIOTTO_DEBUG", "true or false"],
        ),
        (("GIOTTO_LOG", "a\nb"), &["GIOTTO_LOG"]),
        (
            ("GIOTTO_CONFIG", "none.toml"),
            &["GIOTTO_CONFIG: none.toml", "cannot be read"],
        ),
    ] {
        is_refused("", &[], &[variables], words);
    }
    for (arguments, words) in [
        (
            &["--config", "none.toml"][..],
            &["none.toml", "cannot be read"][..],
        ),
        (&["--config", "."], &["cannot be read"]),
        (&["--set", "cache"], &["--set cache", "KEY=VALUE"]),
        (
            &["--set", "cach=locmem"],
            &["--set", "did you mean \"cache\"?"],
        ),
        (
            &["--set", "cache=locmen"],
            &["--set", "did you mean \"locmem\"?"],
        ),
        (
            &["--set", "http.port=70000"],
            &["--set", "http.port", "70000"],
        ),
        (&["--set", "=1"], &["--set"]),
    ] {
        is_refused("", arguments, &[], words);
    }
    let folder = tempfile::tempdir().unwrap();
    for (arguments, word) in [
        (&["--port", "a"][..], "--port"),
        (&["--port", "65536"], "--port"),
        (&["--port", "-1"], "whole number"),
        (&["--host", "999.1.1.1"], "999.1.1.1"),
        (&["--prot", "1"], "--port"),
    ] {
        let output = testbed::command(folder.path())
            .arg("http")
            .args(arguments)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {stderr}");
        assert!(stderr.contains(word), "{arguments:?} {stderr}");
    }
}

#[test]
fn a_flag_overrides_a_variable_and_that_the_file() {
    let wrong = "cache = \"file\"";
    let (variable, flag) = ([("GIOTTO_CACHE", "variable")], ["--set", "cache=flag"]);
    is_refused(wrong, &[], &[], &["\"file\""]);
    is_refused(wrong, &[], &variable, &["\"variable\""]);
    is_refused(wrong, &flag, &variable, &["\"flag\""]);
    is_refused(
        wrong,
        &["--set", "cache=a", "--set", "cache=b"],
        &[],
        &["\"b\""],
    );
}

#[test]
fn sound_configurations_start() {
    let start_with = |file: &str, name: &str, arguments: &[&str], variables: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), file).unwrap();
        let output = start(folder.path(), "cmd", arguments, variables)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), &*output.stdout, &*stderr),
            (Some(0), &b"x  144\n"[..], ""),
            "{file:?} {arguments:?} {variables:?}"
        );
    };
    for file in [
        "",
        "cache = \"locmem\"\ndebug = true\nlog = \"error\"\nnamespace = \"prod\"\n[http]\nhost = \"::1\"\nport = 80",
        "cache = { engine = \"locmem\", max_bytes = 65536 }",
        "[http]",
        "[http]\nbacklog = 1\ndrain_seconds = 0",
        "http = {}",
        "cache = [\"locmem\", \"dummy\"]",
        "cache = { layers = [\"locmem\", { engine = \"locmem\", max_bytes = 100_000 }], refill_seconds = 1 }",
        "cache = { engine = \"locmem\", deadline_ms = 50 }",
        "[cache]\nengine = \"locmem\"",
        "cache.engine = \"dummy\"",
        "cache = [\"locmem\"]",
        "# nothing",
    ] {
        start_with(file, "giotto.toml", &[], &[]);
        start_with(file, "other.toml", &["--config", "other.toml"], &[]);
        start_with(file, "other.toml", &[], &[("GIOTTO_CONFIG", "other.toml")]);
    }
    for variables in [
        ("GIOTTO_CACHE", "locmem"),
        ("GIOTTO_CACHE", "{engine = \"locmem\", max_bytes = 65536}"),
        ("GIOTTO_CACHE", "[\"locmem\"]"),
        ("GIOTTO_CACHE_ENGINE", "locmem"),
        ("GIOTTO_DEBUG", "true"),
        // One that is empty is not set.
        ("GIOTTO_CACHE", ""),
        ("GIOTTO_CACHE_PASSWORD", ""),
        ("GIOTTO_CONFIG", ""),
        ("GIOTTO_DEBUG", ""),
        ("GIOTTO_HTTP_HOST", ""),
        ("GIOTTO_HTTP_PORT", ""),
        ("GIOTTO_LOG", ""),
        ("GIOTTO_NAMESPACE", ""),
        ("GIOTTO_SIGNING_KEY", ""),
        // As an address stands in a URL.
        ("GIOTTO_HTTP_HOST", "[::1]"),
        // What Kubernetes and Docker set for services called `giotto`, `giotto-cache` and `giotto-http`.
        ("GIOTTO_PORT", "tcp://10.0.0.9:6379"),
        ("GIOTTO_SERVICE_HOST", "10.0.0.9"),
        ("GIOTTO_CACHE_PORT", "tcp://10.0.0.9:6379"),
        ("GIOTTO_CACHE_PORT", "udp://10.0.0.9:53"),
        ("GIOTTO_CACHE_PORT_6379_TCP", "tcp://10.0.0.9:6379"),
        ("GIOTTO_CACHE_PORT_6379_TCP_ADDR", "10.0.0.9"),
        ("GIOTTO_CACHE_PORT_6379_TCP_PORT", "6379"),
        ("GIOTTO_CACHE_PORT_6379_TCP_PROTO", "tcp"),
        ("GIOTTO_CACHE_SERVICE_HOST", "10.0.0.9"),
        ("GIOTTO_CACHE_SERVICE_PORT", "6379"),
        ("GIOTTO_CACHE_SERVICE_PORT_REDIS", "6379"),
        ("GIOTTO_HTTP_PORT", "tcp://10.0.0.9:80"),
        ("GIOTTO_HTTP_SERVICE_HOST", "10.0.0.9"),
        ("GIOTTO_HTTP_PORT_80_TCP", "tcp://10.0.0.9:80"),
        ("GIOTTO_CACHE_NAME", "/web/giotto_cache"),
        ("GIOTTO_CACHE_ENV_PASSWORD", "x"),
        ("GIOTTO_HTTP_ENV_PORT", "80"),
        // Variables of somebody else.
        ("GIOTTO_FOO", "1"),
        ("GIOTTO_HOME", "/opt/giotto"),
        ("GIOTTO", "1"),
        ("CACHE", "redis"),
    ] {
        start_with("", "giotto.toml", &[], &[variables]);
    }
    start_with(
        "cache = \"redis\"",
        "giotto.toml",
        &[],
        &[("GIOTTO_CACHE", "dummy")],
    );
    start_with(
        "cache = \"redis\"",
        "giotto.toml",
        &["--set", "cache=dummy"],
        &[],
    );
}

#[test]
fn variables_of_a_service_are_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("GIOTTO_LOG", "info"),
        ("GIOTTO_CACHE_PORT", "tcp://10.0.0.9:6379"),
        ("GIOTTO_CACHE_SERVICE_HOST", "10.0.0.9"),
    ];
    let output = start(folder.path(), "cmd", &[], &variables)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert_eq!(stderr.matches("Kubernetes").count(), 1, "{stderr}");
    for name in ["GIOTTO_CACHE_PORT", "GIOTTO_CACHE_SERVICE_HOST"] {
        assert!(stderr.contains(name), "{stderr}");
    }
}

/// A store that is configured and does not answer is no store that is not configured.
#[test]
fn a_file_that_cannot_be_read_is_an_error_that_names_it() {
    type Prepare = fn(&Path);
    let dangling: Prepare = |path| std::os::unix::fs::symlink("gone.toml", path).unwrap();
    let folder: Prepare = |path| std::fs::create_dir(path).unwrap();
    let endless: Prepare = |path| std::os::unix::fs::symlink("giotto.toml", path).unwrap();
    let binary: Prepare = |path| std::fs::write(path, b"log = \"\xff\"").unwrap();
    for (prepare, words) in [
        (
            dangling,
            &["giotto.toml cannot be read", "link to gone.toml"][..],
        ),
        (folder, &["giotto.toml cannot be read", "name a file"]),
        (endless, &["giotto.toml cannot be read"]),
        (binary, &["giotto.toml cannot be read", "UTF-8"]),
    ] {
        for front_end in ["cmd", "http"] {
            let folder = tempfile::tempdir().unwrap();
            prepare(&folder.path().join("giotto.toml"));
            is_told(&mut start(folder.path(), front_end, &[], &[]), words);
        }
    }
}

/// root may read everything, so that the program runs as nobody.
#[test]
fn a_file_that_is_not_for_this_user_is_an_error_that_names_it() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;

    const NOBODY: u32 = 65534;
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let file = folder.path().join("giotto.toml");
    std::fs::write(&file, "cache = \"locmem\"").unwrap();
    mode(&file, 0);
    let program = folder.path().join("testbed");
    // By another process: a file that this one has open for writing while a thread starts a program is busy.
    let copied = Command::new("cp")
        .arg(testbed::path())
        .arg(&program)
        .status();
    assert!(copied.unwrap().success());
    mode(folder.path(), 0o755);
    let mut command = testbed::isolated(&program, folder.path());
    command.args(["cmd", "squared", "x=12"]);
    // Only root can give a file away, and only root has to.
    if chown(&program, Some(NOBODY), Some(NOBODY)).is_ok() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let words = ["giotto.toml cannot be read", "denied", "right to read it"];
    is_told(&mut command, &words);
}

/// Expects `command` to stop with exit code 2 and one line on standard error that has all of `words` in it.
fn is_told(command: &mut Command, words: &[&str]) {
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty(), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word} is not in {stderr}");
    }
}
