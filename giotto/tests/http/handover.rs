//! A new process takes over the listener of an old one, and no client notices.

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use test_servers::wait_until;

use crate::server::{Connection, Server};
use crate::{ask, testbed};

/// The clients, each on a connection of its own.
const CLIENTS: u64 = 50;
/// How often each asks before something happens.
const ROUNDS: u64 = 10;

/// Clients that ask again and again over kept connections with pauses, as those of a load balancer do.
#[derive(Debug, Default)]
struct Clients {
    asked: AtomicU64,
    is_over: AtomicBool,
}

impl Clients {
    /// Has them ask while `scene` plays. Each request must have its response.
    fn beside(server: SocketAddr, scene: impl FnOnce(&Self)) {
        let clients = Self::default();
        std::thread::scope(|scope| {
            for number in 0..CLIENTS {
                let clients = &clients;
                scope.spawn(move || clients.ask(server, Duration::from_millis(1 + number)));
            }
            scene(&clients);
            clients.is_over.store(true, Ordering::Relaxed);
        });
    }

    fn ask(&self, server: SocketAddr, pause: Duration) {
        // A panic here is one of the scope, once the scene is over.
        let mut kept = None;
        while !self.is_over.load(Ordering::Relaxed) {
            let mut connection = kept.take().unwrap_or_else(|| Connection::to(server));
            let reply = ask(&mut connection, "/page?x=1");
            assert_eq!(reply.status, 200);
            self.asked.fetch_add(1, Ordering::Relaxed);
            if reply.field("connection") != Some("close") {
                kept = Some(connection);
            }
            std::thread::sleep(pause);
        }
    }

    /// Waits until they have asked so many times more, that each is likely to have asked.
    fn until_asked(&self) {
        let most = self.asked.load(Ordering::Relaxed) + CLIENTS * ROUNDS;
        wait_until("the clients have asked", || {
            self.asked.load(Ordering::Relaxed) >= most
        });
    }
}

#[test]
fn a_process_on_the_same_port_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let start = |port: u16| {
        let mut command = testbed::command(folder.path());
        let port = port.to_string();
        Server::of({
            command.args(["http", "--port", &port, "--set", "http.reuse_port=true"]);
            command
        })
    };
    let mut server = start(0);
    let address = server.address();
    Clients::beside(address, |clients| {
        for _ in 0..3 {
            clients.until_asked();
            let old = std::mem::replace(&mut server, start(address.port()));
            clients.until_asked();
            old.terminate();
            let (status, log) = old.end();
            assert_eq!(status.code(), Some(0), "{log}");
        }
    });
}

#[test]
fn a_port_is_shared_only_by_processes_that_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--set", "http.reuse_port=true"];
    for (first, second) in [(&options[..], &[][..]), (&[][..], &options[..])] {
        let server = Server::start_in(folder.path(), first);
        let port = server.address().port().to_string();
        let mut command = testbed::command(folder.path());
        let output = command
            .args(["http", "--port", &port])
            .args(second)
            .output();
        assert_eq!(output.unwrap().status.code(), Some(2));
    }
}

/// The testbed with `listener` as what systemd hands over.
fn activated(listener: &TcpListener, folder: &std::path::Path) -> Command {
    let script = "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" http --port 0";
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).arg(testbed::path());
    command.env_clear().current_dir(folder);
    let socket = std::os::fd::OwnedFd::from(listener.try_clone().unwrap());
    command.stdin(Stdio::from(socket));
    command
}

#[cfg(feature = "socket-activation")]
#[test]
fn a_process_on_the_same_socket_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let start = || Server::of(activated(&listener, folder.path()));
    let mut server = start();
    assert_eq!(server.address(), address);
    Clients::beside(address, |clients| {
        for round in 0..4 {
            clients.until_asked();
            // In every second round the old one stops first, as with `systemctl restart`: new connections wait meanwhile.
            if round % 2 == 0 {
                server.terminate();
                server.until_logged("stopping");
            }
            let old = std::mem::replace(&mut server, start());
            clients.until_asked();
            old.terminate();
            let (status, log) = old.end();
            assert_eq!(status.code(), Some(0), "{log}");
        }
    });
}

#[cfg(not(feature = "socket-activation"))]
#[test]
fn a_socket_that_cannot_be_taken_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = activated(&listener, folder.path()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("socket-activation"), "{error}");
}
