//! The service: which requests the cache is asked for.
//!
//! The first step of a request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use giotto_cache::Lookup;
use http::{Method, Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::body::{Body, BoxError};
use crate::cache_status::{CacheStatus, Forward};
use crate::demand::Demand;
use crate::flow::Flow;
use crate::hit;
use crate::invalidate::Asked;
use crate::key;
use crate::prepared::AtHand;
use crate::present::Present;
use crate::respond;
use crate::settings::Settings;

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

    /// Passes `request` on as it is. What an unsafe one has changed is removed.
    fn pass<B, R>(
        &mut self,
        request: Request<B>,
        passed: Passed,
    ) -> ResponseFuture<S::Future, R, S::Error>
    where
        S: Service<Request<B>, Response = Response<R>>,
        S::Future: Send + 'static,
        R: Send + 'static,
    {
        let settings = Arc::clone(&self.settings);
        let Passed { forward, detail } = passed;
        let asked = (!request.method().is_safe()).then(|| Asked::of(&request));
        let future = self.inner.call(request);
        match asked {
            None => ResponseFuture::passing(future, settings, forward, detail),
            Some(asked) => ResponseFuture::boxed(async move {
                let (parts, body) = future.await?.into_parts();
                let (code, fields) = (parts.status, &parts.headers);
                asked.invalidate(&settings, code, fields).await;
                let response = Response::from_parts(parts, Body::passed(body));
                let status = CacheStatus::passed(forward, None);
                Ok(respond::passed(&settings, response, &status))
            }),
        }
    }
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
        if let Some(passed) = passed(&request, present) {
            return self.pass(request, passed);
        }
        let (mut parts, body) = request.into_parts();
        let settings = &*self.settings;
        let address = key::address(settings, &parts, present);
        let at_hand = address.map_or(AtHand::Nothing, |address| settings.heads.find(address));
        let made;
        let primary = match &at_hand {
            AtHand::Head(head) => head.lookup(),
            AtHand::Room | AtHand::Nothing => {
                let Some(key) = key::primary(settings, &parts) else {
                    return self.pass(Request::from_parts(parts, body), Passed::NO_KEY);
                };
                made = Lookup::new(key, settings.policy);
                &made
            }
        };
        let demand = Demand::of(settings, &parts, present);
        let hit = hit::hit(settings, primary, &at_hand, &demand, present, &mut parts);
        if let Some(response) = hit {
            return ResponseFuture::ready(response);
        }
        let (settings, primary) = (Arc::clone(&self.settings), primary.key().clone());
        let request = Request::from_parts(parts, body);
        // The clone may not be ready: the service that is ready is the one that is called.
        let clone = self.inner.clone();
        let service = std::mem::replace(&mut self.inner, clone);
        let flow = Flow::new(settings, primary, demand, service, request);
        ResponseFuture::boxed(flow.run())
    }
}

impl Passed {
    const NO_KEY: Self = Self {
        forward: Forward::Bypass,
        detail: "no-key",
    };
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
