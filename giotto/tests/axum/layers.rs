//! Layers of tower around programs and routes.

use axum::Router;
use axum::routing::get as route;
use giotto::Service;
use giotto::prelude::*;
use http::header::{HeaderName, HeaderValue};
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::{X, app, ask, get, squared};

const BY: HeaderName = HeaderName::from_static("by");

fn by(name: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::appending(BY, HeaderValue::from_static(name))
}

#[tokio::test]
async fn the_last_layer_is_the_outermost() {
    let routes = Router::new().route("/routed", route(|| async { "routed" }));
    let app = app().routes(routes).layer(by("inner")).layer(by("outer"));
    let service = app.into_service().unwrap();
    for (target, status) in [
        ("/squared.txt?x=2", 200),
        ("/squared?x=a", 400),
        ("/routed", 200),
        ("/nothing", 404),
    ] {
        let reply = get(&service, target).await;
        let by: Vec<_> = reply
            .fields
            .get_all(BY)
            .iter()
            .map(|by| by.to_str().unwrap())
            .collect();
        assert_eq!(
            (reply.status, by),
            (status, vec!["inner", "outer"]),
            "{target}"
        );
    }
    let hit = get(&service, "/squared.txt?x=2").await;
    assert!(
        hit.field("cache-status").starts_with("giotto; hit"),
        "{hit:?}"
    );
}

#[tokio::test]
async fn debug_reaches_through_layers() {
    let fails = Program::new(|X { x }: X| Err::<i64, _>(Error::other(format!("no {x}"))))
        .view(BasicView::new());
    let app = App::new(Manifest::new([("fails", fails)])).layer(by("layer"));
    let service = app.into_service().unwrap();
    assert!(!get(&service, "/fails?x=1").await.text().contains("No 1"));
    let service = service.debug(true);
    assert!(get(&service, "/fails?x=1").await.text().contains("No 1"));
}

#[tokio::test]
async fn a_layer_answers_a_preflight() {
    let service = app().layer(CorsLayer::permissive()).into_service().unwrap();
    let asked = [
        ("Origin", "http://a"),
        ("Access-Control-Request-Method", "GET"),
    ];
    let reply = ask(&service, "OPTIONS", "/squared", &asked).await;
    assert_eq!(
        (reply.status, reply.field("access-control-allow-origin")),
        (200, "*")
    );
    let reply = ask(&service, "GET", "/squared?x=1", &asked).await;
    assert_eq!(
        (reply.status, reply.field("access-control-allow-origin")),
        (200, "*")
    );
}

fn compressed() -> Service {
    let long = Program::new(|X { x }: X| format!("{x} ").repeat(40_000))
        .controllers([HTTP_GET])
        .cache(3600)
        .view(BasicView::new());
    let app = App::new(Manifest::new([("long", long), ("squared", squared())]));
    let app = app.cache(LocMemKeyValue::new()).compression(false);
    app.layer(CompressionLayer::new()).into_service().unwrap()
}

/// A strong entity tag stands for the same bytes: the page, or what a layer makes of it.
#[tokio::test]
async fn a_layer_that_compresses_breaks_no_conditions() {
    let service = compressed();
    let plain = get(&service, "/long.txt?x=1").await;
    let etag = plain.field("etag").to_owned();
    assert!(etag.starts_with('"') && plain.field("content-encoding").is_empty());
    let coded = ask(
        &service,
        "GET",
        "/long.txt?x=1",
        &[("Accept-Encoding", "gzip")],
    )
    .await;
    assert_eq!(coded.field("content-encoding"), "gzip");
    assert_eq!(coded.field("etag"), format!("W/{etag}"));
    assert!(
        coded
            .field("vary")
            .to_ascii_lowercase()
            .contains("accept-encoding")
    );
    assert!(coded.body.len() < plain.body.len() / 10);
    for known in [etag.clone(), format!("W/{etag}")] {
        for accepted in ["gzip", "identity"] {
            let fields = [("Accept-Encoding", accepted), ("If-None-Match", &known)];
            let reply = ask(&service, "GET", "/long.txt?x=1", &fields).await;
            assert_eq!((reply.status, reply.field("etag")), (304, &*known));
            assert!(reply.body.is_empty() && reply.field("content-length").is_empty());
            assert_eq!(reply.field("content-encoding"), "");
            assert_eq!(reply.field("cache-control"), "no-cache");
        }
    }
}

#[tokio::test]
async fn no_content_has_no_length() {
    let service = app().layer(by("layer")).into_service().unwrap();
    let reply = ask(&service, "OPTIONS", "/squared", &[]).await;
    assert_eq!((reply.status, reply.field("content-length")), (204, ""));
}

#[tokio::test]
async fn a_layer_that_compresses_breaks_no_ranges() {
    let service = compressed();
    let plain = get(&service, "/long.txt?x=1").await;
    let etag = plain.field("etag").to_owned();
    let coded = [("Accept-Encoding", "gzip"), ("Range", "bytes=10-19")];
    let part = ask(&service, "GET", "/long.txt?x=1", &coded).await;
    assert_eq!((part.status, &*part.body), (206, &plain.body[10..20]));
    assert_eq!(
        (part.field("etag"), part.field("content-encoding")),
        (&*etag, "")
    );
    // The rest of a compressed page is not a part of the page.
    for (known, status) in [(format!("W/{etag}"), 200), (etag, 206)] {
        let fields = [coded[0], coded[1], ("If-Range", &known)];
        let reply = ask(&service, "GET", "/long.txt?x=1", &fields).await;
        assert_eq!(reply.status, status, "{known}");
    }
}
