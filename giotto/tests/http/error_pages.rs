//! An application's own page of errors over real sockets, also of those that are found before the service runs a program.

use crate::server::{Connection, Reply, Server};

/// The media type that only the testbed's own pages have.
const ACCEPT: &str = "Host: a\r\nAccept: application/problem+json, */*;q=0.1\r\n";

/// What a client has read of an error: its status and its fields, but the date.
fn told(connection: &mut Connection, method: &str) -> Reply {
    let mut reply = connection.receive(method);
    reply.fields.retain(|(name, _)| name != "date");
    reply
}

fn check(server: &Server, method: &str, head: &str, status: u16, field: Option<(&str, &str)>) {
    let mut connection = server.connect();
    connection.send(format!("{method} {head}\r\n"));
    let reply = told(&mut connection, method);
    assert_eq!(reply.status, status, "{method} {head}");
    assert_eq!(
        reply.field("content-type"),
        Some("application/problem+json"),
        "{head}"
    );
    assert_eq!(reply.field("cache-control"), Some("no-store"), "{head}");
    let start = format!("{{\"status\":{status},");
    assert!(reply.text().starts_with(&start), "{head} {}", reply.text());
    if let Some((name, value)) = field {
        assert_eq!(reply.field(name), Some(value), "{head}");
    }
    if reply.field("connection") == Some("close") {
        return assert!(connection.is_closed(), "{head}");
    }
    if method != "GET" {
        return;
    }
    // The same fields and no body: what follows is the next response.
    connection.send(format!(
        "HEAD {head}\r\nGET /page?x=3 HTTP/1.1\r\nHost: a\r\n\r\n"
    ));
    let headless = told(&mut connection, "HEAD");
    assert_eq!(
        (headless.status, &headless.fields),
        (status, &reply.fields),
        "{head}"
    );
    assert!(connection.receive("GET").text().contains('9'), "{head}");
}

#[test]
fn every_error_that_a_client_can_cause_has_the_page_of_the_application() {
    let server = Server::start();
    let long = format!(
        "/page?x=1&long={} HTTP/1.1\r\n{ACCEPT}",
        "a".repeat(17 << 10)
    );
    let large = format!(
        "/page?x=1 HTTP/1.1\r\n{ACCEPT}X-Long: {}\r\n",
        "a".repeat(33 << 10)
    );
    let get = |target: &str, fields: &str| format!("{target} HTTP/1.1\r\n{ACCEPT}{fields}");
    for (head, status, field) in [
        (get("/page?x=a", ""), 400, None),
        (get("/%ff", ""), 400, None),
        // Neither of these reaches a program.
        (get("/page?x=1", "Host: b\r\n"), 400, None),
        (get("http://u@a/page?x=1", ""), 400, None),
        (get("/nowhere", ""), 404, None),
        (get("/batch", ""), 404, None),
        (
            get("/submit?x=1", ""),
            405,
            Some(("allow", "POST, OPTIONS")),
        ),
        (get("/page.csv?x=1", ""), 406, None),
        (get("/squared?x=1", "If-Match: \"other\"\r\n"), 412, None),
        (long, 414, None),
        (large, 431, None),
        (get("/failing/fails?x=1", ""), 500, None),
    ] {
        check(&server, "GET", &head, status, field);
    }
    let accept = "application/x-www-form-urlencoded, application/json";
    let close = ("connection", "close");
    for (fields, status, field) in [
        (
            "Content-Type: text/plain\r\nContent-Length: 0\r\n",
            415,
            ("accept", accept),
        ),
        ("Content-Length: 1048577\r\n", 413, close),
        // It is never sent.
        ("Content-Length: 4\r\n", 408, close),
    ] {
        let head = get("/submit", fields);
        check(&server, "POST", &head, status, Some(field));
    }
    let put = get("/page", "");
    check(
        &server,
        "PUT",
        &put,
        405,
        Some(("allow", "GET, HEAD, OPTIONS")),
    );
}

/// What is no request of HTTP, or has a head that is larger still, has a status and no page: nothing of it can be read.
#[test]
fn what_is_no_request_has_a_bare_status() {
    let server = Server::start();
    for (sent, status) in [
        ("GET /page?x=1 HTTP/1.1\r\nA B: c\r\n\r\n".to_owned(), 400),
        (
            format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(100 << 10)),
            414,
        ),
        (
            format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101)),
            431,
        ),
    ] {
        let mut connection = server.connect();
        connection.send(sent);
        let reply = connection.receive("GET");
        assert_eq!((reply.status, reply.text()), (status, ""));
        assert!(connection.is_closed());
    }
}
