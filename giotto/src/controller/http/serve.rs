//! The HTTP server: connections in, with limits and time limits, and out again when told to stop.
//!
//! Before the first step of an invocation over HTTP.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use http::{StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_io_timeout::TimeoutStream;

use super::output::Body;
use super::service::Service;

/// For a client to send a request's head, counted from the moment the connection is ready for it, so that
/// it bounds idle connections too.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// For a client to take something of the response.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// For responses under way once the server was told to stop.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(8);
/// Room for a head that is too large, so that it gets an answer (414 or 431) rather than a closed connection.
const READ_BUFFER: usize = 128 << 10;
/// When no connection can be accepted, for want of file descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `service` on `listener` until SIGINT or SIGTERM, and then what is under way.
pub(crate) async fn serve(service: Service, listener: TcpListener) -> io::Result<()> {
    let graceful = GracefulShutdown::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => connect(stream, service.clone(), &graceful),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        }
    }
    drop(listener);
    tracing::info!("stopping: finishing the responses under way");
    if tokio::time::timeout(SHUTDOWN_PATIENCE, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some connections were still open and are cut");
    }
    let cache = service.app().shared_cache();
    if tokio::time::timeout(Duration::from_secs(1), cache.settle())
        .await
        .is_err()
    {
        tracing::warn!("some results were still being computed and are lost");
    }
    Ok(())
}

fn connect(stream: TcpStream, service: Service, graceful: &GracefulShutdown) {
    // Without it a response in two packets waits for the client's acknowledgement of the first.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY on this connection");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_PATIENCE));
    let answer = service_fn(move |request: http::Request<Incoming>| {
        let service = service.clone();
        async move {
            match has_one_host(&request) {
                true => Ok::<_, Infallible>(service.answer(request).await),
                false => Ok(bad_host()),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(READ_BUFFER)
        .serve_connection(TokioIo::new(Box::pin(stream)), answer);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}

/// RFC 9112, 3.2: a request of HTTP/1.1 without exactly one `Host` is answered with 400.
fn has_one_host<B>(request: &http::Request<B>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let first = hosts.next();
    (first.is_some() || request.version() < Version::HTTP_11) && hosts.next().is_none()
}

fn bad_host() -> http::Response<Body> {
    let mut response = http::Response::new(Body::from(bytes::Bytes::from_static(
        b"one Host field, please\n",
    )));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
