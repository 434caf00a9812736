//! What an application has beside its programs: routes of axum, layers of tower, static files; and its configuration when it
//! runs in a server of its own.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod base;
mod client;
mod configured;
mod files;
mod layers;
mod limits;
#[path = "../common/request.rs"]
mod request;
mod routes;
#[cfg(feature = "template")]
mod templates;
#[path = "../common/testbed.rs"]
#[expect(dead_code, reason = "the testbed itself is not needed here")]
mod testbed;
mod traversal;

use giotto::prelude::*;
use giotto::{Body, Service};
use http_body_util::BodyExt as _;
use tower_service::Service as _;

use crate::request::request;

#[derive(Serialize, Deserialize)]
struct X {
    x: i64,
}

fn squared() -> Program {
    Program::new(|X { x }: X| x * x)
        .controllers([HTTP_GET])
        .cache(3600)
        .view(BasicView::new())
}

fn app() -> App {
    App::new(Manifest::new([("squared", squared())])).cache(LocMemKeyValue::new())
}

/// What a service in this process answers.
#[derive(Debug)]
struct Reply {
    status: u16,
    fields: http::HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    async fn of(response: http::Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status.as_u16(),
            fields: head.headers,
            body: body.collect().await.unwrap().to_bytes().into(),
        }
    }

    /// Empty if there is no such field.
    fn field(&self, name: &str) -> &str {
        let field = self.fields.get(name);
        field.map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

async fn ask(service: &Service, method: &str, target: &str, fields: &[(&str, &str)]) -> Reply {
    let request = request(method, target, fields, "");
    Reply::of(service.clone().call(request).await.unwrap()).await
}

async fn get(service: &Service, target: &str) -> Reply {
    ask(service, "GET", target, &[]).await
}
