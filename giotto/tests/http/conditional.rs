//! Conditional requests: entity tags and 304.

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
    for unknown in [unquoted, &lower, "\"other\"", "\"", "", "W/", "\"*\""] {
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
