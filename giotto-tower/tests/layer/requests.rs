//! The directives of requests, where the layer obeys them.

use crate::world::{World, response, with_status};

async fn get(world: &World, directives: &str) -> crate::world::Seen {
    world.get_with("/", &[("cache-control", directives)]).await
}

fn world() -> World {
    World::with(|layer| layer.obey_requests(true))
}

#[tokio::test]
async fn by_default_they_are_not_obeyed() {
    let world = World::new();
    world.get("/").await;
    for directives in ["no-cache", "max-age=0", "no-store", "only-if-cached"] {
        assert!(get(&world, directives).await.is_hit(), "{directives}");
    }
    assert_eq!(get(&World::new(), "only-if-cached").await.text(), "1");
}

#[tokio::test]
async fn no_cache_and_max_age_ask_for_a_newer_response() {
    let world = world();
    world.get("/").await;
    world.pass(10);
    assert_eq!(get(&world, "max-age=10").await.text(), "1");
    let seen = get(&world, "max-age=9").await;
    assert_eq!(seen.text(), "2");
    assert_eq!(
        seen.cache_status(),
        "http; fwd=request; stored; detail=refresh"
    );
    assert_eq!(get(&world, "no-cache").await.text(), "3");
    assert_eq!(get(&world, "min-fresh=61").await.text(), "4");
    assert_eq!(get(&world, "min-fresh=60").await.text(), "4");
    // What was fetched for them is stored for all.
    assert_eq!(world.get("/").await.text(), "4");
    assert_eq!(
        world.get_with("/", &[("pragma", "no-cache")]).await.text(),
        "5"
    );
}

#[tokio::test]
async fn max_stale_accepts_what_is_stale() {
    let world = world();
    world.origin.says(|_, number| {
        response(
            &[("cache-control", "max-age=60"), ("etag", "\"1\"")],
            &number.to_string(),
        )
    });
    world.get("/").await;
    world.pass(70);
    assert_eq!(get(&world, "max-stale=10").await.text(), "1");
    assert_eq!(get(&world, "max-stale").await.text(), "1");
    assert_eq!(get(&world, "max-stale=9").await.text(), "2");
}

#[tokio::test]
async fn what_is_only_wanted_from_the_cache_is_not_fetched() {
    let world = world();
    let seen = get(&world, "only-if-cached").await;
    assert_eq!(seen.status.as_u16(), 504);
    assert_eq!(
        seen.cache_status(),
        "http; fwd=request; detail=only-if-cached"
    );
    assert_eq!(world.origin.calls(), 0);
    world.get("/").await;
    assert!(get(&world, "only-if-cached").await.is_hit());
}

#[tokio::test]
async fn nothing_of_a_request_that_says_no_store_is_stored() {
    let world = world();
    assert_eq!(get(&world, "no-store").await.text(), "1");
    assert_eq!(world.get("/").await.text(), "2");
    assert!(get(&world, "no-store").await.is_hit());
}

#[tokio::test]
async fn an_error_does_not_replace_what_a_request_did_not_want() {
    let world = world();
    world.get("/").await;
    world.origin.says(|_, _| with_status(503, &[], ""));
    assert_eq!(get(&world, "no-cache").await.status.as_u16(), 503);
    assert_eq!(world.get("/").await.text(), "1");
}
