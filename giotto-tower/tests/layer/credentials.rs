//! What is for one user never reaches another: private responses, cookies, authorized requests, errors.

use std::time::Duration;

use crate::world::{World, get, response, until, with_status};

/// Each caller gets its own: those that come one after the other, and those that wait for the same response.
async fn is_never_replayed(world: &World, fields: &[(&str, &str)]) {
    for number in 1..=3 {
        let seen = world.get_with("/", fields).await;
        assert_eq!(seen.text(), number.to_string(), "{seen:?}");
    }
    world.pass(60);
    world.origin.hold();
    let requests = world.spawn(20, |_| get("/waiting", fields));
    until("one request is sent", || world.origin.calls() == 4).await;
    world.origin.release();
    let mut texts: Vec<_> = requests.join_all().await;
    texts.sort_by_key(|seen| seen.text().parse::<u64>().unwrap());
    let texts: Vec<_> = texts.iter().map(|seen| seen.text().to_owned()).collect();
    let expected: Vec<_> = (4..24).map(|number| number.to_string()).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn private_responses_cookies_and_errors_are_never_replayed() {
    for fields in [
        &[("cache-control", "private, max-age=60")][..],
        &[("cache-control", "no-store")],
        &[("cache-control", "max-age=60"), ("set-cookie", "user=7")],
        &[
            ("cache-control", "public, max-age=60"),
            ("set-cookie", "user=7"),
        ],
        &[("cache-control", "max-age=60"), ("vary", "*")],
    ] {
        let world = World::with(|layer| layer.policy(Duration::from_secs(60)).unwrap());
        world
            .origin
            .says(move |_, number| response(fields, &number.to_string()));
        is_never_replayed(&world, &[]).await;
    }
    for status in [500, 502, 503, 401, 403] {
        let world = World::with(|layer| layer.policy(Duration::from_secs(60)).unwrap());
        world
            .origin
            .says(move |_, number| with_status(status, &[], &number.to_string()));
        is_never_replayed(&world, &[]).await;
    }
}

#[tokio::test]
async fn a_response_to_a_request_with_credentials_is_stored_only_if_it_says_so() {
    for fields in [&[("authorization", "Basic YTpi")], &[("cookie", "user=7")]] {
        let world = World::with(|layer| layer.policy(Duration::from_secs(60)).unwrap());
        world
            .origin
            .says(|_, number| response(&[], &number.to_string()));
        is_never_replayed(&world, fields).await;
        // Nor is it served to others, or what is stored for them to it.
        assert_eq!(world.get("/").await.text(), "24");
        assert_eq!(world.get("/").await.text(), "24");
        assert_eq!(world.get_with("/", fields).await.text(), "25");
        assert_eq!(world.get("/").await.text(), "24");
    }
    let world = World::new();
    is_never_replayed(&world, &[("authorization", "Basic YTpi")]).await;

    let world = World::saying(&[("cache-control", "public, max-age=60")]);
    let fields = [("authorization", "Basic YTpi")];
    assert_eq!(world.get_with("/", &fields).await.text(), "1");
    assert_eq!(world.get_with("/", &fields).await.text(), "1");
}

#[tokio::test]
async fn a_response_that_varies_by_the_cookie_is_for_that_cookie() {
    let world = World::saying(&[("cache-control", "max-age=60"), ("vary", "Cookie")]);
    for (cookie, text) in [("a=1", "1"), ("a=2", "2"), ("a=1", "1"), ("a=2", "2")] {
        assert_eq!(
            world.get_with("/", &[("cookie", cookie)]).await.text(),
            text
        );
    }
    assert_eq!(world.get("/").await.text(), "3");
    // Keys are logged and listed: no cookie stands in one.
    let listed = world
        .cache
        .list(&giotto_cache::Listing::new(10))
        .await
        .unwrap();
    assert!(!format!("{listed:?}").contains("a=1"));
}
