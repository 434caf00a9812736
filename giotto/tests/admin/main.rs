//! The admin listener: what an operator and a supervisor get from it, and who does not.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod guard;
mod listener;
mod live;
mod metrics;
mod mounted;
mod openmetrics;
#[path = "../common/server.rs"]
#[expect(dead_code, reason = "the tests of the public port use all of it")]
mod server;
#[path = "../common/testbed.rs"]
mod testbed;

use std::net::SocketAddr;
use std::path::Path;

use crate::server::{Connection, Reply, Server};

const LISTEN: &[&str] = &["--set", "admin.listen=127.0.0.1:0"];

/// A server with an admin listener on a free port of its own.
struct Administered {
    server: Server,
    admin: SocketAddr,
}

impl Administered {
    fn start(options: &[&str]) -> Self {
        Self::of(Server::start_with(&[LISTEN, options].concat()))
    }

    fn start_in(folder: &Path, options: &[&str]) -> Self {
        Self::of(Server::start_in(folder, &[LISTEN, options].concat()))
    }

    fn of(server: Server) -> Self {
        let line = "admin listener is open address=http://";
        server.until_logged(line);
        let log = server.log();
        let (_, address) = log.split_once(line).unwrap();
        let admin = address.lines().next().unwrap().parse().unwrap();
        Self { server, admin }
    }

    /// A GET on the admin listener, as its own address.
    fn get(&self, target: &str) -> Reply {
        self.ask("GET", target, &format!("Host: {}\r\n", self.admin), "")
    }

    fn ask(&self, method: &str, target: &str, fields: &str, body: &str) -> Reply {
        let mut connection = Connection::to(self.admin);
        let length = body.len();
        connection.send(format!(
            "{method} {target} HTTP/1.1\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
        ));
        connection.receive(method)
    }
}
