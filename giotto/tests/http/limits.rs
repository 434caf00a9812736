//! Limits: addresses, heads and bodies that are too large, and clients that are too slow.

use crate::server::{Connection, Server};

#[test]
fn an_address_or_head_that_is_too_large_is_refused() {
    let server = Server::start();
    let long = |length: usize| format!("/echo.json?text={}", "a".repeat(length));
    for (length, status) in [
        (8_000, 200),
        (16 << 10, 414),
        (17 << 10, 414),
        (60_000, 414),
        (100 << 10, 414),
    ] {
        assert_eq!(server.get(&long(length), "").status, status, "{length}");
    }
    let segments = "/a".repeat(4_000);
    assert_eq!(server.get(&segments, "").status, 404);
    let big = |length: usize| format!("X-Big: {}\r\n", "a".repeat(length));
    for (length, status) in [
        (20 << 10, 200),
        (33 << 10, 431),
        (40 << 10, 431),
        (100 << 10, 431),
    ] {
        assert_eq!(
            server.get("/page?x=1", &big(length)).status,
            status,
            "{length}"
        );
    }
    let fields = |count: usize| {
        (0..count)
            .map(|n| format!("X-{n}: 1\r\n"))
            .collect::<String>()
    };
    // `ask` sends a Host field of its own.
    assert_eq!(server.get("/page?x=1", &fields(99)).status, 200);
    assert_eq!(server.get("/page?x=1", &fields(100)).status, 431);
    assert_eq!(server.get("/page?x=1", &fields(1_000)).status, 431);
}

#[test]
fn a_body_is_read_only_where_it_is_wanted() {
    let server = Server::start();
    for (content_type, body) in [("text/plain", "hi"), ("application/json", "{")] {
        let page = server.post("/page?x=1", content_type, body);
        assert_eq!(
            (page.status, page.field("allow")),
            (405, Some("GET, HEAD, OPTIONS")),
            "{body}"
        );
        assert_eq!(server.post("/nowhere", content_type, body).status, 404);
    }
    assert_eq!(server.post("/submit", "text/plain", "hi").status, 415);
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let server = Server::start();
    let head =
        "POST /submit HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    // Before a byte of it is read.
    let mut connection = server.connect();
    connection.send(format!("{head}Content-Length: 1048577\r\n\r\n"));
    assert_eq!(connection.receive("POST").status, 413);
    let mut connection = server.connect();
    connection.send(format!("{head}Content-Length: 99999999999999\r\n\r\n"));
    assert_eq!(connection.receive("POST").status, 413);
    // At the limit, if nobody knows how long it is.
    let mut connection = server.connect();
    connection.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    for _ in 0..16 {
        connection.send(&chunk);
    }
    connection.send("1\r\na\r\n");
    assert_eq!(connection.receive("POST").status, 413);
    // And one that is just not too large.
    let body = format!("x=2&a={}", "a".repeat((1 << 20) - 6));
    assert_eq!(
        server
            .post("/submit", "application/x-www-form-urlencoded", &body)
            .status,
        200
    );
}

/// Clients that keep the server waiting, all at once because each waits for a limit of ten seconds.
#[test]
fn a_client_that_keeps_the_server_waiting_is_cut_off() {
    let server = Server::start();
    let connect = |bytes: &str| -> Connection {
        let mut connection = server.connect();
        connection.send(bytes);
        connection
    };
    let mut deaf = connect("GET /large.txt?bytes=3000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(deaf.line(), "HTTP/1.1 200 OK\r\n");
    let mut silent = connect("");
    let mut half = connect("GET /page?x=1 HTTP/1.1\r\nHost: ");
    let mut idle = connect("GET /page?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(idle.receive("GET").status, 200);
    let mut slow = connect("POST /submit HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx=");
    assert!(silent.is_closed());
    assert!(idle.is_closed());
    assert!(
        half.try_receive("GET")
            .is_none_or(|reply| reply.status == 408)
    );
    assert_eq!(slow.receive("POST").status, 408);
    // When this one is cut off, so is the deaf one: it has taken nothing for longer.
    assert!(connect("").is_closed());
    // What it did not take has not cost the machine much meanwhile: the buffer of the client, and a small one of the server.
    let kept = deaf.rest().len();
    let most = if cfg!(target_os = "linux") {
        1 << 20
    } else {
        2_999_999
    };
    assert!(kept < most, "{kept} bytes were kept for it");
    assert_eq!(server.get("/page?x=1", "").status, 200);
}
