//! The protocol: hosts, connections, pipelining, and bytes that are no request.

use crate::server::Server;

#[test]
fn a_request_of_http_1_1_names_one_host() {
    let server = Server::start();
    for (head, status) in [
        ("GET /page?x=2 HTTP/1.1\r\n\r\n", 400),
        ("GET /page?x=2 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET /page?x=2 HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET /page?x=2 HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET /page?x=2 HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        ("GET /page?x=2 HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
        ("GET /page?x=2 HTTP/1.1\r\nHost: a:b:c\r\n\r\n", 400),
        ("GET /page?x=2 HTTP/1.1\r\nHost: a:80a\r\n\r\n", 400),
        ("GET /page?x=2 HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400),
        ("GET /page?x=2 HTTP/1.1\r\nHost: :80\r\n\r\n", 400),
        ("GET /page?x=2 HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
        ("GET /page?x=2 HTTP/1.1\r\nHost: [zz]\r\n\r\n", 400),
        ("GET /page?x=2 HTTP/1.1\r\nHost: %6g\r\n\r\n", 400),
        ("GET /page?x=2 HTTP/1.1\r\nHost: %61:80\r\n\r\n", 200),
        ("GET /page?x=2 HTTP/1.1\r\nHost: [v1.a]\r\n\r\n", 200),
        ("GET /page?x=2 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200),
        ("GET /page?x=2 HTTP/1.1\r\nHost:\r\n\r\n", 200),
        ("GET // HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET /page?x=2 HTTP/1.0\r\n\r\n", 200),
        ("GET /page?x=2 HTTP/1.0\r\nHost: a\r\n\r\n", 200),
        (
            "GET http://example.org/page?x=2 HTTP/1.1\r\nHost: example.org\r\n\r\n",
            200,
        ),
        ("GET http://example.org/page?x=2 HTTP/1.1\r\n\r\n", 400),
        (
            "GET http://u@example.org/page?x=2 HTTP/1.1\r\nHost: example.org\r\n\r\n",
            400,
        ),
        (
            "GET http://example.org:99999/page?x=2 HTTP/1.1\r\nHost: example.org\r\n\r\n",
            400,
        ),
        (
            "GET http://example.org/page?x=2 HTTP/1.1\r\nHost: a:b:c\r\n\r\n",
            400,
        ),
    ] {
        let mut connection = server.connect();
        connection.send(head);
        assert_eq!(connection.receive("GET").status, status, "{head:?}");
    }
}

#[test]
fn a_connection_is_kept_or_closed_as_the_client_asks() {
    let server = Server::start();
    for (head, closes) in [
        (
            "GET /page?x=2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            true,
        ),
        ("GET /page?x=2 HTTP/1.0\r\nHost: a\r\n\r\n", true),
        ("GET /page?x=2 HTTP/1.1\r\nHost: a\r\n\r\n", false),
        (
            "GET /page?x=2 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
            false,
        ),
    ] {
        let mut connection = server.connect();
        connection.send(head);
        assert_eq!(connection.receive("GET").status, 200);
        if closes {
            assert!(connection.is_closed(), "{head:?}");
        } else {
            connection.send("GET /page?x=3 HTTP/1.1\r\nHost: a\r\n\r\n");
            assert!(connection.receive("GET").text().contains('9'), "{head:?}");
        }
    }
}

#[test]
fn a_client_may_ask_before_it_sends_a_body() {
    let server = Server::start();
    let head = "POST /submit.txt HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ";
    let mut connection = server.connect();
    connection.send(format!("{head}4\r\n\r\n"));
    assert_eq!(connection.receive("POST").status, 100);
    connection.send("x=12");
    assert_eq!(connection.receive("POST").text(), "x  144\n");
    let mut connection = server.connect();
    connection.send(format!("{head}9999999\r\n\r\n"));
    assert_eq!(
        connection.receive("POST").status,
        413,
        "no body is asked for in vain"
    );
}

#[test]
fn a_body_is_never_taken_for_what_it_is_encoded_in() {
    let server = Server::start();
    let decodes = cfg!(feature = "compression");
    let (if_wrong, if_right) = if decodes { (400, 200) } else { (415, 415) };
    let plain = &b"x=12"[..];
    let gzip = &b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\xb0\x35\x34\x02\x00\x9e\x77\xf6\xad\x04\x00\x00\x00"[..];
    for (coding, body, status) in [
        ("gzip", gzip, if_right),
        ("X-GZIP", gzip, if_right),
        ("identity\r\nContent-Encoding: gzip", gzip, if_right),
        ("gzip", plain, if_wrong),
        ("br", plain, if_wrong),
        ("zstd", plain, if_wrong),
        ("gzip", &gzip[..gzip.len() - 1], if_wrong),
        ("unknown", plain, 415),
        ("gzip, gzip", gzip, 415),
        ("br\r\nContent-Encoding: br", plain, 415),
        ("\"", plain, 415),
        ("*", plain, 415),
        ("identity", plain, 200),
        ("Identity, identity", plain, 200),
        ("", plain, 200),
    ] {
        let mut connection = server.connect();
        connection.send(format!(
            "POST /submit.txt HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ));
        connection.send(body);
        let reply = connection.receive("POST");
        assert_eq!(reply.status, status, "{coding}");
        let accepted = if decodes {
            "br, zstd, gzip"
        } else {
            "identity"
        };
        let told = (status == 415).then_some(accepted);
        assert_eq!(reply.field("accept-encoding"), told, "{coding}");
        if status == 200 {
            assert_eq!(reply.text(), "x  144\n", "{coding}");
        }
    }
    // What the body of a GET is encoded in matters to nobody, and an unknown path is the error to tell.
    let fields = "Content-Encoding: unknown\r\n";
    assert_eq!(server.get("/page?x=1", fields).status, 200);
    assert_eq!(server.ask("POST", "/none", fields).status, 404);
    assert_eq!(server.ask("POST", "/page", fields).status, 405);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let server = Server::start();
    let mut connection = server.connect();
    let requests: String = (0..50)
        .map(|n| format!("GET /squared.txt?x={n} HTTP/1.1\r\nHost: a\r\n\r\n"))
        .collect();
    connection.send(requests);
    for n in 0..50 {
        assert_eq!(connection.receive("GET").text(), format!("x  {}\n", n * n));
    }
}

#[test]
fn one_request_has_at_most_one_response() {
    let server = Server::start();
    let hidden = "GET /lab/counted?x=666 HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = hidden.len();
    for head in [
        &format!("Content-Length: {length}\r\nContent-Length: 0\r\n") as &str,
        &format!("Content-Length: 0\r\nContent-Length: {length}\r\n"),
        "Content-Length: 0, 0\r\n",
        "Content-Length: +0\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x10\r\n",
        "Content-Length: 1 0\r\n",
        "Content-Length : 0\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\x0bchunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "A: b\r\n Content-Length: 0\r\n",
        "A\r\n",
        "A: b\rContent-Length: 0\r\n",
        "A: \0\r\n",
        "A B: c\r\n",
    ] {
        for method in ["GET", "POST"] {
            let mut connection = server.connect();
            connection.try_send(format!(
                "{method} /page?x=1 HTTP/1.1\r\nHost: a\r\n{head}\r\n{hidden}"
            ));
            let first = connection.try_receive(method);
            connection.finish();
            let second = connection.try_receive("GET");
            assert_eq!(second, None, "{method} {head:?} after {first:?}");
        }
    }
    assert_eq!(server.runs("counted"), 0, "what is in a body is no request");
}

#[test]
fn a_body_that_nobody_reads_is_not_the_next_request() {
    let server = Server::start();
    let hidden = "GET /lab/counted?x=666 HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = hidden.len();
    for (method, target, status) in [
        ("GET", "/page?x=1", 200),
        ("HEAD", "/page?x=1", 200),
        ("PUT", "/page", 405),
        ("OPTIONS", "/page", 204),
        ("GET", "/none", 404),
        ("POST", "/none", 404),
        ("POST", "/page", 405),
    ] {
        for body in [
            format!("Content-Length: {length}\r\n\r\n{hidden}"),
            format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n"),
        ] {
            let mut connection = server.connect();
            connection.send(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{body}"));
            assert_eq!(
                connection.receive(method).status,
                status,
                "{method} {target}"
            );
            connection.finish();
            assert_eq!(connection.try_receive("GET"), None, "{method} {target}");
        }
    }
    assert_eq!(server.runs("counted"), 0);
}

#[test]
fn garbage_is_refused_and_the_server_lives_on() {
    let server = Server::start();
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /page?x=\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET page HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /page#a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /page?x=1 <b> HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /submit HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /submit HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ] {
        let mut connection = server.connect();
        connection.try_send(garbage);
        let reply = connection.try_receive("GET");
        let shown = String::from_utf8_lossy(garbage);
        assert!(reply.is_none_or(|reply| (400..500).contains(&reply.status)), "{shown}");
    }
    assert_eq!(server.get("/page?x=1", "").status, 200);
}

#[test]
fn a_disconnecting_client_costs_no_other_client_anything() {
    let server = Server::start();
    let mut leader = server.connect();
    leader.send("GET /lab/gated.txt?name=shared HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(server.get("/lab/started?name=shared", "").status, 200);
    let mut waiter = server.connect();
    waiter.send("GET /lab/gated.txt?name=shared HTTP/1.1\r\nHost: a\r\n\r\n");
    leader.finish();
    assert!(leader.is_closed(), "it is kept until the model has ended");
    // Its model goes on: one opening of the gate is enough.
    server.get("/lab/opened?name=shared", "");
    let reply = waiter.receive("GET");
    assert_eq!((reply.status, reply.text()), (200, "shared\n"));
    assert_eq!(server.runs("shared"), 1);
    assert!(
        server
            .get("/lab/gated.txt?name=shared", "")
            .field("cache-status")
            .unwrap()
            .contains("hit")
    );
}
