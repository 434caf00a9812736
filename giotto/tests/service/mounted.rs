//! The service inside another framework, with any body.

use std::convert::Infallible;

use bytes::Bytes;
use giotto::prelude::*;
use http_body_util::{BodyExt, Empty};
use tower_service::Service as _;

use crate::{Reply, X, app, service};

#[tokio::test]
async fn an_application_is_mounted_in_another_framework() {
    let program = || {
        Program::new(|X { x }: X| x)
            .cache(60)
            .view(BasicView::new())
    };
    let service = service(app("a", program()));
    let mut router: axum::Router = axum::Router::new()
        .route("/own", axum::routing::get(|| async { "own" }))
        .nest_service("/giotto", service.clone())
        .fallback_service(service);
    for (target, body) in [
        ("/own", "own"),
        ("/a.json?x=1", "1"),
        ("/giotto/a.json/2", "2"),
    ] {
        let request = http::Request::get(target)
            .body(axum::body::Body::empty())
            .unwrap();
        let reply: http::Response<_> = router.call(request).await.unwrap();
        assert_eq!(
            reply.into_body().collect().await.unwrap().to_bytes(),
            body,
            "{target}"
        );
    }
}

/// axum adds the length of a body to every response that has none.
#[tokio::test]
async fn a_response_without_a_body_has_no_length_in_another_framework() {
    let program = Program::new(|X { x }: X| x)
        .controllers([HTTP_GET])
        .cache(60)
        .view(BasicView::new());
    let service = service(app("a", program));
    let mut router: axum::Router = axum::Router::new().fallback_service(service);
    for (method, status) in [("GET", 304), ("OPTIONS", 204)] {
        let request = http::Request::builder().method(method).uri("/a?x=1");
        let request = request.header("If-None-Match", "*");
        let request = request.body(axum::body::Body::empty()).unwrap();
        let reply: http::Response<_> = router.call(request).await.unwrap();
        assert_eq!(reply.status(), status);
        assert_eq!(reply.headers().get("content-length"), None, "{method}");
    }
}

#[tokio::test]
async fn the_service_takes_any_body() {
    let mut service = service(app(
        "a",
        Program::new(|X { x }: X| x).view(BasicView::new()),
    ));
    let request = http::Request::post("/a.json?x=1")
        .body(Empty::<Bytes>::new())
        .unwrap();
    assert_eq!(
        Reply::from(service.call(request).await.unwrap()).await.body,
        "1"
    );
    let request = http::Request::post("/a.json?x=1").body(Endless).unwrap();
    assert_eq!(service.call(request).await.unwrap().status(), 413);
}

/// A body without an end, and without a length.
struct Endless;

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        let frame = http_body::Frame::data(Bytes::from_static(&[b'a'; 1 << 16]));
        std::task::Poll::Ready(Some(Ok(frame)))
    }
}
