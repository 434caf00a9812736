//! What a supervisor is told on the public port, where the configuration says so.

use giotto::prelude::*;

use crate::server::Server;
use crate::{ask, testbed};

const HEALTH: [&str; 2] = ["--set", "http.health=true"];

#[test]
fn health_is_told_where_the_configuration_says_so() {
    let server = Server::start_with(&HEALTH);
    for (path, body) in [
        ("/healthz", "ok\n"),
        ("/readyz", "ready\n"),
        ("/readyz?store", "ready\n"),
    ] {
        let reply = server.get(path, "");
        assert_eq!((reply.status, reply.text()), (200, body), "{path}");
        assert_eq!(reply.field("cache-control"), Some("no-store"));
        assert_eq!(server.ask("HEAD", path, "").status, 200);
        assert_eq!(server.post(path, "text/plain", "").status, 404);
    }
    for path in ["/healthz/", "/healthz/a", "/healthz.json", "/nothing"] {
        assert_eq!(server.get(path, "").status, 404, "{path}");
    }
    assert_eq!(server.get("/squared?x=12", "").text(), "<p>144</p>");
    let server = Server::start();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.get(path, "").status, 404, "{path}");
    }
}

#[test]
fn a_lame_duck_answers_and_says_that_it_is_not_ready() {
    let options = [&HEALTH[..], &["--set", "http.lame_duck_seconds=600"]].concat();
    let server = Server::start_with(&options);
    let mut kept = server.connect();
    assert_eq!(ask(&mut kept, "/page?x=1").field("connection"), None);
    server.terminate();
    server.until_logged("still accepting");
    for (path, status) in [("/readyz", 503), ("/healthz", 200), ("/page?x=1", 200)] {
        // A connection that is opened now gets its response, too.
        let reply = server.get(path, "");
        assert_eq!(
            (reply.status, reply.field("connection")),
            (status, Some("close")),
            "{path}"
        );
    }
    let reply = ask(&mut kept, "/page?x=1");
    assert_eq!(
        (reply.status, reply.field("connection")),
        (200, Some("close"))
    );
    assert!(kept.is_closed());
    server.signal("INT");
    assert_eq!(server.end().0.code(), Some(130));
}

#[test]
fn a_lame_duck_ends_after_its_time_and_not_at_a_terminal() {
    let server = Server::start_with(&["--set", "http.lame_duck_seconds=1"]);
    server.terminate();
    let (status, log) = server.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("still accepting"), "{log}");
    let server = Server::start_with(&["--set", "http.lame_duck_seconds=600"]);
    server.signal("INT");
    let (status, log) = server.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("still accepting"), "{log}");
}

#[test]
fn a_program_in_the_way_of_the_health_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("giotto.toml");
    std::fs::write(&config, "http.health = true\n").unwrap();
    let flags = ["--config", config.to_str().unwrap()];
    let application = |name| {
        let program = Program::new(|_: ()| "mine").view(BasicView::new());
        App::new(Manifest::new([(name, program)]))
    };
    for name in ["healthz", "readyz"] {
        let app = application(name).configured_with(flags).unwrap();
        let error = app.into_service().unwrap_err().to_string();
        assert!(
            error.contains(name) && error.contains("rename it"),
            "{error}"
        );
    }
    let other = application("health").configured_with(flags).unwrap();
    assert!(other.into_service().is_ok());
}

#[test]
fn a_setting_of_the_server_has_its_range() {
    let folder = tempfile::tempdir().unwrap();
    for (setting, word) in [
        ("http.lame_duck_seconds=-1", "whole number"),
        ("http.health=yes", "true or false"),
        ("http.reuse_port=1", "true or false"),
        ("http.lame_duck=5", "http.lame_duck_seconds"),
    ] {
        let mut command = testbed::command(folder.path());
        let output = command.args(["http", "--set", setting]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(word), "{error}");
    }
}
