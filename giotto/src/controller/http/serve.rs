//! The HTTP server: connections in, and out again when they are idle for too long or the server is to stop.
//!
//! Before the first step of an invocation over HTTP.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderValue};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::service::Service;
use super::watch::{Pulse, Watch, Watched};

/// How often it is looked whether a connection has been quiet for too long.
const BEAT: Duration = Duration::from_millis(500);
/// When so many beats have passed, 10 s at most, between the last byte taken by a client and its next complete
/// head, it is cut off: that bounds idle connections, heads that come in drops, and clients that do not read.
const PATIENCE_BEATS: u64 = 19;
/// For responses under way once the server was told to stop.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(8);
const SHUTDOWN_BEAT: Duration = Duration::from_millis(50);
/// For requests that were sent before their client could know that the server stops.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(200);
/// Room for a head that is too large, so that it gets an answer (414 or 431) rather than a closed connection.
const READ_BUFFER: usize = 128 << 10;
/// When no connection can be accepted, for want of file descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Ends at the first SIGINT or SIGTERM that comes after this was called.
///
/// # Errors
///
/// If the process cannot handle signals.
pub(crate) fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Serves `service` on `listener` until it is told to `stop`, and then what is under way.
pub(crate) async fn serve(
    service: Service,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut connections = Connections::default();
    let service = service.wants_host();
    let mut stop = std::pin::pin!(stop);
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
            () = &mut stop => break,
        }
    }
    drop(listener);
    tracing::info!("stopping: finishing the responses under way");
    connections.close().await;
    let cache = service.app().shared_cache();
    if timeout(Duration::from_secs(1), cache.settle())
        .await
        .is_err()
    {
        tracing::warn!("some results were still being computed and are lost");
    }
    service.app().log().flush();
    Ok(())
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
#[derive(Default)]
struct Connections {
    open: Vec<(AbortHandle, Arc<Watch>)>,
    pulse: Arc<Pulse>,
}

impl Connections {
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
        self.pulse.beat();
        self.open.retain(|(connection, watch)| {
            if overdue(watch) {
                connection.abort();
            }
            !connection.is_finished()
        });
    }

    /// Ends each connection after the response that is under way on it.
    async fn close(&mut self) {
        self.pulse.stop();
        let started = Instant::now();
        while !self.open.is_empty() && started.elapsed() < SHUTDOWN_PATIENCE {
            sleep(SHUTDOWN_BEAT).await;
            let is_over = started.elapsed() >= SHUTDOWN_GRACE;
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
            if watch.pulse().is_stopping() {
                response
                    .headers_mut()
                    .insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
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
