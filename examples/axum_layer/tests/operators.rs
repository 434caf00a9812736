//! What operators ask of a cache without a manifest: by its admin listener, and by the command line of its machine.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use tempfile::TempDir;
use test_servers::{HttpServer, free_port, wait_until};

/// The server, and what is in its folder.
struct Server {
    process: HttpServer,
    admin: SocketAddr,
    folder: TempDir,
}

impl Server {
    fn start() -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_axum_layer"));
        command.arg("0").current_dir(folder.path());
        command.env("GIOTTO_ADMIN_LISTEN", format!("127.0.0.1:{port}"));
        Self {
            process: HttpServer::start(&mut command),
            admin: SocketAddr::from(([127, 0, 0, 1], port)),
            folder,
        }
    }

    fn get(&self, path: &str) -> String {
        get(self.process.address(), path)
    }

    /// What a command of this machine prints, and its exit code.
    fn cmd(&self, words: &[&str]) -> (String, Option<i32>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axum_layer"));
        command.arg("cmd").args(words);
        let output = command.current_dir(self.folder.path()).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        (text, output.status.code())
    }

    /// Fails unless the command ends well and says all of `texts`.
    fn says(&self, words: &[&str], texts: &[&str]) -> String {
        let (said, code) = self.cmd(words);
        assert_eq!(code, Some(0), "{words:?}: {said}");
        for text in texts {
            assert!(said.contains(text), "{words:?}: no {text:?} in {said}");
        }
        said
    }

    fn is_hit(&self, path: &str) -> bool {
        self.get(path).contains("; hit")
    }
}

/// A whole response.
fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

const ADA: &str = "{GET localhost/hello/Ada}(http)()";

#[test]
fn metrics_and_the_live_page_are_those_of_the_layer() {
    let server = Server::start();
    for _ in 0..3 {
        assert!(server.get("/hello/Ada").ends_with("Hello, Ada\n"));
    }
    let metrics = get(server.admin, "/metrics");
    for line in [
        "giotto_cache_hits_total{program=\"http\",kind=\"fresh\"} 2",
        "giotto_cache_misses_total{program=\"http\",reason=\"first_seen\"} 1",
        "giotto_cache_stored_total{program=\"http\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert!(get(server.admin, "/").contains("<title>"));
    assert!(get(server.admin, "/readyz").starts_with("HTTP/1.1 200 "));
    assert!(get(server.admin, "/find?words=http").contains(ADA));
    let key = "/explain?key=%7BGET%20localhost/hello/Ada%7D(http)()";
    let explained = get(server.admin, key);
    assert!(explained.contains("a hit"), "{explained}");
}

#[test]
fn commands_see_and_change_the_memory_of_the_server() {
    let server = Server::start();
    for name in ["Ada", "Ada", "Bob"] {
        server.get(&format!("/hello/{name}"));
    }
    server.says(&["mgt/cache/stats"], &["hits", "first_seen"]);
    server.says(&["mgt/cache/top"], &["http"]);
    server.says(&["mgt/cache/list"], &[ADA, "/hello/Bob", "fresh"]);
    let said = server.says(&["mgt/cache/list", "http", "GET *Ada"], &[ADA]);
    assert!(!said.contains("Bob"), "{said}");
    server.says(&["mgt/cache/explain", ADA], &["a hit", "fresh for"]);

    server.says(&["mgt/cache/expire", ADA], &["expired", ADA]);
    assert!(!server.is_hit("/hello/Ada"));
    assert!(server.is_hit("/hello/Bob"));
    server.says(&["mgt/cache/remove", ADA, "--yes"], &["removed", ADA]);
    assert!(!server.is_hit("/hello/Ada"));

    server.says(
        &["mgt/cache/purge", "http", "GET *Ada", "--yes"],
        &["1 page"],
    );
    assert!(!server.is_hit("/hello/Ada"));
    assert!(server.is_hit("/hello/Bob"));
    server.says(
        &["mgt/cache/invalidate", "program=http", "--yes"],
        &["http"],
    );
    for name in ["Ada", "Bob"] {
        let said = server
            .cmd(&["mgt/cache/explain", &ADA.replace("Ada", name)])
            .0;
        let reply = server.get(&format!("/hello/{name}"));
        assert!(!reply.contains("; hit"), "{reply}\n{said}");
    }
    server.says(&["mgt/cache/purge", "--all", "--yes"], &[]);
    assert!(!server.is_hit("/hello/Bob"));
}

#[test]
fn a_mistake_is_told_with_its_remedy_and_a_server_is_drained() {
    let mut server = Server::start();
    let (said, code) = server.cmd(&["mgt/cache/explain", "http", "/hello/Ada"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("this is not a key"), "{said}");
    let process = format!("process={}", server.process.id());
    server.says(&["mgt/drain", &process, "--yes"], &[]);
    let (status, log) = server.process.end();
    assert!(status.success(), "{log}");
    wait_until("nothing listens", || {
        TcpStream::connect(server.admin).is_err()
    });
}
