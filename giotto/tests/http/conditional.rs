//! Conditional requests: entity tags and 304, 412, and parts of a page.

use crate::server::Server;

#[test]
fn a_client_that_has_the_page_is_told_so() {
    let server = Server::start();
    let page = server.get("/squared?x=12", "");
    let etag = page.field("etag").unwrap();
    let known = [
        etag.to_owned(),
        format!("W/{etag}"),
        format!("{etag}, \"other\""),
        format!("\"a\",  {etag}  ,\"b\""),
        format!("\"a\", W/{etag}"),
        "*".to_owned(),
        format!("\"a,*,b\", {etag}"),
        format!("\"a\"\r\nIf-None-Match: {etag}"),
        format!("{etag}\r\nIf-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"),
    ];
    for known in known {
        let mut connection = server.connect();
        connection.send(format!(
            "GET /squared?x=12 HTTP/1.1\r\nHost: a\r\nIf-None-Match: {known}\r\n\r\n"
        ));
        let reply = connection.receive("GET");
        assert_eq!(reply.status, 304, "{known}");
        for name in ["etag", "vary", "cache-control"] {
            assert_eq!(reply.field(name), page.field(name), "{known}");
        }
        assert!(reply.field("date").is_some() && reply.field("content-type").is_none());
        // Nothing follows the head: the connection can be used again.
        connection.send("GET /squared?x=12 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(connection.receive("GET").body, page.body, "{known}");
    }
    let unquoted = etag.trim_matches('"');
    let lower = format!("w/{etag}");
    let inside = format!("\"a,{unquoted},b\"");
    let behind = format!("a, {etag}");
    for unknown in [
        unquoted,
        &lower,
        &inside,
        &behind,
        "\"other\"",
        "\"",
        "",
        "W/",
        "\"*\"",
        "\"a,*,b\"",
        "\"a\", *",
    ] {
        let reply = server.get("/squared?x=12", &format!("If-None-Match: {unknown}\r\n"));
        assert_eq!((reply.status, &reply.body), (200, &page.body), "{unknown}");
    }
    for ignored in ["Sun, 01 Jan 2090 00:00:00 GMT", "garbage"] {
        let reply = server.get(
            "/squared?x=12",
            &format!("If-Modified-Since: {ignored}\r\n"),
        );
        assert_eq!(reply.status, 200, "{ignored}");
    }
}

#[test]
fn an_entity_tag_depends_on_the_page_alone() {
    let (one, other) = (Server::start(), Server::start());
    let etag = |server: &Server, target| server.get(target, "").field("etag").unwrap().to_owned();
    assert_eq!(etag(&one, "/squared?x=3"), etag(&other, "/squared?x=3"));
    assert_ne!(etag(&one, "/squared?x=3"), etag(&one, "/squared?x=4"));
}

#[test]
fn no_condition_makes_an_error_or_a_posted_page_a_304() {
    let server = Server::start();
    assert_eq!(
        server.get("/squared?x=a", "If-None-Match: *\r\n").status,
        400
    );
    assert_eq!(server.get("/none", "If-None-Match: *\r\n").status, 404);
    let reply = server.ask(
        "POST",
        "/submit?x=2",
        "If-None-Match: *\r\nContent-Length: 0\r\n",
    );
    assert_eq!(reply.status, 200);
}

/// The target of a page of a thousand digits and a line feed.
const PAGE: &str = "/large.txt?bytes=1000";

#[test]
fn a_client_that_has_another_page_is_told_so() {
    let server = Server::start();
    let page = server.get(PAGE, "");
    let etag = page.field("etag").unwrap();
    for sound in [etag, "*", &format!("\"a\", {etag}")] {
        let fields = format!("If-Match: {sound}\r\n");
        assert_eq!(server.get(PAGE, &fields).body, page.body, "{sound}");
        let fields = format!("{fields}If-None-Match: {etag}\r\n");
        assert_eq!(server.get(PAGE, &fields).status, 304, "{sound}");
    }
    for other in ["\"a\"", &format!("W/{etag}"), etag.trim_matches('"'), ""] {
        for method in ["GET", "HEAD"] {
            let fields = format!("If-Match: {other}\r\nIf-None-Match: {etag}\r\n");
            let reply = server.ask(method, PAGE, &fields);
            assert_eq!(reply.status, 412, "{method} {other}");
            assert_eq!(reply.field("cache-control"), Some("no-store"));
            assert_eq!(reply.field("etag"), None);
        }
    }
    // There is no page to have another one of.
    assert_eq!(server.get("/none", "If-Match: \"a\"\r\n").status, 404);
    assert_eq!(server.get("/squared?x=a", "If-Match: *\r\n").status, 400);
    assert_eq!(
        server.ask("DELETE", PAGE, "If-Match: \"a\"\r\n").status,
        405
    );
}

#[test]
fn a_client_gets_the_part_that_it_asks_for() {
    let server = Server::start();
    let page = server.get(PAGE, "");
    let etag = page.field("etag").unwrap();
    let length = page.body.len();
    for (fields, part) in [
        ("Range: bytes=10-19".to_owned(), 10..20),
        ("Range: bytes=990-9999".to_owned(), 990..length),
        ("Range: bytes=-5".to_owned(), length - 5..length),
        (format!("Range: bytes=0-\r\nIf-Range: {etag}"), 0..length),
        (format!("Range: bytes=10-19\r\nIf-Match: {etag}"), 10..20),
    ] {
        let reply = server.get(PAGE, &format!("{fields}\r\n"));
        assert_eq!(
            (reply.status, &reply.body[..]),
            (206, &page.body[part.clone()]),
            "{fields}"
        );
        let told = format!("bytes {}-{}/{length}", part.start, part.end - 1);
        assert_eq!(reply.field("content-range"), Some(&*told), "{fields}");
        for name in ["etag", "vary", "content-type"] {
            assert_eq!(reply.field(name), page.field(name), "{fields}");
        }
        for name in ["cache-control", "cache-status", "date"] {
            assert!(reply.field(name).is_some(), "{fields}: {name}");
        }
    }
    for fields in [
        "Range: bytes=0-1,3-4".to_owned(),
        "Range: bytes=0-1\r\nRange: bytes=3-4".to_owned(),
        "Range: bytes=5-3".to_owned(),
        "Range: items=0-1".to_owned(),
        "Range: bytes=a-b".to_owned(),
        "Range: bytes=10-19\r\nIf-Range: \"other\"".to_owned(),
        "Range: bytes=9999-\r\nIf-Range: \"other\"".to_owned(),
        format!("Range: bytes=10-19\r\nIf-Range: W/{etag}"),
        "Range: bytes=10-19\r\nIf-Range: Sat, 24 Jan 2026 00:00:00 GMT".to_owned(),
    ] {
        let reply = server.get(PAGE, &format!("{fields}\r\n"));
        assert_eq!((reply.status, &reply.body), (200, &page.body), "{fields}");
        assert_eq!(reply.field("content-range"), None, "{fields}");
    }
    for range in ["1001-", "5000-6000", "-0"] {
        let reply = server.get(PAGE, &format!("Range: bytes={range}\r\n"));
        assert_eq!(reply.status, 416, "{range}");
        let told = format!("bytes */{length}");
        assert_eq!(reply.field("content-range"), Some(&*told), "{range}");
        assert_eq!(reply.field("cache-control"), Some("no-store"));
        let fields = format!("Range: bytes={range}\r\nIf-None-Match: {etag}\r\n");
        assert_eq!(server.get(PAGE, &fields).status, 304, "{range}");
    }
}

#[test]
fn only_a_stored_page_that_is_got_has_parts() {
    let server = Server::start();
    let range = "Range: bytes=0-0\r\n";
    for (method, target, status) in [
        ("HEAD", PAGE, 200),
        ("POST", PAGE, 200),
        ("GET", "/nocache.txt?x=2", 200),
        ("GET", "/empty", 200),
        ("GET", "/none", 404),
        ("GET", "/squared?x=a", 400),
        ("GET", PAGE, 206),
    ] {
        let fields = format!("{range}Content-Length: 0\r\n");
        let reply = server.ask(method, target, &fields);
        assert_eq!(reply.status, status, "{method} {target}");
        assert_eq!(
            reply.field("content-range").is_some(),
            status == 206,
            "{method} {target}"
        );
    }
    // Where it is worth the while, clients are told.
    for (target, told) in [(PAGE, None), ("/large.txt?bytes=65536", Some("bytes"))] {
        for method in ["GET", "HEAD"] {
            assert_eq!(
                server.ask(method, target, "").field("accept-ranges"),
                told,
                "{target}"
            );
        }
    }
}

#[test]
fn a_large_page_arrives_whole() {
    let server = Server::start();
    let target = |bytes: usize| format!("/large.txt?bytes={bytes}");
    let mut connection = server.connect();
    for bytes in [32_766, 32_767, 32_768, 65_536, 65_537, 3_000_000] {
        for _ in 0..2 {
            connection.send(format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", target(bytes)));
        }
        for _ in 0..2 {
            let body = connection.receive("GET").body;
            let digits = b"0123456789abcdef".iter().cycle().take(bytes);
            assert!(
                body[..bytes].iter().eq(digits) && body.len() == bytes + 1,
                "{bytes}"
            );
        }
    }
    let range = "Range: bytes=1000-2500000\r\n";
    let part = server.get(&target(3_000_000), range);
    let whole = server.get(&target(3_000_000), "");
    assert_eq!(part.body, whole.body[1_000..=2_500_000]);
}
