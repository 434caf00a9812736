//! Where the listener is, and that it is nowhere unless the configuration says so.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::server::Server;
use crate::{Administered, testbed};

/// All that a server on the socket at `path` answers.
fn ask_socket(path: &Path, target: &str) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

/// How a server that does not start says why.
fn refusal(folder: &Path, options: &[&str]) -> String {
    let mut command = testbed::command(folder);
    let output = command.args(["http", "--port", "0"]).args(options).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2), "{options:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn health_is_on_the_admin_listener_and_not_on_the_public_port() {
    let administered = Administered::start(&["--set", "cache=locmem"]);
    for (path, words) in [
        ("/healthz", "ok"),
        ("/readyz", "\"status\": \"ready\""),
        ("/", "<title>Giotto</title>"),
    ] {
        let reply = administered.get(path);
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.text().contains(words), "{}", reply.text());
        if path != "/" {
            assert_eq!(administered.server.get(path, "").status, 404);
        }
    }
    assert_eq!(administered.get("/squared?x=12").status, 404);
}

#[test]
fn a_supervisor_sees_a_server_that_stops() {
    let administered = Administered::start(&["--set", "http.lame_duck_seconds=600"]);
    administered.server.terminate();
    administered.server.until_logged("still accepting");
    let reply = administered.get("/readyz");
    assert_eq!(reply.status, 503);
    assert!(reply.text().contains("\"stopping\""), "{}", reply.text());
    assert_eq!(administered.get("/healthz").status, 200);
    assert_eq!(administered.server.get("/squared?x=12", "").status, 200);
}

#[test]
fn a_unix_socket_is_for_its_user_and_goes_with_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let options = ["--set", "admin.listen=./admin.sock"];
    let server = Server::start_in(folder.path(), &options);
    server.until_logged("admin listener is open");
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(ask_socket(&path, "/healthz").starts_with("HTTP/1.1 200"));
    let error = refusal(folder.path(), &options);
    assert!(
        error.contains("admin.listen") && error.contains("another process"),
        "{error}"
    );
    assert!(ask_socket(&path, "/healthz").starts_with("HTTP/1.1 200"));

    // What a killed server leaves behind is replaced.
    server.kill();
    assert!(path.exists());
    let server = Server::start_in(folder.path(), &options);
    server.until_logged("admin listener is open");
    assert!(ask_socket(&path, "/healthz").starts_with("HTTP/1.1 200"));

    // A successor takes the path over, and keeps it when the first one ends.
    let shared = [&options[..], &["--set", "http.reuse_port=true"]].concat();
    let successor = Server::start_in(folder.path(), &shared);
    successor.until_logged("admin listener is open");
    server.terminate();
    assert_eq!(server.end().0.code(), Some(0));
    assert!(ask_socket(&path, "/healthz").starts_with("HTTP/1.1 200"));
    successor.terminate();
    assert_eq!(successor.end().0.code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn a_listener_that_others_reach_or_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "mine").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("admin.listen={}", taken.local_addr().unwrap());
    for (listen, words) in [
        ("admin.listen=0.0.0.0:0", &["admin.public", "127.0.0.1"][..]),
        ("admin.listen=[::]:0", &["admin.public"]),
        ("admin.listen=./file", &["admin.listen", "not a socket"]),
        (
            "admin.listen=./missing/socket",
            &["admin.listen", "cannot listen"],
        ),
        ("admin.listen=5001", &["admin.listen", "127.0.0.1:5001"]),
        ("admin.lisen=5001", &["admin.listen"]),
        (&taken, &["admin.listen", "cannot listen"]),
    ] {
        let error = refusal(folder.path(), &["--set", listen]);
        for word in words {
            assert!(error.contains(word), "{listen}: {error}");
        }
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let file = std::fs::read_to_string(folder.path().join("file"));
    assert_eq!(file.unwrap(), "mine");
}

#[test]
fn other_machines_read_a_public_listener_where_the_configuration_says_so() {
    let server = Server::start_with(&[
        "--set",
        "admin.listen=0.0.0.0:0",
        "--set",
        "admin.public=true",
    ]);
    server.until_logged("admin listener is open address=http://0.0.0.0:");
}
