//! The servers that giotto is compared with: they answer with the very bytes that it answers a hit with.
//!
//! The runtime is that of `giotto::run`; `TCP_NODELAY` is set; there are no timers and no limits.

use std::convert::Infallible;
use std::io::{self, Write};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use moka::sync::Cache;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const BODY: &str = "<p>144</p>";
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The header fields of a hit. Giotto's `max-age` and `ttl` count down; the number of digits is the same.
fn fields() -> [(HeaderName, HeaderValue); 5] {
    [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            header::VARY,
            HeaderValue::from_static("Accept, X-Requested-With"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("max-age=3599"),
        ),
        (
            CACHE_STATUS,
            HeaderValue::from_static("giotto; hit; ttl=3599"),
        ),
        (
            header::ETAG,
            HeaderValue::from_static("\"00000000000000000000000000000000\""),
        ),
    ]
}

/// Bare hyper: a response made of constants, whatever was asked.
pub(crate) fn hyper() -> io::Result<()> {
    serve(async |listener| {
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(hit));
            tokio::spawn(connection);
        }
    })
}

async fn hit(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(BODY.as_bytes())));
    response.headers_mut().reserve(8);
    response.headers_mut().extend(fields());
    Ok(response)
}

/// Axum with moka: what one would write by hand for this one page.
pub(crate) fn axum() -> io::Result<()> {
    serve(async |listener| {
        let pages: Pages = Cache::builder()
            .max_capacity(10_000)
            .time_to_live(Duration::from_secs(3600))
            .build();
        let router = Router::new()
            .route("/squared", get(squared))
            .with_state(pages);
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, router).await
    })
}

type Pages = Cache<i64, Bytes>;

#[derive(Deserialize)]
struct Squared {
    x: i64,
}

async fn squared(
    State(pages): State<Pages>,
    Query(Squared { x }): Query<Squared>,
) -> Result<impl IntoResponse, StatusCode> {
    let page = match pages.get(&x) {
        Some(page) => page,
        None => {
            let square = x.checked_mul(x).ok_or(StatusCode::BAD_REQUEST)?;
            let page = Bytes::from(format!("<p>{square}</p>"));
            pages.insert(x, page.clone());
            page
        }
    };
    Ok((fields(), page))
}

/// Runs `server` on a free port, which it announces as giotto does, until SIGTERM.
fn serve(server: impl AsyncFnOnce(TcpListener) -> io::Result<()>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let mut terminate = signal(SignalKind::terminate())?;
        writeln!(
            io::stderr(),
            "Listening on http://{}",
            listener.local_addr()?
        )?;
        tokio::select! {
            result = server(listener) => result,
            _ = terminate.recv() => Ok(()),
        }
    })
}
