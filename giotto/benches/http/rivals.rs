//! The servers that giotto is compared with: they answer with the very bytes that it answers a hit with.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use moka::sync::Cache;

use crate::common::page::{Squared, fields, serve, serve_axum};

const BODY: &str = "<p>144</p>";

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
        serve_axum(listener, router).await
    })
}

type Pages = Cache<i64, Bytes>;

async fn squared(
    State(pages): State<Pages>,
    Query(asked): Query<Squared>,
) -> Result<impl IntoResponse, StatusCode> {
    let page = match pages.get(&asked.x) {
        Some(page) => page,
        None => {
            let page = asked.page()?;
            pages.insert(asked.x, page.clone());
            page
        }
    };
    Ok((fields(), page))
}
