//! A testbed that serves HTTP, and a client that sends it exactly the bytes it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use test_servers::HttpServer;

use crate::testbed;

/// A test that waits for longer than this has failed.
const HANGS: Duration = Duration::from_secs(40);

/// A server on a free port of its own; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: HttpServer,
    folder: Option<tempfile::TempDir>,
}

impl Server {
    /// Caches in memory.
    pub(crate) fn start() -> Self {
        Self::start_with(&["--set", "cache=locmem"])
    }

    pub(crate) fn start_with(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self::start_in(folder.path(), options);
        server.folder = Some(folder);
        server
    }

    /// In a folder that others share.
    pub(crate) fn start_in(folder: &Path, options: &[&str]) -> Self {
        Self::start_from(testbed::command(folder), options)
    }

    /// In the environment of `testbed`.
    pub(crate) fn start_from(mut testbed: Command, options: &[&str]) -> Self {
        testbed.args(["http", "--port", "0"]).args(options);
        Self::of(testbed)
    }

    /// What `command` starts.
    pub(crate) fn of(mut command: Command) -> Self {
        Self {
            process: HttpServer::start(&mut command),
            folder: None,
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::to(self.process.address())
    }

    /// GET with the header fields `fields`, each ending in CR LF.
    pub(crate) fn get(&self, target: &str, fields: &str) -> Reply {
        self.ask("GET", target, fields)
    }

    /// A request without a body, on a connection of its own.
    pub(crate) fn ask(&self, method: &str, target: &str, fields: &str) -> Reply {
        let mut connection = self.connect();
        connection.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n"
        ));
        connection.receive(method)
    }

    pub(crate) fn post(&self, target: &str, content_type: &str, body: &str) -> Reply {
        let mut connection = self.connect();
        connection.send(format!(
            "POST {target} HTTP/1.1\r\nHost: test\r\nContent-Type: {content_type}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        connection.receive("POST")
    }

    /// How often the model of the laboratory counted `name`.
    pub(crate) fn runs(&self, name: &str) -> u64 {
        let reply = self.get(&format!("/lab/runs.json?name={name}"), "");
        reply.text().parse().unwrap()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends the signal `name`.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits until the server has logged `text`.
    pub(crate) fn until_logged(&self, text: &str) {
        self.process.until_logged(text);
    }

    /// Waits for the end; the exit status and all that was logged.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        self.process.end()
    }

    /// Kills it; all that was logged.
    pub(crate) fn kill(mut self) -> String {
        self.process.kill()
    }
}

/// A connection that is kept between requests.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, HANGS).unwrap();
        stream.set_read_timeout(Some(HANGS)).unwrap();
        stream.set_write_timeout(Some(HANGS)).unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Like `send`, to a server that may have answered and closed before it has read all.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.get_mut().write_all(bytes.as_ref());
    }

    /// Tells the server that no more will be sent.
    pub(crate) fn finish(&mut self) {
        match self.stream.get_ref().shutdown(Shutdown::Write) {
            // The server was faster.
            Err(error) if error.kind() == std::io::ErrorKind::NotConnected => {}
            finished => finished.unwrap(),
        }
    }

    /// The reply to a request with `method`.
    pub(crate) fn receive(&mut self, method: &str) -> Reply {
        self.try_receive(method)
            .expect("a reply, not a closed connection")
    }

    /// The next line; empty if the server closed the connection.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.stream.read_line(&mut line);
        line
    }

    /// `None` if the server closed the connection instead of answering.
    pub(crate) fn try_receive(&mut self, method: &str) -> Option<Reply> {
        let line = self.line();
        if line.is_empty() {
            return None;
        }
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut fields = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).ok()?;
            match line.trim_end().split_once(':') {
                Some((name, value)) => {
                    fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
                }
                None => break,
            }
        }
        let mut reply = Reply {
            status,
            fields,
            body: Vec::new(),
        };
        let has_body = method != "HEAD" && status >= 200 && status != 204 && status != 304;
        if has_body {
            assert!(reply.field("transfer-encoding").is_none(), "{reply:?}");
            let length = reply.field("content-length").unwrap().parse().unwrap();
            reply.body.resize(length, 0);
            self.stream.read_exact(&mut reply.body).ok()?;
        }
        Some(reply)
    }

    /// All that there is to read before the server closes the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        if let Err(error) = self.stream.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        rest
    }

    /// Whether the server closes the connection without another byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.rest().is_empty()
    }
}

/// What the server answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The field `name`, in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(given, _)| given == name);
        field.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}
