//! Static files: their addresses, lifetimes and forms.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use giotto::prelude::*;
use giotto::{Assets, Service};
use tempfile::TempDir;

use crate::{Reply, X, app, ask, get};

const CSS: &str = "p { margin: 0 }";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// A folder with files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        write(folder.path(), name, content);
    }
    folder
}

fn write(folder: &Path, name: &str, content: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn serving(folder: &TempDir) -> (Service, Assets) {
    let assets = Assets::new(folder.path());
    let service = app().static_files(assets.clone()).into_service().unwrap();
    (service, assets)
}

fn lifetime(reply: &Reply) -> (u16, &str) {
    (reply.status, reply.field("cache-control"))
}

#[tokio::test]
async fn a_file_has_two_addresses() {
    let folder = folder(&[("app.css", CSS), ("a b/ä.txt", "text"), ("logo", "logo")]);
    let (service, assets) = serving(&folder);
    for (name, plain, mimetype) in [
        ("app.css", "/static/app.css", "text/css; charset=utf-8"),
        (
            "a b/ä.txt",
            "/static/a%20b/%C3%A4.txt",
            "text/plain; charset=utf-8",
        ),
        ("logo", "/static/logo", "application/octet-stream"),
    ] {
        let url = assets.url(name).unwrap();
        assert_eq!(assets.url(name).as_ref(), Some(&url));
        for (address, expected) in [(&*url, IMMUTABLE), (plain, "no-cache")] {
            let reply = get(&service, address).await;
            assert_eq!(lifetime(&reply), (200, expected), "{address}");
            assert_eq!(reply.body, fs::read(folder.path().join(name)).unwrap());
            assert_eq!(reply.field("content-type"), mimetype);
            assert_eq!(reply.field("vary"), "Accept-Encoding");
            let head = ask(&service, "HEAD", address, &[("Range", "bytes=0-1")]).await;
            assert_eq!(lifetime(&head), (200, expected));
            assert_eq!(head.field("content-length"), reply.body.len().to_string());
            assert!(head.body.is_empty());
        }
    }
    assert!(assets.url("app.css").unwrap().starts_with("/static/app."));
    for name in [
        "",
        "missing.css",
        "/app.css",
        "../app.css",
        "a b",
        "./app.css",
        "a b/",
    ] {
        assert_eq!(assets.url(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_changed_file_has_another_fingerprint() {
    let folder = folder(&[("app.css", CSS)]);
    let (service, assets) = serving(&folder);
    let old = assets.url("app.css").unwrap();
    assert_eq!(lifetime(&get(&service, &old).await), (200, IMMUTABLE));
    write(folder.path(), "app.css", "p { margin: 1 }");
    let new = assets.url("app.css").unwrap();
    assert_ne!(old, new);
    for (address, expected) in [
        (&*new, IMMUTABLE),
        // A page that was stored before, or one of a process that is newer than this one.
        (&old, "no-cache"),
        ("/static/app.0123456789abcdef.css", "no-cache"),
    ] {
        let reply = get(&service, address).await;
        assert_eq!(
            (lifetime(&reply), reply.text()),
            ((200, expected), "p { margin: 1 }")
        );
    }
    // A precompressed form is sent under the same address.
    write(folder.path(), "app.css.gz", "compressed");
    assert_ne!(assets.url("app.css").unwrap(), new);
    write(folder.path(), "late.css", CSS);
    assert_eq!(
        get(&service, &assets.url("late.css").unwrap()).await.status,
        200
    );
    fs::remove_file(folder.path().join("late.css")).unwrap();
    assert_eq!(get(&service, "/static/late.css").await.status, 404);
    // A name that looks like one with a fingerprint.
    write(folder.path(), "x.0123456789abcdef.js", "bundled");
    let reply = get(&service, "/static/x.0123456789abcdef.js").await;
    assert_eq!(
        (lifetime(&reply), reply.text()),
        ((200, "no-cache"), "bundled")
    );
}

#[tokio::test]
async fn a_precompressed_form_is_sent_to_who_accepts_it() {
    let folder = folder(&[
        ("app.css", CSS),
        ("app.css.br", "br"),
        ("app.css.gz", "gzip"),
        ("app.css.zst", "zstd"),
        ("only.js", "plain"),
        ("only.js.gz", "gzip"),
    ]);
    let (service, assets) = serving(&folder);
    let url = assets.url("app.css").unwrap();
    for (address, lasts) in [(&*url, IMMUTABLE), ("/static/app.css", "no-cache")] {
        for (accepted, coding, body) in [
            ("", "", CSS),
            ("br", "br", "br"),
            ("gzip", "gzip", "gzip"),
            ("zstd", "zstd", "zstd"),
            ("deflate", "", CSS),
            ("gzip;q=0.5, br;q=0.1", "gzip", "gzip"),
        ] {
            let reply = ask(&service, "GET", address, &[("Accept-Encoding", accepted)]).await;
            assert_eq!(
                (reply.field("content-encoding"), reply.text()),
                (coding, body)
            );
            assert_eq!(
                (lifetime(&reply), reply.field("vary")),
                ((200, lasts), "Accept-Encoding")
            );
            assert_eq!(reply.field("content-type"), "text/css; charset=utf-8");
        }
    }
    let reply = ask(
        &service,
        "GET",
        "/static/only.js",
        &[("Accept-Encoding", "br, gzip")],
    )
    .await;
    assert_eq!(reply.field("content-encoding"), "gzip");
}

#[tokio::test]
async fn a_file_is_validated_and_sent_in_parts() {
    let folder = folder(&[("app.css", CSS)]);
    let (service, _) = serving(&folder);
    let whole = get(&service, "/static/app.css").await;
    let etag = whole.field("etag");
    let other = "\"other\"";
    for (fields, status, body) in [
        (&[("If-None-Match", etag)][..], 304, ""),
        (&[("If-None-Match", other)], 200, CSS),
        (&[("If-Match", etag)], 200, CSS),
        (
            &[("If-Modified-Since", whole.field("last-modified"))],
            304,
            "",
        ),
        (&[("Range", "bytes=2-5")], 206, "{ ma"),
        (&[("Range", "bytes=-3")], 206, "0 }"),
        (&[("Range", "bytes=2-5"), ("If-Range", etag)], 206, "{ ma"),
        (&[("Range", "bytes=2-5"), ("If-Range", other)], 200, CSS),
        (
            &[
                ("Range", "bytes=2-5"),
                ("If-Range", whole.field("last-modified")),
            ],
            200,
            CSS,
        ),
        (&[("Range", "bytes=0-1,3-4")], 200, CSS),
        (&[("Range", "items=0-1")], 200, CSS),
    ] {
        let reply = ask(&service, "GET", "/static/app.css", fields).await;
        assert_eq!((reply.status, reply.text()), (status, body), "{fields:?}");
        assert_eq!(
            (reply.field("cache-control"), reply.field("etag")),
            ("no-cache", etag)
        );
    }
    for (field, value, status) in [("If-Match", other, 412), ("Range", "bytes=99-", 416)] {
        let reply = ask(&service, "GET", "/static/app.css", &[(field, value)]).await;
        assert_eq!(lifetime(&reply), (status, "no-store"));
        assert_eq!(reply.field("content-range").is_empty(), status == 412);
    }
}

#[tokio::test]
async fn files_answer_get_and_head() {
    let folder = folder(&[("app.css", CSS)]);
    let (service, _) = serving(&folder);
    for (method, status) in [
        ("POST", 405),
        ("PUT", 405),
        ("DELETE", 405),
        ("OPTIONS", 204),
    ] {
        let reply = ask(&service, method, "/static/app.css", &[]).await;
        assert_eq!(
            (reply.status, reply.field("allow")),
            (status, "GET, HEAD, OPTIONS")
        );
        assert_eq!(
            fs::read(folder.path().join("app.css")).unwrap(),
            CSS.as_bytes()
        );
    }
}

#[tokio::test]
async fn some_files_answer_at_the_root_too() {
    let folder = folder(&[
        ("favicon.ico", "icon"),
        ("robots.txt", "robots"),
        ("app.css", CSS),
    ]);
    let (service, _) = serving(&folder);
    for name in ["favicon.ico", "robots.txt"] {
        for address in [format!("/{name}"), format!("/static/{name}")] {
            let reply = get(&service, &address).await;
            assert_eq!(lifetime(&reply), (200, "no-cache"), "{address}");
        }
    }
    assert_eq!(get(&service, "/app.css").await.status, 404);
    // Without the file, the address is free.
    fs::remove_file(folder.path().join("robots.txt")).unwrap();
    let routes = axum::Router::new().route("/robots.txt", axum::routing::get(|| async { "none" }));
    let app = app().static_files(folder.path()).routes(routes);
    let service = app.into_service().unwrap();
    assert_eq!(get(&service, "/robots.txt").await.text(), "none");
}

#[tokio::test]
async fn hidden_files_folders_and_links_out_of_the_folder_are_not_served() {
    let outside = folder(&[("secret.txt", "secret"), ("folder/secret.txt", "secret")]);
    let folder = folder(&[
        ("app.css", CSS),
        ("deep/app.css", CSS),
        (".env", "secret"),
        (".git/config", "secret"),
        ("deep/.hidden", "secret"),
        ("coded.css", CSS),
    ]);
    let path = |name: &str| folder.path().join(name);
    symlink(path("deep/app.css"), path("inside.css")).unwrap();
    symlink(outside.path().join("secret.txt"), path("outside.txt")).unwrap();
    symlink(outside.path().join("folder"), path("outside")).unwrap();
    symlink("..", path("up")).unwrap();
    symlink(".env", path("shown.txt")).unwrap();
    symlink(outside.path().join("secret.txt"), path("coded.css.gz")).unwrap();
    let (service, assets) = serving(&folder);
    for name in [
        ".env",
        ".git/config",
        "deep/.hidden",
        "deep",
        "deep/",
        "",
        "outside.txt",
        "outside/secret.txt",
        "up/app.css",
        "shown.txt",
        "coded.css",
        "coded.css.gz",
    ] {
        let fields = [("Accept-Encoding", "gzip")];
        let reply = ask(&service, "GET", &format!("/static/{name}"), &fields).await;
        assert_eq!((reply.status, assets.url(name)), (404, None), "{name}");
    }
    assert_eq!(get(&service, "/static").await.status, 404);
    assert_eq!(get(&service, "/static/inside.css").await.text(), CSS);
    let url = assets.url("inside.css").unwrap();
    assert_eq!(lifetime(&get(&service, &url).await), (200, IMMUTABLE));
}

#[tokio::test]
async fn a_prefix_may_be_another() {
    let folder = folder(&[("app.css", CSS)]);
    let assets = Assets::new(folder.path()).prefix("/files/v1/");
    let service = app().static_files(assets.clone()).into_service().unwrap();
    let url = assets.url("app.css").unwrap();
    assert!(url.starts_with("/files/v1/app."), "{url}");
    assert_eq!(get(&service, &url).await.status, 200);
    assert_eq!(get(&service, "/static/app.css").await.status, 404);
}

#[tokio::test]
async fn views_find_the_files_in_their_state() {
    let folder = folder(&[("app.css", CSS)]);
    let view = View::new().html(|x: &i64, assets: State<Assets>| {
        format!("{x} {}", assets.url("app.css").unwrap_or_default())
    });
    let program = Program::new(|X { x }: X| x).view(view);
    let app = App::new(Manifest::new([("page", program)]));
    assert!(app.clone().into_service().is_err());
    let assets = Assets::new(folder.path());
    let service = app.static_files(assets.clone()).into_service().unwrap();
    let page = get(&service, "/page?x=1").await;
    assert_eq!(page.text(), format!("1 {}", assets.url("app.css").unwrap()));
}

/// The error at the start has all these words.
#[track_caller]
fn is_refused(app: App, words: &[&str]) {
    let error = app.into_service().unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "{word}: {error}");
    }
}

#[test]
fn what_cannot_be_served_is_refused_at_the_start() {
    let folder = folder(&[("robots.txt", "robots"), ("static", "a file")]);
    let named = |name: &str| {
        let program = Program::new(|X { x }: X| x).view(BasicView::new());
        App::new(Manifest::new([(name.to_owned(), program)]))
    };
    let missing = folder.path().join("missing");
    is_refused(
        app().static_files(&missing),
        &["missing'", "create it", "absolute path"],
    );
    is_refused(
        app().static_files(folder.path().join("static")),
        &["not a folder"],
    );
    is_refused(
        named("static").static_files(folder.path()),
        &["'static'", "Assets::prefix"],
    );
    is_refused(
        named("robots").static_files(folder.path()),
        &["'robots'", "/robots.txt", "rename"],
    );
    assert!(
        named("favicon")
            .static_files(folder.path())
            .into_service()
            .is_ok()
    );
    for prefix in ["", "/", "a//b", "..", ".well-known", "a b", "a?b", "ä"] {
        let assets = Assets::new(folder.path()).prefix(prefix);
        is_refused(
            app().static_files(assets),
            &["prefix", "such as \"static\""],
        );
    }
}
