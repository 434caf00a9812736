//! `mgt/cache/doctor`, `mgt/cache/advise` and what a server says at its start, each on the real server that it is about.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod advise;
mod doctor;
#[cfg(any(feature = "redis", feature = "sqlite"))]
#[path = "../common/testbed.rs"]
mod testbed;

use bytes::Bytes;
use giotto::cache::Cache;
use giotto::management_over;
use giotto::prelude::*;
use http_body_util::{BodyExt, Empty};
use serde_json::Value;
use tower_service::Service as _;

#[derive(Serialize, Deserialize)]
struct X {
    x: i64,
}

#[derive(Serialize, Deserialize)]
struct Nothing {}

fn square(X { x }: X) -> i64 {
    x * x
}

/// A program whose pages never expire, one that is limited, and one of a single page.
fn forever() -> Manifest {
    let program = || Program::new(square).cache(0);
    Manifest::new([
        ("price", program().view(BasicView::new())),
        ("limited", program().max_entries(10).view(BasicView::new())),
        (
            "front",
            Program::new(|_: Nothing| "page".to_owned())
                .cache(0)
                .view(BasicView::new()),
        ),
    ])
}

fn app(manifest: Manifest, cache: Cache) -> App {
    managed(manifest).with_cache(cache)
}

/// The same without a cache.
fn managed(manifest: Manifest) -> App {
    let management = management_over([HTTP_GET, HTTP_POST]);
    App::new(manifest.with("mgt", management))
}

/// The page of a program under `mgt/cache/`, whatever its status.
async fn page(app: &App, method: &str, program: &str) -> String {
    let mut service = app.clone().into_service().unwrap();
    let uri = format!("http://localhost/mgt/cache/{program}");
    let request = http::Request::builder().method(method).uri(uri);
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let response = service.call(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

async fn report(app: &App, method: &str, program: &str) -> Value {
    serde_json::from_str(&page(app, method, program).await).unwrap()
}
