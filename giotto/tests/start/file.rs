//! The file `giotto.toml`: what is wrong in it, and what it must not show.

use std::path::Path;
use std::process::Command;

use crate::{is_refused, start, testbed};

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
        (
            "http.compression = 1",
            &["http.compression", "true or false"],
        ),
        ("http.drain_seconds = -1", &["http.drain_seconds"]),
        ("http.drain_seconds = 0.5", &["http.drain_seconds"]),
        (
            "[http]\ndrain = 5",
            &["giotto.toml:2:1", "\"http.drain\"", "http.drain_seconds"],
        ),
        ("http.host = 1", &["http.host", "text"]),
        (
            "http.tag_fields = [\"Cache-Tag\", \"Cache Tag\"]",
            &["giotto.toml:1:6", "http.tag_fields", "\"Cache-Tag\""],
        ),
        (
            "http.tag_fields = 1",
            &["http.tag_fields", "array of texts"],
        ),
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
