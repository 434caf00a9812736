//! The proxy between a client and a server that are both played here, on bare sockets.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use test_servers::{HttpServer, free_port, wait_until};

const MEBIBYTE: usize = 1 << 20;
const STREAM: usize = 100 * MEBIBYTE;

/// The server behind the proxy.
struct Origin {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    /// `answer` gets each connection when the head of a request has been read; it is closed afterwards.
    fn start(answer: impl Fn(&mut BufReader<TcpStream>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (heads, answer) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(answer));
        let seen = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                let mut stream = BufReader::new(stream.unwrap());
                std::thread::spawn(move || {
                    let head = head(&mut stream);
                    // A connection that the proxy had opened ahead, for one.
                    if !head.is_empty() {
                        seen.lock().unwrap().push(head);
                        answer(&mut stream);
                    }
                });
            }
        });
        Self { address, heads }
    }

    /// One that sends `response` to everything.
    fn sending(response: &'static str) -> Self {
        Self::start(move |stream| stream.get_mut().write_all(response.as_bytes()).unwrap())
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// A head, in lower case.
fn head(stream: &mut impl BufRead) -> String {
    let mut head = String::new();
    while stream.read_line(&mut head).is_ok_and(|read| read > 2) {}
    head.to_ascii_lowercase()
}

fn proxy(upstream: SocketAddr, timeout: &str) -> HttpServer {
    HttpServer::start(Command::new(env!("CARGO_BIN_EXE_proxy")).args([
        "--upstream",
        &format!("http://{upstream}"),
        "--listen",
        "127.0.0.1:0",
        "--timeout",
        timeout,
    ]))
}

fn connect(proxy: &HttpServer, request: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    BufReader::new(stream)
}

/// Sends a request, and returns the whole response.
fn ask(proxy: &HttpServer, request: &str) -> String {
    let mut response = String::new();
    let mut stream = connect(proxy, request);
    stream.read_to_string(&mut response).unwrap();
    response
}

fn get(proxy: &HttpServer) -> String {
    ask(
        proxy,
        "GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
}

/// The most memory that it has had, in bytes.
fn peak(proxy: &HttpServer) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", proxy.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.unwrap().trim().trim_end_matches(" kB");
    kibibytes.parse::<usize>().unwrap() * 1024
}

#[test]
fn a_page_that_may_be_kept_is_asked_for_once() {
    let origin = Origin::sending(
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: 4\r\n\r\npage",
    );
    let proxy = proxy(origin.address, "30");
    assert!(get(&proxy).ends_with("page"));
    wait_until("the page is stored and a hit", || {
        get(&proxy).contains("; hit")
    });
    let asked = origin.heads().len();
    let hit = get(&proxy);
    assert!(hit.contains("\r\nage: ") && hit.ends_with("page"), "{hit}");
    assert_eq!(origin.heads().len(), asked);
}

#[test]
fn a_response_that_broke_off_is_not_kept() {
    for head in [
        "Content-Length: 40",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nETag: \"1\"",
    ] {
        let origin = Origin::start(move |stream| {
            let response = format!(
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\n{head}\r\n\r\n4\r\npage\r\n"
            );
            stream.get_mut().write_all(response.as_bytes()).unwrap();
        });
        let proxy = proxy(origin.address, "30");
        for asked in 1..4 {
            let response = get(&proxy);
            assert!(!response.ends_with("0\r\n\r\n"), "{response}");
            assert!(!response.contains("hit"), "{response}");
            assert_eq!(origin.heads().len(), asked, "{head}");
        }
    }
}

#[test]
fn fields_of_one_connection_go_no_further_in_either_direction() {
    let origin = Origin::sending(
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close, X-Hop\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Hop: 1\r\nX-Kept: 1\r\n\r\npage",
    );
    let proxy = proxy(origin.address, "30");
    let response = ask(
        &proxy,
        "GET /page?x=1 HTTP/1.0\r\nHost: a.example\r\nConnection: X-Hop, upgrade\r\nUpgrade: h2c\r\nTE: trailers\r\n\
         Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nProxy-Authorization: Basic eDp5\r\nX-Hop: 1\r\n\
         X-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\nVia: 1.1 other\r\nX-Kept: 1\r\n\r\n",
    )
    .to_ascii_lowercase();
    let request = &origin.heads()[0];
    assert!(
        request.starts_with("get /page?x=1 http/1.1\r\n"),
        "{request}"
    );
    for line in [
        "host: a.example",
        "x-kept: 1",
        "via: 1.1 other",
        "via: http/1.0 giotto",
    ] {
        assert!(
            request.contains(&format!("\r\n{line}\r\n")),
            "no {line} in {request}"
        );
    }
    assert!(request.contains("forwarded: for=\"127.0.0.1:"), "{request}");
    for name in [
        "x-hop",
        "upgrade",
        "te:",
        "keep-alive",
        "proxy-",
        "10.0.0.1",
    ] {
        assert!(!request.contains(name), "{name} in {request}");
    }
    for line in ["x-kept: 1", "via: http/1.1 giotto"] {
        assert!(
            response.contains(&format!("\r\n{line}\r\n")),
            "no {line} in {response}"
        );
    }
    for name in ["x-hop", "upgrade", "timeout=5", "proxy-"] {
        assert!(!response.contains(name), "{name} in {response}");
    }
    assert!(response.ends_with("page"), "{response}");
}

#[test]
fn a_length_beside_chunks_does_not_count() {
    let origin = Origin::sending(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npage\r\n0\r\n\r\n",
    );
    let proxy = proxy(origin.address, "30");
    let response = ask(&proxy, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    assert!(!response.contains("content-length"), "{response}");
    assert!(response.ends_with("page"), "{response}");
}

#[test]
fn the_host_is_one_and_an_absolute_target_is_worth_more() {
    let origin = Origin::sending("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let proxy = proxy(origin.address, "30");
    let close = "Connection: close\r\n\r\n";
    for hosts in ["", "Host: a\r\nHost: b\r\n"] {
        let refused = ask(&proxy, &format!("GET / HTTP/1.1\r\n{hosts}{close}"));
        assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    }
    let refused = ask(&proxy, &format!("TRACE / HTTP/1.1\r\nHost: a\r\n{close}"));
    assert!(refused.starts_with("HTTP/1.1 501 "), "{refused}");
    assert_eq!(origin.heads(), [""; 0]);
    ask(
        &proxy,
        &format!("GET http://b.example/x HTTP/1.1\r\nHost: a\r\n{close}"),
    );
    let request = &origin.heads()[0];
    assert!(request.starts_with("get /x http/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nhost: b.example\r\n"), "{request}");
}

#[test]
fn a_stream_takes_constant_memory_in_both_directions() {
    let chunk = vec![b'x'; MEBIBYTE];
    let origin = Origin::start(move |stream| {
        // It may be kept, but is longer than what is kept.
        let head = format!(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: {STREAM}\r\n\r\n"
        );
        stream.get_mut().write_all(head.as_bytes()).unwrap();
        for _ in 0..STREAM / MEBIBYTE {
            stream.get_mut().write_all(&chunk).unwrap();
        }
    });
    let down = proxy(origin.address, "30");
    get(&proxy(origin.address, "30"));
    let before = peak(&down);
    let mut stream = connect(&down, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    head(&mut stream);
    let read = std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
    assert_eq!(read, STREAM as u64);
    let grown = peak(&down) - before;
    assert!(grown < 16 * MEBIBYTE, "{grown} bytes more");

    let origin = Origin::start(|stream| {
        let read = std::io::copy(&mut stream.take(STREAM as u64), &mut std::io::sink()).unwrap();
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{read:9}");
        stream.get_mut().write_all(response.as_bytes()).unwrap();
    });
    let up = proxy(origin.address, "30");
    let before = peak(&up);
    let request = format!("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: {STREAM}\r\n\r\n");
    let mut stream = connect(&up, &request);
    for _ in 0..STREAM / MEBIBYTE {
        stream.get_mut().write_all(&vec![b'x'; MEBIBYTE]).unwrap();
    }
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.ends_with(&format!("{STREAM:9}")), "{response}");
    let grown = peak(&up) - before;
    assert!(grown < 16 * MEBIBYTE, "{grown} bytes more");
}

#[test]
fn a_server_that_is_down_is_a_502() {
    let proxy = proxy(SocketAddr::from(([127, 0, 0, 1], free_port())), "30");
    let response = get(&proxy);
    assert!(
        response.starts_with("HTTP/1.1 502 Bad Gateway\r\n"),
        "{response}"
    );
    assert!(
        response.ends_with("502 Bad Gateway, says the proxy\n"),
        "{response}"
    );
}

#[test]
fn a_slow_server_is_a_504() {
    // It ends when the proxy does.
    let origin = Origin::start(|stream| drop(std::io::copy(stream, &mut std::io::sink())));
    let proxy = proxy(origin.address, "1");
    let response = get(&proxy);
    assert!(
        response.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"),
        "{response}"
    );
}

#[test]
fn a_client_that_stops_is_dropped() {
    let (ended, has_ended) = channel();
    let origin = Origin::start(move |stream| {
        let head = b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n\r\n";
        stream.get_mut().write_all(head).unwrap();
        while stream.get_mut().write_all(&[b'x'; 4096]).is_ok() {}
        ended.send(()).unwrap();
    });
    let proxy = proxy(origin.address, "1");
    // In the middle of a head, and of a response.
    assert_eq!(ask(&proxy, "GET /page HTTP/1.1\r\nHos"), "");
    let reads_nothing_more = connect(&proxy, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    has_ended.recv().unwrap();
    drop(reads_nothing_more);
}

#[test]
fn open_requests_end_before_the_proxy_does() {
    let (go_on, may_go_on) = channel();
    let may_go_on = Mutex::new(may_go_on);
    let origin = Origin::start(move |stream| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npa";
        stream.get_mut().write_all(head).unwrap();
        may_go_on.lock().unwrap().recv().unwrap();
        stream.get_mut().write_all(b"ge").unwrap();
    });
    let mut proxy = proxy(origin.address, "30");
    let mut stream = connect(&proxy, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    head(&mut stream);
    proxy.signal("TERM");
    wait_until("it takes no new connections", || {
        TcpStream::connect(proxy.address()).is_err()
    });
    go_on.send(()).unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert_eq!(page, "page");
    assert!(proxy.end().0.success());
}
