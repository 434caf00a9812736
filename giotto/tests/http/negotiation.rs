//! Content negotiation: which renderer a client gets, of an error too.

use crate::server::Server;

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
