//! Paths and redirections.

use crate::server::Server;

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
