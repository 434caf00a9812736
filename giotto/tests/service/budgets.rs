//! The budgets of programs, as a client sees them.

use giotto::cache::{Cache, Clock};
use giotto::prelude::*;

use crate::{X, get, service};

fn square(X { x }: X) -> i64 {
    x * x
}

fn limited() -> Manifest {
    let program = || Program::new(square).cache(60).max_age(30);
    Manifest::new([
        ("two", program().max_entries(2).view(BasicView::new())),
        (
            "again",
            program()
                .cache_on_second_request()
                .controllers([HTTP_GET, CMD])
                .view(BasicView::new()),
        ),
        (
            "slow",
            program().new_entries_per_second(1).view(BasicView::new()),
        ),
    ])
}

#[tokio::test]
async fn a_page_over_the_budget_says_so_and_is_not_kept_downstream() {
    let clock = Clock::manual(1_700_000_000_000);
    let cache = Cache::builder(LocMemKeyValue::new()).clock(clock.clone());
    let app = App::new(limited()).with_cache(cache.build());
    let service = service(app.clone());
    for x in [1, 2] {
        let page = get(&service, &format!("/two.txt?x={x}")).await;
        assert_eq!(
            page.cache_status,
            "giotto; fwd=uri-miss; stored; detail=first-seen"
        );
        assert_eq!(page.cache_control, "max-age=30");
    }
    for _ in 0..2 {
        let over = get(&service, "/two.txt?x=3").await;
        let status = "giotto; fwd=uri-miss; detail=\"first-seen, over-budget\"";
        assert_eq!((&*over.cache_status, &*over.body), (status, "9\n"));
        assert_eq!(over.cache_control, "no-cache");
    }
    assert!(
        get(&service, "/two.txt?x=1")
            .await
            .cache_status
            .starts_with("giotto; hit")
    );

    let first = get(&service, "/again?x=1").await;
    let status = "giotto; fwd=uri-miss; detail=\"first-seen, first-request\"";
    assert_eq!(first.cache_status, status);
    let second = get(&service, "/again?x=1").await;
    assert!(
        second.cache_status.contains("; stored"),
        "{}",
        second.cache_status
    );
    assert!(
        get(&service, "/again?x=1")
            .await
            .cache_status
            .starts_with("giotto; hit")
    );

    let stored = |status: &str| status.contains("; stored");
    assert!(stored(&get(&service, "/slow?x=1").await.cache_status));
    assert!(!stored(&get(&service, "/slow?x=2").await.cache_status));
    clock.advance(std::time::Duration::from_secs(1));
    assert!(stored(&get(&service, "/slow?x=2").await.cache_status));

    let budgets = app.shared_cache().budgets();
    let entries: Vec<_> = budgets
        .iter()
        .map(|one| (&*one.program, one.entries))
        .collect();
    assert_eq!(entries, [("again", None), ("slow", None), ("two", Some(2))]);
}

/// A command is no crawler, and its process ends before there is a second request.
#[tokio::test]
async fn the_command_line_stores_at_the_first_request() {
    let app = App::new(limited()).cache(LocMemKeyValue::new());
    for stored in [true, false] {
        let mut request = giotto::Request::new(CMD, "again").argument("x", "5");
        let page = app.invoke(&mut request).await.unwrap();
        let status = page.cache_status().unwrap().status;
        assert_eq!(status == Some(giotto::cache::Status::Stored), stored);
    }
}
