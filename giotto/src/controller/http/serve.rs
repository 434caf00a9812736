//! The HTTP server: accepts connections until it is told to stop, and then lets its clients go.
//!
//! Before the first step of an invocation over HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use giotto_cache::log::Limiter;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::accept::Accept;
use super::connections::{Answers, Connections, Handler};
use super::listen::{Listener, accept_waiting};
use super::mount::Service;
use super::signals::{Signals, Stop};

/// The interval of the check for connections that are idle for too long.
const BEAT: Duration = Duration::from_millis(500);
/// For requests that their clients sent before they could know that the server stops.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(200);
/// For connections that clients have begun when the listener closes.
const HANDSHAKE: Duration = Duration::from_millis(50);
/// The pause after a failed accept, for example because there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How serving has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Drained,
    /// By a second SIGINT, which cuts the responses under way.
    Cut,
}

/// How long a server takes to stop after SIGTERM.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopping {
    /// How long it accepts connections while it says that it is not ready.
    pub(crate) lame_duck: Duration,
    /// How long idle connections get one more response after that.
    pub(crate) drain: Duration,
}

/// Serves `service` on `listener` until a signal stops it, and finishes the responses under way. `stopping` is asked then.
pub(crate) async fn serve(
    service: Service,
    listener: Listener,
    mut signals: Signals,
    stopping: impl Fn() -> Stopping,
) -> io::Result<Ended> {
    let mut connections = Connections::new();
    let service = service.with_host();
    let log = service.app().log();
    let handler = |peer| Handler::Application(service.of_peer(peer));
    let stop = accept(
        &listener.socket,
        &mut connections,
        handler,
        log,
        signals.stop(),
    )
    .await?;
    service.app().health.stop();
    let Stopping { lame_duck, drain } = stopping();
    let (lame_duck, grace) = match stop {
        Stop::Interrupted => (Duration::ZERO, SHUTDOWN_GRACE),
        Stop::Terminated => (lame_duck, drain.max(SHUTDOWN_GRACE)),
    };
    if !lame_duck.is_zero() {
        connections.stop();
        let over = limp(lame_duck, &mut signals);
        let is_over = accept(&listener.socket, &mut connections, handler, log, over).await?;
        if !is_over {
            return Ok(cut(&service));
        }
    }
    close(listener, &mut connections, handler, log).await?;
    Ok(tokio::select! {
        () = finish(connections, &service, grace) => Ended::Drained,
        () = signals.interrupt() => cut(&service),
    })
}

/// Waits for the lame-duck time; false if a second signal cuts it.
async fn limp(time: Duration, signals: &mut Signals) -> bool {
    let seconds = time.as_secs();
    tracing::info!(
        seconds,
        "stopping: not ready, but still accepting connections"
    );
    timeout(time, signals.interrupt()).await.is_err()
}

/// Accepts the connections that clients have begun, which would be reset otherwise, and closes `listener`.
async fn close(
    listener: Listener,
    connections: &mut Connections,
    handler: impl Fn(SocketAddr) -> Handler + Copy,
    log: &Limiter,
) -> io::Result<()> {
    if listener.is_shared {
        listener.turn_away();
        let begun = sleep(HANDSHAKE);
        accept(&listener.socket, connections, handler, log, begun).await?;
    }
    for (stream, peer) in accept_waiting(listener.socket) {
        connections.open(stream, handler(peer));
    }
    Ok(())
}

fn cut(service: &Service) -> Ended {
    tracing::warn!("interrupted again: responses under way are cut");
    flush(service);
    Ended::Cut
}

/// Accepts connections on `listener` until `end`, beside the server that a signal stops, and finishes the responses under way.
pub(crate) async fn serve_beside<L: Accept, A: Answers + 'static>(
    listener: L,
    answers: impl Fn(L::Peer) -> A,
    log: &Limiter,
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut connections = Connections::new();
    let handler = |peer| Handler::Operator(Box::new(answers(peer)));
    accept(&listener, &mut connections, handler, log, end).await?;
    drop(listener);
    connections.close(Duration::ZERO).await;
    Ok(())
}

/// Accepts connections on `listener` until `end`.
async fn accept<L: Accept, T>(
    listener: &L,
    connections: &mut Connections,
    handler: impl Fn(L::Peer) -> Handler,
    log: &Limiter,
    end: impl Future<Output = T>,
) -> io::Result<T> {
    let beat = beats()?;
    let mut is_accepting = true;
    tokio::pin!(end);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    is_accepting = true;
                    connections.open(stream, handler(peer));
                }
                Err(error) => {
                    if std::mem::replace(&mut is_accepting, false) {
                        log.tell("accept failed", move |repeated| {
                            tracing::warn!(%error, repeated, "accept failed; retrying");
                        });
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            () = beat.notified() => connections.end_slow(),
            ended = &mut end => return Ok(ended),
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
    flush(service);
}

/// Writes what the logs have left out so far.
fn flush(service: &Service) {
    service.app().log().flush();
    if let Some(access) = &service.app().access {
        access.flush();
    }
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
