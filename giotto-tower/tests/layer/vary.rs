//! Variants: one response for each value of the fields that `Vary` names.

use std::sync::Arc;

use http::header::{ACCEPT, ACCEPT_LANGUAGE};

use crate::world::{World, get, response, until};

const GERMAN: &[(&str, &str)] = &[("accept-language", "de")];
const ENGLISH: &[(&str, &str)] = &[("accept-language", "en")];

fn world() -> World {
    let world = World::new();
    world.origin.says(|request, number| {
        let language = request.headers().get(ACCEPT_LANGUAGE);
        let language = language.map_or("none", |value| value.to_str().unwrap());
        let fields = [("cache-control", "max-age=60"), ("vary", "Accept-Language")];
        response(&fields, &format!("{language} {number}"))
    });
    world
}

#[tokio::test]
async fn each_value_has_a_response_of_its_own() {
    let world = world();
    for (fields, text) in [
        (GERMAN, "de 1"),
        (ENGLISH, "en 2"),
        (GERMAN, "de 1"),
        (ENGLISH, "en 2"),
        (&[], "none 3"),
        (&[("accept-language", "")], " 4"),
        (&[], "none 3"),
    ] {
        assert_eq!(world.get_with("/", fields).await.text(), text);
    }
    let seen = world.get_with("/", &[("accept-language", "fr")]).await;
    assert_eq!(
        seen.cache_status(),
        "http; fwd=vary-miss; stored; detail=first-seen"
    );
    let hit = world.get_with("/", GERMAN).await;
    assert_eq!(
        (hit.cache_status(), hit.field("age")),
        ("http; hit; ttl=60", "0")
    );
}

#[tokio::test]
async fn a_variant_expires_alone() {
    let world = world();
    world.get_with("/", GERMAN).await;
    world.pass(40);
    world.get_with("/", ENGLISH).await;
    world.pass(30);
    let german = world.get_with("/", GERMAN).await;
    assert_eq!(german.text(), "de 3");
    assert!(
        german.cache_status().starts_with("http; fwd=stale"),
        "{german:?}"
    );
    assert_eq!(world.get_with("/", ENGLISH).await.text(), "en 2");
}

#[tokio::test]
async fn callers_that_wait_for_a_response_that_varies_get_their_own_variant() {
    let world = world();
    world.origin.hold();
    let languages = ["de", "en", "fr"];
    let requests = world.spawn(90, |index| {
        get(
            "/",
            &[("accept-language", languages[index % languages.len()])],
        )
    });
    until("one request is sent", || world.origin.calls() == 1).await;
    world.origin.release();
    let mut texts: Vec<_> = requests.join_all().await;
    texts.sort_by(|one, other| one.text().cmp(other.text()));
    texts.dedup_by(|one, other| one.text() == other.text());
    let languages: Vec<_> = texts
        .iter()
        .map(|seen| seen.text()[..2].to_owned())
        .collect();
    assert_eq!(languages, ["de", "en", "fr"]);
    assert_eq!(world.origin.calls(), 3);
}

/// First by the language, then by the media type as well: the fields add up, and every response stays with its request.
#[tokio::test]
async fn a_response_that_varies_by_more_than_the_ones_before_is_told_apart_from_then_on() {
    let world = World::new();
    world.origin.says(|request, number| {
        let is_german = request
            .headers()
            .get(ACCEPT_LANGUAGE)
            .is_some_and(|value| value == "de");
        let vary = if is_german {
            "accept-language, accept"
        } else {
            "accept-language"
        };
        let accept = request
            .headers()
            .get(ACCEPT)
            .map_or("", |value| value.to_str().unwrap());
        let fields = [("cache-control", "max-age=60"), ("vary", vary)];
        response(&fields, &format!("{is_german} {accept} {number}"))
    });
    let german = |accept| [("accept-language", "de"), ("accept", accept)];
    assert_eq!(world.get_with("/", ENGLISH).await.text(), "false  1");
    let seen = world.get_with("/", &german("text/html")).await;
    assert_eq!(seen.text(), "true text/html 2");
    assert!(seen.cache_status().contains("varies-by-more"), "{seen:?}");
    for (accept, text) in [
        ("text/html", "true text/html 3"),
        ("text/plain", "true text/plain 4"),
        ("text/html", "true text/html 3"),
        ("text/plain", "true text/plain 4"),
    ] {
        assert_eq!(world.get_with("/", &german(accept)).await.text(), text);
    }
    assert_eq!(world.get_with("/", ENGLISH).await.text(), "false  5");
    assert_eq!(world.get_with("/", ENGLISH).await.text(), "false  5");
    assert_eq!(
        world.get_with("/", &german("text/html")).await.text(),
        "true text/html 3"
    );
}

#[tokio::test]
async fn after_an_invalidation_no_older_variant_is_found_again() {
    let world = world();
    world.get_with("/", GERMAN).await;
    world.get_with("/", ENGLISH).await;
    let deleted = crate::world::request(http::Method::DELETE, "/", &[]);
    world.send(deleted).await;
    assert_eq!(world.get_with("/", ENGLISH).await.text(), "en 4");
    assert_eq!(world.get_with("/", GERMAN).await.text(), "de 5");
}

/// The request is sent, its URI is invalidated, and the response arrives: neither it nor its marker may be served later.
#[tokio::test]
async fn a_variant_that_was_on_its_way_during_an_invalidation_is_not_kept() {
    let world = Arc::new(world());
    world.origin.hold();
    let first = world.spawn(1, |_| get("/", GERMAN));
    until("the request is sent", || world.origin.calls() == 1).await;
    world
        .cache
        .invalidate(giotto_cache::Scope::Program("http".to_owned()))
        .await
        .unwrap();
    world.origin.release();
    assert_eq!(first.join_all().await[0].text(), "de 1");
    world.cache.settle().await;
    let seen = world.get_with("/", GERMAN).await;
    assert_eq!(seen.text(), "de 2", "{seen:?}");
}
