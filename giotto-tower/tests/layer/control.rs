//! What a handler sees of the cache, and tells it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use giotto_tower::CacheControl;

use crate::world::World;

/// A world whose handler uses the extractor.
fn world(handler: impl Fn(&CacheControl) + Clone + Send + Sync + 'static) -> World {
    let world = World::new();
    let origin = world.origin.clone();
    origin.says(|_, number| {
        crate::world::response(&[("cache-control", "no-store")], &number.to_string())
    });
    let route = any(move |cache: CacheControl, request| {
        handler(&cache);
        origin.clone().answer(request)
    });
    let app = Router::new().route("/", route).layer(world.layer.clone());
    World { app, ..world }
}

#[tokio::test]
async fn a_handler_says_how_long_its_response_lives_in_this_cache() {
    let world = world(|cache| {
        cache.ttl(60);
        cache.stale_while_revalidate(30);
        cache.stale_if_error(Duration::from_secs(300));
        cache.tags(["user:7"]);
        cache.tags(["all"]);
    });
    let seen = world.get("/").await;
    // What it says to the caches and browsers of the clients is another matter.
    assert_eq!(seen.field("cache-control"), "no-store");
    let seen = world.get("/").await;
    assert_eq!(
        (seen.cache_status(), seen.field("cache-control")),
        ("http; hit; ttl=60", "no-store")
    );
    world.pass(70);
    assert_eq!(world.get("/").await.text(), "1");
    assert_eq!(world.get("/").await.text(), "2");
    world.pass(100);
    assert_eq!(world.get("/").await.text(), "3");
    for (tag, text) in [("user:7", "4"), ("all", "5")] {
        world.cache.purge(tag).await.unwrap();
        world.pass(1);
        assert_eq!(world.get("/").await.text(), text);
    }
}

#[tokio::test]
async fn a_handler_keeps_its_response_out() {
    let world = world(|cache| {
        cache.ttl(60);
        cache.no_store();
    });
    assert_eq!(world.get("/").await.text(), "1");
    let seen = world.get("/").await;
    assert_eq!(
        (seen.text(), seen.cache_status()),
        ("2", "http; fwd=uri-miss; detail=no-store")
    );
}

#[tokio::test]
async fn a_handler_sees_whether_a_caller_waits_and_what_its_response_replaces() {
    let seen = Arc::<Mutex<Vec<_>>>::default();
    let noted = Arc::clone(&seen);
    let world = world(move |cache| {
        cache.ttl(60);
        cache.stale_while_revalidate(30);
        let known = (cache.is_cached(), cache.is_refresh(), cache.old_age());
        noted.lock().unwrap().push(known);
    });
    world.get("/").await;
    world.pass(70);
    world.get("/").await;
    world
        .send(crate::world::request(http::Method::POST, "/", &[]))
        .await;
    let age = Some(Duration::from_secs(70));
    let expected = [(true, false, None), (true, true, age), (false, false, None)];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn without_a_cache_it_does_nothing() {
    let cache = CacheControl::default();
    cache.ttl(60);
    cache.no_store();
    assert!(!cache.is_cached() && !cache.is_refresh() && cache.old_age().is_none());
}
