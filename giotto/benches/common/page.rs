//! The page that every rival of giotto answers with, which is that of a hit, and the process that serves it.
//!
//! The runtime is that of `giotto::run`; `TCP_NODELAY` is set; there are no timers and no limits.

use std::io::{self, Write};

use axum::Router;
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The argument of the page.
#[derive(Deserialize)]
pub(crate) struct Squared {
    pub(crate) x: i64,
}

impl Squared {
    /// What a miss computes.
    pub(crate) fn page(&self) -> Result<Bytes, StatusCode> {
        let square = self.x.checked_mul(self.x).ok_or(StatusCode::BAD_REQUEST)?;
        Ok(Bytes::from(format!("<p>{square}</p>")))
    }
}

/// The header fields of a hit. Giotto's `ttl` counts down; the number of digits is the same.
pub(crate) fn fields() -> [(HeaderName, HeaderValue); 6] {
    [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            header::VARY,
            HeaderValue::from_static("Accept, X-Requested-With"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (
            CACHE_STATUS,
            HeaderValue::from_static("giotto; hit; ttl=3599"),
        ),
        (
            header::ETAG,
            HeaderValue::from_static("\"00000000000000000000000000000000\""),
        ),
        (
            HeaderName::from_static("no-vary-search"),
            HeaderValue::from_static("key-order, params, except=(\"x\")"),
        ),
    ]
}

/// Serves `router` with axum, with `TCP_NODELAY` as giotto does.
pub(crate) async fn serve_axum(listener: TcpListener, router: Router) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await
}

/// Runs `server` on a free port, which it announces as giotto does, until SIGTERM.
pub(crate) fn serve(server: impl AsyncFnOnce(TcpListener) -> io::Result<()>) -> io::Result<()> {
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
