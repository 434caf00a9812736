//! Methods: GET, HEAD, and which a program allows.

use crate::server::Server;

#[test]
fn head_is_get_without_the_body() {
    let server = Server::start();
    let get = server.get("/squared?x=5", "");
    for target in ["/squared?x=5", "/squared?x=6", "/squared?x=a"] {
        let mut connection = server.connect();
        connection.send(format!("HEAD {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let head = connection.receive("HEAD");
        connection.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let get = connection.receive("GET");
        for name in ["content-type", "content-length", "etag", "vary"] {
            assert_eq!(head.field(name), get.field(name), "{target} {name}");
        }
        assert_eq!(head.status, get.status);
    }
    let reply = server.ask("HEAD", "/squared?x=5", "");
    assert_eq!(reply.field("etag"), get.field("etag"));
}

#[test]
fn a_method_that_is_not_allowed_is_told_which_are() {
    let server = Server::start();
    for (method, target, status, allow) in [
        ("OPTIONS", "/page/1", 204, "GET, HEAD, OPTIONS"),
        ("OPTIONS", "/submit", 204, "POST, OPTIONS"),
        ("OPTIONS", "/subscribe", 204, "GET, HEAD, POST, OPTIONS"),
        ("OPTIONS", "*", 204, "GET, HEAD, POST, OPTIONS"),
        ("POST", "/page", 405, "GET, HEAD, OPTIONS"),
        ("PUT", "/page", 405, "GET, HEAD, OPTIONS"),
        ("DELETE", "/subscribe", 405, "GET, HEAD, POST, OPTIONS"),
        ("PATCH", "/submit", 405, "POST, OPTIONS"),
        ("TRACE", "/page", 405, "GET, HEAD, OPTIONS"),
        ("BREW", "/page", 405, "GET, HEAD, OPTIONS"),
        ("get", "/page?x=1", 405, "GET, HEAD, OPTIONS"),
        ("GET", "/submit?x=1", 405, "POST, OPTIONS"),
        ("HEAD", "/submit?x=1", 405, "POST, OPTIONS"),
    ] {
        let reply = server.ask(method, target, "");
        assert_eq!(reply.status, status, "{method} {target}");
        assert_eq!(reply.field("allow"), Some(allow), "{method} {target}");
    }
    for method in ["GET", "HEAD", "POST", "PUT", "OPTIONS", "BREW"] {
        // A program of the command line is no more there than one that does not exist.
        for target in ["/batch", "/none"] {
            let reply = server.ask(method, target, "");
            assert_eq!(
                (reply.status, reply.field("allow")),
                (404, None),
                "{method} {target}"
            );
        }
    }
    assert!(server.ask("CONNECT", "a:80", "").status >= 400);
}

#[test]
fn a_program_of_the_command_line_is_not_named_to_web_clients() {
    let server = Server::start();
    let hidden = server.get("/batch", "");
    assert!(!hidden.text().contains("cmd"), "{}", hidden.text());
    assert!(!server.get("/batc", "").text().contains("batch"));
}
