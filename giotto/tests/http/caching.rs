//! A page is stored and served again, and only its arguments choose it.

use crate::server::{Reply, Server};

#[test]
fn a_page_is_stored_and_then_served_with_the_same_bytes() {
    let server = Server::start();
    let first = server.get("/squared?x=12", "");
    assert_eq!((first.status, first.text()), (200, "<p>144</p>"));
    assert_eq!(
        first.field("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(first.field("content-length"), Some("10"));
    assert_eq!(
        first.field("cache-status"),
        Some("giotto; fwd=uri-miss; stored; detail=first-seen")
    );
    assert_eq!(first.field("cache-control"), Some("no-cache"));
    assert_eq!(first.field("vary"), Some("Accept, X-Requested-With"));
    assert!(first.field("date").is_some() && first.field("etag").is_some());
    let second = server.get("/squared?x=12", "");
    assert!(
        second
            .field("cache-status")
            .unwrap()
            .starts_with("giotto; hit; ttl=")
    );
    assert_eq!(second.body, first.body);
    assert_eq!(second.field("etag"), first.field("etag"));
    // The same page under every other form of its arguments.
    for target in [
        "/squared/12",
        "/squared/?x=012",
        "/squared?x=%31%32&utm=1",
        "/squared/+12",
    ] {
        let reply = server.get(target, "");
        assert_eq!(reply.body, first.body, "{target}");
        assert!(
            reply.field("cache-status").unwrap().contains("hit"),
            "{target}"
        );
    }
}

#[test]
fn a_page_that_never_expires_and_one_that_is_not_kept_say_so() {
    let server = Server::start();
    server.get("/forever?x=2", "");
    let forever = server.get("/forever?x=2", "");
    assert_eq!(forever.field("cache-status"), Some("giotto; hit"));
    assert_eq!(forever.field("cache-control"), Some("no-cache"));
    let nocache = server.get("/nocache?x=2", "");
    assert_eq!(nocache.field("cache-control"), Some("no-store"));
    assert_eq!(nocache.field("cache-status"), None);
    assert_eq!(nocache.field("etag"), None);
}

#[test]
fn an_empty_page_is_a_hit_like_any_other() {
    let server = Server::start();
    assert_eq!(
        server.get("/empty", "").field("cache-status"),
        Some("giotto; fwd=uri-miss; stored; detail=first-seen")
    );
    let again = server.get("/empty", "");
    assert!(again.field("cache-status").unwrap().contains("hit"));
    assert_eq!((again.status, again.text()), (200, ""));
}

#[test]
fn no_text_of_the_client_enters_a_key_through_accept() {
    let server = Server::start();
    let ranges = [
        "text/html",
        "*/*",
        "text/*",
        "application/json",
        "image/png",
        "a/b",
        "text/cmd",
    ];
    for index in 0..1_000 {
        let (one, other) = (ranges[index % 7], ranges[index / 7 % 7]);
        let accept = format!(
            "{one};q=0.{}, {other};level={index}, x{index}/*",
            index % 10
        );
        let reply = server.get("/lab/counted?x=1", &format!("Accept: {accept}\r\n"));
        assert!(
            [200, 406].contains(&reply.status),
            "{accept} {}",
            reply.status
        );
    }
    let renderers = 4;
    assert!(
        (1..=renderers).contains(&server.runs("counted")),
        "{}",
        server.runs("counted")
    );
}

#[test]
fn nothing_but_the_arguments_changes_a_cached_page() {
    let server = Server::start();
    let page = server.get("/lab/counted?x=1&text=a", "");
    let names = [
        "X-Forwarded-Host",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Server",
        "X-Forwarded-Scheme",
        "X-Forwarded-Prefix",
        "X-Forwarded-Path",
        "Forwarded",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Original-Host",
        "X-Host",
        "X-Real-IP",
        "X-Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Cluster-Client-IP",
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "Cookie",
        "Authorization",
        "Proxy-Authorization",
        "Origin",
        "Referer",
        "User-Agent",
        "Accept-Language",
        "Accept-Encoding",
        "Accept-Charset",
        "Range",
        "If-Range",
        "If-Modified-Since",
        "If-Unmodified-Since",
        "Cache-Control",
        "Pragma",
        "Max-Forwards",
        "Via",
        "From",
        "DNT",
        "Upgrade",
        "TE",
        "X-Amz-Website-Redirect-Location",
        "X-Wap-Profile",
        "X-Correlation-ID",
        "X-Request-ID",
        "X-Csrf-Token",
        "X-Forwarded-SSL",
        "Front-End-Https",
        "X-Url-Scheme",
        "X-Timer",
        "X-Backend",
        "X-User",
        "X-Debug",
        "X-Accel-Redirect",
        "X-Sendfile",
        "X-Ua-Device",
        "Sec-Fetch-Site",
        "Sec-Fetch-Mode",
        "Destination",
        "Depth",
        "Content-Language",
        "X",
        "Location",
    ];
    assert!(names.len() >= 60);
    for name in names {
        for value in ["evil.example", "no-cache", "POST", "x=99"] {
            let reply = server.get("/lab/counted?x=1&text=a", &format!("{name}: {value}\r\n"));
            assert_eq!(
                (reply.status, &reply.body),
                (200, &page.body),
                "{name}: {value}"
            );
            assert_eq!(reply.field("etag"), page.field("etag"), "{name}: {value}");
        }
    }
    for utm in 0..100 {
        let reply = server.get(&format!("/lab/counted?x=1&utm={utm}&text=a&_{utm}"), "");
        assert_eq!(reply.body, page.body);
    }
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", "x=99"),
        ("application/json", "{\"x\": 99}"),
        ("text/plain", "x=99"),
    ] {
        let fields = format!(
            "Content-Type: {content_type}\r\nContent-Length: {}\r\n",
            body.len()
        );
        let mut connection = server.connect();
        connection.send(format!(
            "GET /lab/counted?x=1&text=a HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}"
        ));
        assert_eq!(connection.receive("GET").body, page.body);
    }
    assert_eq!(server.runs("counted"), 1);
    // Cloaked and repeated parameters are another value or an error, never a page under the wrong key.
    assert_eq!(server.get("/lab/counted?x=1;x=99&text=a", "").status, 400);
    assert_eq!(server.get("/lab/counted?x=1&x=99&text=a", "").status, 400);
    assert_eq!(server.get("/lab/counted/1/a", "").body, page.body);
    assert_eq!(server.runs("counted"), 1);
}

#[test]
fn a_cached_page_of_a_signed_in_user_is_for_that_user_alone() {
    let server = Server::start();
    for _ in 0..2 {
        for user in ["ada", "bob"] {
            let reply = server.get("/whoami.txt?user=eve", &format!("X-User: {user}\r\n"));
            assert_eq!((reply.status, reply.text().trim()), (200, user));
            assert_eq!(reply.field("cache-control"), Some("private, no-store"));
            assert_eq!(reply.field("vary"), Some("X-User"));
        }
        assert_eq!(server.get("/whoami.txt?user=ada", "").status, 403);
        assert_eq!(server.get("/whoami.txt/ada", "").status, 403);
    }
    for suffix in [
        "/x.css",
        "/..%2fx.css",
        ";x.css",
        "%00.css",
        "%0a.css",
        "%23.css",
        "%3f.css",
        ".css",
    ] {
        let reply = server.get(&format!("/whoami{suffix}"), "X-User: ada\r\n");
        assert!(reply.status >= 400, "{suffix} {}", reply.status);
        assert_eq!(reply.field("cache-control"), Some("no-store"), "{suffix}");
    }
}

#[test]
fn a_thousand_refused_requests_leave_the_page_as_it_was() {
    let server = Server::start();
    let page = server.get("/squared?x=12", "");
    let refused = |n: usize| -> Reply {
        match n % 7 {
            0 => server.get("/squared?x=12", &format!("X: {}\r\n", "a".repeat(33 << 10))),
            1 => server.get("/squared?x=12", "Accept: image/png\r\n"),
            2 => server.ask("DELETE", "/squared?x=12", ""),
            3 => server.ask("POST", "/squared?x=12", "X-HTTP-Method-Override: GET\r\n"),
            4 => server.get("/squared?x=12&x=12", ""),
            5 => server.get(&format!("/squared/{n}/12"), ""),
            _ => server.get("/squared?x=12%FF", ""),
        }
    };
    for n in 0..1_000 {
        assert!(refused(n).status >= 400);
    }
    let after = server.get("/squared?x=12", "");
    assert_eq!((after.status, &after.body), (200, &page.body));
    assert_eq!(after.field("etag"), page.field("etag"));
}
