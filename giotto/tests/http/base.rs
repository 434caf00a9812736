//! A server below a path of its host, behind proxies.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::server::Server;
use crate::testbed;

fn options<'o>(more: &[&'o str]) -> Vec<&'o str> {
    let base = ["--set", "http.base=/library/", "--set", "cache=locmem"];
    [&base, more].concat()
}

#[test]
fn targets_of_every_form_are_below_the_base() {
    let server = Server::start_with(&options(&["--set", "http.health=true"]));
    for (target, status) in [
        ("/library/page?x=1", 200),
        ("http://test/library/page?x=1", 200),
        ("/%6cibrary/page?x=1", 200),
        ("/library/healthz", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/page?x=1", 404),
        ("http://test/page?x=1", 404),
        ("http://test", 404),
        ("/lib", 404),
        ("/libraryx", 404),
        ("//library/page", 404),
        ("/./library/page", 404),
        ("library/page", 400),
    ] {
        assert_eq!(server.get(target, "").status, status, "{target}");
    }
    for (method, target, status) in [
        ("OPTIONS", "*", 204),
        ("OPTIONS", "/library/page", 204),
        ("HEAD", "/library/page?x=1", 200),
        ("HEAD", "/page?x=1", 404),
    ] {
        assert_eq!(server.ask(method, target, "").status, status, "{target}");
    }
    let mut old = server.connect();
    old.send("GET /library/page?x=1 HTTP/1.0\r\n\r\n");
    assert_eq!(old.receive("GET").status, 200);
    let reply = server.get("/page?x=1", "Accept: text/plain\r\n");
    assert!(
        reply.text().contains("this application is at /library/"),
        "{}",
        reply.text()
    );
    assert!(
        server.log().contains("http.proxy_strips_base = true"),
        "{}",
        server.log()
    );
    let unknown = server.get("/library/nothing", "Accept: text/plain\r\n");
    assert_eq!(unknown.text(), "there is nothing at /library/nothing\n");
}

#[test]
fn the_first_line_says_where_the_application_is() {
    let strips = ["--set", "http.proxy_strips_base=true"];
    for (more, end) in [(&[][..], "/library/"), (&strips[..], "")] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = testbed::command(folder.path());
        command.args(["http", "--port=0"]).args(options(more));
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let log = process.stderr.take().unwrap();
        BufReader::new(log).read_line(&mut line).unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
        let place = line
            .trim_end()
            .strip_prefix("Listening on http://127.0.0.1:");
        let place = place.unwrap_or_else(|| panic!("{line}"));
        let place = place.trim_start_matches(|digit: char| digit.is_ascii_digit());
        assert_eq!(place, end);
    }
}

#[test]
fn a_proxy_may_strip_the_base() {
    let strips = ["--set", "http.proxy_strips_base=true"];
    let server = Server::start_with(&options(&strips));
    assert_eq!(server.get("/page?x=1", "").status, 200);
    assert_eq!(server.get("/", "").status, 200);
    // The base is taken off once, by the proxy.
    assert_eq!(server.get("/library/page?x=1", "").status, 404);
}

#[test]
fn the_access_log_has_the_path_that_was_sent_and_the_program() {
    let log = ["--set", "log.access=on", "--set", "log.access_file=access"];
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_in(folder.path(), &options(&log));
    assert_eq!(server.get("/library/page?x=1", "").status, 200);
    assert_eq!(server.get("/page?x=1", "").status, 404);
    server.terminate();
    server.end();
    let lines = std::fs::read_to_string(folder.path().join("access")).unwrap();
    assert!(
        lines.contains("path=/library/page query=\"x=1\" program=page status=200"),
        "{lines}"
    );
    assert!(
        lines.contains("path=/page query=\"x=1\" status=404"),
        "{lines}"
    );
}

#[test]
fn only_a_trusted_proxy_says_what_its_client_has_asked() {
    const FORWARDED: &str = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.com, Shop.example\r\n\
                             Forwarded: host=other.example;proto=https\r\n";
    let asked = |more: &[&str], fields: &str| {
        let options = [&["--set", "app.greeting=hi", "--set", "app.repeat=2"], more];
        let folder = tempfile::tempdir().unwrap();
        let mut testbed = testbed::command(folder.path());
        testbed.env("SETTINGS", "1");
        let server = Server::start_from(testbed, &options.concat());
        let reply = server.get("/asked.json", fields);
        (
            reply.text().trim_matches('"').to_owned(),
            reply.field("vary").unwrap_or_default().to_owned(),
        )
    };
    let trusted = ["--set", "http.trusted_proxies=127.0.0.1"];
    let others = ["--set", "http.trusted_proxies=10.0.0.0/8"];
    let fields = [&trusted[..], &["--set", "http.client_field=Forwarded"]].concat();
    let origin = [&trusted[..], &["--set", "http.origin=https://example.org"]].concat();
    for (options, sent, expected) in [
        (&[][..], FORWARDED, "http://test"),
        (&others, FORWARDED, "http://test"),
        (&trusted, FORWARDED, "https://shop.example"),
        (&trusted, "", "http://test"),
        (&trusted, "X-Forwarded-Proto: https\r\n", "https://test"),
        (&trusted, "X-Forwarded-Proto: javascript\r\n", "-"),
        (&trusted, "X-Forwarded-Host: a/b\r\n", "-"),
        (&fields, FORWARDED, "https://other.example"),
        (&origin, FORWARDED, "https://example.org"),
    ] {
        let (text, vary) = asked(options, sent);
        assert_eq!(text, format!("hihi {expected}"), "{options:?} {sent}");
        let depends = vary.to_lowercase().contains("host") || vary.contains("orwarded");
        assert_eq!(depends, expected != "https://example.org", "{vary}");
    }
}
