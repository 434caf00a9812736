//! The head of a response is at hand for the next hit: it is sent only where it would be made again.

use http::Method;

use crate::world::{World, get, request, response};

/// The fields and the length of the body change with each response.
fn world() -> World {
    let world = World::new();
    world.origin.says(|request, number| {
        let number = number.to_string();
        let fields = [("cache-control", "max-age=60"), ("x-number", &*number)];
        response(&fields, &request.uri().to_string().repeat(number.len()))
    });
    world
}

#[tokio::test]
async fn every_second_has_its_age_and_every_response_its_fields() {
    let world = world();
    for number in ["1", "2"] {
        let stored = world.get("/page").await;
        assert_eq!(stored.field("x-number"), number);
        for second in 0..3 {
            for _ in 0..3 {
                let hit = world.get("/page").await;
                let age = second.to_string();
                let status = format!("http; hit; ttl={}", 60 - second);
                assert_eq!((hit.field("age"), hit.cache_status()), (&*age, &*status));
                assert_eq!((hit.field("x-number"), hit.text()), (number, "/page"));
                assert_eq!(hit.field("content-length"), "5");
                assert_eq!(hit.fields.len(), 6, "{:?}", hit.fields);
            }
            world.pass(1);
        }
        world.send(request(Method::DELETE, "/page", &[])).await;
        // The handler is asked by the unsafe request as well.
        world.origin.says(|_, _| {
            let fields = [("cache-control", "max-age=60"), ("x-number", "2")];
            response(&fields, "/page")
        });
    }
}

#[tokio::test]
async fn a_request_that_asks_for_something_else_gets_that() {
    let world = world();
    let host = |host: &'static str| get("/page", &[("host", host)]);
    for (name, number) in [("a", "1"), ("b", "2"), ("a", "1"), ("b", "2"), ("A", "1")] {
        assert_eq!(world.send(host(name)).await.field("x-number"), number);
    }
    world.get("/page").await;
    assert_eq!(world.get("/page").await.text(), "/page");
    let head = world.send(request(Method::HEAD, "/page", &[])).await;
    assert_eq!((head.text(), head.field("content-length")), ("", "5"));
    let part = world.get_with("/page", &[("range", "bytes=1-2")]).await;
    assert_eq!((part.status.as_u16(), part.text()), (206, "pa"));
    assert_eq!(world.get("/page").await.status, 200);
}

/// A response that says nothing is not for a request with a cookie, whatever is at hand.
#[tokio::test]
async fn a_request_with_a_cookie_gets_no_response_that_is_not_for_it() {
    let world = World::with(|layer| layer.policy(std::time::Duration::from_secs(60)).unwrap());
    (world.origin).says(|_, number| response(&[], &number.to_string()));
    for _ in 0..3 {
        assert_eq!(world.get("/").await.text(), "1");
    }
    let own = world.get_with("/", &[("cookie", "user=7")]).await;
    assert_eq!(own.text(), "2");
    assert_eq!(world.get("/").await.text(), "1");
}

/// More pages than heads are at hand: they take each other's places.
#[tokio::test]
async fn every_page_has_its_own_head_however_many_there_are() {
    let world = world();
    for round in 0..12 {
        for number in 1..=1_500 {
            let page = world.send_unsettled(get(&format!("/{number}"), &[])).await;
            assert_eq!(page.field("x-number"), number.to_string(), "round {round}");
        }
        world.cache.settle().await;
    }
    assert_eq!(world.origin.calls(), 1_500);
}
