//! The service: which requests the cache is asked for, and the short way of a hit.
//!
//! The first step of a request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use giotto_cache::{Answer, Lookup};
use http::{HeaderMap, Method, Request, Response, request};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::body::{Body, BoxError};
use crate::cache_status::{CacheStatus, Forward};
use crate::demand::Demand;
use crate::flow::Flow;
use crate::invalidate::Asked;
use crate::key;
use crate::present::Present;
use crate::respond::{self, Wanted};
use crate::settings::Settings;
use crate::stored::{Head, Marker, Note};

/// A service with a shared HTTP cache in front: made by [`CacheLayer`](crate::CacheLayer).
#[derive(Clone, Debug)]
pub struct CacheService<S> {
    inner: S,
    settings: Arc<Settings>,
}

/// Why a request is passed on as it is.
#[derive(Clone, Copy, Debug)]
struct Passed {
    forward: Forward,
    detail: &'static str,
}

impl<S> CacheService<S> {
    pub(crate) const fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }

    /// The stored response, if it is fresh and can be read without waiting: what most requests of a cache in memory come to.
    /// The fields are taken from the parts if it is.
    fn hit<B>(
        &self,
        primary: &Lookup,
        demand: &Demand,
        present: Present,
        parts: &mut request::Parts,
    ) -> Option<Response<Body<B>>> {
        let settings = &*self.settings;
        let mut answer = settings.cache.hit(primary)?;
        let mut metadata = answer.entry.metadata()?;
        let mut note = Note::read(&metadata);
        let is_variant = note.is_none();
        if is_variant {
            let marker = Marker::read(&metadata)?;
            let variant = key::variant(primary.key(), &marker, &parts.headers)?;
            answer = settings.cache.hit(&Lookup::new(variant, settings.policy))?;
            metadata = answer.entry.metadata()?;
            note = Note::read(&metadata);
        }
        let (note, status) = (note?, Head::status(&metadata)?);
        let now_ms = found_at(&answer).unwrap_or_else(|| settings.cache.now_ms());
        if !demand.takes(note, &answer.entry, now_ms) {
            return None;
        }
        let fields = match present.has(Present::CONDITIONS | Present::RANGE) {
            true => HeaderMap::new(),
            // Nothing is asked of them any more: their memory is enough for those of the response.
            false => emptied(&mut parts.headers),
        };
        let head = Head::read(&metadata, status, note, fields);
        let status = CacheStatus::answered(&answer, is_variant);
        let wanted = Wanted {
            method: &parts.method,
            fields: &parts.headers,
        };
        Some(respond::stored(
            settings, wanted, head, answer, &status, now_ms,
        ))
    }
}

/// When `answer`, which is fresh, was found, without asking the clock again; `None` if it cannot be told.
fn found_at(answer: &Answer) -> Option<u64> {
    let created_ms = answer.entry.created_ms();
    let passed = answer.entry.fresh_for(created_ms)?;
    let passed = passed.saturating_sub(answer.fresh_for?).as_millis();
    Some(created_ms.saturating_add(u64::try_from(passed).ok()?))
}

/// Takes the memory of `fields`.
fn emptied(fields: &mut HeaderMap) -> HeaderMap {
    let mut fields = std::mem::take(fields);
    fields.clear();
    fields
}

impl<S, B, R> Service<Request<B>> for CacheService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: http_body::Body + Send + 'static,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<Body<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let present = Present::of(request.headers());
        if let Some(Passed { forward, detail }) = passed(&request, present) {
            let settings = Arc::clone(&self.settings);
            if !request.method().is_safe() {
                let asked = Asked::of(&request);
                let future = self.inner.call(request);
                return ResponseFuture::boxed(async move {
                    let (parts, body) = future.await?.into_parts();
                    asked
                        .invalidate(&settings, parts.status, &parts.headers)
                        .await;
                    let response = Response::from_parts(parts, Body::passed(body));
                    let status = CacheStatus::passed(forward, None);
                    Ok(respond::passed(&settings, response, &status))
                });
            }
            return ResponseFuture::passing(self.inner.call(request), settings, forward, detail);
        }
        let (mut parts, body) = request.into_parts();
        let Some(primary) = key::primary(&self.settings, &parts) else {
            let settings = Arc::clone(&self.settings);
            let future = self.inner.call(Request::from_parts(parts, body));
            return ResponseFuture::passing(future, settings, Forward::Bypass, "no-key");
        };
        let primary = Lookup::new(primary, self.settings.policy);
        let demand = Demand::of(&self.settings, &parts, present);
        if let Some(response) = self.hit(&primary, &demand, present, &mut parts) {
            return ResponseFuture::ready(response);
        }
        let settings = Arc::clone(&self.settings);
        let request = Request::from_parts(parts, body);
        // The clone may not be ready: the service that is ready is the one that is called.
        let clone = self.inner.clone();
        let service = std::mem::replace(&mut self.inner, clone);
        let flow = Flow::new(settings, primary.into_key(), demand, service, request);
        ResponseFuture::boxed(flow.run())
    }
}

/// Whether, and why, the cache is not asked for this request.
fn passed<B: http_body::Body>(request: &Request<B>, present: Present) -> Option<Passed> {
    let passed = |forward, detail| Some(Passed { forward, detail });
    let body = request.body();
    match () {
        () if !matches!(*request.method(), Method::GET | Method::HEAD) => {
            passed(Forward::Method, "method")
        }
        // Its meaning is not defined (RFC 9110, 9.3.1), but the service behind may read it.
        () if !body.is_end_stream() && body.size_hint().exact() != Some(0) => {
            passed(Forward::Bypass, "request-body")
        }
        () if present.has(Present::UPGRADE) => passed(Forward::Bypass, "upgrade"),
        // They are for the origin server (RFC 9111, 4.3.2).
        () if present.has(Present::PRECONDITIONS) => passed(Forward::Bypass, "precondition"),
        () => None,
    }
}

type Boxed<R, E> = Pin<Box<dyn Future<Output = Result<Response<Body<R>>, E>> + Send>>;

pin_project! {
    /// The response of a [`CacheService`], when it is there.
    pub struct ResponseFuture<F, R, E> {
        #[pin]
        kind: Kind<F, R, E>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<F, R, E> {
        // A hit needs no future on the heap.
        Ready { response: Option<Response<Body<R>>> },
        Passing { #[pin] future: F, settings: Arc<Settings>, status: CacheStatus },
        Boxed { future: Boxed<R, E> },
    }
}

impl<F, R, E> ResponseFuture<F, R, E> {
    const fn ready(response: Response<Body<R>>) -> Self {
        Self {
            kind: Kind::Ready {
                response: Some(response),
            },
        }
    }

    const fn passing(
        future: F,
        settings: Arc<Settings>,
        forward: Forward,
        detail: &'static str,
    ) -> Self {
        Self {
            kind: Kind::Passing {
                future,
                settings,
                status: CacheStatus::passed(forward, Some(detail)),
            },
        }
    }

    fn boxed(future: impl Future<Output = Result<Response<Body<R>>, E>> + Send + 'static) -> Self {
        Self {
            kind: Kind::Boxed {
                future: Box::pin(future),
            },
        }
    }
}

impl<F, R, E> Future for ResponseFuture<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<Body<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProjection::Ready { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                // As of any future, nothing is promised after the end.
                None => Poll::Pending,
            },
            KindProjection::Passing {
                future,
                settings,
                status,
            } => {
                let response = ready!(future.poll(context))?.map(Body::passed);
                Poll::Ready(Ok(respond::passed(settings, response, status)))
            }
            KindProjection::Boxed { future } => future.as_mut().poll(context),
        }
    }
}

impl<F, R, E> fmt::Debug for ResponseFuture<F, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.kind {
            Kind::Ready { .. } => "Ready",
            Kind::Passing { .. } => "Passing",
            Kind::Boxed { .. } => "Boxed",
        };
        f.debug_tuple("ResponseFuture").field(&name).finish()
    }
}
