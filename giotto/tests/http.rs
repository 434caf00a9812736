//! HTTP over real sockets: what clients, good and bad, get from a server that runs in a process of its own.
//!
//! Models that have to be held back are, by the programs under `lab/`; nothing here waits for time to pass,
//! but for the tests of the server's own time limits.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod common {
    pub(crate) mod server;
    pub(crate) mod testbed;
}
use common::testbed;

use common::server::{Connection, Reply, Server};

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
    assert_eq!(first.field("cache-control"), Some("max-age=3600"));
    assert!(first.field("vary").unwrap().starts_with("Accept"));
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
    assert_eq!(forever.field("cache-control"), Some("max-age=31536000"));
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
        for name in ["etag", "vary"] {
            assert_eq!(reply.field(name), page.field(name), "{known}");
        }
        assert!(
            reply
                .field("cache-control")
                .unwrap()
                .starts_with("max-age="),
            "{known}"
        );
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

#[test]
fn what_cannot_be_shown_is_told_what_can() {
    let server = Server::start();
    for (target, fields) in [
        ("/squared?x=1", "Accept: image/png\r\n"),
        ("/squared?x=1", "Accept: text/html;q=0\r\n"),
        ("/squared.gif?x=1", ""),
        ("/squared.?x=1", ""),
        ("/squared.JSON?x=1", ""),
        ("/squared.json.json?x=1", ""),
    ] {
        let reply = server.get(target, fields);
        assert_eq!(reply.status, 406, "{target} {fields}");
        for mimetype in ["text/html", "application/json", "text/plain", "text/cmd"] {
            assert!(reply.text().contains(mimetype), "{target} {}", reply.text());
        }
        assert_eq!(reply.field("cache-control"), Some("no-store"));
    }
}

#[test]
fn the_accept_field_chooses_among_the_renderers() {
    let server = Server::start();
    for (accept, mimetype) in [
        ("*/*", "text/html"),
        ("application/json", "application/json"),
        ("text/html;q=0.1, application/json", "application/json"),
        ("application/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("image/png, text/plain;q=0.001", "text/plain"),
        ("text/html\r\nAccept: application/json;q=0.9", "text/html"),
        (
            "image/png\r\nAccept: application/json;q=0.9",
            "application/json",
        ),
        (
            "*/*\r\nX-Requested-With: XMLHttpRequest",
            "application/json",
        ),
        (
            "text/plain\r\nX-Requested-With: XMLHttpRequest",
            "text/plain",
        ),
        (";;;", "text/html"),
    ] {
        let reply = server.get("/multiply/2/3", &format!("Accept: {accept}\r\n"));
        assert_eq!(reply.status, 200, "{accept}");
        assert!(
            reply.field("content-type").unwrap().starts_with(mimetype),
            "{accept}"
        );
    }
}

#[test]
fn an_error_is_told_in_the_clients_own_language() {
    let server = Server::start();
    let html = server.get("/squared?x=%3Cscript%3E", "Accept: text/html\r\n");
    assert_eq!(html.status, 400);
    assert_eq!(html.field("content-type"), Some("text/html; charset=utf-8"));
    assert!(html.text().contains("&lt;script&gt;") && !html.text().contains("<script>"));
    for (target, fields) in [
        ("/squared?x=%22", "Accept: application/json\r\n"),
        ("/squared.json?x=%22", ""),
        ("/squared?x=%22", "X-Requested-With: XMLHttpRequest\r\n"),
    ] {
        let reply = server.get(target, fields);
        assert_eq!(reply.status, 400);
        assert_eq!(reply.field("content-type"), Some("application/json"));
        let error: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(error["error"]["status"], 400);
        assert_eq!(error["error"]["fields"]["x"]["value"], "\"");
    }
    for (target, status) in [
        ("/failing/secret", 403),
        ("/none", 404),
        ("/blog/post/7", 404),
        ("/failing/fails", 500),
        ("/failing/panics", 500),
    ] {
        let reply = server.get(target, "Accept: application/json\r\n");
        let error: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(
            (reply.status, &error["error"]["status"]),
            (status, &status.into())
        );
        assert_eq!(reply.field("cache-control"), Some("no-store"), "{target}");
        assert_eq!(reply.field("etag"), None);
    }
}

#[test]
fn internal_errors_are_for_the_log_and_for_debugging() {
    for (options, told) in [
        (&["--set", "debug=false"], false),
        (&["--set", "debug=true"], true),
    ] {
        let server = Server::start_with(options);
        for accept in ["text/html", "application/json", "text/plain"] {
            let reply = server.get("/failing/fails", &format!("Accept: {accept}\r\n"));
            assert_eq!(reply.status, 500);
            assert_eq!(reply.text().contains("hunter2"), told, "{}", reply.text());
            let reply = server.get("/failing/panics", &format!("Accept: {accept}\r\n"));
            assert_eq!(reply.status, 500);
            assert!(!reply.text().contains("a secret of"), "{}", reply.text());
        }
        let log = server.kill();
        let line = log.lines().find(|line| line.contains("hunter2")).unwrap();
        assert!(
            line.contains("/failing/fails") && line.contains("src/secret.rs"),
            "{line}"
        );
        assert!(log.contains("a secret of the implementation"));
    }
}

#[test]
fn the_same_error_of_a_program_is_counted_and_told_at_most_once_a_second() {
    let server = Server::start();
    let (fails, quotes) = (300, 200);
    let mut connection = server.connect();
    let started = std::time::Instant::now();
    let mut ask = |target: &str| {
        connection.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(connection.receive("GET").status, 500);
    };
    for n in 0..fails {
        ask(&format!("/failing/fails?n={n}"));
        ask("/failing/hostile");
    }
    for _ in 0..quotes {
        ask("/failing/quotes/apple");
    }
    let seconds = started.elapsed().as_secs_f64();
    server.terminate();
    let (_, log) = server.end();
    let counts = |error: &str| -> Vec<u64> {
        let lines = log.lines().filter(|line| line.contains(error));
        let repeated = lines.map(|line| line.split_once("repeated="));
        repeated
            .map(|at| at.map_or(1, |(_, n)| n.split(' ').next().unwrap().parse().unwrap()))
            .collect()
    };
    for (error, times) in [
        ("there is no price of apple", quotes),
        ("program=\"failing/fails\"", fails),
        ("program=\"failing/hostile\"", fails),
    ] {
        let counts = counts(error);
        assert_eq!(counts.iter().sum::<u64>(), times, "{log}");
        // One at once, one for each second, and what is left at the end.
        assert!((counts.len() as f64) <= seconds + 2.0, "{seconds} {log}");
    }
}

#[test]
fn panics_at_one_place_are_counted_and_told_at_most_once_a_second() {
    let server = Server::start();
    let started = std::time::Instant::now();
    let mut connection = server.connect();
    for _ in 0..200 {
        assert_eq!(ask(&mut connection, "/failing/panics").status, 500);
    }
    let seconds = started.elapsed().as_secs_f64();
    server.terminate();
    let (_, log) = server.end();
    let told = log.matches("a secret of the implementation").count();
    let counted = log.lines().filter(|line| line.contains("panicked again"));
    let counts: Vec<u64> = counted
        .map(|line| {
            line.split_once("repeated=")
                .unwrap()
                .1
                .trim()
                .parse()
                .unwrap()
        })
        .collect();
    assert!(told >= 1 && log.contains("common/mod.rs"), "{log}");
    assert_eq!(told as u64 + counts.iter().sum::<u64>(), 200, "{log}");
    assert!((told + counts.len()) as f64 <= seconds + 2.0, "{log}");
}

#[test]
fn what_a_client_sends_fills_no_log_and_is_shown_in_it() {
    let server = Server::start();
    let mut connection = server.connect();
    let requests = 400;
    let mut longest = 0;
    for n in 0..requests {
        let text = "%0D%0A%1B%5B2J%C2%9B".to_owned() + &"x".repeat(15_000) + &n.to_string();
        longest += text.len();
        connection.send(format!(
            "GET /failing/quotes/{text} HTTP/1.1\r\nHost: a\r\n\r\n"
        ));
        assert_eq!(connection.receive("GET").status, 500);
    }
    server.terminate();
    let (_, log) = server.end();
    // However slow this machine is: a line for each request, at most, of less than a kilobyte.
    assert!(log.len() < longest / 10, "{} of {longest}", log.len());
    for line in log.lines() {
        assert!(line.len() < 1_000, "{line}");
        assert!(!line.contains(['\u{1b}', '\u{9b}', '\r']), "{line:?}");
    }
    assert!(
        log.contains(r"there is no price of \r\n\u{1b}[2J\u{9b}xxx"),
        "{log}"
    );
    assert!(log.contains("x… (15"), "{log}");
}

#[test]
fn a_redirection_names_the_place_and_is_not_kept() {
    let server = Server::start();
    for _ in 0..2 {
        let reply = server.get("/failing/elsewhere", "");
        assert_eq!(
            (reply.status, reply.field("location")),
            (302, Some("/squared/12"))
        );
        assert_eq!(reply.field("cache-control"), Some("no-store"));
    }
}

#[test]
fn a_path_matches_whole_segments_only() {
    let server = Server::start();
    for target in [
        "/squaredfoo",
        "/square",
        "/squared/1/2",
        "/squared;x=1",
        "/squared%00?x=1",
        "/squared%0a?x=1",
        "/squared%23?x=1",
        "/squared%3fx=1",
        "//squared?x=1",
        "/squared%2F1",
        "/./squared/1",
        "/../squared/1",
        "/static/..%2fsquared",
        "/SQUARED/1",
        "/blog/squared/1",
        "/page/1/style.css",
        "/blog/archive",
        "/blog/archive/",
        "/lab",
        "/old/1/2",
        "/*",
    ] {
        let reply = server.get(target, "");
        assert_eq!(reply.status, 404, "{target}");
        assert_eq!(reply.field("cache-control"), Some("no-store"), "{target}");
    }
    for (target, body) in [
        ("/", "Welcome"),
        ("/blog", "The blog"),
        ("/blog/", "The blog"),
        ("/blog.txt", "The blog"),
        ("/.txt", "Welcome"),
        ("/old/1", "The first post"),
        ("/older.txt/1", "The first post"),
        ("/blog/archive/post/1", "The first post"),
        ("/%73quared.txt/2", "4"),
    ] {
        let reply = server.get(target, "Accept: text/plain\r\n");
        assert!(reply.text().contains(body), "{target} {}", reply.text());
        assert_eq!(reply.status, 200, "{target}");
    }
}

#[test]
fn a_path_that_begins_with_a_dot_is_the_root_in_a_format_or_nothing() {
    let server = Server::start();
    for folder in ["", "/blog"] {
        for hidden in [
            "/.txt/5",
            "/.txt/.txt",
            "/.json/a/b",
            "/.git/config",
            "/.git",
            "/.env",
            "/.css",
            "/.well-known/security.txt",
            "/.well-known/acme-challenge/x",
            "/.",
            "/..",
            "/.../x",
            "/.txt.txt",
        ] {
            let target = format!("{folder}{hidden}");
            for (method, fields) in [
                ("GET", ""),
                ("HEAD", ""),
                ("POST", "Content-Length: 0\r\n"),
                ("GET", "Accept: image/png\r\n"),
                ("OPTIONS", ""),
            ] {
                let reply = server.ask(method, &target, fields);
                assert_eq!(reply.status, 404, "{method} {target} {fields}");
            }
        }
        for format in ["html", "htm", "json", "txt", "cmd"] {
            let reply = server.get(&format!("{folder}/.{format}"), "");
            assert_eq!(reply.status, 200, "{folder}/.{format}");
        }
    }
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
        "If-Match",
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
            assert_eq!(reply.field("cache-control"), Some("private, no-cache"));
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
fn forms_and_json_are_posted_alike() {
    let server = Server::start();
    let form = "application/x-www-form-urlencoded";
    for (target, content_type, body) in [
        ("/submit.txt", form, "x=12"),
        (
            "/submit.txt",
            "Application/X-WWW-Form-Urlencoded; charset=utf-8",
            "x=%312",
        ),
        ("/submit.txt", "application/json", "{\"x\": 12}"),
        (
            "/submit.txt",
            "application/json;charset=utf-8",
            "{\"y\": [], \"x\": 12}",
        ),
        ("/submit.txt?x=12", form, ""),
        ("/submit.txt/12", form, "unknown=1"),
    ] {
        let reply = server.post(target, content_type, body);
        assert_eq!(
            (reply.status, reply.text()),
            (200, "x  144\n"),
            "{content_type} {body}"
        );
    }
    for (content_type, body, status) in [
        ("application/json", "{\"x\": 12.5}", 400),
        ("application/json", "{\"x\": \"12\"}", 400),
        ("application/json", "{\"x\": null}", 400),
        ("application/json", "{\"x\": 12, \"x\": 12}", 400),
        ("application/json", "[12]", 400),
        ("application/json", "12", 400),
        ("application/json", "", 400),
        ("application/json", "{\"x\": 12", 400),
        ("application/json", "{\"x\": 12}}", 400),
        ("application/json", "{\"x\": 99999999999999999999}", 400),
        (form, "x=12&x=13", 400),
        (form, "x=%FF", 400),
        (form, "", 400),
        ("multipart/form-data; boundary=a", "--a--", 415),
        ("text/plain", "x=12", 415),
    ] {
        assert_eq!(
            server.post("/submit", content_type, body).status,
            status,
            "{content_type} {body}"
        );
    }
}

#[test]
fn the_result_of_a_post_is_neither_stored_nor_served() {
    let server = Server::start();
    for _ in 0..3 {
        let reply = server.post("/lab/counted", "application/x-www-form-urlencoded", "x=7");
        assert_eq!(reply.field("cache-status"), Some("giotto; fwd=bypass"));
        assert_eq!(reply.field("cache-control"), Some("no-store"));
        assert_eq!(reply.field("etag"), None);
    }
    assert_eq!(server.runs("counted"), 3);
    let get = server.get("/lab/counted?x=7", "");
    assert_eq!(
        get.field("cache-status"),
        Some("giotto; fwd=uri-miss; stored; detail=first-seen")
    );
    assert_eq!(server.runs("counted"), 4);
    server.post("/lab/counted?x=7", "", "");
    assert_eq!(server.runs("counted"), 5);
}

#[test]
fn a_refused_post_shows_the_form_again_with_its_errors() {
    let server = Server::start();
    let form = "application/x-www-form-urlencoded";
    let reply = server.post("/subscribe", form, "email=<me>");
    assert_eq!(reply.status, 400);
    assert!(
        reply.text().contains("it has no @") && reply.text().contains("&lt;me&gt;"),
        "{}",
        reply.text()
    );
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    let clean = server.get("/subscribe?email=<me>", "");
    assert!(
        !clean.text().contains("it has no @"),
        "the errors were stored"
    );
    let missing = server.post("/subscribe", form, "");
    assert_eq!(missing.status, 400);
    assert!(missing.text().contains("email"), "{}", missing.text());
    assert_eq!(server.post("/subscribe", form, "email=a@b").status, 200);
}

#[test]
fn wrong_arguments_are_refused_by_name_and_run_nothing() {
    let server = Server::start();
    let digits = "9".repeat(8_000);
    for (query, names) in [
        ("", "'x'"),
        ("?x=", "'x'"),
        ("?x", "'x'"),
        ("?X=1", "'x'"),
        ("?x=abc", "'x'"),
        ("?x=1.0", "'x'"),
        ("?x=+1", "'x'"), // a space in a query
        ("?x=0x10", "'x'"),
        ("?x=%D9%A1", "'x'"), // a digit, but not ours
        ("?x=9223372036854775808", "'x'"),
        ("?x=1&x=1", "'x'"),
        ("?x=%FF", "'x': \"%FF\" is not UTF-8"),
        ("/%FF", "'x': \"%FF\" is not UTF-8"),
        ("?%FF=1&x=1", "UTF-8"),
        ("?x=1%00", "'x'"),
        (&format!("?x={digits}"), "'x'"),
    ] {
        let reply = server.get(&format!("/lab/counted{query}"), "Accept: text/plain\r\n");
        assert_eq!(reply.status, 400, "{query}");
        assert!(reply.text().contains(names), "{query}: {}", reply.text());
        assert!(reply.text().len() < 500, "{query}: a long value is cut");
    }
    assert_eq!(server.get("/lab/counted/1/2/3", "").status, 404);
    assert_eq!(server.runs("counted"), 0);
    let empty = server.get("/echo.json?text=", "");
    assert_eq!((empty.status, empty.text()), (200, "\"\""));
    assert_eq!(server.get("/echo.json?text", "").text(), "\"\"");
    let odd = server.get("/echo.json?text=a%2Bb+c%00%0d%0a%25", "");
    assert_eq!(odd.text(), "\"a+b c\\u0000\\r\\n%\"");
    assert_eq!(server.get("/echo.json/a%2Fb", "").text(), "\"a/b\"");
    assert_eq!(
        server.get("/echo.json/a+b", "").text(),
        "\"a+b\"",
        "a plus in a path is a plus"
    );
}

#[test]
fn too_many_arguments_and_deep_json_are_refused() {
    let server = Server::start();
    let form = "application/x-www-form-urlencoded";
    let many: String = (0..10_001).map(|n| format!("{n}&")).collect();
    assert_eq!(server.post("/submit?x=1", form, &many).status, 400);
    let thousand: String = "a&".repeat(1_001);
    assert_eq!(server.get(&format!("/page?{thousand}x=1"), "").status, 400);
    let members: Vec<_> = (0..60_000).map(|n| format!("\"{n}\":1")).collect();
    let members = format!("{{{}}}", members.join(","));
    assert_eq!(
        server
            .post("/submit?x=1", "application/json", &members)
            .status,
        400
    );
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(
        server.post("/submit", "application/json", &deep).status,
        400
    );
    let deep = format!("{}1{}", "{\"x\":".repeat(100_000), "}".repeat(100_000));
    assert_eq!(
        server.post("/submit", "application/json", &deep).status,
        400
    );
    assert_eq!(server.get("/page?x=1", "").status, 200);
}

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
fn a_client_that_goes_away_costs_nobody_else_anything() {
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

#[test]
fn a_panicking_model_fails_its_own_request_only() {
    let server = Server::start();
    let mut connection = server.connect();
    for _ in 0..3 {
        connection.send("GET /failing/panics HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(connection.receive("GET").status, 500);
        connection.send("GET /squared?x=3 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(connection.receive("GET").text(), "<p>9</p>");
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

/// Clients that keep the server waiting, all at once because each waits for a limit of ten seconds.
#[test]
fn a_client_that_keeps_the_server_waiting_is_cut_off() {
    let server = Server::start();
    let connect = |bytes: &str| -> Connection {
        let mut connection = server.connect();
        connection.send(bytes);
        connection
    };
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
    assert_eq!(server.get("/page?x=1", "").status, 200);
}

#[test]
fn a_server_told_to_stop_finishes_what_is_under_way() {
    let server = Server::start();
    let mut half_open: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for connection in &mut half_open[10..] {
        connection.send("GET /page?x=1 HTTP/1.1\r\n");
    }
    let mut under_way = server.connect();
    under_way.send("GET /lab/gated.txt?name=last HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut opener = server.connect();
    opener.send("GET /lab/started?name=last HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(opener.receive("GET").status, 200);
    // Two requests on one connection: the second is sent, but not yet answered, when the signal comes.
    opener.send("GET /lab/gated?name=opener HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(server.get("/lab/started?name=opener", "").status, 200);
    let mut control = server.connect();
    control.send(
        "POST /lab/opened HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(control.receive("POST").status, 100);
    server.terminate();
    control.send("name=last");
    assert_eq!(control.receive("POST").status, 200);
    let reply = under_way.receive("GET");
    assert_eq!((reply.status, reply.text()), (200, "last\n"));
    // `opener` stays shut: its model is not waited for without end.
    let (status, log) = server.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("stopping"), "{log}");
}

/// A GET on `connection`, which is kept.
fn ask(connection: &mut Connection, target: &str) -> Reply {
    connection.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    connection.receive("GET")
}

#[test]
fn idle_clients_of_a_server_told_to_stop_get_one_more_answer() {
    // Much longer than needed: the server ends when the last client has its answer.
    let server = Server::start_with(&["--set", "http.drain_seconds=30"]);
    let mut clients: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for client in &mut clients {
        let reply = ask(client, "/page?x=1");
        assert_eq!((reply.status, reply.field("connection")), (200, None));
    }
    server.terminate();
    server.until_logged("stopping");
    // Half a second between two requests, as many clients have.
    std::thread::sleep(std::time::Duration::from_millis(500));
    for client in &mut clients {
        let reply = ask(client, "/page?x=1");
        assert_eq!(
            (reply.status, reply.field("connection")),
            (200, Some("close"))
        );
        assert!(client.is_closed());
    }
    let (status, log) = server.end();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn the_time_of_idle_clients_is_limited_and_a_terminal_does_not_wait_for_them() {
    for (drain, signal) in [
        ("http.drain_seconds=0", "TERM"),
        ("http.drain_seconds=600", "INT"),
    ] {
        let server = Server::start_with(&["--set", drain]);
        let mut idle = server.connect();
        assert_eq!(ask(&mut idle, "/page?x=1").status, 200);
        let mut half_open = server.connect();
        half_open.send("GET /page?x=1 HTTP/1.1\r\n");
        server.signal(signal);
        assert!(idle.is_closed());
        let (status, log) = server.end();
        assert_eq!(status.code(), Some(0), "{log}");
    }
}

#[test]
fn a_second_interruption_ends_a_server_at_once() {
    for first in ["INT", "TERM"] {
        let server = Server::start_with(&["--set", "http.drain_seconds=600"]);
        let mut under_way = server.connect();
        under_way.send("GET /lab/gated?name=never HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(server.get("/lab/started?name=never", "").status, 200);
        server.signal(first);
        server.until_logged("stopping");
        server.signal("INT");
        let (status, log) = server.end();
        assert_eq!(status.code(), Some(130), "{log}");
        assert!(log.contains("interrupted again"), "{log}");
        assert!(under_way.try_receive("GET").is_none());
    }
}

#[test]
fn other_signals_do_not_cut_what_is_under_way() {
    let server = Server::start();
    let mut under_way = server.connect();
    under_way.send("GET /lab/gated.txt?name=kept HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(server.get("/lab/started?name=kept", "").status, 200);
    for name in ["HUP", "QUIT", "USR1", "USR2"] {
        server.signal(name);
        server.until_logged(&format!("signal=\"SIG{name}\""));
    }
    assert_eq!(server.get("/lab/opened?name=kept", "").status, 200);
    let reply = under_way.receive("GET");
    assert_eq!((reply.status, reply.text()), (200, "kept\n"));
    server.terminate();
    assert_eq!(server.end().0.code(), Some(0));
}

#[test]
fn a_burst_of_clients_connects_before_any_is_accepted() {
    let server = Server::start();
    let bound = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let burst = bound.trim().parse::<usize>().unwrap().min(400);
    // Stopped, it accepts none: the kernel keeps them.
    server.signal("STOP");
    let mut clients: Vec<_> = (0..burst).map(|_| server.connect()).collect();
    server.signal("CONT");
    for client in &mut clients {
        assert_eq!(ask(client, "/squared?x=12").text(), "<p>144</p>");
    }
}

#[test]
fn a_server_may_be_told_to_stop_as_soon_as_it_listens() {
    for _ in 0..20 {
        let server = Server::start();
        server.terminate();
        let (status, log) = server.end();
        assert_eq!(status.code(), Some(0), "{status} {log}");
    }
}

#[test]
fn a_server_says_that_no_cache_is_configured_unless_that_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    for (options, is_told) in [
        (&[][..], true),
        (&["--set", "namespace=shop"], true),
        (&["--set", "cache=dummy"], false),
        (&["--set", "cache.engine=dummy"], false),
        (&["--set", "cache=locmem"], false),
    ] {
        let server = Server::start_in(folder.path(), options);
        let reply = server.get("/squared?x=12", "");
        assert_eq!(reply.text(), "<p>144</p>");
        server.terminate();
        let (_, log) = server.end();
        let lines: Vec<_> = log
            .lines()
            .filter(|line| line.contains("no cache is configured"))
            .collect();
        assert_eq!(lines.len(), usize::from(is_told), "{options:?} {log}");
        for line in lines {
            assert!(
                line.contains("WARN") && line.contains("giotto.toml"),
                "{line}"
            );
        }
    }
}

#[test]
fn a_port_that_is_taken_is_reported() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let output = testbed::command(folder.path())
        .args(["http", "--port", &port])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains(&port) && stderr.contains("--port") && stderr.lines().count() == 1,
        "{stderr}"
    );
}
