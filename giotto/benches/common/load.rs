//! The load: a few connections that always have one request on its way, and count the responses.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::process::Server;

pub(crate) const CONNECTIONS: usize = 32;

/// So often a server is asked for its first hit.
const MISSES: usize = 100;

/// For the page that every rival answers with.
pub(crate) const SQUARED: &[u8] = b"GET /squared?x=12 HTTP/1.1\r\n\
    Host: localhost:5000\r\n\
    User-Agent: curl/8.14.1\r\n\
    Accept: */*\r\n\r\n";

/// What the requests of one round cost.
pub(crate) struct Cost {
    requests: f64,
    elapsed: Duration,
    cpu: Duration,
}

impl Cost {
    /// Requests a second.
    pub(crate) fn throughput(&self) -> f64 {
        self.requests / self.elapsed.as_secs_f64()
    }

    /// Microseconds of the server for a request.
    pub(crate) fn cpu(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.requests
    }

    /// The part of the time in which the server was running. If it is much less than 1, the throughput is
    /// that of the load, or of whatever else runs on the machine.
    pub(crate) fn busy(&self) -> f64 {
        self.cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }
}

/// Asks `server` as often as it can answer, for `duration`. Every response must be as long as a hit: a miss is
/// longer.
pub(crate) fn round(
    server: &Server,
    request: &'static [u8],
    duration: Duration,
    hit: usize,
) -> io::Result<Cost> {
    let connections = (0..CONNECTIONS).map(|_| Connection::open(server, request));
    let mut connections: Vec<_> = connections.collect::<io::Result<_>>()?;
    for connection in &mut connections {
        connection.send()?;
        connection.receive()?;
        connection.send()?;
    }
    let cpu = server.cpu()?;
    let started = Instant::now();
    let mut requests = 0.0;
    while started.elapsed() < duration {
        for connection in &mut connections {
            let received = connection.receive()?;
            if received.len() != hit {
                let received = String::from_utf8_lossy(received);
                return Err(io::Error::other(format!("not a hit:\n{received}")));
            }
            connection.send()?;
            requests += 1.0;
        }
    }
    let (elapsed, cpu) = (started.elapsed(), server.cpu()?.since(&cpu));
    for connection in &mut connections {
        connection.receive()?;
    }
    Ok(Cost {
        requests,
        elapsed,
        cpu,
    })
}

/// The length of a hit of `server`, and its text: the fields sorted, what the clock and the entity tag's digest
/// say left out. What a miss stores may take a moment to be there.
pub(crate) fn hit(server: &Server, request: &'static [u8]) -> io::Result<(usize, String)> {
    let mut connection = Connection::open(server, request)?;
    for _ in 0..MISSES {
        connection.send()?;
        let received = connection.receive()?;
        let response = String::from_utf8_lossy(received);
        if response.contains("; hit;") {
            let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
            let mut lines: Vec<_> = head.split("\r\n").map(without_digits).collect();
            lines[1..].sort_unstable();
            return Ok((received.len(), format!("{}\n\n{body}", lines.join("\n"))));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(io::Error::other("nothing that it answers is a hit"))
}

/// The line with its length in place of what may differ.
fn without_digits(line: &str) -> String {
    let kept = match line.split_once(": ") {
        Some((name @ ("date" | "etag"), _)) => name.to_owned(),
        Some((_, value)) if value.contains("ttl=") => line
            .trim_end_matches(|last: char| last.is_ascii_digit())
            .to_owned(),
        _ => return line.to_owned(),
    };
    format!("{kept} [{} bytes]", line.len())
}

/// A connection that is kept between requests.
pub(crate) struct Connection {
    stream: TcpStream,
    request: &'static [u8],
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(server: &Server, request: &'static [u8]) -> io::Result<Self> {
        let stream = TcpStream::connect(server.address())?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            request,
            buffer: vec![0; 32 << 10],
        })
    }

    pub(crate) fn send(&mut self) -> io::Result<()> {
        self.stream.write_all(self.request)
    }

    /// Waits for one whole response, which must be 200 and nothing after it.
    pub(crate) fn receive(&mut self) -> io::Result<&[u8]> {
        let mut filled = 0;
        loop {
            match self.stream.read(&mut self.buffer[filled..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => filled += read,
            }
            let received = &self.buffer[..filled];
            match length(received) {
                Some(length) if length == filled && received.starts_with(b"HTTP/1.1 200 ") => break,
                Some(length) if length <= filled => {
                    let received = String::from_utf8_lossy(received);
                    return Err(io::Error::other(format!("unexpected:\n{received}")));
                }
                _ => {}
            }
        }
        Ok(&self.buffer[..filled])
    }
}

/// The length of the response at the beginning of `received`, once its head is there.
fn length(received: &[u8]) -> Option<usize> {
    const FIELD: &[u8] = b"\r\ncontent-length: ";
    let head = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let field = received[..head]
        .windows(FIELD.len())
        .position(|bytes| bytes == FIELD)?;
    let digits = received[field + FIELD.len()..head]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let body = digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    Some(head + 4 + body)
}
