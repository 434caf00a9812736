//! Tags: from the fields of responses, from handlers and from the layer.

use crate::world::{World, request, response, with_status};

/// What is invalidated in the millisecond in which a request is sent counts as invalidated after it.
async fn invalidate(world: &World, tag: &str) {
    world.cache.invalidate(tag).await.unwrap();
    world.pass(1);
}

#[tokio::test]
async fn a_response_is_invalidated_by_any_of_its_tags() {
    for (name, value) in [
        ("cache-tag", "one, user:7"),
        ("surrogate-key", "one user:7"),
    ] {
        let world = World::new();
        world.origin.says(move |_, number| {
            response(
                &[("cache-control", "max-age=60"), (name, value)],
                &number.to_string(),
            )
        });
        for (index, tag) in ["one", "user:7"].into_iter().enumerate() {
            assert_eq!(
                world.get("/").await.text(),
                (index + 1).to_string(),
                "{name}"
            );
            assert!(world.get("/").await.is_hit());
            invalidate(&world, tag).await;
        }
        let seen = world.get("/").await;
        assert_eq!(seen.text(), "3");
        // Which tag it was is no business of the client's.
        assert_eq!(
            seen.cache_status(),
            "http; fwd=stale; stored; detail=invalidated"
        );
    }
}

#[tokio::test]
async fn the_layer_gives_tags_from_the_request_and_the_response() {
    let world = World::with(|layer| {
        layer.tags(|request, response| {
            vec![
                format!("path:{}", request.uri.path()),
                format!("status:{}", response.status.as_u16()),
            ]
        })
    });
    for (index, tag) in ["path:/a", "status:200", "path:/b"].into_iter().enumerate() {
        assert_eq!(world.get("/a").await.text(), (index + 1).to_string());
        invalidate(&world, tag).await;
    }
    assert!(world.get("/a").await.is_hit());
}

#[tokio::test]
async fn a_variant_is_invalidated_by_its_tags() {
    let world = World::saying(&[
        ("cache-control", "max-age=60"),
        ("vary", "accept-language"),
        ("cache-tag", "one"),
    ]);
    let german = [("accept-language", "de")];
    world.get_with("/", &german).await;
    world.get("/").await;
    assert!(world.get_with("/", &german).await.is_hit());
    invalidate(&world, "one").await;
    assert_eq!(world.get_with("/", &german).await.text(), "3");
    assert_eq!(world.get("/").await.text(), "4");
}

/// RFC 9875.
#[tokio::test]
async fn an_unsafe_request_invalidates_the_groups_that_its_response_names() {
    let world = World::new();
    world
        .origin
        .says(|request, number| match request.method().is_safe() {
            true => response(
                &[
                    ("cache-control", "max-age=60"),
                    ("cache-groups", "\"news\", \"all\""),
                ],
                &number.to_string(),
            ),
            false => with_status(204, &[("cache-group-invalidation", "\"news\"")], ""),
        });
    world.get("/").await;
    assert!(world.get("/").await.is_hit());
    world
        .send(request(http::Method::POST, "/elsewhere", &[]))
        .await;
    world.pass(1);
    assert_eq!(world.get("/").await.text(), "3");
}

#[tokio::test]
async fn a_response_with_a_tag_that_is_none_is_not_stored() {
    let world = World::with(|layer| layer.tags(|_, _| vec!["line\nbreak".to_owned()]));
    assert_eq!(world.get("/").await.text(), "1");
    assert_eq!(world.get("/").await.text(), "2");
}

/// What is computed in the same cache for a page gives the page its tags, also where it varies.
#[tokio::test]
async fn a_page_is_invalidated_by_the_tags_of_what_it_is_made_of() {
    use giotto_cache::{Computed, Error, Key, Lookup, Policy};
    for vary in ["", "accept-language"] {
        let world = World::new();
        let (cache, origin) = (world.cache.clone(), world.origin.clone());
        origin.says(move |_, number| {
            response(
                &[("cache-control", "max-age=60"), ("vary", vary)],
                &number.to_string(),
            )
        });
        let handler = move |request| {
            let (cache, origin) = (cache.clone(), origin.clone());
            async move {
                let inner = Lookup::new(Key::plain("inner"), Policy::seconds(60));
                let inner = inner.tags(vec!["inner".to_owned()]);
                let compute = |_| async { Ok::<_, Error>(Computed::Page("7".into())) };
                cache.answer(inner, compute).await.unwrap();
                origin.answer(request).await
            }
        };
        let app = axum::Router::new()
            .fallback(handler)
            .layer(world.layer.clone());
        let world = World { app, ..world };
        assert_eq!(world.get("/").await.text(), "1");
        assert!(world.get("/").await.is_hit(), "{vary:?}");
        invalidate(&world, "inner").await;
        assert_eq!(world.get("/").await.text(), "2", "{vary:?}");
        let german = [("accept-language", "de")];
        world.get_with("/", &german).await;
        let calls = world.origin.calls();
        invalidate(&world, "inner").await;
        assert_eq!(
            world.get_with("/", &german).await.text(),
            (calls + 1).to_string(),
            "{vary:?}"
        );
    }
}
