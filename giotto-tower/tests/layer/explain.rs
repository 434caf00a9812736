//! The layer's responses, as the cache explains, lists and counts them.

use giotto_cache::{Listing, Reason, Status};

use crate::world::{World, get};

#[tokio::test]
async fn explain_says_what_the_next_request_would_get() {
    let world = World::saying(&[("cache-control", "max-age=60"), ("cache-tag", "one")]);
    let (parts, _) = get("/a?x=1", &[("host", "Example.com")]).into_parts();
    let explained = world.layer.explain(&parts).await.unwrap();
    assert_eq!(explained.key, "{GET example.com/a?x=1}(http)()");
    assert_eq!(explained.reason, Some(Reason::FirstSeen));
    world.get_with("/a?x=1", &[("host", "example.com")]).await;
    let explained = world.layer.explain(&parts).await.unwrap();
    assert_eq!(explained.next, Ok(Status::Hit));
    let entry = explained.entry.unwrap();
    assert_eq!(entry.tags, [("one".to_owned(), "valid")]);
    assert_eq!(entry.metadata.status(), Some(200));
}

#[tokio::test]
async fn explain_follows_a_marker_to_the_variant() {
    let world = World::saying(&[("cache-control", "max-age=60"), ("vary", "accept-language")]);
    let german = [("accept-language", "de")];
    world.get_with("/", &german).await;
    let explain = async |fields| {
        let (parts, _) = get("/", fields).into_parts();
        world.layer.explain(&parts).await.unwrap()
    };
    let explained = explain(&german).await;
    assert_eq!(explained.next, Ok(Status::Hit));
    assert!(
        explained.key.contains("accept-language=\"de\""),
        "{explained:?}"
    );
    let explained = explain(&[]).await;
    assert_eq!(explained.next, Ok(Status::Stored));
}

#[tokio::test]
async fn the_cache_lists_and_counts_responses_by_program() {
    let world = World::with(|layer| layer.program("shop"));
    for _ in 0..3 {
        assert!(world.get("/").await.cache_status().starts_with("shop; "));
    }
    let listed = world
        .cache
        .list(&Listing::new(10).program("shop"))
        .await
        .unwrap();
    assert_eq!(listed.entries[0].arguments.as_deref(), Some("{GET /}"));
    let shop = &world.cache.programs()[0];
    assert_eq!(
        (shop.program.as_str(), shop.counts.hits, shop.counts.misses),
        ("shop", 2, 1)
    );
}

#[tokio::test]
async fn without_a_key_there_is_nothing_to_explain() {
    let world = World::with(|layer| layer.key(|_| None));
    let (parts, _) = get("/", &[]).into_parts();
    assert!(world.layer.explain(&parts).await.is_none());
}

#[tokio::test]
async fn no_cache_status_is_written_where_none_is_wanted() {
    let world = World::with(|layer| layer.cache_status(false));
    for _ in 0..2 {
        assert!(!world.get("/").await.fields.contains_key("cache-status"));
    }
    assert_eq!(world.origin.calls(), 1);
}
