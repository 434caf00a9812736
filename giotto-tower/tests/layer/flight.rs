//! Single flight: one request for all callers that wait, whatever becomes of them.

use axum::body::Body;
use http::StatusCode;

use crate::world::{World, get, response, until, with_status};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_cold_requests_run_the_handler_once() {
    let world = World::new();
    world.origin.hold();
    let requests = world.spawn(1_000, |_| get("/", &[]));
    until("all others wait", || world.cache.counts().collapsed == 999).await;
    world.origin.release();
    let seen = requests.join_all().await;
    assert!(seen.iter().all(|seen| seen.text() == "1"));
    let collapsed = seen.iter().filter(|seen| {
        seen.cache_status() == "http; fwd=uri-miss; ttl=60; collapsed; detail=first-seen"
    });
    assert_eq!(collapsed.count(), 999);
    assert_eq!(world.origin.calls(), 1);
}

#[tokio::test]
async fn a_disconnecting_client_does_not_stop_what_is_stored() {
    let world = World::new();
    world.origin.hold();
    let mut requests = world.spawn(1, |_| get("/", &[]));
    until("the request is sent", || world.origin.calls() == 1).await;
    requests.shutdown().await;
    world.origin.release();
    world.cache.settle().await;
    assert!(world.get("/").await.is_hit());
    assert_eq!(world.origin.calls(), 1);

    // The client leaves after it has got the head.
    drop(world.head(get("/left", &[])).await);
    world.cache.settle().await;
    assert!(world.get("/left").await.is_hit());
}

#[tokio::test]
async fn a_handler_that_panics_fails_its_caller_alone() {
    let world = World::new();
    world.origin.says(|_, number| match number {
        1 => panic!("the handler panics"),
        number => response(&[("cache-control", "max-age=60")], &number.to_string()),
    });
    let seen = world.get("/").await;
    assert_eq!(seen.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(seen.cache_status().ends_with("detail=panicked"), "{seen:?}");
    assert_eq!(world.get("/").await.text(), "2");
}

#[tokio::test]
async fn what_may_not_be_shared_is_not_waited_for_again_soon() {
    let world = World::saying(&[("cache-control", "private")]);
    assert_eq!(world.get("/").await.text(), "1");
    world.origin.hold();
    let requests = world.spawn(10, |_| get("/", &[]));
    until("all requests are sent side by side", || {
        world.origin.calls() == 11
    })
    .await;
    world.origin.release();
    assert_eq!(requests.join_all().await.len(), 10);
    let seen = world.get("/").await;
    assert_eq!(seen.cache_status(), "http; fwd=uri-miss; detail=private");
}

/// The response to a user who is signed in says nothing about what others get.
#[tokio::test]
async fn a_private_response_to_a_request_with_credentials_leaves_others_their_own() {
    let world = World::new();
    world.origin.says(
        |request, number| match request.headers().contains_key("cookie") {
            true => response(&[("cache-control", "private")], &number.to_string()),
            false => response(
                &[("cache-control", "max-age=60, stale-while-revalidate=60")],
                &number.to_string(),
            ),
        },
    );
    let cookie = [("cookie", "user=7")];
    assert_eq!(world.get_with("/", &cookie).await.text(), "1");
    assert_eq!(world.get("/").await.text(), "2");
    world.pass(70);
    // Stale: the request with a cookie gets it, too, as nothing says that it may not. Its own is not stored.
    world.get_with("/", &cookie).await;
    assert!(world.get("/").await.is_hit());
    world.origin.hold();
    let requests = world.spawn(10, |_| get("/other", &cookie));
    until("one request is sent", || world.origin.calls() >= 4).await;
    let others = world.spawn(10, |_| get("/other", &[]));
    world.origin.release();
    requests.join_all().await;
    let others = others.join_all().await;
    let first = others[0].text().to_owned();
    assert!(others.iter().all(|seen| seen.text() == first), "{others:?}");
}

/// A response that is not for others is no failure: it does not put off the next request for a stale one.
#[tokio::test]
async fn a_private_response_to_a_request_with_credentials_puts_nothing_off() {
    let world = World::new();
    world.origin.says(|request, number| {
        let value = match request.headers().contains_key("cookie") {
            true => "private",
            false => "max-age=60, stale-if-error=600",
        };
        response(&[("cache-control", value)], &number.to_string())
    });
    assert_eq!(world.get("/").await.text(), "1");
    world.pass(70);
    assert_eq!(
        world.get_with("/", &[("cookie", "user=7")]).await.text(),
        "2"
    );
    assert_eq!(world.get("/").await.text(), "3");
    assert!(world.get("/").await.is_hit());
}

#[tokio::test]
async fn callers_that_wait_for_an_error_each_get_their_own() {
    let world = World::new();
    world
        .origin
        .says(|_, number| with_status(500, &[], &number.to_string()));
    world.origin.hold();
    let requests = world.spawn(10, |_| get("/", &[]));
    until("one request is sent", || world.origin.calls() == 1).await;
    world.origin.release();
    let mut seen: Vec<_> = requests.join_all().await;
    seen.sort_by_key(|seen| seen.text().parse::<u64>().unwrap());
    let texts: Vec<_> = seen.iter().map(|seen| seen.text().to_owned()).collect();
    assert_eq!(texts, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
}

#[tokio::test]
async fn a_service_inside_the_layer_may_have_the_same_layer() {
    let world = World::new();
    let app = world.app.clone().layer(world.layer.clone());
    let world = World { app, ..world };
    assert_eq!(world.get("/").await.text(), "1");
    assert_eq!(world.get("/").await.text(), "1");
    let request = http::Request::builder()
        .uri("/x")
        .body(Body::empty())
        .unwrap();
    assert_eq!(world.send(request).await.text(), "2");
}
