//! The spans of the example, as they arrive at a stand-in of a collector.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use test_servers::{HttpServer, wait_until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// Takes what is sent as OTLP over HTTP, in JSON.
struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let spans = Arc::<Mutex<Vec<Value>>>::default();
        let taken = Arc::clone(&spans);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let taken = Arc::clone(&taken);
                std::thread::spawn(move || take(&stream.unwrap(), &taken));
            }
        });
        Self { address, spans }
    }

    fn spans(&self) -> Vec<Value> {
        self.spans.lock().unwrap().clone()
    }

    /// The spans with this `name`.
    fn named(&self, name: &str) -> Vec<Value> {
        let mut spans = self.spans();
        spans.retain(|span| span["name"] == name);
        spans
    }
}

/// Takes the requests of one connection.
fn take(stream: &TcpStream, spans: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            match line.to_ascii_lowercase().trim_end().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap(),
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let sent: Value = serde_json::from_slice(&body).unwrap();
        let resources = sent["resourceSpans"].as_array().unwrap();
        let scopes = resources
            .iter()
            .flat_map(|resource| resource["scopeSpans"].as_array().unwrap());
        let new = scopes.flat_map(|scope| scope["spans"].as_array().unwrap());
        spans.lock().unwrap().extend(new.cloned());
        let answer =
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        let _ = (&mut &*stream).write_all(answer);
    }
}

/// Sends a request; the response.
fn ask(server: &HttpServer, method: &str, target: &str, fields: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n{fields}\r\n"
    )
    .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// The value of the attribute `key`.
fn attribute<'s>(span: &'s Value, key: &str) -> &'s Value {
    let attributes = span["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    let value = &found.unwrap_or_else(|| panic!("no {key} in {span}"))["value"];
    value.as_object().unwrap().values().next().unwrap()
}

fn of_parent(spans: &[Value], name: &str, parent: &Value) -> Value {
    let is_it = |span: &&Value| span["name"] == name && span["parentSpanId"] == parent["spanId"];
    let found = spans.iter().find(is_it);
    found
        .unwrap_or_else(|| panic!("no {name} below {parent} in {spans:?}"))
        .clone()
}

#[test]
fn a_request_is_a_part_of_the_trace_of_its_caller_down_to_the_model_and_a_refresh_is_linked() {
    let collector = Collector::start();
    let folder = std::env::temp_dir();
    let mut command = Command::new(env!("CARGO_BIN_EXE_traces"));
    command
        .current_dir(folder)
        .args(["http", "--port", "0", "--set", "cache=locmem"])
        .env(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            format!("http://{}", collector.address),
        )
        .env("OTEL_BSP_SCHEDULE_DELAY", "100");
    let mut server = HttpServer::start(&mut command);

    let parent = format!("traceparent: 00-{TRACE}-{CALLER}-01\r\n");
    let miss = ask(&server, "GET", "/price/apple", &parent);
    assert!(miss.contains("apple: 0"), "{miss}");
    wait_until("the page is stored and a hit", || {
        ask(&server, "GET", "/price/apple", "").contains("giotto; hit")
    });
    ask(&server, "POST", "/raise", "");
    let stale = ask(&server, "GET", "/price/apple", &parent);
    assert!(
        stale.contains("apple: 0") && stale.contains("revalidating"),
        "{stale}"
    );
    wait_until("the refresh has ended", || {
        !collector.named("cache refresh").is_empty()
    });
    server.signal("TERM");
    let (status, log) = server.end();
    assert!(status.success(), "{log}");

    let spans = collector.spans();
    let in_trace: Vec<_> = spans
        .iter()
        .filter(|span| span["traceId"] == TRACE)
        .cloned()
        .collect();
    let requests: Vec<_> = in_trace
        .iter()
        .filter(|span| span["parentSpanId"] == CALLER)
        .collect();
    assert_eq!(requests.len(), 2, "{spans:?}");
    for request in &requests {
        assert_eq!(request["name"], "GET /price");
        assert_eq!(attribute(request, "http.route"), "price");
        assert_eq!(attribute(request, "http.request.method"), "GET");
        assert_eq!(attribute(request, "url.path"), "/price/apple");
    }
    let [first, second] = requests[..] else {
        panic!("two requests")
    };
    let lookup = of_parent(&in_trace, "cache lookup", first);
    assert_eq!(attribute(&lookup, "giotto.cache.status"), "stored");
    assert_eq!(attribute(&lookup, "giotto.program"), "price");
    of_parent(&in_trace, "cache lease", &lookup);
    let model = of_parent(&in_trace, "model", &lookup);
    of_parent(&in_trace, "read the price", &model);
    of_parent(&in_trace, "view", &lookup);
    let stale = of_parent(&in_trace, "cache lookup", second);
    assert_eq!(
        attribute(&stale, "giotto.cache.status"),
        "stale(revalidating)"
    );

    // It is a trace of its own, which says what started it.
    let refresh = &collector.named("cache refresh")[0];
    assert_ne!(refresh["traceId"], TRACE);
    let link = &refresh["links"][0];
    assert_eq!(link["traceId"], TRACE, "{refresh}");
    assert_eq!(link["spanId"], stale["spanId"], "{refresh}");
    let model = of_parent(&spans, "model", refresh);
    of_parent(&spans, "read the price", &model);
}
