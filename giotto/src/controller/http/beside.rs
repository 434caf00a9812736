//! Answers what the manifest does not know: a static file, else a route of axum, else there is nothing.
//!
//! The step of a request over HTTP for which there is no program.

#[cfg(feature = "axum")]
use axum::extract::ConnectInfo;
use http::Response;
use http::request::Parts;
#[cfg(feature = "axum")]
use http::{StatusCode, header};

use super::failure;
#[cfg(feature = "static")]
use super::files;
use super::health;
use super::input;
use super::mount::Service;
use super::output::Body;
use super::problem::Problem;
#[cfg(feature = "axum")]
use super::routes::{self, Layered};
#[cfg(all(feature = "axum", feature = "session"))]
use super::session;
use crate::request::{HTTP_GET, Segments};

/// The response to a request that no program answers.
#[cfg_attr(
    not(feature = "axum"),
    expect(unused_variables, reason = "only routes read a body")
)]
pub(super) async fn answer<B>(service: &Service, head: &mut Parts, body: B) -> Response<Body>
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
{
    if let Err(problem) = service.read_head(head) {
        return refused(service, head, problem);
    }
    if let Some(health) = health::public(service.app(), head) {
        return health;
    }
    let beside = &service.app().beside;
    #[cfg(feature = "static")]
    if let Some(assets) = &beside.assets
        && let Some(name) = assets.name_in(head.uri.path())
        && let Some(answer) = files::answer(assets, name, head).await
    {
        return answer.unwrap_or_else(|problem| refused(service, head, problem));
    }
    #[cfg(feature = "axum")]
    if let Some(routes) = &beside.routes {
        introduce(service, head);
        // For handlers that invalidate pages.
        head.extensions.insert(service.app().shared_cache().clone());
        #[cfg(feature = "session")]
        let slot = session::lend(service.app(), head);
        #[cfg_attr(
            not(feature = "session"),
            expect(unused_mut, reason = "a session changes it")
        )]
        let mut response = routes::answer(routes.clone(), head, body).await;
        #[cfg(feature = "session")]
        session::keep(slot.as_ref(), &head.method, &mut response);
        return match routes::is_bare(&response) {
            true => with_page(service, head, response),
            false => response,
        };
    }
    refused(service, head, nothing(service, head))
}

/// The response to any request to an application with layers.
#[cfg(feature = "axum")]
pub(super) async fn inside<B>(
    layered: &Layered,
    service: &Service,
    head: &mut Parts,
    body: B,
) -> Response<Body>
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
{
    introduce(service, head);
    match service.read_head(head) {
        Ok(_) => layered.answer(routes::taken(head), body).await,
        Err(problem) => refused(service, head, problem),
    }
}

/// Tells routes and layers who the client is, as `axum::serve` does.
#[cfg(feature = "axum")]
fn introduce(service: &Service, head: &mut Parts) {
    if let Some(peer) = service.peer() {
        head.extensions.insert(ConnectInfo(peer));
    }
    service.mark_proxy(head);
}

/// What a router refuses without a word, with the page of giotto and the fields of the router.
#[cfg(feature = "axum")]
fn with_page(service: &Service, head: &Parts, bare: Response<Body>) -> Response<Body> {
    let problem = match bare.status() {
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(
            bare.status(),
            format!("{} is not allowed here", head.method),
        ),
        _ => nothing(service, head),
    };
    let (mut given, _) = bare.into_parts();
    given.headers.remove(header::CONTENT_LENGTH);
    let mut page = refused(service, head, problem);
    page.headers_mut().extend(given.headers);
    page
}

fn refused(service: &Service, head: &Parts, problem: Problem) -> Response<Body> {
    failure::response(problem, head, service.app(), service.shows_errors())
}

/// Why there is no program.
fn nothing(service: &Service, head: &Parts) -> Problem {
    let mut path = Segments::new();
    let path = input::segments(head.uri.path(), &mut path, |_| None).map(|()| path);
    let found = path.and_then(|path| Ok(service.app().manifest().find(&path, HTTP_GET)?));
    match found {
        Err(problem) => problem,
        Ok(_) => Problem::new(http::StatusCode::NOT_FOUND, "there is nothing here"),
    }
}
