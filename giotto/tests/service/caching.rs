//! When a page is stored, how long it lives, and what is never stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use giotto::cache::{self, Cache, Clock, KeyValue, LayeredKeyValue};
use giotto::prelude::*;

use crate::{Reply, X, app, ask, get, service};

#[tokio::test]
async fn a_page_expires_when_it_should_and_says_how_long_it_lives() {
    let clock = Clock::manual(1_000_000);
    let runs = Arc::new(AtomicUsize::new(0));
    let counting = || {
        let runs = Arc::clone(&runs);
        Program::new(move |X { x }: X| {
            runs.fetch_add(1, Ordering::SeqCst);
            x
        })
    };
    let manifest = Manifest::new([
        ("short", counting().cache(10).view(BasicView::new())),
        (
            "half",
            counting()
                .cache(Duration::from_millis(500))
                .view(BasicView::new()),
        ),
        ("forever", counting().cache(0).view(BasicView::new())),
    ]);
    let cache = Cache::builder(Arc::new(LocMemKeyValue::new()))
        .clock(clock.clone())
        .build();
    let service = service(App::new(manifest).with_cache(cache));
    let ran = |n| runs.swap(0, Ordering::SeqCst) == n;

    assert_eq!(get(&service, "/short?x=1").await.cache_control, "no-cache");
    clock.advance(Duration::from_millis(3_500));
    let hit = get(&service, "/short?x=1").await;
    assert_eq!(
        (&*hit.cache_control, &*hit.cache_status),
        ("no-cache", "giotto; hit; ttl=6")
    );
    clock.advance(Duration::from_millis(6_499));
    let hit = get(&service, "/short?x=1").await;
    assert_eq!(hit.cache_status, "giotto; hit; ttl=0");
    assert!(ran(1));
    clock.advance(Duration::from_millis(1));
    assert_eq!(
        get(&service, "/short?x=1").await.cache_status,
        "giotto; fwd=stale; stored; detail=expired"
    );
    assert!(ran(1));

    get(&service, "/half?x=1").await;
    clock.advance(Duration::from_millis(499));
    get(&service, "/half?x=1").await;
    assert!(ran(1));
    clock.advance(Duration::from_millis(1));
    get(&service, "/half?x=1").await;
    assert!(ran(1));

    get(&service, "/forever?x=1").await;
    clock.advance(Duration::from_secs(1_000 * 365 * 24 * 3600));
    let hit = get(&service, "/forever?x=1").await;
    assert_eq!(
        (&*hit.cache_status, &*hit.cache_control),
        ("giotto; hit", "no-cache")
    );
    assert!(ran(1));
}

#[tokio::test]
async fn programs_that_share_a_model_never_share_a_page() {
    fn square(X { x }: X) -> i64 {
        x * x
    }
    let shown = |name: &'static str| {
        Program::new(square)
            .cache(60)
            .view(View::new().html(move |x: &i64| format!("{name} {x}")))
    };
    let manifest = Manifest::new([("a", shown("a")), ("b", shown("b"))])
        .with("c", Manifest::new([("a", shown("c/a")), ("", shown("c"))]))
        .with(
            "d",
            Manifest::new([("c", Manifest::new([("a", shown("d/c/a"))]))]),
        )
        .with("e", "a");
    let service = service(App::new(manifest).cache(LocMemKeyValue::new()));
    for _ in 0..2 {
        for (path, body) in [
            ("a", "a 9"),
            ("b", "b 9"),
            ("c/a", "c/a 9"),
            ("c", "c 9"),
            ("d/c/a", "d/c/a 9"),
            ("e", "a 9"),
        ] {
            assert_eq!(
                get(&service, &format!("/{path}?x=3")).await.body,
                body,
                "{path}"
            );
        }
    }
}

/// A store that all processes share.
#[derive(Debug)]
struct Shared(LocMemKeyValue);

#[giotto::cache::async_trait]
impl KeyValue for Shared {
    async fn get(&self, key: &str) -> cache::Result<Option<Bytes>> {
        self.0.get(key).await
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> cache::Result<()> {
        self.0.set(key, value, expire).await
    }

    fn name(&self) -> &'static str {
        "shared"
    }
}

/// Of a cache without layers, a hit says no more than before.
#[tokio::test]
async fn the_layer_that_had_the_page_is_named() {
    let clock = Clock::manual(1_000_000);
    let memory = || Arc::new(LocMemKeyValue::new().clock(clock.clone()));
    let shared = Arc::new(Shared(LocMemKeyValue::new().clock(clock.clone())));
    let layered = || {
        let layers = LayeredKeyValue::new(vec![memory(), shared.clone()]);
        Arc::new(layers.clock(clock.clone()))
    };
    let policy = Policy::seconds(60).stale_while_revalidate(60);
    let process = |store: Arc<dyn KeyValue>| {
        let cache = Cache::builder(store).clock(clock.clone()).build();
        let program = Program::new(|X { x }: X| x).cache(policy);
        app("a", program.view(BasicView::new())).with_cache(cache)
    };
    let [one, two] = [(); 2].map(|()| process(layered()));
    let alone = process(memory());
    let statuses = async |app: &App| {
        let service = service(app.clone());
        let mut statuses = Vec::new();
        for _ in 0..2 {
            statuses.push(get(&service, "/a.json?x=1").await.cache_status);
            app.shared_cache().settle().await;
        }
        statuses
    };
    let computed = "giotto; fwd=uri-miss; stored; detail=first-seen";
    let upper = "giotto; hit; ttl=60; detail=locmem";
    assert_eq!(statuses(&one).await, [computed, upper]);
    let lower = "giotto; hit; ttl=60; detail=shared";
    assert_eq!(statuses(&two).await, [lower, upper]);
    assert_eq!(statuses(&alone).await, [computed, "giotto; hit; ttl=60"]);
    clock.advance(Duration::from_secs(61));
    let stale = &statuses(&two).await[0];
    assert_eq!(
        stale,
        "giotto; hit; ttl=-1; detail=\"expired, revalidating, shared\""
    );
}

#[tokio::test]
async fn mocks_are_never_stored_and_nothing_stored_is_mocked() {
    let program = Program::new(|X { x }: X| x)
        .mock(99)
        .cache(60)
        .view(BasicView::new());
    let app = app("a", program);
    let (real, mocked) = (service(app.clone()), service(app.clone().model_mock(true)));
    let mock = get(&mocked, "/a.json?x=1").await;
    assert_eq!(
        (&*mock.body, &*mock.cache_status),
        ("99", "giotto; fwd=bypass")
    );
    assert_eq!(
        (&*mock.cache_control, mock.fields.get("etag")),
        ("no-store", None)
    );
    assert_eq!(
        app.shared_cache().counts(),
        giotto::cache::Counts::default()
    );
    assert_eq!(get(&real, "/a.json?x=1").await.body, "1");
    assert_eq!(get(&mocked, "/a.json?x=1").await.body, "99");
    assert!(get(&real, "/a.json?x=1").await.cache_status.contains("hit"));
}

#[tokio::test]
async fn a_program_without_a_cache_never_asks_it() {
    let app = app(
        "a",
        Program::new(|X { x }: X| x)
            .cache(None)
            .view(BasicView::new()),
    );
    let cache = app.shared_cache().clone();
    let service = service(app);
    for _ in 0..2 {
        assert_eq!(get(&service, "/a.json?x=1").await.body, "1");
    }
    assert_eq!(cache.counts(), giotto::cache::Counts::default());
}

#[tokio::test]
async fn what_caches_downstream_may_do_ends_with_the_life_of_the_page() {
    let clock = Clock::manual(1_000_000);
    let program = |policy: Policy| Program::new(|X { x }: X| x).cache(policy);
    let policy = Policy::seconds(100).stale_while_revalidate(1_000);
    let manifest = Manifest::new([
        ("own", program(policy).max_age(60).view(BasicView::new())),
        (
            "shared",
            program(policy)
                .tags(|args| [format!("x:{}", args.x)])
                .shared_max_age(Duration::from_secs(80))
                .downstream_stale_while_revalidate(30)
                .downstream_stale_if_error(10)
                .view(BasicView::new()),
        ),
        (
            "both",
            program(Policy::forever())
                .max_age(60)
                .shared_max_age(300)
                .immutable()
                .downstream_stale_if_error(86_400)
                .view(BasicView::new()),
        ),
    ]);
    let cache = Cache::builder(Arc::new(LocMemKeyValue::new()))
        .clock(clock.clone())
        .build();
    let service = service(App::new(manifest).with_cache(cache.clone()));
    let told = async |target: &str| {
        let page = get(&service, target).await;
        let fields = |reply: &Reply| {
            let cdn = reply.fields.get("cdn-cache-control");
            let cdn = cdn.map_or("", |value| value.to_str().unwrap());
            (reply.cache_control.clone(), cdn.to_owned())
        };
        let etag = page.fields["etag"].to_str().unwrap();
        let known = ask(&service, "GET", target, &[("if-none-match", etag)], "").await;
        let head = ask(&service, "HEAD", target, &[], "").await;
        assert_eq!((known.status, fields(&known)), (304, fields(&page)));
        assert_eq!(fields(&head), fields(&page));
        cache.settle().await;
        fields(&page)
    };
    let own = async || told("/own?x=1").await;
    let shared = async || told("/shared?x=1").await;
    let both = async || told("/both?x=1").await;
    let text = |all: &str, cdn: &str| (all.to_owned(), cdn.to_owned());

    assert_eq!(own().await, text("max-age=60", ""));
    let whole = text(
        "max-age=0, must-revalidate, s-maxage=80",
        "max-age=80, stale-while-revalidate=20, stale-if-error=10",
    );
    assert_eq!(shared().await, whole);
    let forever = text(
        "max-age=60, s-maxage=300, immutable, stale-if-error=86400",
        "max-age=300, stale-if-error=86400",
    );
    assert_eq!(both().await, forever);
    clock.advance(Duration::from_millis(50_500));
    assert_eq!(own().await, text("max-age=49", ""));
    let part = text("max-age=0, must-revalidate, s-maxage=49", "max-age=49");
    assert_eq!(shared().await, part);
    assert_eq!(both().await, forever);
    // Less than a second is left.
    clock.advance(Duration::from_millis(49_000));
    assert_eq!(own().await, text("no-cache", ""));
    assert_eq!(shared().await, text("no-cache", ""));
    // Old, and served all the same.
    clock.advance(Duration::from_millis(10_500));
    for (target, ttl) in [("/own?x=1", "ttl=-10"), ("/shared?x=1", "ttl=-10")] {
        let old = get(&service, target).await;
        assert!(old.cache_status.contains(ttl), "{}", old.cache_status);
        assert_eq!(old.cache_control, "no-cache", "{target}");
        assert_eq!(old.fields.get("cdn-cache-control"), None, "{target}");
        cache.settle().await;
    }
    assert_eq!(own().await, text("max-age=60", ""));
    assert_eq!(shared().await, whole);
    // Old before its time.
    cache.invalidate("x:1").await.unwrap();
    let old = get(&service, "/shared?x=1").await;
    assert!(
        old.cache_status.contains("invalidated"),
        "{}",
        old.cache_status
    );
    assert_eq!(old.cache_control, "no-cache");
    assert_eq!(old.fields.get("cdn-cache-control"), None);
}

#[tokio::test]
async fn a_page_that_must_not_be_stored_has_no_life_downstream() {
    let program = Program::new(async |X { x }: X, control: CacheControl| {
        control.no_store();
        x
    });
    let program = program.mock(1).cache(60).max_age(60).shared_max_age(60);
    let app = app("a", program.immutable().view(BasicView::new()));
    for app in [app.clone(), app.model_mock(true)] {
        let reply = get(&service(app), "/a?x=1").await;
        assert_eq!((reply.status, &*reply.cache_control), (200, "no-store"));
        assert_eq!(reply.fields.get("etag"), None);
        assert_eq!(reply.fields.get("cdn-cache-control"), None);
    }
}

#[tokio::test]
async fn vary_names_what_chose_the_format_only() {
    let one = || Program::new(|X { x }: X| x).cache(60);
    let html = || View::new().html(|x: &i64| format!("<p>{x}</p>"));
    let json = || View::new().json(|x: &i64| x.to_string());
    let manifest = Manifest::new([
        ("all", one().view(BasicView::new())),
        ("html", one().view(html())),
        ("json", one().view(json())),
        (
            "first",
            one().view(json().html(|x: &i64| format!("<p>{x}</p>"))),
        ),
        ("plain", one().view(html().text(|x: &i64| x.to_string()))),
        ("off", Program::new(|X { x }: X| x).view(BasicView::new())),
    ]);
    let service = service(
        App::new(manifest)
            .cache(LocMemKeyValue::new())
            .compression(false),
    );
    for (target, expected) in [
        ("/all?x=1", "Accept, X-Requested-With"),
        ("/all.json?x=1", ""),
        ("/all.html?x=1", ""),
        ("/all.txt/1", ""),
        ("/html?x=1", ""),
        ("/json?x=1", ""),
        // A script that accepts anything gets JSON there, as all clients do.
        ("/first?x=1", "Accept"),
        ("/plain?x=1", "Accept"),
        ("/plain.txt?x=1", ""),
        ("/off?x=1", "Accept, X-Requested-With"),
        ("/off.json?x=1", ""),
    ] {
        let vary = |reply: Reply| {
            let all: Vec<_> = reply.fields.get_all("vary").into_iter().collect();
            assert!(all.len() < 2, "{target}");
            all.first()
                .map_or("", |value| value.to_str().unwrap())
                .to_owned()
        };
        let page = get(&service, target).await;
        let etag = page.fields.get("etag").cloned();
        assert_eq!(vary(page), expected, "{target}");
        let head = ask(&service, "HEAD", target, &[], "").await;
        assert_eq!(vary(head), expected, "{target}");
        if let Some(etag) = etag {
            let known = [("if-none-match", etag.to_str().unwrap())];
            let known = ask(&service, "GET", target, &known, "").await;
            assert_eq!(known.status, 304, "{target}");
            assert_eq!(vary(known), expected, "{target}");
        }
    }
}
