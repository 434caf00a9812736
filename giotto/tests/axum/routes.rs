//! Routes of axum in giotto's own server.

use axum::Router;
use axum::routing::{get, post};
use giotto::prelude::*;
use test_servers::HttpServer;

use crate::client::{Connection, ask, start};
use crate::{X, app, get as get_page};

/// The server without layers and the one with them.
fn servers() -> impl Iterator<Item = (tempfile::TempDir, HttpServer)> {
    [false, true].into_iter().map(|layered| {
        let folder = tempfile::tempdir().unwrap();
        let server = start(folder.path(), layered);
        (folder, server)
    })
}

#[test]
fn what_the_manifest_does_not_know_goes_to_the_router() {
    for (_folder, server) in servers() {
        for (method, target, status, body) in [
            ("GET", "/health", 200, "healthy\n"),
            ("GET", "/health?x=%FF&x", 200, "healthy\n"),
            ("HEAD", "/health", 200, ""),
            ("PUT", "/things/7", 200, "put"),
            ("DELETE", "/things/7", 200, "deleted"),
            ("GET", "/squared.txt?x=4", 200, "16\n"),
            ("GET", "/squared.txt/5", 200, "25\n"),
            // The program is for the command line only.
            ("GET", "/batch", 200, "of axum"),
            ("GET", "/own", 404, "its own words"),
        ] {
            let (head, text) = ask(&server, method, target, "");
            assert_eq!((head.status, &*text), (status, body), "{method} {target}");
        }
        let (head, _) = ask(&server, "HEAD", "/health", "");
        assert_eq!(head.field("content-length"), "8");
        // The manifest knows the path, but not the method.
        for method in ["POST", "PUT"] {
            let (head, text) = ask(&server, method, "/squared", "Content-Length: 0\r\n");
            assert_eq!(
                (head.status, head.field("allow")),
                (405, "GET, HEAD, OPTIONS")
            );
            assert!(!text.contains("of axum"), "{text}");
        }
    }
}

#[test]
fn what_the_router_refuses_without_a_word_has_the_page_of_giotto() {
    for (_folder, server) in servers() {
        for target in ["/nothing", "/bare", "/.env"] {
            let (head, text) = ask(&server, "GET", target, "Accept: text/html\r\n");
            assert_eq!(head.status, 404, "{target}");
            assert_eq!(head.field("content-type"), "text/html; charset=utf-8");
            assert!(text.contains("404"), "{text}");
        }
        let (head, text) = ask(&server, "GET", "/square", "Accept: application/json\r\n");
        assert_eq!(
            (head.status, head.field("cache-control")),
            (404, "no-store")
        );
        assert!(text.contains("there is nothing at /square\""), "{text}");
        let (head, text) = ask(&server, "GET", "/echo", "Accept: text/html\r\n");
        assert_eq!((head.status, head.field("allow")), (405, "POST"));
        assert!(text.contains("GET is not allowed here"), "{text}");
    }
}

#[test]
fn the_head_of_a_request_to_a_route_has_the_same_limits() {
    for (_folder, server) in servers() {
        for (request, status) in [
            ("GET /health HTTP/1.1\r\n\r\n".to_owned(), 400),
            ("GET /health HTTP/1.1\r\nHost: a/b\r\n\r\n".to_owned(), 400),
            (
                format!(
                    "GET /health?{} HTTP/1.1\r\nHost: a\r\n\r\n",
                    "a".repeat(17 << 10)
                ),
                414,
            ),
            (
                format!(
                    "GET /health HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
                    "a".repeat(33 << 10)
                ),
                431,
            ),
        ] {
            let mut connection = Connection::to(&server);
            connection.send(&request);
            assert_eq!(connection.head().status, status, "{}", &request[..40]);
        }
    }
}

#[test]
fn options_for_the_whole_server_are_those_of_programs() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), false);
    let (head, _) = ask(&server, "OPTIONS", "*", "");
    assert_eq!(
        (head.status, head.field("allow")),
        (204, "GET, HEAD, POST, OPTIONS")
    );
}

#[tokio::test]
async fn a_router_keeps_a_fallback_of_its_own() {
    let routes = Router::new().fallback(|| async { (http::StatusCode::NOT_FOUND, "nothing") });
    let service = app().routes(routes).into_service().unwrap();
    let reply = get_page(&service, "/elsewhere").await;
    assert_eq!((reply.status, reply.text()), (404, "nothing"));
    assert_eq!(get_page(&service, "/squared.txt?x=3").await.text(), "9\n");
}

#[tokio::test]
async fn several_routers_are_one() {
    let (one, other) = (get(|| async { "one" }), post(|| async { "other" }));
    let app = app().routes(Router::new().route("/one", one));
    let service = app.routes(Router::new().route("/other", other));
    let service = service.into_service().unwrap();
    assert_eq!(get_page(&service, "/one").await.text(), "one");
    assert_eq!(get_page(&service, "/other").await.status, 405);
}

/// The pool of a database, as one is: a clone shares it.
#[derive(Clone, Debug)]
struct Pool(&'static str);

#[tokio::test]
async fn a_router_and_the_programs_share_a_pool() {
    #[model]
    fn shown(pool: State<Pool>) -> &'static str {
        pool.0
    }
    let pool = Pool("one pool");
    let handler = |axum::extract::State(pool): axum::extract::State<Pool>| async move { pool.0 };
    let routes = Router::new().route("/routed", get(handler));
    let program = Program::new(shown).view(BasicView::new());
    let service = App::new(Manifest::new([("shown", program)]))
        .state(pool.clone())
        .routes(routes.with_state(pool))
        .into_service()
        .unwrap();
    assert_eq!(get_page(&service, "/shown.txt").await.text(), "one pool\n");
    assert_eq!(get_page(&service, "/routed").await.text(), "one pool");
}

#[tokio::test]
async fn a_route_invalidates_a_page() {
    let program = Program::new(|X { x }: X| x)
        .cache(3600)
        .tags(|_| ["numbers"])
        .view(BasicView::new());
    let change = |axum::Extension(cache): axum::Extension<giotto::cache::Cache>| async move {
        cache
            .invalidate("numbers")
            .await
            .map_err(|error| error.to_string())
    };
    let service = App::new(Manifest::new([("squared", program)]))
        .cache(LocMemKeyValue::new())
        .routes(Router::new().route("/change", get(change)))
        .into_service()
        .unwrap();
    for status in ["giotto; fwd=", "giotto; hit"] {
        let page = get_page(&service, "/squared?x=2").await;
        assert!(page.field("cache-status").starts_with(status), "{page:?}");
    }
    assert_eq!(get_page(&service, "/change").await.status, 200);
    let page = get_page(&service, "/squared?x=2").await;
    assert!(
        page.field("cache-status").starts_with("giotto; fwd="),
        "{page:?}"
    );
}

#[test]
fn bodies_are_streamed_both_ways() {
    for (_folder, server) in servers() {
        let mut connection = Connection::to(&server);
        connection.ask("POST", "/echo", "Transfer-Encoding: chunked\r\n");
        connection.send("5\r\nfirst\r\n");
        assert_eq!(connection.head().status, 200);
        assert_eq!(connection.chunk().as_deref(), Some("first"));
        connection.send("6\r\nsecond\r\n");
        assert_eq!(connection.chunk().as_deref(), Some("second"));
        connection.send("0\r\n\r\n");
        assert_eq!(connection.chunk().as_deref(), Some(""));

        // Programs take a mebibyte, a route what it will.
        let length = 3 << 20;
        let mut connection = Connection::to(&server);
        connection.ask("POST", "/count", &format!("Content-Length: {length}\r\n"));
        connection.send(vec![b'a'; length]);
        assert_eq!(connection.reply("POST").1, length.to_string());
        // This one takes what axum's extractors take.
        let (length, mut connection) = ((2 << 20) + 1, Connection::to(&server));
        connection.ask("POST", "/taken", &format!("Content-Length: {length}\r\n"));
        connection.send(vec![b'a'; length]);
        let (head, text) = connection.reply("POST");
        assert_eq!(head.status, 413, "{text}");
    }
}

#[test]
fn events_are_sent_as_they_come_and_trailers_at_the_end() {
    for (_folder, server) in servers() {
        let mut reader = Connection::to(&server);
        reader.ask("GET", "/events", "");
        assert_eq!(reader.head().field("content-type"), "text/event-stream");
        for event in ["one", "two", "end"] {
            let mut writer = Connection::to(&server);
            writer.ask(
                "POST",
                "/event",
                &format!("Content-Length: {}\r\n", event.len()),
            );
            writer.send(event);
            assert_eq!(writer.head().status, 200);
            assert_eq!(reader.chunk().as_deref(), Some(event));
        }
        assert_eq!(reader.chunk().as_deref(), Some(""));
        assert_eq!(reader.line(), "");
        // The connection is kept.
        reader.ask("GET", "/trailers", "TE: trailers\r\n");
        assert_eq!(reader.head().status, 200);
        assert_eq!(reader.chunk().as_deref(), Some("body"));
        assert_eq!(reader.chunk().as_deref(), Some(""));
        assert_eq!(reader.line(), "checksum: 12");
    }
}

#[test]
fn a_route_knows_its_client() {
    for (_folder, server) in servers() {
        let mut connection = Connection::to(&server);
        connection.ask("GET", "/who", "");
        let own = connection.0.get_ref().local_addr().unwrap();
        assert_eq!(connection.reply("GET").1, own.to_string());
    }
}

#[test]
fn a_client_that_leaves_ends_its_stream() {
    for (_folder, server) in servers() {
        let mut reader = Connection::to(&server);
        reader.ask("GET", "/events", "");
        assert_eq!(reader.head().status, 200);
        let readers = || ask(&server, "GET", "/readers", "").1;
        assert_eq!(readers(), "1");
        // Nothing is sent on it, by which the server could learn it.
        drop(reader);
        test_servers::wait_until("the stream ends", || readers() == "0");
    }
}

#[test]
fn a_body_that_breaks_is_not_a_whole_one() {
    for (_folder, server) in servers() {
        let mut connection = Connection::to(&server);
        connection.ask("GET", "/broken", "");
        let sent = connection.rest().unwrap();
        assert!(!sent.ends_with(b"0\r\n\r\n"));
    }
}

#[test]
fn a_websocket_is_upgraded() {
    for (_folder, server) in servers() {
        let mut connection = Connection::to(&server);
        let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        connection.ask("GET", "/socket", fields);
        let head = connection.head();
        // The example of RFC 6455, 1.3.
        assert_eq!(
            head.field("sec-websocket-accept"),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        assert_eq!((head.status, head.field("connection")), (101, "upgrade"));
        for text in ["Hello", "again"] {
            let mask = [0x37, 0xfa, 0x21, 0x3d];
            let masked = text.bytes().zip(mask.into_iter().cycle());
            let masked = masked.map(|(byte, mask)| byte ^ mask);
            let mut frame = vec![0x81, 0x80 | text.len() as u8];
            frame.extend(mask);
            frame.extend(masked);
            connection.send(frame);
            assert_eq!(connection.bytes(2), [0x81, text.len() as u8]);
            assert_eq!(connection.bytes(text.len()), text.as_bytes());
        }
    }
}

#[test]
fn a_server_told_to_stop_finishes_its_streams() {
    for (_folder, mut server) in servers() {
        let mut reader = Connection::to(&server);
        reader.ask("GET", "/events", "");
        assert_eq!(reader.head().status, 200);
        let mut writer = Connection::to(&server);
        writer.ask("GET", "/health", "");
        assert_eq!(writer.reply("GET").0.status, 200);
        server.signal("TERM");
        server.until_logged("stopping");
        writer.ask("POST", "/event", "Content-Length: 3\r\n");
        writer.send("end");
        assert_eq!(writer.head().field("connection"), "close");
        assert_eq!(reader.chunk().as_deref(), Some("end"));
        assert_eq!(reader.chunk().as_deref(), Some(""));
        drop(reader);
        let (status, log) = server.end();
        assert_eq!(status.code(), Some(0), "{log}");
    }
}
