//! Signals: a server that is told to stop finishes what is under way.

use crate::ask;
use crate::server::Server;

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
    for name in ["QUIT", "USR1", "USR2"] {
        server.signal(name);
        server.until_logged(&format!("signal=\"SIG{name}\""));
    }
    server.signal("HUP");
    server.until_logged("configuration reloaded");
    assert_eq!(server.get("/lab/opened?name=kept", "").status, 200);
    let reply = under_way.receive("GET");
    assert_eq!((reply.status, reply.text()), (200, "kept\n"));
    server.terminate();
    assert_eq!(server.end().0.code(), Some(0));
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
