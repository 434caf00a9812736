//! An axum application behind the layer: a scripted handler that counts its calls, and a clock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use giotto_cache::{Cache, Clock, LocMemKeyValue};
use giotto_tower::CacheLayer;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::ServiceExt;

/// 2023-11-14T22:13:20Z.
pub(crate) const START_MS: u64 = 1_700_000_000_000;

/// The handler: what it answers, and what it has been asked.
#[derive(Clone, Default)]
pub(crate) struct Origin(Arc<State>);

#[derive(Default)]
struct State {
    calls: AtomicUsize,
    script: Mutex<Option<Arc<Script>>>,
    requests: Mutex<Vec<(Method, String, HeaderMap)>>,
    gate: Mutex<Option<Arc<Semaphore>>>,
}

type Script = dyn Fn(&Request, usize) -> Response + Send + Sync;

/// A response that has been read to its end.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) struct World {
    pub(crate) app: Router,
    pub(crate) cache: Cache,
    pub(crate) clock: Clock,
    pub(crate) origin: Origin,
    pub(crate) layer: CacheLayer,
}

impl Origin {
    /// From now on answers with what `script` makes of the request and of its number, counted from 1.
    pub(crate) fn says(
        &self,
        script: impl Fn(&Request, usize) -> Response + Send + Sync + 'static,
    ) {
        *self.0.script.lock().unwrap() = Some(Arc::new(script));
    }

    /// From now on waits for a permit before it answers.
    pub(crate) fn hold(&self) {
        *self.0.gate.lock().unwrap() = Some(Arc::new(Semaphore::new(0)));
    }

    /// Lets all requests go on, now and later.
    pub(crate) fn release(&self) {
        if let Some(gate) = self.0.gate.lock().unwrap().take() {
            gate.close();
        }
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// The fields of the last request.
    pub(crate) fn last(&self) -> HeaderMap {
        self.0.requests.lock().unwrap().last().unwrap().2.clone()
    }

    pub(crate) async fn answer(self, request: Request) -> Response {
        let number = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let asked = (
            request.method().clone(),
            request.uri().to_string(),
            request.headers().clone(),
        );
        self.0.requests.lock().unwrap().push(asked);
        let gate = self.0.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            let _ = gate.acquire().await;
        }
        let script = self.0.script.lock().unwrap().clone();
        script.unwrap()(&request, number)
    }

    pub(crate) fn router(&self) -> Router {
        let origin = self.clone();
        Router::new().fallback(move |request| origin.clone().answer(request))
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|layer| layer)
    }

    pub(crate) fn with(set: impl FnOnce(CacheLayer) -> CacheLayer) -> Self {
        let clock = Clock::manual(START_MS);
        let cache = Cache::builder(LocMemKeyValue::new())
            .clock(clock.clone())
            .build();
        let layer = set(CacheLayer::new(cache.clone()));
        let origin = Origin::default();
        origin.says(|_, number| response(&[("cache-control", "max-age=60")], &format!("{number}")));
        Self {
            app: origin.router().layer(layer.clone()),
            cache,
            clock,
            origin,
            layer,
        }
    }

    /// A world whose handler answers each time with these fields and its number.
    pub(crate) fn saying(fields: &'static [(&'static str, &'static str)]) -> Self {
        let world = Self::new();
        world
            .origin
            .says(move |_, number| response(fields, &number.to_string()));
        world
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn get(&self, uri: &str) -> Seen {
        self.send(get(uri, &[])).await
    }

    pub(crate) async fn get_with(&self, uri: &str, fields: &[(&str, &str)]) -> Seen {
        self.send(get(uri, fields)).await
    }

    /// Does not wait until everything is stored.
    pub(crate) async fn send_unsettled(&self, request: Request) -> Seen {
        read(self.head(request).await).await
    }

    pub(crate) async fn send(&self, request: Request) -> Seen {
        let seen = self.send_unsettled(request).await;
        self.cache.settle().await;
        seen
    }

    /// The response whose body is not read yet.
    pub(crate) async fn head(&self, request: Request) -> Response {
        self.app.clone().oneshot(request).await.unwrap()
    }

    /// So many requests at once.
    pub(crate) fn spawn(&self, number: usize, request: impl Fn(usize) -> Request) -> JoinSet<Seen> {
        let mut tasks = JoinSet::new();
        for index in 0..number {
            let (app, request) = (self.app.clone(), request(index));
            tasks.spawn(async move { read(app.oneshot(request).await.unwrap()).await });
        }
        tasks
    }
}

impl Seen {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn cache_status(&self) -> &str {
        self.field("cache-status")
    }

    pub(crate) fn is_hit(&self) -> bool {
        self.cache_status().starts_with("http; hit")
    }
}

pub(crate) fn get(uri: &str, fields: &[(&str, &str)]) -> Request {
    request(Method::GET, uri, fields)
}

pub(crate) fn request(method: Method, uri: &str, fields: &[(&str, &str)]) -> Request {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method;
    *request.uri_mut() = uri.parse().unwrap();
    request.headers_mut().extend(headers(fields));
    request
}

pub(crate) fn response(fields: &[(&str, &str)], body: &str) -> Response {
    let mut response = Response::new(Body::from(body.to_owned()));
    response.headers_mut().extend(headers(fields));
    response
}

pub(crate) fn with_status(status: u16, fields: &[(&str, &str)], body: &str) -> Response {
    let mut response = response(fields, body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let pairs = fields.iter().map(|(name, value)| {
        let name: HeaderName = name.parse().unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    });
    pairs.collect()
}

pub(crate) async fn read(response: Response) -> Seen {
    let (parts, body) = response.into_parts();
    Seen {
        status: parts.status,
        fields: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// Waits until `is_so`, which must happen.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let patience = std::time::Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(std::time::Instant::now() < patience, "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
