//! An application as a service of tower: what a server, giotto's own or another, runs.
//!
//! Outside of the first and the last step of an invocation over HTTP; `service.rs` has what happens to a request.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use giotto_cache::trace;
use http::Response;
use http::request::Parts;
use tracing::Instrument;

use super::access::Visitor;
use super::output::Body;
#[cfg(feature = "axum")]
use super::routes::Layered;
use super::span;
use crate::app::App;
use crate::error::Result;
use crate::log::Proxies;
use crate::manifest::Manifest;

/// An application as a [`tower_service::Service`], which any server of the tower ecosystem can run.
#[derive(Clone, Debug)]
pub struct Service {
    inner: Arc<Inner>,
    /// The client of the connection that this one serves.
    #[cfg(feature = "axum")]
    peer: Option<SocketAddr>,
    /// The same for the access log, if there is one.
    visitor: Option<Arc<Visitor>>,
    /// Whether that client is a trusted proxy.
    is_of_proxy: bool,
}

/// Marks a request of a trusted proxy inside layers, where one service is for all connections.
#[cfg(feature = "axum")]
#[derive(Clone, Copy, Debug)]
struct OfProxy;

#[derive(Debug)]
struct Inner {
    app: App,
    debug: bool,
    wants_host: bool,
    /// Whether the paths of requests begin with the base of the application, and not those of requests inside layers.
    has_base: bool,
    /// The same service inside the layers of the application, if it has some.
    #[cfg(feature = "axum")]
    layered: Option<Layered>,
    /// Whether it is inside the layers.
    #[cfg(feature = "axum")]
    is_inside: bool,
}

impl App {
    /// The application as a service, for example for `Router::fallback_service` of axum.
    ///
    /// # Errors
    ///
    /// If the manifest is wrong.
    pub fn into_service(self) -> Result<Service> {
        self.check()?;
        let debug = self.configured.is_some_and(|configured| configured.debug);
        #[cfg(feature = "session")]
        let app = self.with_session_keys()?;
        #[cfg(not(feature = "session"))]
        let app = self;
        Ok(Service::new(app, debug, false))
    }
}

impl Manifest {
    /// The manifest as a service, without a cache: [`App`] gives it one.
    ///
    /// # Errors
    ///
    /// If the manifest is wrong.
    pub fn into_service(self) -> Result<Service> {
        App::new(self).into_service()
    }
}

impl Service {
    fn new(app: App, debug: bool, wants_host: bool) -> Self {
        let inner = Inner {
            #[cfg(feature = "axum")]
            layered: layered(&app, debug),
            #[cfg(feature = "axum")]
            is_inside: false,
            has_base: app.site().has_base(),
            app,
            debug,
            wants_host,
        };
        Self {
            inner: Arc::new(inner),
            #[cfg(feature = "axum")]
            peer: None,
            visitor: None,
            is_of_proxy: false,
        }
    }

    /// Shows the messages of internal errors to clients. Not for production.
    #[must_use]
    pub fn debug(self, debug: bool) -> Self {
        Self::new(self.app().clone(), debug, self.wants_host())
    }

    /// Refuses a request of HTTP/1.1 without exactly one `Host` with 400 (RFC 9112, 3.2). This is the duty of the server that
    /// runs the service.
    pub(crate) fn with_host(self) -> Self {
        Self::new(self.app().clone(), self.shows_errors(), true)
    }

    pub(crate) fn app(&self) -> &App {
        &self.inner.app
    }

    pub(super) fn shows_errors(&self) -> bool {
        self.inner.debug
    }

    pub(super) fn wants_host(&self) -> bool {
        self.inner.wants_host
    }

    pub(super) fn has_base(&self) -> bool {
        self.inner.has_base
    }

    /// The same for a connection of `peer`.
    pub(super) fn of_peer(&self, peer: SocketAddr) -> Self {
        Self {
            #[cfg(feature = "axum")]
            peer: Some(peer),
            visitor: Visitor::new(self.app(), peer),
            is_of_proxy: self.app().proxies.trust(peer.ip().to_canonical()),
            ..self.clone()
        }
    }

    /// Answers one request of its peer, and tells it in the access log if there is one.
    pub(super) async fn answer_told<B>(&self, head: &mut Parts, body: B) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
    {
        let visitor = self.visitor.as_ref();
        let record = visitor.map(|visitor| visitor.begin(head));
        let mut response = match trace::is_on() {
            false => self.answer(head, body).await,
            // Boxed, so that the future of a plain hit stays small.
            true => Box::pin(self.answer_traced(head, body)).await,
        };
        if let Some(record) = record {
            record.answered(&mut response);
        }
        response
    }

    /// The same within a span.
    async fn answer_traced<B>(&self, head: &mut Parts, body: B) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
    {
        let span = span::request(head, self.app());
        let response = self.answer(head, body).instrument(span.clone()).await;
        span::note(&span, &response);
        response
    }

    /// The client, if the server is giotto's own.
    #[cfg(feature = "axum")]
    pub(super) const fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The trusted proxies, if the request with this `head` is from one of them.
    #[cfg_attr(
        not(feature = "axum"),
        expect(
            unused_variables,
            reason = "only layers keep a service from its connection"
        )
    )]
    pub(super) fn trusted_proxies(&self, head: &Parts) -> Option<&Proxies> {
        #[cfg(feature = "axum")]
        let is_of_proxy = match self.inner.is_inside {
            false => self.is_of_proxy,
            true => head.extensions.get::<OfProxy>().is_some(),
        };
        #[cfg(not(feature = "axum"))]
        let is_of_proxy = self.is_of_proxy;
        is_of_proxy.then(|| &*self.app().proxies)
    }

    /// Tells the service inside the layers whether the request with this `head` is from a trusted proxy.
    #[cfg(feature = "axum")]
    pub(super) fn mark_proxy(&self, head: &mut Parts) {
        if self.is_of_proxy {
            head.extensions.insert(OfProxy);
        }
    }

    #[cfg(feature = "axum")]
    pub(super) fn layered(&self) -> Option<&Layered> {
        self.inner.layered.as_ref()
    }
}

/// The service of `app` inside its layers. Its host is checked outside of them.
#[cfg(feature = "axum")]
fn layered(app: &App, debug: bool) -> Option<Layered> {
    let layers = &app.beside.layers;
    let core = || {
        let inner = Inner {
            app: app.clone(),
            debug,
            wants_host: false,
            has_base: false,
            layered: None,
            is_inside: true,
        };
        Service {
            inner: Arc::new(inner),
            peer: None,
            visitor: None,
            is_of_proxy: false,
        }
    };
    (!layers.is_empty()).then(|| Layered::new(core(), layers))
}

impl<B> tower_service::Service<http::Request<B>> for Service
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            Ok(service.answer(&mut head, body).await)
        })
    }
}
