//! The program `beside` in a process of its own, and a client that reads what it sends as it comes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use test_servers::HttpServer;

use crate::testbed;

/// A test that waits for longer than this has failed.
const HANGS: Duration = Duration::from_secs(60);

/// Starts it in `folder`, whose `static` has its files. With `layered`, there are layers around it.
pub(crate) fn start(folder: &Path, layered: bool) -> HttpServer {
    let mut command = testbed::isolated(&testbed::built("beside"), folder);
    command.args(["http", "--port", "0", "--set", "cache=locmem"]);
    if layered {
        command.env("LAYERED", "1");
    }
    HttpServer::start(&mut command)
}

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Connection(pub(crate) BufReader<TcpStream>);

/// The head of a response.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
}

impl Head {
    /// Empty if there is no such field.
    pub(crate) fn field(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(given, _)| given == name);
        field.map_or("", |(_, value)| value)
    }
}

impl Connection {
    pub(crate) fn to(server: &HttpServer) -> Self {
        let stream = TcpStream::connect_timeout(&server.address(), HANGS).unwrap();
        stream.set_read_timeout(Some(HANGS)).unwrap();
        stream.set_write_timeout(Some(HANGS)).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// A request without a body; `fields` end in CR LF each.
    pub(crate) fn ask(&mut self, method: &str, target: &str, fields: &str) {
        self.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"
        ));
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        let _ = self.0.read_until(b'\n', &mut line);
        String::from_utf8(line).unwrap().trim_end().to_owned()
    }

    pub(crate) fn head(&mut self) -> Head {
        let line = self.line();
        let status = line.split(' ').nth(1).expect("a response").parse().unwrap();
        let mut fields = Vec::new();
        while let Some((name, value)) = self.line().split_once(':') {
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Head { status, fields }
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The next chunk; an empty one is the last. `None` if the server has closed the connection.
    pub(crate) fn chunk(&mut self) -> Option<String> {
        let line = self.line();
        let length = usize::from_str_radix(&line, 16).ok()?;
        let chunk = self.bytes(length);
        if length > 0 {
            self.line();
        }
        Some(String::from_utf8(chunk).unwrap())
    }

    /// The head and the whole body of a response that has a length.
    pub(crate) fn reply(&mut self, method: &str) -> (Head, String) {
        let head = self.head();
        let length = match method {
            "HEAD" => 0,
            _ => head.field("content-length").parse().unwrap_or(0),
        };
        let body = self.bytes(length);
        (head, String::from_utf8_lossy(&body).into_owned())
    }

    /// Reads until the server closes the connection; `None` if it takes too long.
    pub(crate) fn rest(&mut self) -> Option<Vec<u8>> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => Some(rest),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Some(rest),
            Err(_) => None,
        }
    }
}

/// A request on a connection of its own.
pub(crate) fn ask(server: &HttpServer, method: &str, target: &str, fields: &str) -> (Head, String) {
    let mut connection = Connection::to(server);
    connection.ask(method, target, fields);
    connection.reply(method)
}
