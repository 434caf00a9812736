//! A server that starts: its port, its first clients and its advice.

use crate::server::Server;
use crate::{ask, testbed};

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
