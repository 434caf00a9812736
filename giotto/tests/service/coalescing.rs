//! Request coalescing: requests for one page share a run of its model.

use giotto::prelude::*;

use crate::{Staged, X, app, get, service, start, until};

#[tokio::test]
async fn a_thousand_requests_for_one_cold_page_run_its_model_once() {
    let staged = Staged::new();
    let app = app(
        "slow",
        staged
            .program(|x| Ok(x.to_string()))
            .cache(60)
            .view(BasicView::new()),
    );
    let cache = app.shared_cache().clone();
    let service = service(app);
    let requests: Vec<_> = (0..1_000)
        .map(|_| start(&service, "GET", "/slow.json?x=1"))
        .collect();
    until(|| cache.counts().collapsed == 999).await;
    staged.open(1);
    for request in requests {
        let reply = request.await.unwrap();
        assert_eq!((reply.status, &*reply.body), (200, "\"1\""));
        assert!(
            [
                "giotto; fwd=uri-miss; stored; detail=first-seen",
                "giotto; fwd=uri-miss; collapsed; detail=first-seen"
            ]
            .contains(&&*reply.cache_status)
        );
    }
    assert_eq!((staged.runs(), cache.in_flight()), (1, 0));
}

#[tokio::test]
async fn without_a_store_callers_still_share_a_computation() {
    let staged = Staged::new();
    let app = App::new(Manifest::new([(
        "slow",
        staged
            .program(|x| Ok(x.to_string()))
            .cache(60)
            .view(BasicView::new()),
    )]));
    let cache = app.shared_cache().clone();
    let service = service(app);
    let requests: Vec<_> = (0..100)
        .map(|_| start(&service, "GET", "/slow.json?x=1"))
        .collect();
    until(|| cache.counts().collapsed == 99).await;
    staged.open(1);
    for request in requests {
        assert_eq!(request.await.unwrap().body, "\"1\"");
    }
    assert_eq!(staged.runs(), 1);
}

#[tokio::test]
async fn no_page_waits_for_another() {
    let staged = Staged::new();
    let service = service(app(
        "slow",
        staged
            .program(|x| Ok(x.to_string()))
            .cache(60)
            .view(BasicView::new()),
    ));
    let first = start(&service, "GET", "/slow.json?x=1");
    until(|| staged.runs() == 1).await;
    let second = start(&service, "GET", "/slow.json?x=2");
    until(|| staged.runs() == 2).await;
    staged.open(2);
    assert_eq!(
        (first.await.unwrap().body, second.await.unwrap().body),
        ("\"1\"".into(), "\"2\"".into())
    );
}

#[tokio::test]
async fn an_error_is_shared_by_all_waiters_and_not_stored() {
    let staged = Staged::new();
    let program = staged.program(|x| Err(Error::not_found(format!("no {x}"))));
    let app = app("slow", program.cache(60).view(BasicView::new()));
    let cache = app.shared_cache().clone();
    let service = service(app);
    let requests: Vec<_> = (0..10)
        .map(|_| start(&service, "GET", "/slow?x=1"))
        .collect();
    until(|| cache.counts().collapsed == 9).await;
    staged.open(1);
    for request in requests {
        assert_eq!(request.await.unwrap().status, 404);
    }
    assert_eq!(staged.runs(), 1);
    staged.open(1);
    assert_eq!(get(&service, "/slow?x=1").await.status, 404);
    assert_eq!((staged.runs(), cache.counts().stored), (2, 0));
}

#[tokio::test]
async fn a_panic_is_tried_once_more_and_leaves_no_request_waiting() {
    let staged = Staged::new();
    let program = staged.program(|_| -> Result<String, Error> { panic!("on purpose") });
    let app = app("slow", program.cache(60).view(BasicView::new()));
    let cache = app.shared_cache().clone();
    let service = service(app);
    let requests: Vec<_> = (0..100)
        .map(|_| start(&service, "GET", "/slow?x=1"))
        .collect();
    until(|| cache.counts().collapsed == 99).await;
    staged.open(1);
    until(|| staged.runs() == 2 && cache.counts().collapsed == 99 + 98).await;
    staged.open(1);
    for request in requests {
        assert_eq!(request.await.unwrap().status, 500);
    }
    assert_eq!(
        (staged.runs(), cache.in_flight(), cache.counts().stored),
        (2, 0, 0)
    );
}

#[tokio::test]
async fn head_joins_a_get_and_a_post_does_not() {
    let staged = Staged::new();
    let app = app(
        "slow",
        staged
            .program(|x| Ok(x.to_string()))
            .cache(60)
            .view(BasicView::new()),
    );
    let cache = app.shared_cache().clone();
    let service = service(app);
    let page = start(&service, "GET", "/slow?x=1");
    until(|| staged.runs() == 1).await;
    let head = start(&service, "HEAD", "/slow?x=1");
    until(|| cache.counts().collapsed == 1).await;
    let post = start(&service, "POST", "/slow?x=1");
    until(|| staged.runs() == 2).await;
    staged.open(2);
    assert_eq!(post.await.unwrap().cache_status, "giotto; fwd=bypass");
    let (page, head) = (page.await.unwrap(), head.await.unwrap());
    assert_eq!(page.fields["etag"], head.fields["etag"]);
    assert_eq!(staged.runs(), 2);
}

#[tokio::test]
async fn too_many_models_are_refused_with_advice_and_hits_are_not() {
    let staged = Staged::new();
    let slow = staged
        .program(|x| Ok(x.to_string()))
        .cache(60)
        .view(BasicView::new());
    let quick = || Program::new(|X { x }: X| x);
    let manifest = Manifest::new([
        ("slow", slow),
        ("kept", quick().cache(60).view(BasicView::new())),
        ("quick", quick().view(BasicView::new())),
    ]);
    let app = App::new(manifest)
        .cache(LocMemKeyValue::new())
        .max_models(1);
    let cache = app.shared_cache().clone();
    let service = service(app);
    assert_eq!(get(&service, "/kept.json?x=1").await.body, "1");
    let running = start(&service, "GET", "/slow.json?x=1");
    until(|| staged.runs() == 1).await;
    for target in ["/slow.json?x=2", "/quick.json?x=1", "/kept.json?x=2"] {
        let refused = get(&service, target).await;
        assert_eq!(refused.status, 503, "{target}");
        assert_eq!(refused.fields["retry-after"], "1");
        assert_eq!(refused.cache_control, "no-store");
    }
    assert_eq!(get(&service, "/kept.json?x=1").await.body, "1");
    // Waiting for what runs already takes no place.
    let waiting = start(&service, "GET", "/slow.json?x=1");
    until(|| cache.counts().collapsed == 1).await;
    staged.open(1);
    assert_eq!(
        (running.await.unwrap().status, waiting.await.unwrap().status),
        (200, 200)
    );
    // Refusals were not kept.
    assert_eq!(get(&service, "/kept.json?x=2").await.body, "2");
}

#[tokio::test]
async fn a_disconnecting_client_does_not_cancel_what_others_wait_for() {
    let staged = Staged::new();
    let uncached = Staged::new();
    let manifest = Manifest::new([
        (
            "slow",
            staged
                .program(|x| Ok(x.to_string()))
                .cache(60)
                .view(BasicView::new()),
        ),
        (
            "uncached",
            uncached
                .program(|x| Ok(x.to_string()))
                .view(BasicView::new()),
        ),
    ]);
    let service = service(
        App::new(manifest)
            .cache(LocMemKeyValue::new())
            .max_models(2),
    );
    let leader = start(&service, "GET", "/slow.json?x=1");
    until(|| staged.runs() == 1).await;
    leader.abort();
    assert!(leader.await.is_err());
    let waiter = start(&service, "GET", "/slow.json?x=1");
    let gone = start(&service, "GET", "/uncached.json?x=1");
    until(|| uncached.runs() == 1).await;
    gone.abort();
    assert!(gone.await.is_err());
    staged.open(1);
    uncached.open(1);
    assert_eq!(waiter.await.unwrap().body, "\"1\"");
    assert_eq!(staged.runs(), 1);
    until(|| uncached.gate.available_permits() == 0).await;
}
