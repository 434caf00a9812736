//! What caches downstream are told with a page: its tags, and the parameters that it does not depend on.

use std::sync::{Arc, Mutex};

use giotto::cache::{Downstream, Invalidation, Outdated, Scope, async_trait};
use giotto::prelude::*;

use crate::{Reply, X, ask, get, service};

#[derive(Serialize, Deserialize)]
struct Post {
    #[serde(alias = "nr")]
    id: i64,
    #[serde(default)]
    tag: Vec<String>,
}

/// A page with tags, those of its model included.
fn post() -> Program<giotto::Bare<i64, Post>> {
    Program::new(|Post { id, tag }: Post, cache: CacheControl| {
        cache.tags(tag);
        id
    })
}

fn posts() -> Program {
    post()
        .cache(3600)
        .tags(|arguments: &Post| [format!("post:{}", arguments.id)])
        .view(BasicView::new())
}

fn written() -> Program {
    let write = |X { x }: X| -> Result<i64, Error> {
        match x {
            0 => Err(Error::other("the disk is full")),
            1 => Err(Redirection::to("/post?id=1").into()),
            _ => Ok(x),
        }
    };
    Program::new(write)
        .invalidates(|X { x }: &X| [format!("post:{x}"), "all posts".to_owned()])
        .view(BasicView::new())
}

fn manifest() -> Manifest {
    Manifest::new([("post", posts()), ("write", written())])
}

fn app() -> App {
    App::new(manifest()).cache(LocMemKeyValue::new())
}

fn field<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    let value = reply.fields.get(name);
    value.map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_page_carries_its_tags_in_the_fields_that_are_configured() {
    let fields = ["Cache-Tag", "Surrogate-Key", "Cache-Groups"];
    let service = service(app().tag_fields(fields));
    let target = "/post.html?id=7&tag=a,b&tag=%C3%A9";
    for (headers, status) in [("", 200), ("", 200), ("*", 304)] {
        let reply = ask(&service, "GET", target, &[("if-none-match", headers)], "").await;
        assert_eq!(reply.status, status);
        let told = fields.map(|name| field(&reply, name).unwrap());
        assert_eq!(
            told,
            [
                "post:7,a%2Cb,%C3%A9,giotto:program:post,giotto:all",
                "post:7 a%2Cb %C3%A9 giotto:program:post giotto:all",
                // One POST to a page would invalidate all that share a group with it.
                "\"post:7\", \"a%2Cb\", \"%C3%A9\"",
            ]
        );
    }
}

#[tokio::test]
async fn no_page_carries_tags_by_default_and_none_that_no_shared_cache_may_keep() {
    let page = get(&service(app()), "/post.html?id=7").await;
    assert_eq!(field(&page, "cache-tag"), None);
    let guarded = posts().input_middleware(|_: &mut Request<'_>| Ok(()));
    let uncached = post().view(BasicView::new());
    let unstored = Program::new(|_: Post, cache: CacheControl| {
        cache.no_store();
        7
    });
    let manifest = Manifest::new([
        ("guarded", guarded),
        ("uncached", uncached),
        ("unstored", unstored.cache(60).view(BasicView::new())),
    ]);
    let app = App::new(manifest).cache(LocMemKeyValue::new());
    let service = service(app.tag_fields(["Cache-Tag"]));
    for target in [
        "/guarded.html?id=7",
        "/uncached.html?id=7",
        "/unstored.html?id=7",
        "/none",
    ] {
        let page = get(&service, target).await;
        assert_eq!(field(&page, "cache-tag"), None, "{target}");
        assert_eq!(field(&page, "no-vary-search"), None, "{target}");
    }
}

#[tokio::test]
async fn a_page_whose_tags_are_too_long_for_a_field_is_kept_by_no_shared_cache() {
    let service = service(app().tag_fields(["Cache-Tag"]));
    let tags: String = (0..30).map(|n| format!("&tag={n:0>190}")).collect();
    let page = get(&service, &format!("/post.html?id=7{tags}")).await;
    assert_eq!((page.status, field(&page, "cache-tag")), (200, None));
    assert_eq!(page.cache_control, "private, no-cache");
}

#[test]
fn a_name_that_is_no_field_is_refused_at_the_start() {
    let error = app().tag_fields(["Cache Tag"]).into_service().unwrap_err();
    assert!(error.to_string().contains("\"Cache Tag\""), "{error}");
}

#[tokio::test]
async fn a_program_that_writes_says_which_groups_it_has_invalidated() {
    let groups = service(app().tag_fields(["Cache-Groups"]));
    let told = async |service, method, x: &str| {
        let reply = ask(service, method, &format!("/write.html?x={x}"), &[], "").await;
        let told = field(&reply, "cache-group-invalidation");
        (reply.status, told.map(str::to_owned))
    };
    let posts = |number: u8| Some(format!("\"post:{number}\", \"all%20posts\""));
    assert_eq!(told(&groups, "POST", "2").await, (200, posts(2)));
    let (status, redirected) = told(&groups, "POST", "1").await;
    assert!((300..400).contains(&status));
    assert_eq!(redirected, posts(1));
    assert_eq!(told(&groups, "POST", "0").await, (500, None));
    assert_eq!(told(&groups, "GET", "2").await, (200, None), "GET is safe");
    let tags = service(app().tag_fields(["Cache-Tag"]));
    assert_eq!(told(&tags, "POST", "2").await, (200, None));
}

#[tokio::test]
async fn a_guarded_program_that_writes_says_it_too() {
    let guarded = written().input_middleware(|_: &mut Request<'_>| Ok(()));
    let app = App::new(Manifest::new([("write", guarded)])).tag_fields(["Cache-Groups"]);
    let reply = ask(&service(app), "POST", "/write.html?x=2", &[], "").await;
    let told = field(&reply, "cache-group-invalidation");
    assert_eq!(told, Some("\"post:2\", \"all%20posts\""));
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    x: i64,
}

#[derive(Serialize, Deserialize)]
struct Renamed {
    #[serde(rename = "größe + 1")]
    size: i64,
}

#[tokio::test]
async fn a_page_says_which_parameters_it_depends_on_if_that_is_certain() {
    let guarded = Manifest::new([("post", posts())]).input_middleware(|_: &mut Request<'_>| Ok(()));
    let manifest = manifest()
        .with("guarded", guarded)
        .with(
            "strict",
            Program::new(|Strict { x }| x)
                .cache(60)
                .view(BasicView::new()),
        )
        .with(
            "renamed",
            Program::new(|Renamed { size }| size)
                .cache(60)
                .view(BasicView::new()),
        )
        .with(
            "nothing",
            Program::new(|_: crate::Nothing| 1)
                .cache(60)
                .view(BasicView::new()),
        )
        .with(
            "output",
            posts().output_middleware(|_: &Request<'_>, _: &mut giotto::Page| Ok(())),
        );
    let service = service(App::new(manifest).cache(LocMemKeyValue::new()));
    for (target, told) in [
        (
            "/post.html?id=7",
            Some("key-order, params, except=(\"id\" \"nr\" \"tag\")"),
        ),
        (
            "/post.html/7?utm_source=x",
            Some("key-order, params, except=(\"id\" \"nr\" \"tag\")"),
        ),
        (
            "/renamed.html/7",
            Some("key-order, params, except=(\"gr%C3%B6%C3%9Fe%20%2B%201\")"),
        ),
        ("/nothing.html", Some("params")),
        // An unknown name is an error there.
        ("/strict.html?x=1", None),
        // Middleware sees all that is given.
        ("/guarded/post.html?id=7", None),
        ("/output.html?id=7", None),
        ("/write.html?x=2", None),
        ("/post.html", None),
    ] {
        for _ in 0..2 {
            let page = get(&service, target).await;
            assert_eq!(field(&page, "no-vary-search"), told, "{target}");
        }
    }
    let etag = [("if-none-match", "*")];
    let known = ask(&service, "GET", "/nothing.html", &etag, "").await;
    assert_eq!(
        (known.status, field(&known, "no-vary-search")),
        (304, Some("params"))
    );
}

/// Notes what it is told.
#[derive(Clone, Debug, Default)]
struct Notes(Arc<Mutex<Vec<Outdated>>>);

#[async_trait]
impl Downstream for Notes {
    fn invalidated(&self, invalidation: &Invalidation) {
        self.0.lock().unwrap().push(invalidation.outdated.clone());
    }
}

#[tokio::test]
async fn what_a_program_invalidates_is_told_downstream_whether_the_cache_comes_before_or_after() {
    for is_first in [false, true] {
        let notes = Notes::default();
        let app = App::new(manifest());
        let app = match is_first {
            true => app.downstream(notes.clone()).cache(LocMemKeyValue::new()),
            false => app.cache(LocMemKeyValue::new()).downstream(notes.clone()),
        };
        let service = service(app);
        for x in [0, 1, 2] {
            ask(&service, "POST", &format!("/write.html?x={x}"), &[], "").await;
        }
        let told = ["post:1", "all posts", "post:2", "all posts"];
        let told = told.map(|tag| Outdated::Scope(Scope::Tag(tag.to_owned())));
        assert_eq!(*notes.0.lock().unwrap(), told);
    }
}
