//! Unsafe requests make old what they may have changed (RFC 9111, 4.4).

use http::Method;

use crate::world::{World, request, response, with_status};

const FIELDS: &[(&str, &str)] = &[("cache-control", "max-age=60")];

#[tokio::test]
async fn a_successful_unsafe_request_removes_what_is_stored_for_its_uri() {
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let world = World::saying(FIELDS);
        world.get("/a").await;
        world.get("/b").await;
        let seen = world.send(request(method.clone(), "/a", &[])).await;
        assert_eq!(seen.cache_status(), "http; fwd=method", "{method}");
        assert_eq!(world.get("/b").await.text(), "2");
        assert_eq!(world.get("/a").await.text(), "4");
    }
}

#[tokio::test]
async fn an_unsafe_request_that_fails_removes_nothing() {
    let world = World::saying(FIELDS);
    world.get("/a").await;
    for status in [400, 404, 409, 500] {
        world.origin.says(move |_, _| with_status(status, &[], ""));
        world.send(request(Method::POST, "/a", &[])).await;
        assert_eq!(world.get("/a").await.text(), "1");
    }
}

#[tokio::test]
async fn safe_requests_remove_nothing() {
    let world = World::saying(FIELDS);
    world.get("/a").await;
    for method in [Method::OPTIONS, Method::TRACE, Method::HEAD] {
        world.send(request(method, "/a", &[])).await;
        assert_eq!(world.get("/a").await.text(), "1");
    }
}

#[tokio::test]
async fn the_uris_that_the_response_names_are_removed_too_if_they_are_of_this_host() {
    let world = World::saying(FIELDS);
    let host = [("host", "example.com")];
    for uri in ["/list", "/made", "/other"] {
        world.get_with(uri, &host).await;
    }
    world.origin.says(|request, number| match request.method() {
        &Method::POST => with_status(
            201,
            &[
                ("location", "/made"),
                ("content-location", "http://other.example/other"),
            ],
            "",
        ),
        _ => response(FIELDS, &number.to_string()),
    });
    world.send(request(Method::POST, "/list", &host)).await;
    assert_eq!(world.get_with("/other", &host).await.text(), "3");
    assert_eq!(world.get_with("/made", &host).await.text(), "5");
    assert_eq!(world.get_with("/list", &host).await.text(), "6");
}

#[tokio::test]
async fn the_query_of_a_request_is_ordered_as_in_its_key() {
    let world = World::saying(FIELDS);
    world.get("/?a=1&b=2").await;
    world.send(request(Method::POST, "/?b=2&a=1", &[])).await;
    assert_eq!(world.get("/?a=1&b=2").await.text(), "3");
}

/// The unsafe request is answered while the safe one still is with the handler, which may have read what was there before.
#[tokio::test]
async fn a_response_that_was_begun_before_an_unsafe_request_is_not_kept() {
    for vary in ["", "accept-language"] {
        let world = World::new();
        let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
        let app = {
            let gate = std::sync::Arc::clone(&gate);
            axum::Router::new()
                .fallback(move |request: axum::extract::Request| {
                    let gate = std::sync::Arc::clone(&gate);
                    async move {
                        if request.method() == Method::GET {
                            gate.acquire().await.unwrap().forget();
                        }
                        response(&[("cache-control", "max-age=60"), ("vary", vary)], "old")
                    }
                })
                .layer(world.layer.clone())
        };
        let world = World { app, ..world };
        let first = world.spawn(1, |_| crate::world::get("/", &[]));
        crate::world::until("it is sent", || world.cache.in_flight() == 1).await;
        world.send_unsettled(request(Method::POST, "/", &[])).await;
        gate.add_permits(1);
        first.join_all().await;
        world.cache.settle().await;
        gate.add_permits(1);
        assert!(!world.get("/").await.is_hit(), "{vary:?}");
    }
}
