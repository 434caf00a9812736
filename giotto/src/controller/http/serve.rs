//! The HTTP server: accepts connections, and ends them when they are idle for too long or the server stops.
//!
//! Before the first step of an invocation over HTTP.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::date::{Latest, date};
use super::mount::Service;
use super::output::Body;

use super::signals::{Signals, Stop};
use super::watch::{Pulse, Rate, Watch, Watched};

/// The interval of the check for connections that are idle for too long.
const BEAT: Duration = Duration::from_millis(500);
/// The most beats, 10 s at most, between the last byte that a client takes and its next complete head. The limit covers
/// idle connections, heads that arrive slowly, and clients that do not read.
const PATIENCE_BEATS: u64 = 19;
/// A client must take this many bytes of a response in [`RATE_BEATS`], 10 s.
const RATE_BYTES: u64 = 8 << 10;
const RATE_BEATS: u64 = 20;
/// How long responses may take after the signal to stop, and how much longer than idle connections at least.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(8);
const SHUTDOWN_MARGIN: Duration = Duration::from_secs(3);
const SHUTDOWN_BEAT: Duration = Duration::from_millis(50);
/// For requests that their clients sent before they could know that the server stops.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(200);
/// Large enough for a head over the limit, so that its client gets a response (414 or 431).
const READ_BUFFER: usize = 128 << 10;
/// The pause after a failed accept, for example because there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How serving has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Drained,
    /// By a second SIGINT, which cuts the responses under way.
    Cut,
}

/// Serves `service` on `listener` until a signal stops it, and finishes the responses under way. For up to `drain`, idle
/// connections get one more response.
pub(crate) async fn serve(
    service: Service,
    listener: TcpListener,
    mut signals: Signals,
    drain: Duration,
) -> io::Result<Ended> {
    let mut connections = Connections::new();
    let service = service.with_host();
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
        tracing::warn!("interrupted again: responses under way are cut");
    }
    service.app().log().flush();
    if let Some(access) = &service.app().access {
        access.flush();
    }
    Ok(ended)
}

/// Accepts connections until a signal stops the server.
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
                Ok((stream, peer)) => {
                    is_accepting = true;
                    connections.open(stream, service.of_peer(peer));
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
            () = beat.notified() => connections.beat(|watch, rate| {
                rate.is_below(RATE_BYTES, RATE_BEATS, watch) || watch.is_waiting_for(PATIENCE_BEATS)
            }),
            stop = signals.stop() => return Ok(stop),
        }
    }
}

/// Finishes the responses under way, and stores their results.
async fn finish(mut connections: Connections, service: &Service, grace: Duration) {
    tracing::info!("stopping: finishing the responses under way");
    connections.close(grace).await;
    let cache = service.app().shared_cache();
    if timeout(Duration::from_secs(1), cache.settle())
        .await
        .is_err()
    {
        tracing::warn!("results that are still being computed are lost");
    }
    cache.tell_invalidations().await;
}

/// Notifies once every [`BEAT`], until it is dropped.
///
/// It runs in a thread of its own. A pending timer of the runtime would cost a twentieth of a hit: every worker without work
/// would read the clock and have the kernel wake it.
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
    open: Vec<(AbortHandle, Arc<Watch>, Rate)>,
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

    /// Opens the last connections that wait to be accepted on `listener`, which would be reset otherwise.
    fn accept_waiting(&mut self, listener: TcpListener, service: &Service) {
        let Ok(listener) = listener.into_std() else {
            return;
        };
        while let Ok((stream, peer)) = listener.accept() {
            let stream = stream
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.open(stream, service.of_peer(peer));
            }
        }
    }

    fn open(&mut self, stream: TcpStream, service: Service) {
        // Without it a response in two packets waits for the client's acknowledgement of the first.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY failed");
        }
        let watch = Arc::new(Watch::new(Arc::clone(&self.pulse)));
        let connection = tokio::spawn(connection(stream, service, Arc::clone(&watch)));
        let rate = Rate::new(&watch);
        self.open.push((connection.abort_handle(), watch, rate));
    }

    /// Advances the pulse, and ends the connections that are `overdue`.
    fn beat(&mut self, overdue: impl Fn(&Watch, &mut Rate) -> bool) {
        let is_clock_behind = self.latest.is_behind(SystemTime::now());
        self.pulse.beat(is_clock_behind);
        self.open.retain_mut(|(connection, watch, rate)| {
            if overdue(watch, rate) {
                connection.abort();
            }
            !connection.is_finished()
        });
    }

    /// Ends each connection after its response under way. An idle connection gets one more response if its request comes
    /// within `grace`.
    async fn close(&mut self, grace: Duration) {
        self.pulse.stop();
        let started = Instant::now();
        let patience = SHUTDOWN_PATIENCE.max(grace + SHUTDOWN_MARGIN);
        while !self.open.is_empty() && started.elapsed() < patience {
            sleep(SHUTDOWN_BEAT).await;
            let is_over = started.elapsed() >= grace;
            self.beat(|watch, _| is_over && !watch.is_sending() && watch.is_waiting_for(1));
        }
        if !self.open.is_empty() {
            tracing::warn!(
                connections = self.open.len(),
                "responses under way are cut: they took too long"
            );
        }
    }
}

/// One connection, until it ends.
///
/// Three settings of hyper are off because each would be felt in every hit:
///
/// - Its time limit for heads makes a timer for every request, a tenth of a hit. The [`Watch`] costs a few stores.
/// - Its check for a disconnected client, before the service answers, allocates a second buffer. [`Watched`] checks while a
///   response is computed; `half_close` turns hyper's check off.
/// - `writev`: to copy a small body behind its head, and a large one in pieces, costs less than to have the kernel gather
///   them.
async fn connection(stream: TcpStream, service: Service, watch: Arc<Watch>) {
    let stream = Watched::new(stream, Arc::clone(&watch));
    let (service, watch) = (&service, &watch);
    let answer = service_fn(|request: http::Request<Incoming>| {
        watch.answering();
        let (mut head, body) = request.into_parts();
        async move {
            let mut response = service.answer_told(&mut head, body).await;
            amend(&mut response, watch.pulse());
            response.body_mut().pace(watch);
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
    let connection = server.serve_connection(stream, answer);
    // A WebSocket, for example, which then belongs to its route.
    #[cfg(feature = "axum")]
    let connection = connection.with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "connection ended early");
    }
}

/// Adds the fields that depend on the state of the server.
fn amend(response: &mut Response<Body>, pulse: &Pulse) {
    if pulse.is_stopping() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    if pulse.is_clock_behind()
        && let Some(date) = date(SystemTime::now())
    {
        response.headers_mut().insert(header::DATE, date);
    }
}
