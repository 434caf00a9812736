//! Routes of axum for what the manifest does not know, and layers of tower around all that an application answers.
//!
//! The step of a request over HTTP for which there is no program; layers are outside of the first and the last step of all.

use std::convert::Infallible;

use axum::Router;
use axum::extract::Request;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response as Routed};
use axum::routing::Route;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tower_layer::Layer;
use tower_service::Service;

use super::output::Body;
use super::sent::keep_too;
use super::upload::{Upload, whole};
use crate::app::App;
use crate::beside::Layers;

impl App {
    /// Has `router` answer what the manifest does not know, in the same server (feature `axum`): uploads, WebSockets, streams,
    /// and whatever else the crates around axum have.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use giotto::prelude::*;
    /// # let manifest = Manifest::default();
    ///
    /// let routes = Router::new().route("/health", get(|| async { "healthy" }));
    /// let app = App::new(manifest).routes(routes);
    /// ```
    ///
    /// - A request goes to the router if no program answers its path over HTTP, whatever its method. If a program answers the
    ///   path but not the method, the response is 405.
    /// - The router has its own state. A pool that both use is cloned for both. A handler that changes what pages show takes
    ///   `Extension<giotto::cache::Cache>` and invalidates their tags.
    /// - `ConnectInfo<SocketAddr>` is the client, as with `axum::serve`.
    /// - Middleware of programs and of the manifest does not run for routes, which guard themselves.
    /// - A 404 or 405 without a body, as the router itself makes it, becomes an error page of giotto. The router may have a
    ///   fallback of its own.
    /// - The limits of time apply to clients of the router as to others. The size of a body is the business of the route:
    ///   axum's extractors take 2 MB.
    ///
    /// Several routers are merged, with the panics of [`Router::merge`].
    #[must_use]
    pub fn routes(mut self, router: Router) -> Self {
        self.beside.routes = Some(match self.beside.routes.take() {
            Some(routes) => routes.merge(router),
            None => router,
        });
        self
    }

    /// Puts a layer of tower around programs, static files and [`routes`](Self::routes) (feature `axum`), such as those of
    /// tower-http. The last one that is added is the outermost, as with [`Router::layer`].
    ///
    /// ```
    /// use axum::http::header::{HeaderValue, SERVER};
    /// use giotto::prelude::*;
    /// use tower_http::set_header::SetResponseHeaderLayer;
    /// # let manifest = Manifest::default();
    ///
    /// let name = HeaderValue::from_static("library");
    /// let app = App::new(manifest).layer(SetResponseHeaderLayer::overriding(SERVER, name));
    /// ```
    ///
    /// A request whose head is over a limit, or that has no sound `Host`, is refused before the layers. The command line has
    /// none.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        self.beside
            .layers
            .push(move |inside| inside.layer(layer.clone()));
        self
    }
}

/// The response of `routes`. A copy of `head` stays for an error page.
pub(super) async fn answer<B>(mut routes: Router, head: &mut Parts, body: B) -> Response<Body>
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
{
    let request = request(taken(head), Upload::new(body));
    let Ok(response) = routes.call(request).await;
    received(response)
}

/// `head` without a copy of its extensions, of which one is the connection to be upgraded. The rest stays, and the target that
/// was sent.
pub(super) fn taken(head: &mut Parts) -> Parts {
    let (mut copy, ()) = http::Request::new(()).into_parts();
    copy.method.clone_from(&head.method);
    copy.uri.clone_from(&head.uri);
    copy.version = head.version;
    copy.headers.clone_from(&head.headers);
    keep_too(head, &mut copy);
    std::mem::replace(head, copy)
}

/// Whether `response` is a 404 or 405 without a word, as a router makes it.
pub(super) fn is_bare(response: &Response<Body>) -> bool {
    let is_refusal = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
    is_refusal.contains(&response.status())
        && !response.headers().contains_key(header::CONTENT_TYPE)
        && response.body().is_end_stream()
}

/// A service inside the layers of an application.
#[derive(Clone, Debug)]
pub(super) struct Layered(Router);

/// Marks a response that had no content coding before the layers.
#[derive(Clone, Copy)]
struct Uncoded;

impl Layered {
    pub(super) fn new<S>(core: S, layers: &Layers) -> Self
    where
        S: Service<Request, Response = Response<Body>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let core = Router::new().fallback_service(core);
        Self(layers.around(core.layer(map_response(mark))))
    }

    pub(super) async fn answer<B>(&self, head: Parts, body: B) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
    {
        let mut known = head.headers.get_all(header::IF_NONE_MATCH).into_iter();
        let knows_weak = known.any(|known| known.as_bytes().starts_with(b"W/"));
        // Programs and routes have limits of time of their own.
        let body = body.map_frame(|frame| frame.map_data(whole));
        let body = body.map_err(|_| "the body ended early");
        let Ok(mut response) = self.0.clone().call(request(head, body)).await;
        let is_changed = match response.status() {
            StatusCode::NOT_MODIFIED => knows_weak,
            _ => response.headers().contains_key(header::CONTENT_ENCODING),
        };
        if is_changed && response.extensions().get::<Uncoded>().is_some() {
            weaken(response.headers_mut());
        }
        received(response)
    }
}

async fn mark(mut response: Routed) -> Routed {
    if !response.headers().contains_key(header::CONTENT_ENCODING) {
        response.extensions_mut().insert(Uncoded);
    }
    response
}

/// A layer that compresses changes the bytes that a strong entity tag stands for: a range of one form would be put together
/// with a range of the other (RFC 9110, 8.8.1).
fn weaken(headers: &mut HeaderMap) {
    let Some(etag) = headers.get(header::ETAG) else {
        return;
    };
    if let Ok(weak) = HeaderValue::from_bytes(&[b"W/", etag.as_bytes()].concat())
        && !etag.as_bytes().starts_with(b"W/")
    {
        headers.insert(header::ETAG, weak);
    }
}

fn request<B>(head: Parts, body: B) -> Request
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    let body = match body.is_end_stream() {
        true => axum::body::Body::empty(),
        false => axum::body::Body::new(body),
    };
    Request::from_parts(head, body)
}

fn received(mut response: Routed) -> Response<Body> {
    // axum gives every response a length. That of a 304 would be the length of the page, and a 204 has none (RFC 9110, 8.6).
    if matches!(
        response.status(),
        StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT
    ) {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response.map(Body::stream)
}
