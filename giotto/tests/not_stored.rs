//! Pages that are not stored, over HTTP: what the fields of the response say, and what the next request gets.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use giotto::cache::Cache;
use giotto::cache::testing::Chaos;
use giotto::prelude::*;
use http_body_util::{BodyExt, Empty};
use tower_service::Service as _;

#[derive(Serialize, Deserialize)]
struct Nothing {}

/// `page` shows `bytes` letters, and must not be stored once `no_store` says so.
fn program(no_store: &Arc<AtomicBool>, bytes: usize) -> Program {
    let no_store = Arc::clone(no_store);
    let model = move |_: Nothing, control: CacheControl| {
        if no_store.load(Ordering::SeqCst) {
            control.no_store();
        }
        "x".repeat(bytes)
    };
    Program::new(model).cache(3_600).view(BasicView::new())
}

fn app(program: Program, store: impl KeyValue) -> App {
    let cache = Cache::builder(Arc::new(store)).max_entry(1_000).build();
    App::new(Manifest::new([("page", program)])).with_cache(cache)
}

/// The fields `Cache-Control`, `ETag` and `Cache-Status` of the page.
async fn fields(app: &App) -> [Option<String>; 3] {
    let mut service = app.clone().into_service().unwrap();
    let request = http::Request::get("/page.txt").body(Empty::<Bytes>::new());
    let response = service.call(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let fields = ["cache-control", "etag", "cache-status"].map(|name| {
        let field = response.headers().get(name)?;
        Some(field.to_str().unwrap().to_owned())
    });
    response.into_body().collect().await.unwrap();
    app.shared_cache().settle().await;
    fields
}

#[tokio::test]
async fn a_page_that_must_not_be_stored_says_so_and_takes_the_older_one_with_it() {
    for is_outside in [false, true] {
        let no_store = Arc::new(AtomicBool::new(false));
        let (memory, program) = (LocMemKeyValue::new(), program(&no_store, 3));
        let app = match is_outside {
            false => app(program, memory),
            true => app(program, Chaos::new(memory)),
        };
        let [_, etag, status] = fields(&app).await;
        assert!(etag.is_some() && status.unwrap().contains("; stored"));
        assert!(fields(&app).await[2].as_ref().unwrap().contains("hit"));

        no_store.store(true, Ordering::SeqCst);
        let mut request = giotto::Request::new(CMD, "page.txt").mode(giotto::cache::Mode::Refresh);
        app.invoke(&mut request).await.unwrap();
        app.shared_cache().settle().await;
        for _ in 0..2 {
            let [control, etag, status] = fields(&app).await;
            assert_eq!((control.as_deref(), etag), (Some("no-store"), None));
            let status = status.unwrap();
            assert!(
                status.contains("no-store") && !status.contains("stored"),
                "{status}"
            );
        }
    }
}

#[tokio::test]
async fn a_page_that_is_too_large_says_so() {
    let no_store = Arc::new(AtomicBool::new(false));
    let app = app(program(&no_store, 1_001), Chaos::new(LocMemKeyValue::new()));
    for expected in [
        "giotto; fwd=uri-miss; detail=\"first-seen, too-large\"",
        "giotto; fwd=uri-miss; detail=too-large",
    ] {
        assert_eq!(fields(&app).await[2].as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn a_full_store_is_not_said_to_store() {
    for is_layered in [false, true] {
        let (no_store, full) = (Arc::default(), Chaos::new(LocMemKeyValue::new()));
        full.full(true);
        let memory: Arc<dyn KeyValue> = Arc::new(LocMemKeyValue::new());
        let app = match is_layered {
            false => app(program(&no_store, 3), full),
            true => {
                let layers = vec![memory, Arc::new(full)];
                app(program(&no_store, 3), LayeredKeyValue::new(layers))
            }
        };
        let expected = "giotto; fwd=uri-miss; detail=\"first-seen, store-failed\"";
        assert_eq!(fields(&app).await[2].as_deref(), Some(expected));
    }
}
