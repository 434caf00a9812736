//! Variables, flags, and which of them counts.

use crate::{is_refused, start, testbed};

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
        "http.tag_fields = [\"Cache-Tag\", \"Surrogate-Key\"]",
        "http.tag_fields = \"Cache-Tag\"",
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
        // Variables of another program.
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
