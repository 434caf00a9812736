//! A cache downstream that notes the purges that it is sent, and answers with the statuses that it is told.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// It runs until the test ends.
#[derive(Clone, Debug)]
pub(crate) struct Cdn {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// The statuses of the next requests, and that of all others.
    statuses: VecDeque<u16>,
    otherwise: u16,
    asked: Vec<Asked>,
}

/// A request, and the status that it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) status: u16,
    /// `PURGE /`
    pub(crate) line: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(given, _)| given == name);
        field.map(|(_, value)| value.as_str())
    }
}

impl Cdn {
    /// Answers with `statuses`, then with `otherwise`.
    pub(crate) fn start(statuses: &[u16], otherwise: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let cdn = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::new(Mutex::new(State {
                statuses: statuses.iter().copied().collect(),
                otherwise,
                asked: Vec::new(),
            })),
        };
        let own = cdn.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let own = own.clone();
                std::thread::spawn(move || own.serve(&stream.unwrap()));
            }
        });
        cdn
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/purge", self.address)
    }

    /// The status of all requests from now on.
    pub(crate) fn answers(&self, status: u16) {
        let mut state = self.state.lock().unwrap();
        state.statuses.clear();
        state.otherwise = status;
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    /// The tags of the accepted requests, in alphabetical order.
    pub(crate) fn accepted(&self) -> Vec<String> {
        let asked = self.asked().into_iter().filter(|asked| asked.status == 200);
        let tags = asked.flat_map(|asked| {
            let tags = asked.field("xkey").or(asked.field("xkey-softpurge"));
            let tags = tags.unwrap_or_default().split(' ');
            tags.map(str::to_owned).collect::<Vec<_>>()
        });
        let mut tags: Vec<String> = tags.collect();
        tags.sort();
        tags
    }

    /// Waits until `is_reached` holds.
    pub(crate) fn until(&self, is_reached: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is_reached(self) {
            let is_late = started.elapsed() > Duration::from_secs(40);
            assert!(!is_late, "it does not happen: {:?}", self.asked());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(mut asked) = read(&mut reader) {
            let mut state = self.state.lock().unwrap();
            asked.status = state.statuses.pop_front().unwrap_or(state.otherwise);
            let status = asked.status;
            state.asked.push(asked);
            drop(state);
            let response = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
            if (&mut &*stream).write_all(response.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// The next request; `None` at the end of the connection.
fn read(reader: &mut BufReader<&TcpStream>) -> Option<Asked> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let (line, fields) = lines.split_first()?;
    let fields = fields.iter().filter_map(|field| field.split_once(": "));
    let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let mut asked = Asked {
        status: 0,
        line: line.trim_end_matches(" HTTP/1.1").to_owned(),
        fields: fields.collect(),
        body: String::new(),
    };
    let length = asked
        .field("content-length")
        .unwrap_or("0")
        .parse()
        .unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8(body).unwrap();
    Some(asked)
}
