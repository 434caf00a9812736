//! Forms, JSON and queries as arguments.

use crate::server::Server;

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
