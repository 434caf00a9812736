//! Routes, layers and static files of an application below a path of its host.

use std::fs;

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::Redirect;
use axum::routing::get as route;
use giotto::prelude::*;
use giotto::{Assets, Service};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::{ask, get, squared};

fn app(folder: &tempfile::TempDir) -> App {
    for (name, text) in [
        ("app.css", "p {}"),
        ("robots.txt", "a"),
        ("favicon.ico", "b"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let routes = Router::new()
        .route("/own", route(|uri: Uri| async move { uri.to_string() }))
        .route("/to", route(|| async { Redirect::to("/own") }))
        .route(
            "/away",
            route(|| async { Redirect::to("https://example.org/") }),
        )
        .route("/bare", route(|| async { StatusCode::NOT_FOUND }));
    let style = Program::new(|_: crate::X| ()).view(
        View::new().html(|_: &(), assets: State<Assets>| assets.url("app.css").unwrap_or_default()),
    );
    let manifest = Manifest::new([("squared", squared()), ("style", style)]);
    App::new(manifest)
        .base("/library")
        .routes(routes)
        .static_files(folder.path())
}

async fn check(service: &Service) {
    for (target, status, text) in [
        ("/library/own?a", 200, "/own?a"),
        ("/library/bare", 404, "/library/bare"),
        ("/library/nothing", 404, "/library/nothing"),
        ("/own", 404, "this application is at /library/"),
        ("/library/squared.json?x=12", 200, "144"),
        ("/library/robots.txt", 200, "a"),
        ("/library/favicon.ico", 200, "b"),
        ("/library/static/app.css", 200, "p {}"),
        ("/static/app.css", 404, "this application is at /library/"),
        ("/robots.txt", 404, "this application is at /library/"),
    ] {
        let reply = get(service, target).await;
        assert_eq!(reply.status, status, "{target}");
        assert!(reply.text().contains(text), "{target}: {}", reply.text());
    }
    let to = get(service, "/library/to").await;
    assert_eq!(to.field("location"), "/library/own");
    let away = get(service, "/library/away").await;
    assert_eq!(away.field("location"), "https://example.org/");
    let style = get(service, "/library/style?x=1").await;
    assert!(
        style.text().starts_with("/library/static/app."),
        "{}",
        style.text()
    );
    let file = get(service, style.text()).await;
    assert!(file.field("cache-control").contains("immutable"));
    let post = ask(service, "POST", "/library/static/app.css", &[]).await;
    assert_eq!(post.status, 405);
}

#[tokio::test]
async fn routes_and_files_are_below_the_base_and_do_not_know_it() {
    let folder = tempfile::tempdir().unwrap();
    check(&app(&folder).into_service().unwrap()).await;
}

#[tokio::test]
async fn layers_are_inside_of_the_base() {
    let folder = tempfile::tempdir().unwrap();
    let value = axum::http::HeaderValue::from_static("library");
    let layer = SetResponseHeaderLayer::overriding(axum::http::header::SERVER, value);
    let service = app(&folder).layer(layer).into_service().unwrap();
    check(&service).await;
    let reply = get(&service, "/library/squared.json?x=12").await;
    assert_eq!(reply.field("server"), "library");
}

/// A router that removes the prefix before it asks, as `nest_service` does, needs the setting that says so.
#[tokio::test]
async fn an_application_that_is_mounted_below_its_base_has_the_prefix_in_its_addresses() {
    use tower_service::Service as _;

    let moved = Program::new(|_: crate::X| Redirection::to("/squared?x=1")).view(BasicView::new());
    let manifest = || Manifest::new([("moved", moved)]);
    let app = App::new(manifest())
        .base("/reports")
        .cache(LocMemKeyValue::new());
    let flags = [
        "--config",
        "/dev/null",
        "--set",
        "http.proxy_strips_base=true",
    ];
    let service = app.configured_with(flags).unwrap().into_service().unwrap();
    let mut router: Router = Router::new().nest_service("/reports", service);
    let request = axum::http::Request::get("/reports/moved?x=1");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let reply = router.call(request).await.unwrap();
    assert_eq!(reply.headers()["location"], "/reports/squared?x=1");
}
