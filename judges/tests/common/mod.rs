//! The application in a process of its own, and a client that is a browser as far as cookies go.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use test_servers::HttpServer;

/// A test that waits for longer than this has failed.
const HANGS: Duration = Duration::from_secs(60);

/// Starts the application in `folder`, where its database is, with more `settings`.
pub(crate) fn start(folder: &Path, settings: &[&str]) -> HttpServer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attacked"));
    command.env_clear().current_dir(folder);
    command.args(["http", "--port", "0"]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    HttpServer::start(&mut command)
}

/// A reply: its head as it was sent, and its body.
#[derive(Clone)]
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

    pub(crate) fn all<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r str> {
        let fields = self.fields.iter().filter(move |(given, _)| given == name);
        fields.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of the hidden field that protects a form.
    pub(crate) fn token(&self) -> Option<String> {
        let text = self.text();
        let (_, field) = text.split_once("name=\"csrf_token\"")?;
        let (_, value) = field.split_once("value=\"")?;
        Some(value.split_once('"')?.0.to_owned())
    }

    /// Everything that was sent, for a search in it.
    pub(crate) fn everything(&self) -> String {
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"));
        fields.collect::<String>() + &self.text()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.status, self.everything())
    }
}

/// A client that keeps its connection, and its cookies as a browser does.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Client {
    pub(crate) fn of(server: &HttpServer) -> Self {
        Self::with(server.address(), BTreeMap::new())
    }

    pub(crate) fn with(address: SocketAddr, cookies: BTreeMap<String, String>) -> Self {
        Self {
            address,
            connection: None,
            cookies,
        }
    }

    pub(crate) fn get(&mut self, target: &str) -> Reply {
        self.ask("GET", target, "", None)
    }

    /// Posts `form`, with the token of the page at `page`.
    pub(crate) fn post(&mut self, page: &str, form: &str) -> Reply {
        let shown = self.get(page);
        let token = shown
            .token()
            .unwrap_or_else(|| panic!("{page} has a form: {shown:?}"));
        let target = page.split('?').next().unwrap();
        self.post_bare(target, &format!("{form}&csrf_token={token}"))
    }

    pub(crate) fn post_bare(&mut self, target: &str, form: &str) -> Reply {
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        self.ask("POST", target, kind, Some(form))
    }

    /// Sends a request with `fields`, each ending in CR LF, and keeps the cookies of the reply.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        target: &str,
        fields: &str,
        body: Option<&str>,
    ) -> Reply {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookie = match cookies.is_empty() {
            true => String::new(),
            false => format!("Cookie: {}\r\n", cookies.join("; ")),
        };
        let length = body.map_or_else(String::new, |body| {
            format!("Content-Length: {}\r\n", body.len())
        });
        let body = body.unwrap_or_default();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: library\r\n{cookie}{fields}{length}\r\n{body}"
        );
        let reply = self.exchange(method, request.as_bytes());
        for cookie in reply.all("set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            match attributes.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        reply
    }

    fn exchange(&mut self, method: &str, request: &[u8]) -> Reply {
        let connection = self.connection.get_or_insert_with(|| {
            let stream = TcpStream::connect_timeout(&self.address, HANGS).unwrap();
            stream.set_read_timeout(Some(HANGS)).unwrap();
            stream.set_nodelay(true).unwrap();
            BufReader::new(stream)
        });
        // A server refuses what is too long before it has read all of it: the reply says so.
        let _ = connection.get_mut().write_all(request);
        let reply = receive(connection, method);
        if reply.field("connection") == Some("close") {
            self.connection = None;
        }
        reply
    }
}

fn receive(connection: &mut BufReader<TcpStream>, method: &str) -> Reply {
    let mut line = String::new();
    connection.read_line(&mut line).unwrap();
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("a reply, not {line:?}"));
    let mut fields = Vec::new();
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).unwrap();
        match line.trim_end().split_once(':') {
            Some((name, value)) => {
                fields.push((name.to_ascii_lowercase(), value.trim().to_owned()))
            }
            None => break,
        }
    }
    let mut reply = Reply {
        status,
        fields,
        body: Vec::new(),
    };
    if method != "HEAD" && status != 204 && status != 304 {
        match reply.field("content-length") {
            Some(length) => {
                reply.body = vec![0; length.parse().unwrap()];
                connection.read_exact(&mut reply.body).unwrap();
            }
            None => reply.body = chunks(connection),
        }
    }
    reply
}

/// A body of which each chunk says how long it is.
fn chunks(connection: &mut BufReader<TcpStream>) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).unwrap();
        let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
        let mut chunk = vec![0; length + 2];
        connection.read_exact(&mut chunk).unwrap();
        body.extend(&chunk[..length]);
        if length == 0 {
            return body;
        }
    }
}
