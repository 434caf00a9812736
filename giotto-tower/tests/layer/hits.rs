//! A response that is stored is served without its handler.

use http::Method;

use crate::world::{World, get, request, response};

#[tokio::test]
async fn a_hit_does_not_touch_the_handler() {
    let world = World::new();
    let first = world.get("/").await;
    assert_eq!(first.text(), "1");
    assert_eq!(
        first.cache_status(),
        "http; fwd=uri-miss; stored; detail=first-seen"
    );
    world.pass(20);
    let second = world.get("/").await;
    assert_eq!(second.text(), "1");
    assert_eq!(second.cache_status(), "http; hit; ttl=40");
    assert_eq!(second.field("age"), "20");
    assert_eq!(second.field("cache-control"), "max-age=60");
    assert_eq!(second.field("date"), "Tue, 14 Nov 2023 22:13:20 GMT");
    assert_eq!(world.origin.calls(), 1);
    world.pass(41);
    let third = world.get("/").await;
    assert_eq!(third.text(), "2");
    assert_eq!(
        third.cache_status(),
        "http; fwd=stale; stored; detail=expired"
    );
}

#[tokio::test]
async fn a_response_that_says_nothing_is_stored_only_by_a_policy() {
    let world = World::saying(&[]);
    assert_eq!(world.get("/").await.text(), "1");
    assert_eq!(world.get("/").await.text(), "2");

    let world = World::with(|layer| layer.policy(std::time::Duration::from_secs(60)).unwrap());
    world
        .origin
        .says(|_, number| response(&[], &number.to_string()));
    assert_eq!(world.get("/").await.text(), "1");
    assert_eq!(world.get("/").await.text(), "1");
    world.pass(61);
    assert_eq!(world.get("/").await.text(), "2");
}

#[tokio::test]
async fn hosts_paths_and_queries_are_told_apart() {
    let world = World::new();
    let uris = ["/a", "/b", "/a?x=1", "/a?x=2", "//a", "/A", "/a?"];
    for (number, uri) in uris.iter().enumerate() {
        assert_eq!(
            world.get(uri).await.text(),
            (number + 1).to_string(),
            "{uri}"
        );
    }
    for (number, uri) in uris.iter().enumerate() {
        assert_eq!(
            world.get(uri).await.text(),
            (number + 1).to_string(),
            "{uri}"
        );
    }
    assert_eq!(
        world
            .get_with("/a", &[("host", "one.example")])
            .await
            .text(),
        "8"
    );
    assert_eq!(
        world
            .get_with("/a", &[("host", "TWO.example")])
            .await
            .text(),
        "9"
    );
    assert_eq!(
        world
            .get_with("/a", &[("host", "two.example")])
            .await
            .text(),
        "9"
    );
    assert_eq!(world.get("/a").await.text(), "1");
}

#[tokio::test]
async fn a_host_that_is_none_is_not_cached() {
    let world = World::new();
    for host in ["example.com/a", "a b", "a@b"] {
        let seen = world.get_with("/b", &[("host", host)]).await;
        assert_eq!(seen.cache_status(), "http; fwd=bypass; detail=no-key");
    }
    assert_eq!(world.origin.calls(), 3);
}

#[tokio::test]
async fn queries_are_one_in_any_order_unless_they_are_taken_as_they_are() {
    let world = World::new();
    assert_eq!(world.get("/?a=1&b=2").await.text(), "1");
    assert_eq!(world.get("/?b=2&a=1").await.text(), "1");
    let world = World::with(|layer| layer.query(giotto_tower::Query::AsItIs));
    assert_eq!(world.get("/?a=1&b=2").await.text(), "1");
    assert_eq!(world.get("/?b=2&a=1").await.text(), "2");
    let world = World::with(|layer| layer.query(["q"]));
    assert_eq!(world.get("/?q=1&utm=2").await.text(), "1");
    assert_eq!(world.get("/?q=1").await.text(), "1");
    assert_eq!(world.get("/?q=2").await.text(), "2");
}

#[tokio::test]
async fn the_key_may_be_the_applications_own() {
    let world = World::with(|layer| {
        layer.key(|parts| {
            let path = parts.uri.path();
            (path != "/live").then(|| path.to_owned())
        })
    });
    assert_eq!(world.get("/?a=1").await.text(), "1");
    assert_eq!(world.get("/?a=2").await.text(), "1");
    assert_eq!(world.get("/live").await.text(), "2");
    assert_eq!(world.get("/live").await.text(), "3");
}

#[tokio::test]
async fn a_head_is_answered_from_a_stored_get_and_stores_nothing() {
    let world = World::new();
    let head = || request(Method::HEAD, "/", &[]);
    let missed = world.send(head()).await;
    assert_eq!(
        missed.cache_status(),
        "http; fwd=uri-miss; detail=first-seen"
    );
    assert_eq!(world.get("/").await.text(), "2");
    let hit = world.send(head()).await;
    assert!(hit.is_hit());
    assert_eq!((hit.field("content-length"), hit.text()), ("1", ""));
    assert_eq!(world.origin.calls(), 2);
}

#[tokio::test]
async fn two_routers_in_one_do_not_share_a_key() {
    let world = World::new();
    let inner = || world.origin.router().layer(world.layer.clone());
    let app = axum::Router::new().nest("/a", inner()).nest("/b", inner());
    let world = World { app, ..world };
    assert_eq!(world.get("/a/x").await.text(), "1");
    assert_eq!(world.get("/b/x").await.text(), "2");
    assert_eq!(world.get("/a/x").await.text(), "1");
}

#[tokio::test]
async fn a_key_of_the_applications_own_is_of_the_whole_uri_in_a_nested_router() {
    let world = World::with(|layer| layer.key(|parts| Some(parts.uri.path().to_owned())));
    let inner = || world.origin.router().layer(world.layer.clone());
    let app = axum::Router::new().nest("/a", inner()).nest("/b", inner());
    let world = World { app, ..world };
    assert_eq!(world.get("/a/x").await.text(), "1");
    assert_eq!(world.get("/b/x").await.text(), "2");
    world.send(request(Method::POST, "/a/x", &[])).await;
    assert_eq!(world.get("/b/x").await.text(), "2");
    assert_eq!(world.get("/a/x").await.text(), "4");
}

#[tokio::test]
async fn a_route_layer_caches_its_routes() {
    use axum::routing::any;
    let world = World::new();
    let origin = world.origin.clone();
    let app = axum::Router::new()
        .route(
            "/x/{id}",
            any(move |request| origin.clone().answer(request)),
        )
        .route_layer(world.layer.clone());
    let world = World { app, ..world };
    assert_eq!(world.get("/x/1").await.text(), "1");
    assert_eq!(world.get("/x/1").await.text(), "1");
    assert_eq!(world.get("/x/2").await.text(), "2");
    assert_eq!(world.send(get("/y", &[])).await.status, 404);
}
