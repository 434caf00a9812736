//! What the cache has no part in reaches the service behind as it is, and its response the client.

use axum::body::Body;
use http::{Method, Request, StatusCode};

use crate::world::{World, request, response};

#[tokio::test]
async fn requests_that_no_response_is_stored_for_are_passed_on() {
    let world = World::new();
    world.get("/").await;
    for (method, fields, status) in [
        (Method::POST, ("x", ""), "http; fwd=method"),
        (
            Method::OPTIONS,
            ("x", ""),
            "http; fwd=method; detail=method",
        ),
        (
            Method::GET,
            ("upgrade", "websocket"),
            "http; fwd=bypass; detail=upgrade",
        ),
        (
            Method::GET,
            ("if-match", "\"1\""),
            "http; fwd=bypass; detail=precondition",
        ),
        (
            Method::GET,
            ("if-unmodified-since", "x"),
            "http; fwd=bypass; detail=precondition",
        ),
    ] {
        let calls = world.origin.calls();
        let seen = world.send(request(method, "/", &[fields])).await;
        assert_eq!(seen.cache_status(), status);
        assert_eq!(world.origin.calls(), calls + 1);
        assert_eq!(world.origin.last()[fields.0], fields.1);
    }
    let mut with_body = Request::new(Body::from("body"));
    *with_body.uri_mut() = "/".parse().unwrap();
    let seen = world.send(with_body).await;
    assert_eq!(seen.cache_status(), "http; fwd=bypass; detail=request-body");
}

#[tokio::test]
async fn an_upgrade_keeps_what_its_response_carries() {
    #[derive(Clone)]
    struct Upgraded;
    let world = World::new();
    world.origin.says(|_, _| {
        let mut response = response(&[("upgrade", "websocket"), ("connection", "upgrade")], "");
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.extensions_mut().insert(Upgraded);
        response
    });
    let asked = request(
        Method::GET,
        "/",
        &[("upgrade", "websocket"), ("connection", "upgrade")],
    );
    let response = world.head(asked).await;
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert!(response.extensions().get::<Upgraded>().is_some());
    assert_eq!(response.headers()["connection"], "upgrade");
}

#[tokio::test]
async fn what_belongs_to_a_connection_or_to_one_response_is_not_stored() {
    let world = World::saying(&[
        ("cache-control", "max-age=60"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("x-kept", "1"),
    ]);
    assert_eq!(world.get("/").await.field("x-hop"), "1");
    let hit = world.get("/").await;
    assert!(hit.is_hit());
    for name in ["connection", "x-hop", "keep-alive"] {
        assert!(!hit.fields.contains_key(name), "{name}");
    }
    assert_eq!(hit.field("x-kept"), "1");
}

#[tokio::test]
async fn a_cache_behind_is_heard() {
    let world = World::saying(&[
        ("cache-control", "max-age=60"),
        ("age", "20"),
        ("cache-status", "origin; hit"),
        ("warning", "110 - \"stale\""),
    ]);
    let seen = world.get("/").await;
    assert_eq!(
        seen.cache_status(),
        "origin; hit, http; fwd=uri-miss; stored; detail=first-seen"
    );
    world.pass(10);
    let hit = world.get("/").await;
    assert_eq!(hit.field("age"), "30");
    assert!(hit.cache_status().ends_with("http; hit; ttl=30"), "{hit:?}");
    world.pass(30);
    assert_eq!(world.get("/").await.text(), "2");
}
