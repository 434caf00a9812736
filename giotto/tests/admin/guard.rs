//! Nobody asks the listener through a page of another site.

use crate::Administered;

#[test]
fn it_answers_to_its_own_names_only() {
    let administered = Administered::start(&["--set", "admin.hosts=ops.internal,cache.internal"]);
    let port = administered.admin.port();
    for (host, status) in [
        (format!("127.0.0.1:{port}"), 200),
        ("127.0.0.1".to_owned(), 200),
        ("[::1]:80".to_owned(), 200),
        (format!("localhost:{port}"), 200),
        ("LocalHost".to_owned(), 200),
        ("app.localhost".to_owned(), 200),
        ("ops.internal".to_owned(), 200),
        ("CACHE.internal.:80".to_owned(), 200),
        // A name that an attacker's name service has bent to 127.0.0.1.
        ("evil.example".to_owned(), 403),
        (format!("evil.example:{port}"), 403),
        ("localhost.evil.example".to_owned(), 403),
        ("notlocalhost".to_owned(), 403),
        ("127.0.0.1.evil.example".to_owned(), 403),
        ("a b".to_owned(), 403),
        ("".to_owned(), 403),
    ] {
        for path in ["/healthz", "/readyz", "/", "/nothing"] {
            let reply = administered.ask("GET", path, &format!("Host: {host}\r\n"), "");
            let expected = if status == 200 && path == "/nothing" {
                404
            } else {
                status
            };
            assert_eq!(reply.status, expected, "{host} {path}");
        }
    }
    for fields in [
        "Host: localhost\r\nHost: evil.example\r\n",
        "Host: evil.example\r\nHost: localhost\r\n",
    ] {
        assert_eq!(administered.ask("GET", "/healthz", fields, "").status, 403);
    }
    let target = "http://evil.example/healthz";
    assert_eq!(
        administered
            .ask("GET", target, "Host: localhost\r\n", "")
            .status,
        403
    );
}

#[test]
fn only_get_and_head_are_allowed_where_nothing_changes() {
    let administered = Administered::start(&[]);
    for (method, status) in [
        ("GET", 200),
        ("HEAD", 200),
        ("POST", 405),
        ("PUT", 405),
        ("DELETE", 405),
        ("OPTIONS", 405),
    ] {
        let reply = administered.ask(method, "/readyz", "Host: localhost\r\n", "");
        assert_eq!(reply.status, status, "{method}");
        assert_eq!(reply.field("cache-control"), Some("no-store"));
        assert_eq!(reply.field("x-content-type-options"), Some("nosniff"));
        let allow = (status == 405).then_some("GET, HEAD");
        assert_eq!(reply.field("allow"), allow, "{method}");
    }
}

#[test]
fn a_form_of_another_site_changes_nothing() {
    let administered = Administered::start(&[]);
    for (fields, status) in [
        ("Origin: http://evil.example\r\n", 403),
        ("Origin: null\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Sec-Fetch-Site: same-site\r\n", 403),
        // No route takes a POST here, which is what these are told.
        ("Origin: http://localhost\r\n", 405),
        ("Sec-Fetch-Site: same-origin\r\n", 405),
        ("", 405),
    ] {
        let fields = format!("Host: localhost\r\n{fields}");
        let reply = administered.ask("POST", "/", &fields, "all=yes");
        assert_eq!(reply.status, status, "{fields}");
    }
}
