//! Conditional requests and parts, answered from what is stored.

use axum::extract::Request;
use axum::response::Response;
use http::header::{IF_NONE_MATCH, RANGE};

use crate::world::{World, response, with_status};

fn tagged(_: &Request, _: usize) -> Response {
    let fields = [
        ("cache-control", "max-age=60"),
        ("etag", "\"one\""),
        ("content-type", "text/plain"),
        ("last-modified", "Tue, 14 Nov 2023 21:00:00 GMT"),
    ];
    response(&fields, "0123456789")
}

#[tokio::test]
async fn a_client_that_has_the_response_gets_304() {
    let world = World::new();
    world.origin.says(tagged);
    world.get("/").await;
    for (fields, status) in [
        (("if-none-match", "\"one\""), 304),
        (("if-none-match", "W/\"one\", \"two\""), 304),
        (("if-none-match", "*"), 304),
        (("if-none-match", "\"two\""), 200),
        (("if-modified-since", "Tue, 14 Nov 2023 21:00:00 GMT"), 304),
        (("if-modified-since", "Tue, 14 Nov 2023 20:00:00 GMT"), 200),
    ] {
        let seen = world.get_with("/", &[fields]).await;
        assert_eq!(seen.status.as_u16(), status, "{fields:?}");
        assert_eq!(seen.text(), if status == 304 { "" } else { "0123456789" });
        assert_eq!(seen.field("etag"), "\"one\"");
        assert!(seen.is_hit());
        assert!(status == 200 || !seen.fields.contains_key("content-type"));
    }
    assert_eq!(world.origin.calls(), 1);
}

/// What is to be stored must be whole: the condition is evaluated here.
#[tokio::test]
async fn a_condition_does_not_keep_a_miss_from_being_stored() {
    let world = World::new();
    world.origin.says(tagged);
    let seen = world.get_with("/", &[("if-none-match", "\"one\"")]).await;
    assert_eq!((seen.status.as_u16(), seen.text()), (304, ""));
    assert!(!world.origin.last().contains_key(IF_NONE_MATCH));
    assert_eq!(world.get("/").await.text(), "0123456789");
    assert_eq!(world.origin.calls(), 1);
}

/// Where the last response was not stored, the service behind answers the condition, without a body.
#[tokio::test]
async fn a_condition_is_passed_on_where_nothing_is_stored() {
    let world = World::new();
    let fields = [("cache-control", "private"), ("etag", "\"one\"")];
    world.origin.says(
        move |request, _| match request.headers().contains_key(IF_NONE_MATCH) {
            true => with_status(304, &fields, ""),
            false => response(&fields, "body"),
        },
    );
    world.get("/").await;
    let seen = world.get_with("/", &[("if-none-match", "\"one\"")]).await;
    assert_eq!(seen.status.as_u16(), 304);
    assert!(world.origin.last().contains_key(IF_NONE_MATCH));
    assert_eq!(world.get("/").await.text(), "body");
}

#[tokio::test]
async fn a_part_is_cut_from_the_stored_response() {
    let world = World::new();
    world.origin.says(tagged);
    world.get("/").await;
    for (range, status, text, content_range) in [
        ("bytes=2-4", 206, "234", "bytes 2-4/10"),
        ("bytes=-3", 206, "789", "bytes 7-9/10"),
        ("bytes=8-", 206, "89", "bytes 8-9/10"),
        ("bytes=20-", 416, "", "bytes */10"),
        ("pages=1", 200, "0123456789", ""),
    ] {
        let seen = world.get_with("/", &[("range", range)]).await;
        assert_eq!(
            (seen.status.as_u16(), seen.text()),
            (status, text),
            "{range}"
        );
        assert_eq!(seen.field("content-range"), content_range, "{range}");
    }
    let other = [("range", "bytes=2-4"), ("if-range", "\"two\"")];
    assert_eq!(world.get_with("/", &other).await.text(), "0123456789");
    assert_eq!(world.origin.calls(), 1);
}

/// It may be a part of a film: the rest is not fetched for it.
#[tokio::test]
async fn a_part_that_is_not_stored_is_passed_on_as_it_is() {
    let world = World::new();
    world.origin.says(|request, _| {
        assert!(request.headers().contains_key(RANGE));
        let fields = [
            ("cache-control", "max-age=60"),
            ("content-range", "bytes 0-1/10"),
        ];
        with_status(206, &fields, "01")
    });
    let seen = world.get_with("/", &[("range", "bytes=0-1")]).await;
    assert_eq!((seen.status.as_u16(), seen.text()), (206, "01"));
    world.get_with("/", &[("range", "bytes=0-1")]).await;
    assert_eq!(world.origin.calls(), 2);
}
