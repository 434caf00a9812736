//! What operators ask a running server: metrics, health, and what the cache does.
//!
//! Beside the requests of clients, on a listener of its own (`listener.rs`) or in the server of the application. `routes.rs`
//! has the addresses, `guard.rs` says who may ask (`access.rs`), and `metrics/` shows the counters of the cache to Prometheus.
//! `live/` is the page for people.

mod access;
mod guard;
mod listener;
mod live;
mod metrics;
mod routes;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;

use self::access::Access;
pub(crate) use self::listener::listen;
use crate::app::App;
use crate::controller::http::Body;

/// What an operator may ask of an application, as a [`tower_service::Service`]: the live page at its root, `/metrics`,
/// `/healthz` and `/readyz`; see
/// [`App::admin`].
#[derive(Clone, Debug)]
pub struct Admin(Access);

impl App {
    /// The routes of the admin listener, for an application with a server of its own. That server checks who asks: they show
    /// what the application does, and change the cache. They answer to every `Host`, because only the application knows its
    /// names: its check must ask for something that a browser sends to this host alone, such as the cookie of a session, or else
    /// a page of another site reaches them by a name that leads here (DNS rebinding). `admin.hosts` is for the listener.
    ///
    /// ```
    /// use giotto::prelude::*;
    ///
    /// # fn main() -> Result<(), Error> {
    /// let app = App::new(Manifest::default()).configured()?;
    /// let admin = app.admin();
    /// let service = app.into_service()?;
    /// // For example: Router::new().nest_service("/ops", admin).layer(operators_only).fallback_service(service)
    /// # drop((admin, service));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin(Access::checked(self.clone()))
    }
}

impl Admin {
    /// Has `/readyz` say from now on that this process gets no requests any more. The server of the application calls it when
    /// it is told to stop.
    pub fn stopping(&self) {
        self.0.app.health.stop();
    }
}

impl<B> tower_service::Service<http::Request<B>> for Admin
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
        let Self(access) = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            Ok(routes::answer(&access, &head, body).await)
        })
    }
}
