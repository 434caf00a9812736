//! Panics outside the model, stores that fail, and what an error says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use giotto::Request;
use giotto::prelude::*;

use crate::{Nothing, X, get, service};

/// Arguments whose own reading panics.
#[derive(Serialize, Deserialize)]
struct Explosive {
    #[serde(deserialize_with = "explode")]
    x: i64,
}

fn explode<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let x = i64::deserialize(deserializer)?;
    assert_ne!(x, 13, "an unlucky argument");
    Ok(x)
}

#[tokio::test]
async fn a_panic_outside_the_model_is_an_error_of_its_request_only() {
    let view = Program::new(|_: Nothing| 1)
        .cache(60)
        .view(View::new().html(|_: &i32| -> String { panic!("view") }));
    let uncached =
        Program::new(|_: Nothing| 1).view(View::new().html(|_: &i32| -> String { panic!("view") }));
    let input = Program::new(|_: Nothing| 1)
        .input_middleware(|_: &mut Request<'_>| -> Result<(), Error> { panic!("input") });
    let output = Program::new(|_: Nothing| 1).cache(60).output_middleware(
        |_: &Request<'_>, _: &mut giotto::Page| -> Result<(), Error> { panic!("output") },
    );
    let argument = Program::new(|_: Explosive| 1).cache(60);
    let manifest = Manifest::new([
        ("view", view),
        ("uncached", uncached),
        ("argument", argument.view(BasicView::new())),
        ("input", input.view(BasicView::new())),
        ("output", output.view(BasicView::new())),
    ]);
    let service = service(App::new(manifest).cache(LocMemKeyValue::new()));
    for target in [
        "/view",
        "/uncached",
        "/view",
        "/input",
        "/output",
        "/output",
        "/argument?x=13",
    ] {
        assert_eq!(get(&service, target).await.status, 500, "{target}");
    }
}

#[tokio::test]
async fn a_failing_store_breaks_no_page() {
    let store = Broken(Arc::default());
    let calls = Arc::clone(&store.0);
    let program = Program::new(|X { x }: X| x)
        .cache(60)
        .view(BasicView::new());
    let service = service(App::new(Manifest::new([("a", program)])).cache(store));
    for x in 0..50 {
        assert_eq!(
            get(&service, &format!("/a.json?x={x}")).await.body,
            x.to_string()
        );
    }
    assert!(calls.load(Ordering::SeqCst) > 0);
}

#[derive(Debug)]
struct Broken(Arc<AtomicUsize>);

impl KeyValue for Broken {
    fn get<'l0, 'l1, 'f>(&'l0 self, _: &'l1 str) -> Pending<'f, Option<Bytes>>
    where
        'l0: 'f,
        'l1: 'f,
    {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Err(giotto::cache::Error::backend(std::io::Error::other("gone"))) })
    }

    fn set<'l0, 'l1, 'f>(&'l0 self, _: &'l1 str, _: Bytes, _: Option<Duration>) -> Pending<'f, ()>
    where
        'l0: 'f,
        'l1: 'f,
    {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Err(giotto::cache::Error::backend(std::io::Error::other("gone"))) })
    }
}

/// What `async_trait` makes of an async method.
type Pending<'f, T> = std::pin::Pin<Box<dyn Future<Output = giotto::cache::Result<T>> + Send + 'f>>;

#[tokio::test]
async fn an_error_says_why_nothing_was_served_instead() {
    let app = App::new(Manifest::new([(
        "broken",
        Program::new(|X { .. }: X| Err::<String, _>(Error::other("broken")))
            .cache(3600)
            .view(View::new().html(String::clone)),
    )]));
    let service = service(app.cache(LocMemKeyValue::new()));
    let reply = get(&service, "/broken?x=1").await;
    assert_eq!(reply.status, 500);
    assert_eq!(
        reply.cache_status,
        "giotto; fwd=uri-miss; detail=first-seen"
    );
}
