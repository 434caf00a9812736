//! `mgt/cache/doctor`, `mgt/cache/advise` and what a server says at its start, each on the real server that it is about.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod advise;
mod doctor;
#[cfg(feature = "redis")]
#[path = "../common/testbed.rs"]
mod testbed;

use giotto::cache::Cache;
use giotto::prelude::*;
use giotto::{Request, management};
use serde_json::Value;

#[derive(Serialize, Deserialize)]
struct X {
    x: i64,
}

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
            Program::new(|| "page".to_owned())
                .cache(0)
                .view(BasicView::new()),
        ),
    ])
}

fn app(manifest: Manifest, cache: Cache) -> App {
    App::new(manifest.with("mgt", management())).with_cache(cache)
}

async fn report(app: &App, program: &str) -> Value {
    let path = format!("mgt/cache/{program}.json");
    let page = app.invoke(&mut Request::new(CMD, &path)).await.unwrap();
    serde_json::from_slice(page.body()).unwrap()
}
