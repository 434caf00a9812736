//! Revalidation: the service behind says by the validators of the stored response that it is still valid.

use axum::extract::Request;
use axum::response::Response;
use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};

use crate::world::{World, get, response, until, with_status};

/// A handler that knows conditional requests: the response has an entity tag, and a number for each that is made.
fn tagged(cache_control: &'static str) -> impl Fn(&Request, usize) -> Response {
    move |request, number| {
        let fields = [
            ("cache-control", cache_control),
            ("etag", "\"one\""),
            ("x-number", &*number.to_string()),
        ];
        match request.headers().get(IF_NONE_MATCH) {
            Some(tag) if tag == "\"one\"" => with_status(304, &fields, ""),
            _ => response(&fields, &number.to_string()),
        }
    }
}

/// A cookie that is for one client reaches it, whichever of its responses brings it, and no other client.
#[tokio::test]
async fn a_private_field_of_a_304_is_for_the_client_that_asked() {
    let world = World::new();
    world.origin.says(|request, number| {
        let cookie = format!("user={number}");
        let fields = [
            ("cache-control", "max-age=60, private=\"set-cookie\""),
            ("etag", "\"one\""),
            ("set-cookie", &*cookie),
        ];
        match request.headers().contains_key(IF_NONE_MATCH) {
            true => with_status(304, &fields, ""),
            false => response(&fields, "page"),
        }
    });
    for user in ["user=1", "user=2", "user=3"] {
        let own = world.get("/").await;
        assert_eq!((own.text(), own.field("set-cookie")), ("page", user));
        for _ in 0..2 {
            let other = world.get("/").await;
            assert_eq!((other.text(), other.field("set-cookie")), ("page", ""));
        }
        world.pass(61);
    }
}

#[tokio::test]
async fn a_304_makes_the_stored_response_fresh_again_with_its_new_fields() {
    let world = World::new();
    world.origin.says(tagged("max-age=60"));
    world.get("/").await;
    world.pass(70);
    let seen = world.get("/").await;
    assert_eq!((seen.status.as_u16(), seen.text()), (200, "1"));
    assert_eq!(
        seen.cache_status(),
        "http; fwd=stale; fwd-status=304; stored; detail=expired"
    );
    assert_eq!((seen.field("x-number"), seen.field("age")), ("2", "0"));
    assert_eq!(world.origin.last()[IF_NONE_MATCH], "\"one\"");
    world.pass(50);
    let hit = world.get("/").await;
    assert!(hit.is_hit());
    assert_eq!(
        (hit.text(), hit.field("x-number"), hit.field("age")),
        ("1", "2", "50")
    );
}

#[tokio::test]
async fn a_modification_date_is_a_validator_too() {
    let world = World::new();
    let date = "Tue, 14 Nov 2023 21:00:00 GMT";
    world.origin.says(move |request, number| {
        let fields = [("cache-control", "max-age=60"), ("last-modified", date)];
        match request.headers().contains_key(IF_MODIFIED_SINCE) {
            true => with_status(304, &fields, ""),
            false => response(&fields, &number.to_string()),
        }
    });
    world.get("/").await;
    world.pass(70);
    let seen = world.get("/").await;
    assert_eq!((seen.text(), seen.field("last-modified")), ("1", date));
    assert_eq!(world.origin.last()[IF_MODIFIED_SINCE], date);
    assert!(seen.fields.contains_key(LAST_MODIFIED));
}

#[tokio::test]
async fn a_response_that_is_never_fresh_is_revalidated_each_time() {
    for cache_control in ["no-cache", "max-age=0", "no-cache, max-age=60"] {
        let world = World::new();
        world.origin.says(tagged(cache_control));
        for number in 1..=4 {
            let seen = world.get("/").await;
            assert_eq!(
                (seen.status.as_u16(), seen.text()),
                (200, "1"),
                "{cache_control}: {seen:?}"
            );
            assert_eq!(seen.field("x-number"), number.to_string());
        }
        assert_eq!(world.origin.calls(), 4);
    }
}

#[tokio::test]
async fn a_new_response_replaces_the_old_one() {
    let world = World::new();
    world.origin.says(|_, number| {
        let tag = format!("\"{number}\"");
        response(
            &[("cache-control", "max-age=60"), ("etag", &tag)],
            &number.to_string(),
        )
    });
    world.get("/").await;
    world.pass(70);
    let seen = world.get("/").await;
    assert_eq!((seen.text(), seen.field("etag")), ("2", "\"2\""));
    assert!(world.get("/").await.is_hit());
    assert!(world.origin.last().contains_key(IF_NONE_MATCH));
}

#[tokio::test]
async fn callers_that_wait_for_a_revalidation_get_the_old_body() {
    let world = World::new();
    world.origin.says(tagged("max-age=60"));
    world.get("/").await;
    world.pass(70);
    world.origin.hold();
    let requests = world.spawn(20, |_| get("/", &[]));
    until("all others wait", || world.cache.counts().collapsed == 19).await;
    world.origin.release();
    assert!(
        requests
            .join_all()
            .await
            .iter()
            .all(|seen| seen.text() == "1")
    );
    assert_eq!(world.origin.calls(), 2);
}

/// A server that compresses may answer so to every conditional request.
#[tokio::test]
async fn a_304_with_another_validator_updates_nothing() {
    let world = World::new();
    world.origin.says(tagged("max-age=60"));
    world.get("/").await;
    world.pass(70);
    world.origin.says(
        |request, number| match request.headers().contains_key(IF_NONE_MATCH) {
            true => with_status(
                304,
                &[("etag", "\"other\""), ("cache-control", "max-age=60")],
                "",
            ),
            false => response(&[], &number.to_string()),
        },
    );
    let seen = world.get("/").await;
    assert_eq!(
        (seen.status.as_u16(), seen.text(), seen.field("etag")),
        (200, "1", "\"one\"")
    );
    assert_eq!(world.get("/").await.text(), "3");
}

#[tokio::test]
async fn a_stale_response_is_revalidated_in_the_background() {
    let world = World::new();
    world
        .origin
        .says(tagged("max-age=60, stale-while-revalidate=60"));
    world.get("/").await;
    world.pass(70);
    assert_eq!(world.get("/").await.text(), "1");
    let seen = world.get("/").await;
    assert_eq!(
        (seen.cache_status(), seen.text()),
        ("http; hit; ttl=60", "1")
    );
    assert_eq!(seen.field(ETAG.as_str()), "\"one\"");
    assert_eq!(world.origin.calls(), 2);
}
