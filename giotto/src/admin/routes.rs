//! The addresses of the admin listener, and what answers at each.
//!
//! A request to the admin listener, from its head to a response.

use std::pin::Pin;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;

use super::access::Access;
use super::live::Sent;
use super::{guard, live, metrics};
use crate::controller::http::{Answering, Answers, Body, healthz, readyz, received, text};

/// One address. Whatever an operator may ask stands in [`ROUTES`].
pub(super) struct Route {
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    pub(super) answer: fn(Access, Asked) -> Answer,
}

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only shows something, to GET and HEAD.
    Shows,
    /// It changes something, by POST.
    Changes,
}

/// What is asked of a route.
#[derive(Debug)]
pub(super) struct Asked {
    /// The query of the address.
    pub(super) query: Option<String>,
    /// The header fields.
    pub(super) fields: HeaderMap,
    /// The body of a POST.
    pub(super) body: Bytes,
}

pub(super) type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

static ROUTES: &[Route] = &[
    Route {
        path: "/",
        kind: Kind::Shows,
        answer: |access, _| Box::pin(async move { access.live.page() }),
    },
    Route {
        path: "/events",
        kind: Kind::Shows,
        answer: |access, _| {
            Box::pin(async move { live::events(access.live, access.app, access.holdings) })
        },
    },
    Route {
        path: "/find",
        kind: Kind::Shows,
        answer: |access, asked| Box::pin(live::find(access.app, asked.query)),
    },
    Route {
        path: "/explain",
        kind: Kind::Shows,
        answer: |access, asked| Box::pin(live::explain(access.app, asked.query)),
    },
    Route {
        path: "/change",
        kind: Kind::Changes,
        answer: |access, asked| {
            let sent = Sent {
                fields: asked.fields,
                body: asked.body,
                client: access.peer.map(|peer| peer.ip()),
            };
            Box::pin(live::change(access.app, access.live, sent))
        },
    },
    Route {
        path: "/healthz",
        kind: Kind::Shows,
        answer: |_, _| Box::pin(async { healthz() }),
    },
    Route {
        path: "/readyz",
        kind: Kind::Shows,
        answer: |access, asked| {
            Box::pin(async move { readyz(&access.app, asked.query.as_deref()) })
        },
    },
    Route {
        path: "/metrics",
        kind: Kind::Shows,
        answer: |access, asked| {
            Box::pin(async move { metrics::answer(access, &asked.fields).await })
        },
    },
];

impl Answers for Access {
    fn answer<'a>(&'a self, head: &'a mut Parts, body: Incoming) -> Answering<'a> {
        Box::pin(answer(self, head, body))
    }
}

/// Answers one request. Every failure is a response, too.
pub(super) async fn answer<B>(access: &Access, head: &Parts, body: B) -> Response<Body>
where
    B: http_body::Body + Send,
    B::Data: Send,
{
    let answered = answered(access, head, body).await;
    let mut response = answered.unwrap_or_else(|refused| refused);
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

async fn answered<B>(
    access: &Access,
    head: &Parts,
    body: B,
) -> Result<Response<Body>, Response<Body>>
where
    B: http_body::Body + Send,
    B::Data: Send,
{
    let changes = head.method == Method::POST;
    if let Some(why) = guard::refused(access, head, changes) {
        return Err(text(StatusCode::FORBIDDEN, why));
    }
    let at = |route: &&Route| route.path == head.uri.path();
    let mut routes = ROUTES.iter().filter(at).peekable();
    if routes.peek().is_none() {
        return Err(text(StatusCode::NOT_FOUND, "there is nothing here"));
    }
    let kind = match head.method {
        Method::GET | Method::HEAD => Kind::Shows,
        _ => Kind::Changes,
    };
    let route = routes.find(|route| route.kind == kind && (kind == Kind::Shows || changes));
    let route = route.ok_or_else(|| not_allowed(head))?;
    let body = match changes {
        false => Bytes::new(),
        true => received(body).await?,
    };
    let asked = Asked {
        query: head.uri.query().map(str::to_owned),
        fields: head.headers.clone(),
        body,
    };
    Ok((route.answer)(access.clone(), asked).await)
}

fn not_allowed(head: &Parts) -> Response<Body> {
    let mut response = text(
        StatusCode::METHOD_NOT_ALLOWED,
        "the method is not allowed here",
    );
    let routes = ROUTES.iter().filter(|route| route.path == head.uri.path());
    let methods: Vec<_> = routes
        .map(|route| match route.kind {
            Kind::Shows => "GET, HEAD",
            Kind::Changes => "POST",
        })
        .collect();
    if let Ok(allow) = HeaderValue::try_from(methods.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
