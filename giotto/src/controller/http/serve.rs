//! The HTTP server: connections in, and out again when they are idle for too long or the server is to stop.
//!
//! Before the first step of an invocation over HTTP.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Response;
use http::header::{self, HeaderValue};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::date::{Latest, date};
use super::output::Body;
use super::service::Service;
use super::signals::{Signals, Stop};
use super::watch::{Pulse, Watch, Watched};

/// How often it is looked whether a connection has been quiet for too long.
const BEAT: Duration = Duration::from_millis(500);
/// When so many beats have passed, 10 s at most, between the last byte taken by a client and its next complete
/// head, it is cut off: that bounds idle connections, heads that come in drops, and clients that do not read.
const PATIENCE_BEATS: u64 = 19;
/// For responses under way once the server was told to stop, and at least so much longer than idle connections have.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(8);
const SHUTDOWN_MARGIN: Duration = Duration::from_secs(3);
const SHUTDOWN_BEAT: Duration = Duration::from_millis(50);
/// For requests that were sent before their client could know that the server stops.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(200);
/// Room for a head that is too large, so that it gets an answer (414 or 431) rather than a closed connection.
const READ_BUFFER: usize = 128 << 10;
/// When no connection can be accepted, for want of file descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens on `host` and `port`. So many connections at most wait to be accepted as `backlog` and the kernel say.
///
/// # Errors
///
/// If none of the addresses of `host` can be listened on.
pub(crate) async fn listen(host: &str, port: u16, backlog: u32) -> io::Result<TcpListener> {
    let mut refusal = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in lookup_host((host, port)).await? {
        match listen_on(address, backlog) {
            Ok(listener) => return Ok(listener),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

fn listen_on(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A server that starts again need not wait until its old connections are forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

/// How serving has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Drained,
    /// By a second interruption; what was under way is cut.
    Cut,
}

/// Serves `service` on `listener` until a signal tells it to stop, and then what is under way. For up to `drain`, idle
/// connections get one more answer.
pub(crate) async fn serve(
    service: Service,
    listener: TcpListener,
    mut signals: Signals,
    drain: Duration,
) -> io::Result<Ended> {
    let mut connections = Connections::new();
    let service = service.wants_host();
    let stop = accept(&service, &listener, &mut connections, &mut signals).await?;
    connections.accept_waiting(listener, &service);
    let grace = match stop {
        Stop::Interrupted => SHUTDOWN_GRACE,
        Stop::Terminated => drain.max(SHUTDOWN_GRACE),
    };
    let ended = tokio::select! {
        () = finish(connections, &service, grace) => Ended::Drained,
        () = signals.interrupt() => Ended::Cut,
    };
    if ended == Ended::Cut {
        tracing::warn!("interrupted again: what is under way is cut");
    }
    service.app().log().flush();
    Ok(ended)
}

/// Accepts connections until a signal tells it to stop.
async fn accept(
    service: &Service,
    listener: &TcpListener,
    connections: &mut Connections,
    signals: &mut Signals,
) -> io::Result<Stop> {
    let beat = beats()?;
    let mut is_accepting = true;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    is_accepting = true;
                    connections.open(stream, service.clone());
                }
                Err(error) => {
                    if std::mem::replace(&mut is_accepting, false) {
                        service.app().log().tell("accept failed", move |repeated| {
                            tracing::warn!(%error, repeated, "accept failed; retrying");
                        });
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            () = beat.notified() => connections.beat(|watch| watch.is_waiting_for(PATIENCE_BEATS)),
            stop = signals.stop() => return Ok(stop),
        }
    }
}

/// Answers what is under way, and stores its results.
async fn finish(mut connections: Connections, service: &Service, grace: Duration) {
    tracing::info!("stopping: finishing the responses under way");
    connections.close(grace).await;
    let cache = service.app().shared_cache();
    if timeout(Duration::from_secs(1), cache.settle())
        .await
        .is_err()
    {
        tracing::warn!("some results were still being computed and are lost");
    }
    cache.tell_invalidations().await;
}

/// Notifies once every [`BEAT`], until it is dropped.
///
/// From a thread of its own: while the runtime has a timer of its own pending, every worker that runs out of
/// work reads the clock and has the kernel wake it in time, which is a twentieth of what a hit costs.
fn beats() -> io::Result<Arc<Notify>> {
    let beat = Arc::new(Notify::new());
    let listener = Arc::downgrade(&beat);
    std::thread::Builder::new()
        .name("beat".to_owned())
        .spawn(move || {
            while let Some(beat) = listener.upgrade() {
                beat.notify_one();
                drop(beat);
                std::thread::sleep(BEAT);
            }
        })?;
    Ok(beat)
}

/// The open connections.
struct Connections {
    open: Vec<(AbortHandle, Arc<Watch>)>,
    pulse: Arc<Pulse>,
    latest: Latest,
}

impl Connections {
    fn new() -> Self {
        Self {
            open: Vec::new(),
            pulse: Arc::default(),
            latest: Latest::new(SystemTime::now()),
        }
    }

    /// Opens the connections that wait to be accepted on `listener`, the last ones: their clients have connected and
    /// would be reset.
    fn accept_waiting(&mut self, listener: TcpListener, service: &Service) {
        let Ok(listener) = listener.into_std() else {
            return;
        };
        while let Ok((stream, _)) = listener.accept() {
            let stream = stream
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.open(stream, service.clone());
            }
        }
    }

    fn open(&mut self, stream: TcpStream, service: Service) {
        // Without it a response in two packets waits for the client's acknowledgement of the first.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY on this connection");
        }
        let watch = Arc::new(Watch::new(Arc::clone(&self.pulse)));
        let connection = tokio::spawn(connection(stream, service, Arc::clone(&watch)));
        self.open.push((connection.abort_handle(), watch));
    }

    /// Advances the pulse, and ends the connections that are `overdue`.
    fn beat(&mut self, overdue: impl Fn(&Watch) -> bool) {
        let is_clock_behind = self.latest.is_behind(SystemTime::now());
        self.pulse.beat(is_clock_behind);
        self.open.retain(|(connection, watch)| {
            if overdue(watch) {
                connection.abort();
            }
            !connection.is_finished()
        });
    }

    /// Ends each connection after the response that is under way on it, or the next one if it is idle and a request
    /// comes within `grace`.
    async fn close(&mut self, grace: Duration) {
        self.pulse.stop();
        let started = Instant::now();
        let patience = SHUTDOWN_PATIENCE.max(grace + SHUTDOWN_MARGIN);
        while !self.open.is_empty() && started.elapsed() < patience {
            sleep(SHUTDOWN_BEAT).await;
            let is_over = started.elapsed() >= grace;
            self.beat(|watch| is_over && !watch.is_sending() && watch.is_waiting_for(1));
        }
        if !self.open.is_empty() {
            tracing::warn!(
                connections = self.open.len(),
                "responses were still under way and are cut"
            );
        }
    }
}

/// One connection, until it ends.
///
/// hyper's own time limit for heads makes and drops a timer for every request, a tenth of what a hit costs;
/// the [`Watch`] costs a few stores. hyper looks for a client that is gone, unless it may be half gone, before it
/// lets the service answer, and allocates a second buffer for what it might read then; [`Watched`] looks when an
/// answer is waited for. `writev` is off because copying a small body behind its head, and a large one in pieces,
/// costs less than having the kernel gather them.
async fn connection(stream: TcpStream, service: Service, watch: Arc<Watch>) {
    let stream = Watched::new(stream, Arc::clone(&watch));
    let (service, watch) = (&service, &*watch);
    let answer = service_fn(|request: http::Request<Incoming>| {
        watch.answering();
        let (mut head, body) = request.into_parts();
        async move {
            let mut response = service.answer(&mut head, body).await;
            amend(&mut response, watch.pulse());
            watch.sending();
            Ok::<_, Infallible>(response)
        }
    });
    let mut server = http1::Builder::new();
    server
        .half_close(true)
        .header_read_timeout(None)
        .max_buf_size(READ_BUFFER)
        .writev(false);
    if let Err(error) = server.serve_connection(stream, answer).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Adds what the state of the server asks for.
fn amend(response: &mut Response<Body>, pulse: &Pulse) {
    if pulse.is_stopping() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    if pulse.is_clock_behind()
        && let Some(date) = date(SystemTime::now())
    {
        response.headers_mut().insert(header::DATE, date);
    }
}
