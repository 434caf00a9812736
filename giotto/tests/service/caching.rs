//! When a page is stored, how long it lives, and what is never stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use giotto::cache::{Cache, Clock};
use giotto::prelude::*;

use crate::{X, app, get, service};

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
