//! A caching reverse proxy: HTTP/1.1, both ways as streams, and RFC 9111 by [`CacheLayer`].
//!
//! ```console
//! $ cargo run --release -p proxy -- --upstream http://127.0.0.1:8080 --listen 127.0.0.1:3128
//! $ curl -i localhost:3128/page       # twice: `Cache-Status` says what the cache did
//! ```
//!
//! - *Host* is the client's: it is part of the key, and the server makes links of it. A request without it is refused.
//! - *Forwarded* (RFC 7239) names the client. What a client says in it, or in `X-Forwarded-*`, is dropped: a server may
//!   write it into a page, which others would get from the cache. *Via* is appended in both directions.
//! - Fields of one connection (RFC 9110, 7.6.1), and those that `Connection` names, go no further. There are no upgrades,
//!   no `CONNECT`, and no `TRACE`, which would show the fields that are added here.
//! - A timeout bounds each connect, head, read and write; a body may take longer as long as it goes on. A server that is
//!   down is a 502 and a slow one a 504, if the cache has nothing that may stand in.
//! - What requests say in `Cache-Control` is obeyed, as it is in clients' own caches: for a server that is in need of shelter
//!   from its clients, leave it out. A response that says nothing is fresh for a tenth of its age, and stands in for an hour
//!   when the server fails.
//! - SIGTERM and Ctrl-C end it when the open requests have ended, or after the timeout.

use std::io::{self, Write as _};
use std::{error::Error, net::SocketAddr, time::Duration};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::{Router, body::Body, http::Uri};
use giotto_cache::{Cache, LocMemKeyValue};
use giotto_tower::CacheLayer;
use hyper::header::{self, HeaderMap};
use hyper::{Method, StatusCode, Version, server::conn::http1, service::service_fn};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt as _;

type BoxError = Box<dyn Error + Send + Sync>;
type Server = Client<TimeoutConnector<HttpConnector>, Body>;

/// What is about one connection, for a proxy alone, or about the client.
const DROPPED: &str = "connection, forwarded, keep-alive, proxy-authenticate, \
    proxy-authorization, proxy-connection, te, trailer, transfer-encoding, upgrade, \
    x-forwarded-for, x-forwarded-host, x-forwarded-proto";

fn option(name: &str, default: &str) -> String {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).unwrap_or_else(|| default.to_owned())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let upstream: Uri = option("--upstream", "http://127.0.0.1:8080").parse()?;
    if upstream.scheme_str() != Some("http") {
        return Err("--upstream takes http://HOST:PORT".into());
    }
    let time = Duration::from_secs(option("--timeout", "30").parse()?);
    let listener = TcpListener::bind(option("--listen", "127.0.0.1:3128")).await?;
    let address = listener.local_addr()?;
    writeln!(io::stderr(), "Listening on http://{address}")?;

    let cache = CacheLayer::new(Cache::new(LocMemKeyValue::new()))
        .heuristics(true)
        .obey_requests(true)
        .stale_if_error(3600);
    let app = Router::new()
        .fallback(ask)
        .with_state((server(time), upstream))
        .layer(cache)
        .layer(from_fn(receive));
    Ok(serve(listener, app, time).await?)
}

async fn serve(listener: TcpListener, app: Router, time: Duration) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        };
        let Ok((stream, client)) = accepted else {
            // No file descriptor is left, for one: wait until another connection ends.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(time));
        let app = app.clone();
        let service = service_fn(move |mut request: hyper::Request<_>| {
            request.extensions_mut().insert(client);
            app.clone().oneshot(request)
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(time);
        let connection = http.serve_connection(TokioIo::new(Box::pin(stream)), service);
        tokio::spawn(connections.watch(connection));
    }
    drop(listener);
    let _ = tokio::time::timeout(time, connections.shutdown()).await;
    Ok(())
}

/// What it waits for bounds the client, too: the next part of the body that it sends.
fn server(time: Duration) -> Server {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    let mut connector = TimeoutConnector::new(tcp);
    connector.set_connect_timeout(Some(time));
    connector.set_read_timeout(Some(time));
    connector.set_write_timeout(Some(time));
    // While the client's body is on its way, the server has nothing to say.
    connector.set_reset_reader_on_write(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// Makes of a client's request what the cache and the server see.
async fn receive(mut request: Request, next: Next) -> Response {
    let version = request.version();
    let target = request.uri().authority().cloned();
    let client = request.extensions_mut().remove::<SocketAddr>();
    let fields = request.headers_mut();
    pass_on(version, fields);
    // RFC 9112, 3.2.2: Host says nothing where the target has an authority.
    if let Some(Ok(host)) = target.map(|target| target.as_str().parse()) {
        fields.insert(header::HOST, host);
    }
    if let Some(Ok(client)) = client.map(|client| format!("for=\"{client}\"").parse()) {
        fields.insert(header::FORWARDED, client);
    }
    if fields.get_all(header::HOST).iter().count() != 1 {
        return refuse(StatusCode::BAD_REQUEST);
    }
    if [Method::CONNECT, Method::TRACE].contains(request.method()) {
        return refuse(StatusCode::NOT_IMPLEMENTED);
    }
    next.run(request).await
}

/// Asks the server, for the cache.
async fn ask(State((server, to)): State<(Server, Uri)>, mut request: Request) -> Response {
    let mut target = to.into_parts();
    target.path_and_query = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from_parts(target).unwrap_or_default();
    *request.version_mut() = Version::HTTP_11;
    match server.request(request).await {
        Ok(mut response) => {
            pass_on(response.version(), response.headers_mut());
            *response.version_mut() = Version::HTTP_11;
            response.map(Body::new)
        }
        Err(error) if is_timeout(&error) => refuse(StatusCode::GATEWAY_TIMEOUT),
        Err(_) => refuse(StatusCode::BAD_GATEWAY),
    }
}

/// Makes of the fields that were received those that are sent on.
fn pass_on(version: Version, fields: &mut HeaderMap) {
    if fields.contains_key(header::TRANSFER_ENCODING) {
        // RFC 9112, 6.3: beside it, the length says nothing.
        fields.remove(header::CONTENT_LENGTH);
    }
    let mut dropped = DROPPED.to_owned();
    for options in fields.get_all(header::CONNECTION) {
        dropped += ",";
        dropped += options.to_str().unwrap_or_default();
    }
    for name in dropped.split(',') {
        fields.remove(name.trim());
    }
    if let Ok(via) = format!("{version:?} giotto").parse() {
        fields.append(header::VIA, via);
    }
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let mut causes = causes.filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::TimedOut)
}

fn refuse(status: StatusCode) -> Response {
    let fields = [(header::CACHE_CONTROL, "no-store")];
    (status, fields, format!("{status}, says the proxy\n")).into_response()
}
