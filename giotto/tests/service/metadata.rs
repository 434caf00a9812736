//! A response with a status and fields: they are part of the page, wherever it is served from.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use giotto::cache::{Cache, CacheControl, Clock, DatabaseKeyValue, Entry, Key, Metadata};
use giotto::prelude::*;
use giotto::{Bare, Page, Request};

use crate::{Nothing, Reply, X, app, ask, get, service};

/// No view can show it without a renderer of its own.
struct Song {
    title: String,
}

const MODIFIED: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

/// A model of each kind that returns a response.
fn plain(X { x }: X) -> Response<i64> {
    described(x)
}

async fn awaited(X { x }: X) -> Response<i64> {
    described(x)
}

fn fallible(X { x }: X) -> Result<Response<i64>, Error> {
    match x {
        ..0 => Err(Error::not_found("negative")),
        _ => Ok(described(x)),
    }
}

async fn controlled(X { x }: X, control: CacheControl) -> Result<Response<i64>, Redirection> {
    control.ttl(60);
    match x {
        ..0 => Err(Redirection::to("/plain?x=0")),
        _ => Ok(described(x)),
    }
}

#[model]
fn attributed(x: i64) -> Result<Response<i64>, std::num::TryFromIntError> {
    u8::try_from(x).map(|x| described(x.into()))
}

#[model]
async fn attributed_async(x: i64) -> Response<i64> {
    described(x)
}

fn described(x: i64) -> Response<i64> {
    Response::new(x)
        .status(201)
        .header("Content-Language", "en")
        .header("content-language", format!(" x-{x}\t"))
        .header("last-modified", MODIFIED)
        .header("content-location", "/elsewhere")
}

/// Has status and fields of [`described`].
fn is_described(reply: &Reply, context: &str) {
    let field = |name| reply.fields.get_all(name).iter().collect::<Vec<_>>();
    assert_eq!(reply.status, 201, "{context}: {reply:?}");
    assert_eq!(field("content-language"), ["x-3"], "{context}");
    assert_eq!(field("last-modified"), [MODIFIED], "{context}");
    assert_eq!(field("content-location"), ["/elsewhere"], "{context}");
}

fn cached<T: Serialize + Send + Sync + 'static>(program: Program<Bare<T, X>>) -> Program {
    program.cache(60).view(BasicView::new())
}

#[tokio::test]
async fn every_kind_of_model_may_return_one_and_it_comes_back_with_every_hit() {
    let manifest = Manifest::new([
        ("plain", cached(Program::new(plain))),
        ("awaited", cached(Program::new(awaited))),
        ("fallible", cached(Program::new(fallible))),
        ("controlled", cached(Program::new(controlled))),
    ]);
    let with_attribute = [
        (
            "a",
            Program::new(attributed).cache(60).view(BasicView::new()),
        ),
        (
            "b",
            Program::new(attributed_async)
                .cache(60)
                .view(BasicView::new()),
        ),
    ];
    let manifest = manifest.with("attributed", Manifest::new(with_attribute));
    let service = service(App::new(manifest).cache(LocMemKeyValue::new()));
    for path in [
        "plain",
        "awaited",
        "fallible",
        "controlled",
        "attributed/a",
        "attributed/b",
    ] {
        let target = format!("/{path}.json?x=3");
        let miss = get(&service, &target).await;
        assert!(miss.cache_status.contains("stored"), "{path}: {miss:?}");
        is_described(&miss, path);
        for method in ["GET", "HEAD", "GET"] {
            let hit = ask(&service, method, &target, &[], "").await;
            assert!(
                hit.cache_status.starts_with("giotto; hit"),
                "{path}: {hit:?}"
            );
            is_described(&hit, path);
            assert_eq!(hit.body, "3");
            assert_eq!(hit.fields["etag"], miss.fields["etag"]);
        }
    }
    assert_eq!(get(&service, "/fallible.json?x=-1").await.status, 404);
    assert_eq!(get(&service, "/controlled.json?x=-1").await.status, 302);
    assert_eq!(get(&service, "/attributed/a.json?x=-1").await.status, 500);
}

#[tokio::test]
async fn a_page_without_a_cache_and_the_page_of_a_post_have_it_too() {
    let controllers = [HTTP_GET, HTTP_POST, CMD];
    let program = Program::new(plain)
        .controllers(controllers)
        .view(BasicView::new());
    let post = cached(Program::new(plain).controllers(controllers));
    let manifest = Manifest::new([("uncached", program), ("cached", post)]);
    let app = App::new(manifest).cache(LocMemKeyValue::new());
    let service = service(app.clone());
    for (method, target) in [
        ("GET", "/uncached.json"),
        ("POST", "/uncached.json"),
        ("POST", "/cached.json"),
    ] {
        let fields: &[_] = match method {
            "POST" => &[("content-type", "application/x-www-form-urlencoded")],
            _ => &[],
        };
        let target = if method == "GET" {
            format!("{target}?x=3")
        } else {
            target.to_owned()
        };
        let reply = ask(&service, method, &target, fields, "x=3").await;
        is_described(&reply, &target);
    }
    let page = app
        .invoke(&mut Request::new(CMD, "cached.json/3"))
        .await
        .unwrap();
    assert_eq!((page.status(), &page.body()[..]), (201, &b"3"[..]));
    assert_eq!(page.field("last-modified"), Some(MODIFIED.as_bytes()));
    assert_eq!(page.field("link"), None);
}

#[tokio::test]
async fn a_renderer_adds_fields_for_its_media_type_and_goes_before_the_model() {
    let model = |X { x }: X| {
        let song = Song {
            title: format!("song {x}"),
        };
        Response::new(song)
            .header("content-language", "en")
            .header("link", "</a>; rel=next")
    };
    let csv = |song: &Song| {
        let name = format!("attachment; filename=\"{}.csv\"", song.title);
        let csv = Response::new(format!("title\n{}\n", song.title));
        csv.header("content-disposition", name)
            .header("content-language", "de")
    };
    let failing = |song: &Song| match song.title.as_str() {
        "song 1" => Err(Error::not_found("no text")),
        title => Ok(Response::new(title.to_owned()).status(203)),
    };
    let view = View::new()
        .html(|song: &Song| song.title.clone())
        .renders("text/csv", csv)
        .text(failing);
    let service = service(app("a", Program::new(model).cache(60).view(view)));
    for _ in 0..2 {
        let html = get(&service, "/a?x=1").await;
        assert_eq!((html.status, &*html.body), (200, "song 1"));
        assert_eq!(html.fields["content-language"], "en");
        assert_eq!(html.fields["link"], "</a>; rel=next");
        assert_eq!(html.fields.get("content-disposition"), None);

        let csv = get(&service, "/a.csv?x=1").await;
        assert_eq!(csv.fields["content-language"], "de");
        assert_eq!(csv.fields["link"], "</a>; rel=next");
        assert_eq!(
            csv.fields["content-disposition"],
            "attachment; filename=\"song 1.csv\""
        );
        assert_eq!(csv.fields["content-type"], "text/csv; charset=utf-8");

        assert_eq!(get(&service, "/a.txt?x=1").await.status, 404);
        assert_eq!(get(&service, "/a.txt?x=2").await.status, 203);
    }
}

#[tokio::test]
async fn a_304_repeats_the_content_location_alone_and_stands_for_a_200_only() {
    let with = |status| {
        move |X { x }: X| {
            let response = described(x);
            if status == 200 {
                response.status(200)
            } else {
                response
            }
        }
    };
    let manifest = Manifest::new([
        ("a", cached(Program::new(with(200)))),
        ("b", cached(Program::new(with(201)))),
    ]);
    let service = service(App::new(manifest).cache(LocMemKeyValue::new()));
    for (target, status) in [("/a.json?x=3", 304), ("/b.json?x=3", 201)] {
        let first = get(&service, target).await;
        let etag = first.fields["etag"].to_str().unwrap().to_owned();
        let again = ask(&service, "GET", target, &[("if-none-match", &etag)], "").await;
        assert_eq!(again.status, status, "{target}");
        assert_eq!(again.fields["content-location"], "/elsewhere");
        assert_eq!(again.fields.contains_key("last-modified"), status != 304);
        assert_eq!(again.fields["etag"], first.fields["etag"]);
    }
    let changed = [("if-none-match", "\"67a3ff204a1a0596cbe641d9558c3918\"")];
    assert_eq!(
        ask(&service, "GET", "/a.json?x=3", &changed, "")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn another_process_reads_it_from_the_file_that_one_has_left() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("cache.db").display());
    let runs = Arc::new(AtomicUsize::new(0));
    let mut etags = Vec::new();
    for _ in 0..3 {
        let store = DatabaseKeyValue::from_url(&url).unwrap();
        let cache = Cache::builder(Arc::new(store))
            .deadline(Duration::from_secs(30))
            .build();
        let runs = Arc::clone(&runs);
        let program = Program::new(move |X { x }: X| {
            runs.fetch_add(1, Ordering::SeqCst);
            described(x)
        });
        let app = App::new(Manifest::new([("a", cached(program))])).with_cache(cache.clone());
        let reply = get(&service(app), "/a.json?x=3").await;
        is_described(&reply, "from a file");
        etags.push(reply.fields["etag"].clone());
        cache.settle().await;
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!(etags[0], etags[2]);
}

#[tokio::test]
async fn a_page_that_is_not_modified_or_old_keeps_it() {
    let clock = Clock::manual(1_700_000_000_000);
    let cache = Cache::builder(Arc::new(LocMemKeyValue::new()))
        .clock(clock.clone())
        .build();
    let runs = Arc::new(AtomicUsize::new(0));
    let model = move |_: Nothing, control: CacheControl| -> Result<Response<i64>, Error> {
        match (runs.fetch_add(1, Ordering::SeqCst), control.old_value()) {
            (1, Some(_)) => Err(NotModified.into()),
            (2, _) => Err(Error::other("the model fails")),
            _ => Ok(described(3)),
        }
    };
    let policy = Policy::seconds(60).stale_if_error(600);
    let program = Program::new(model).cache(policy).view(BasicView::new());
    let app = App::new(Manifest::new([("a", program)])).with_cache(cache.clone());
    let service = service(app);
    for expected in ["first-seen", "expired", "expired, the model failed"] {
        let reply = get(&service, "/a.json").await;
        assert!(reply.cache_status.contains(expected), "{reply:?}");
        is_described(&reply, expected);
        cache.settle().await;
        clock.advance(Duration::from_secs(61));
    }
}

#[tokio::test]
async fn a_status_or_field_that_cannot_be_set_is_an_error_and_nothing_is_stored() {
    type Change = fn(Response<String>) -> Response<String>;
    let long = |response: Response<String>| response.header("link", "v".repeat(16 << 10));
    let many = |response: Response<String>| {
        (0..65).fold(response, |response, number| {
            response.header(&format!("x-{number}"), "")
        })
    };
    let changes: Vec<(Change, &[&str])> = vec![
        (
            |r| r.header("Set-Cookie", "a=b"),
            &["Set-Cookie", "for one client", "in a layer"],
        ),
        (
            |r| r.header("connection", "close"),
            &["connection", "leave it out"],
        ),
        (
            |r| r.header("transfer-encoding", "chunked"),
            &["the server manages"],
        ),
        (
            |r| r.header("proxy-authenticate", "Basic"),
            &["the server manages"],
        ),
        (
            |r| r.header("cache-control", "max-age=1"),
            &["use .cache(..)"],
        ),
        (
            |r| r.header("cloudflare-cdn-cache-control", "max-age=1"),
            &["use .cache(..)"],
        ),
        (
            |r| r.header("Surrogate-Control", "max-age=1"),
            &["use .cache(..)"],
        ),
        (
            |r| r.header("x-accel-redirect", "/etc/passwd"),
            &["a command to the server in front"],
        ),
        (
            |r| r.header("no-vary-search", "params"),
            &["the parameters of the model"],
        ),
        (
            |r| r.header("cache-group-invalidation", "\"a\""),
            &["App::tag_fields"],
        ),
        (|r| r.header("content-type", "text/csv"), &["use .renders("]),
        (
            |r| r.header("content-length", "1"),
            &["giotto writes it itself"],
        ),
        (|r| r.header("etag", "\"1\""), &["giotto writes it itself"]),
        (|r| r.header("vary", "cookie"), &["giotto writes it"]),
        (
            |r| r.header("repr-digest", "sha-256=:AA==:"),
            &["content coding"],
        ),
        (
            |r| r.header("content language", "de"),
            &["a name is a token"],
        ),
        (|r| r.header("", "de"), &["a name is a token"]),
        (
            |r| r.header("link", "</a>\r\nset-cookie: a=b"),
            &["visible ASCII", "RFC 8187"],
        ),
        (|r| r.header("link", "</\u{fc}>"), &["visible ASCII"]),
        (
            |r| r.status(404),
            &["404", "return a Redirection or an Error"],
        ),
        (|r| r.status(204), &["204", "without 204"]),
        (|r| r.status(206), &["206"]),
        (|r| r.status(100), &["100"]),
        // The first mistake is told, and no later call hides it.
        (|r| r.status(302).status(200).header("etag", "x"), &["302"]),
        (long, &["16384 bytes"]),
        (many, &["64 fields"]),
    ];
    for (change, words) in changes {
        let by_model = move |X { x }: X| change(Response::new(x.to_string()));
        let by_view = move |shown: &String| change(Response::new(shown.clone()));
        let plain = Program::new(|X { x }: X| x.to_string());
        let manifest = Manifest::new([
            ("model", cached(Program::new(by_model))),
            ("uncached", Program::new(by_model).view(BasicView::new())),
            ("view", plain.cache(60).view(View::new().json(by_view))),
        ]);
        let service = service(App::new(manifest).cache(LocMemKeyValue::new())).debug(true);
        for target in [
            "/model.json?x=3",
            "/uncached.json?x=3",
            "/view.json?x=3",
            "/model.json?x=3",
        ] {
            let reply = get(&service, target).await;
            assert_eq!(reply.status, 500, "{words:?}");
            assert!(!reply.cache_status.contains("hit"), "{reply:?}");
            for word in words {
                assert!(reply.body.contains(word), "{word} is not in {}", reply.body);
            }
        }
    }
}

#[tokio::test]
async fn what_a_client_of_the_store_has_written_is_sent_only_if_an_author_could_set_it() {
    let fields = [
        ("set-cookie", "session=1"),
        ("content-length", "9999"),
        ("transfer-encoding", "chunked"),
        ("cache-control", "public, max-age=31536000"),
        ("etag", "\"1\""),
        ("content-language", "de"),
        ("x-\u{20ac}", "1"),
    ];
    let metadata = Metadata::new(Some(101), fields.into_iter().take(6)).unwrap();
    Metadata::new(None, fields).unwrap_err();
    let (store, key) = (
        LocMemKeyValue::new(),
        Key::new("a", "{'x': 3}", "application/json"),
    );
    let planted = Entry::seal_described(
        &key,
        Policy::seconds(60),
        now_ms(),
        Duration::ZERO,
        b"planted",
        &metadata,
    );
    store
        .set(key.as_str(), planted.to_bytes(), None)
        .await
        .unwrap();
    let program = cached(Program::new(|X { x }: X| x));
    let service = service(App::new(Manifest::new([("a", program)])).cache(store));
    let reply = get(&service, "/a.json?x=3").await;
    assert!(reply.cache_status.starts_with("giotto; hit"), "{reply:?}");
    assert_eq!((reply.status, &*reply.body), (200, "planted"));
    assert_eq!(reply.fields["content-language"], "de");
    assert_eq!(reply.fields["etag"].as_bytes(), planted.etag());
    assert_eq!(reply.fields.get_all("cache-control").iter().count(), 1);
    assert!(!reply.cache_control.contains("31536000"), "{reply:?}");
    for name in ["set-cookie", "content-length", "transfer-encoding"] {
        assert_eq!(reply.fields.get(name), None, "{name}");
    }
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(since.unwrap().as_millis()).unwrap()
}

#[tokio::test]
async fn middleware_that_replaces_the_page_keeps_all_but_its_last_modification() {
    let program =
        Program::new(plain)
            .cache(60)
            .output_middleware(|_: &Request<'_>, page: &mut Page| {
                page.set_body("other");
                Ok(())
            });
    let service = service(app("a", program.view(BasicView::new())));
    for _ in 0..2 {
        let reply = get(&service, "/a.json?x=3").await;
        assert_eq!((reply.status, &*reply.body), (201, "other"));
        assert_eq!(reply.fields["content-language"], "x-3");
        assert_eq!(reply.fields.get("last-modified"), None);
        assert_eq!(reply.fields.get("etag"), None);
    }
}
