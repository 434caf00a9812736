//! The load: 500 requests a second, sent when they are due whatever became of those before.
//!
//! Latency is counted from the moment a request was due, so that a server that hangs cannot slow down the clock
//! that it is measured by. Every answer's status, body and `Cache-Status` are looked at.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::page;

/// Between a request and the next.
pub(crate) const EVERY: Duration = Duration::from_millis(2);

/// So many pages are asked for again and again.
const KNOWN: u64 = 97;

/// One request of this many asks for a page that no request asked for before.
const NEW_EVERY: u64 = 20;

/// The requests that are abandoned while clients leave: 30 %, spread evenly.
const LEAVING_OF_TEN: u64 = 3;

/// A request that is not answered within this time has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Requests under way, and what became of those before.
pub(crate) struct Load {
    started: Instant,
    client: Arc<Client>,
    stop: Arc<AtomicBool>,
    clock: JoinHandle<usize>,
}

/// What became of one request.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) number: u64,
    /// How long after it was due the load came to send it, because the machine was busy.
    pub(crate) late: Duration,
    pub(crate) latency: Duration,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 200, the right body, from the store.
    Hit,
    /// 200, the right body, computed for this request or for another that came at the same time.
    Computed,
    /// 200, and not the body of this page.
    Wrong(String),
    /// Another status, or none.
    Failed(String),
    /// The client closed the connection once it had sent the request.
    Abandoned,
}

impl Sample {
    /// When the request was due, after the load began.
    pub(crate) fn due(&self) -> Duration {
        EVERY * u32::try_from(self.number).unwrap_or(u32::MAX)
    }

    /// Whether the page was asked for before, so that it can be a hit.
    pub(crate) const fn is_known(&self) -> bool {
        is_known(self.number)
    }
}

const fn is_known(number: u64) -> bool {
    !number.is_multiple_of(NEW_EVERY)
}

/// The page that request `number` asks for.
const fn page_of(number: u64) -> u64 {
    match is_known(number) {
        true => number % KNOWN,
        false => 1_000_000 + number,
    }
}

impl Load {
    /// Begins to send requests to `address`; the connections live in the runtime of `runtime`.
    pub(crate) fn start(runtime: &Handle, address: SocketAddr) -> Self {
        let client = Arc::new(Client::new(address));
        let stop = Arc::new(AtomicBool::new(false));
        let started = Instant::now();
        let (runtime, sender, stopped) = (runtime.clone(), Arc::clone(&client), Arc::clone(&stop));
        // A thread of its own: its sleep is more exact than that of the runtime, which counts milliseconds.
        let clock = std::thread::spawn(move || {
            let mut sent = 0;
            for number in 0.. {
                let due = started + EVERY * number;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                runtime.spawn(Arc::clone(&sender).send(number.into(), due));
                sent += 1;
            }
            sent
        });
        Self {
            started,
            client,
            stop,
            clock,
        }
    }

    /// How long it has been running.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// From now on 30 % of the clients do not wait for an answer, or all do again.
    pub(crate) fn let_clients_leave(&self, leave: bool) {
        self.client.leaving.store(leave, Ordering::Relaxed);
    }

    /// What became of the requests so far, in the order in which they were due.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let mut samples = self.client.samples().clone();
        samples.sort_by_key(|sample| sample.number);
        samples
    }

    /// Sends no more requests, and waits until all are answered or have failed.
    pub(crate) fn stop(self) -> Vec<Sample> {
        self.stop.store(true, Ordering::Relaxed);
        let client = self.client;
        let sent = self.clock.join().expect("the clock does not panic");
        while client.samples().len() < sent {
            std::thread::sleep(EVERY);
        }
        let mut samples = client.samples().clone();
        samples.sort_by_key(|sample| sample.number);
        samples
    }
}

struct Client {
    address: SocketAddr,
    /// Connections that no request is using.
    idle: Mutex<Vec<TcpStream>>,
    leaving: AtomicBool,
    samples: Mutex<Vec<Sample>>,
}

impl Client {
    const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            idle: Mutex::new(Vec::new()),
            leaving: AtomicBool::new(false),
            samples: Mutex::new(Vec::new()),
        }
    }

    async fn send(self: Arc<Self>, number: u64, due: Instant) {
        let late = due.elapsed();
        let outcome = match tokio::time::timeout(PATIENCE, self.ask(number)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Outcome::Failed(error.to_string()),
            Err(_) => Outcome::Failed(format!("no answer within {PATIENCE:?}")),
        };
        let latency = due.elapsed();
        self.samples().push(Sample {
            number,
            late,
            latency,
            outcome,
        });
    }

    async fn ask(&self, number: u64) -> io::Result<Outcome> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None => TcpStream::connect(self.address).await?,
        };
        stream.set_nodelay(true)?;
        let page = page_of(number);
        let request = format!("GET /page?x={page} HTTP/1.1\r\nHost: drill\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        if self.leaving.load(Ordering::Relaxed) && scatter(number) % 10 < LEAVING_OF_TEN {
            return Ok(Outcome::Abandoned);
        }
        let (head, body) = receive(&mut stream).await?;
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(stream);
        Ok(judge(&head, &body, page))
    }

    fn samples(&self) -> MutexGuard<'_, Vec<Sample>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `number` mixed, so that those who leave are not always those who ask for the same pages.
const fn scatter(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

fn judge(head: &str, body: &[u8], page: u64) -> Outcome {
    let line = head.lines().next().unwrap_or_default();
    if !line.starts_with("HTTP/1.1 200 ") {
        return Outcome::Failed(format!("{line}: {}", String::from_utf8_lossy(body)));
    }
    if body != page::body(page).as_bytes() {
        let start = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        return Outcome::Wrong(format!("page {page} is {start:?}..."));
    }
    match field(head, "cache-status") {
        Some(status) if status.starts_with("giotto; hit") => Outcome::Hit,
        _ => Outcome::Computed,
    }
}

/// The head and the body of one whole answer.
pub(crate) async fn receive(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut received = Vec::with_capacity(2048);
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::Error::other("the server closed the connection"));
        }
        let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&received[..end]).into_owned();
        let length = field(&head, "content-length").and_then(|length| length.parse().ok());
        let length: usize =
            length.ok_or_else(|| io::Error::other(format!("no length in {head}")))?;
        if received.len() >= end + 4 + length {
            return Ok((head, received.split_off(end + 4)));
        }
    }
}

pub(crate) fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    fields
        .find(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}
