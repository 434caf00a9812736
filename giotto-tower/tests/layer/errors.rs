//! Services that fail: their error reaches its own caller, unless a stored response may be served in its place.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{Cache, Clock, LocMemKeyValue};
use giotto_tower::{Body, CacheLayer, CacheService};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use tower::{Layer, Service, ServiceExt};

use crate::world::START_MS;

/// A service that is no router, whose error is its own, and which must be ready before it is called.
#[derive(Clone, Default)]
struct Fragile {
    calls: Arc<AtomicUsize>,
    is_ready: bool,
}

#[derive(Debug, PartialEq)]
struct Broken(usize);

impl Service<Request<Empty<Bytes>>> for Fragile {
    type Response = Response<Full<Bytes>>;
    type Error = Broken;
    type Future = std::future::Ready<Result<Self::Response, Broken>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.is_ready),
            "called before it was ready"
        );
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        std::future::ready(match request.uri().path() {
            "/first" if number == 1 => {
                let value = "max-age=60, stale-if-error=60";
                let response = Response::builder().header("cache-control", value);
                Ok(response.body(Full::from("stored")).unwrap())
            }
            _ => Err(Broken(number)),
        })
    }
}

type Answered = Result<Response<Body<Full<Bytes>>>, Broken>;

async fn ask(service: &mut CacheService<Fragile>, uri: &'static str) -> Answered {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = http::Uri::from_static(uri);
    service.ready().await?.call(request).await
}

#[tokio::test]
async fn the_error_of_a_service_reaches_its_caller() {
    let clock = Clock::manual(START_MS);
    let cache = Cache::builder(LocMemKeyValue::new())
        .clock(clock.clone())
        .build();
    let fragile = Fragile::default();
    let mut service = CacheLayer::new(cache.clone()).layer(fragile.clone());
    let text = async |answered: Answered| {
        let body = answered.unwrap().into_body().collect().await.unwrap();
        body.to_bytes()
    };
    assert_eq!(text(ask(&mut service, "/first").await).await, "stored");
    cache.settle().await;
    clock.advance(Duration::from_secs(70));
    assert_eq!(text(ask(&mut service, "/first").await).await, "stored");
    clock.advance(Duration::from_secs(70));
    assert_eq!(ask(&mut service, "/first").await.unwrap_err(), Broken(3));
    assert_eq!(ask(&mut service, "/other").await.unwrap_err(), Broken(4));
    assert_eq!(fragile.calls.load(Ordering::SeqCst), 4);
}

/// A layer around a service that cannot fail cannot either: axum asks for that.
#[tokio::test]
async fn a_service_that_cannot_fail_still_cannot() {
    let cache = Cache::new(LocMemKeyValue::new());
    let service = tower::service_fn(|_: Request<Empty<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let answered: Result<_, Infallible> = CacheLayer::new(cache)
        .layer(service)
        .oneshot(Request::new(Empty::new()))
        .await;
    let Ok(response) = answered;
    assert!(response.status().is_success());
}
