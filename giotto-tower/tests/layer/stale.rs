//! Stale responses: served while a new one is fetched, or because none can be had, and never where that is forbidden.

use giotto_cache::Policy;

use crate::world::{World, get, response, until, with_status};

const STALE: &[(&str, &str)] = &[(
    "cache-control",
    "max-age=60, stale-while-revalidate=30, stale-if-error=300",
)];

#[tokio::test]
async fn in_the_stale_window_one_request_is_sent_in_the_background() {
    let world = World::saying(STALE);
    world.get("/").await;
    world.pass(70);
    world.origin.hold();
    let seen = world.spawn(20, |_| get("/", &[])).join_all().await;
    for seen in seen {
        assert_eq!(seen.text(), "1");
        assert_eq!(
            seen.cache_status(),
            "http; hit; ttl=-10; detail=revalidating"
        );
        assert_eq!(seen.field("age"), "70");
    }
    until("one request is sent", || world.origin.calls() == 2).await;
    world.origin.release();
    world.cache.settle().await;
    let seen = world.get("/").await;
    assert_eq!(
        (seen.text(), seen.cache_status()),
        ("2", "http; hit; ttl=60")
    );
    world.pass(91);
    assert_eq!(world.get("/").await.text(), "3");
}

#[tokio::test]
async fn after_an_error_the_old_response_is_served_and_the_next_attempt_waits() {
    let world = World::saying(STALE);
    world.get("/").await;
    world.pass(100);
    world
        .origin
        .says(|_, number| with_status(503, &[], &number.to_string()));
    let seen = world.get("/").await;
    assert_eq!((seen.status.as_u16(), seen.text()), (200, "1"));
    assert_eq!(
        seen.cache_status(),
        "http; fwd=stale; fwd-status=503; ttl=-40; detail=failed"
    );
    let seen = world.get("/").await;
    assert_eq!(
        seen.cache_status(),
        "http; hit; ttl=-40; detail=failed-lately"
    );
    assert_eq!(world.origin.calls(), 2);
    world.pass(300);
    let seen = world.get("/").await;
    assert_eq!((seen.status.as_u16(), seen.text()), (503, "3"));
}

#[tokio::test]
async fn what_must_be_revalidated_is_never_served_stale() {
    for directive in [
        "must-revalidate",
        "proxy-revalidate",
        "s-maxage=60",
        "no-cache",
    ] {
        let world = World::with(|layer| layer.stale_if_error(300).obey_requests(true));
        world.origin.says(move |_, number| {
            let value =
                format!("max-age=60, stale-while-revalidate=30, stale-if-error=300, {directive}");
            response(
                &[("cache-control", &value), ("etag", "\"1\"")],
                &number.to_string(),
            )
        });
        world.get("/").await;
        world.pass(70);
        world
            .origin
            .says(|_, number| with_status(503, &[], &number.to_string()));
        for _ in 0..2 {
            let seen = world.get_with("/", &[("cache-control", "max-stale")]).await;
            assert_eq!(seen.status.as_u16(), 503, "{directive}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn a_response_without_a_word_is_served_stale_where_the_layer_says_so() {
    for (layer_says, status) in [(false, 503), (true, 200)] {
        let world = World::with(|layer| match layer_says {
            true => layer.stale_if_error(300),
            false => layer,
        });
        world.get("/").await;
        world.pass(70);
        world.origin.says(|_, _| with_status(503, &[], ""));
        assert_eq!(world.get("/").await.status.as_u16(), status);
    }
}

#[tokio::test]
async fn stale_times_are_cut_to_the_layers_longest() {
    let world = World::with(|layer| {
        layer
            .longest_stale_while_revalidate(5)
            .longest_stale_if_error(7)
    });
    world
        .origin
        .says(|_, number| response(STALE, &number.to_string()));
    world.get("/").await;
    world.pass(64);
    assert!(world.get("/").await.is_hit());
    world.pass(66);
    assert_eq!(world.get("/").await.text(), "3");
    world.pass(68);
    world.origin.says(|_, _| with_status(503, &[], ""));
    assert_eq!(world.get("/").await.status.as_u16(), 503);
}

#[tokio::test]
async fn a_longest_time_of_zero_is_never_also_under_a_policy() {
    let policy = Policy::seconds(60)
        .stale_while_revalidate(300)
        .stale_if_error(600);
    let world = World::with(|layer| {
        let layer = layer.policy(policy).unwrap();
        layer
            .longest_stale_while_revalidate(0)
            .longest_stale_if_error(0)
    });
    world
        .origin
        .says(|_, number| response(&[], &number.to_string()));
    world.get("/").await;
    assert!(world.get("/").await.is_hit());
    world.pass(61);
    assert_eq!(world.get("/").await.text(), "2");
    world.pass(61);
    world.origin.says(|_, _| with_status(503, &[], ""));
    assert_eq!(world.get("/").await.status.as_u16(), 503);
}

/// A variant is served stale as any other response, and its marker does not keep it from being refreshed.
#[tokio::test]
async fn a_variant_is_served_stale_too() {
    let world = World::saying(&[
        (
            "cache-control",
            "max-age=60, stale-while-revalidate=30, stale-if-error=300",
        ),
        ("vary", "accept-language"),
    ]);
    let german = [("accept-language", "de")];
    world.get_with("/", &german).await;
    world.pass(70);
    let seen = world.get_with("/", &german).await;
    assert_eq!((seen.text(), seen.is_hit()), ("1", true));
    assert_eq!(world.get_with("/", &german).await.text(), "2");
    world.pass(200);
    world.origin.says(|_, _| with_status(503, &[], ""));
    assert_eq!(world.get_with("/", &german).await.text(), "2");
}

#[tokio::test]
async fn after_an_invalidation_a_response_is_served_stale_where_it_may_be() {
    for vary in ["", "accept-language"] {
        let world = World::new();
        world.origin.says(move |_, number| {
            let mut fields = STALE.to_vec();
            fields.extend([("cache-tag", "all"), ("vary", vary)]);
            response(&fields, &number.to_string())
        });
        world.get("/").await;
        world.cache.invalidate("all").await.unwrap();
        // What is invalidated in the millisecond in which a request is sent counts as invalidated after it.
        world.pass(1);
        let seen = world.get("/").await;
        assert_eq!(
            (seen.text(), seen.is_hit()),
            ("1", true),
            "{vary:?}: {seen:?}"
        );
        assert_eq!(world.get("/").await.text(), "2", "{vary:?}");
        world.cache.purge("all").await.unwrap();
        world.pass(1);
        assert_eq!(world.get("/").await.text(), "3", "{vary:?}");
    }
}
