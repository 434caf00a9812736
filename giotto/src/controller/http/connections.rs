//! The open connections of a listener: what answers on each, and what ends it.
//!
//! Outside of the first and the last step of an invocation over HTTP.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::accept::Client;
use super::date::{Latest, date};
use super::mount::Service;
use super::output::Body;
use super::watch::{Pulse, Rate, Watch, Watched};

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
/// Large enough for a head over the limit, so that its client gets a response (414 or 431).
const READ_BUFFER: usize = 128 << 10;

/// What answers the requests of a connection.
///
/// One type for all, as there is one of streams: each further type would have hyper compiled once more, and what its functions
/// share would be called in every hit instead of being a part of its callers.
pub(crate) enum Handler {
    /// The application, on its port.
    Application(Service),
    /// Something beside it, for the operator.
    Operator(Box<dyn Answers>),
}

/// Answers requests of the operator.
pub(crate) trait Answers: Send + Sync {
    /// Answers one request. Every failure is a response, too.
    fn answer<'a>(&'a self, head: &'a mut Parts, body: Incoming) -> Answering<'a>;
}

pub(crate) type Answering<'a> = Pin<Box<dyn Future<Output = Response<Body>> + Send + 'a>>;

/// The open connections.
pub(super) struct Connections {
    open: Vec<(AbortHandle, Arc<Watch>, Rate)>,
    pulse: Arc<Pulse>,
    latest: Latest,
}

impl Connections {
    pub(super) fn new() -> Self {
        Self {
            open: Vec::new(),
            pulse: Arc::default(),
            latest: Latest::new(SystemTime::now()),
        }
    }

    /// Has `handler` answer the requests that come on `stream`.
    pub(super) fn open(&mut self, stream: Box<dyn Client>, handler: Handler) {
        self.latest.note(SystemTime::now());
        let watch = Arc::new(Watch::new(Arc::clone(&self.pulse)));
        let connection = tokio::spawn(connection(stream, handler, Arc::clone(&watch)));
        let rate = Rate::new(&watch);
        self.open.push((connection.abort_handle(), watch, rate));
    }

    /// Ends the connections whose clients are too slow. It is called twice a second.
    pub(super) fn end_slow(&mut self) {
        self.beat(|watch, rate| {
            rate.is_below(RATE_BYTES, RATE_BEATS, watch) || watch.is_waiting_for(PATIENCE_BEATS)
        });
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

    /// Has each connection end after its next response, which says so.
    pub(super) fn stop(&self) {
        self.pulse.stop();
    }

    /// Ends each connection after its response under way. An idle connection gets one more response if its request comes
    /// within `grace`.
    pub(super) async fn close(&mut self, grace: Duration) {
        self.stop();
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
async fn connection(stream: Box<dyn Client>, handler: Handler, watch: Arc<Watch>) {
    let stream = Watched::new(stream, Arc::clone(&watch));
    let (handler, watch) = (&handler, &watch);
    let answer = service_fn(|request: http::Request<Incoming>| {
        watch.answering();
        let (mut head, body) = request.into_parts();
        async move {
            let mut response = match handler {
                Handler::Application(service) => service.answer_told(&mut head, body).await,
                Handler::Operator(answers) => answers.answer(&mut head, body).await,
            };
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

/// Adds the fields that depend on the state of the server, and of the connection: the rest of a body that is too slow or too large
/// is not read.
fn amend(response: &mut Response<Body>, pulse: &Pulse) {
    let leaves_body = matches!(
        response.status(),
        StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE
    );
    if leaves_body || pulse.is_stopping() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    if pulse.is_clock_behind()
        && let Some(date) = date(SystemTime::now())
    {
        response.headers_mut().insert(header::DATE, date);
    }
}
