//! Redirections: the status by the method or by choice, and what a client that does not follow them gets.

use giotto::prelude::*;
use giotto::view::View;

use crate::{Nothing, Reply, ask, service};

fn to(redirection: Redirection) -> Program {
    Program::new(move |_: Nothing| redirection.clone()).view(BasicView::new())
}

fn location(reply: &Reply) -> &str {
    reply.fields["location"].to_str().unwrap()
}

#[tokio::test]
async fn the_status_is_that_of_the_method_or_chosen() {
    let place = || Redirection::to("/b");
    let manifest = Manifest::new([
        ("usual", to(place())),
        ("moved", to(place().moved_permanently())),
        ("found", to(place().found())),
        ("see", to(place().see_other())),
        ("temporary", to(place().temporary())),
        ("permanent", to(place().permanent())),
        ("last", to(place().permanent().temporary())),
        (
            "guarded",
            to(place()).input_middleware(|_: &mut Request<'_>| Err(Redirection::to("/b").into())),
        ),
    ]);
    let service = service(App::new(manifest));
    for (target, after_get, after_post) in [
        ("/usual", 302, 303),
        ("/moved", 301, 301),
        ("/found", 302, 302),
        ("/see", 303, 303),
        ("/temporary", 307, 307),
        ("/permanent", 308, 308),
        ("/last", 307, 307),
        ("/guarded", 302, 303),
    ] {
        for (method, status) in [
            ("GET", after_get),
            ("HEAD", after_get),
            ("POST", after_post),
        ] {
            let reply = ask(&service, method, target, &[], "").await;
            assert_eq!(
                (reply.status, location(&reply)),
                (status, "/b"),
                "{method} {target}"
            );
            assert_eq!(reply.cache_control, "no-store", "{method} {target}");
        }
    }
}

#[tokio::test]
async fn a_view_of_any_kind_is_enough_for_a_result_of_one() {
    let found = |_: Nothing| Ok::<_, giotto::Error>(Redirection::to("/b"));
    let manifest = Manifest::new([
        ("basic", Program::new(found).view(BasicView::new())),
        ("empty", Program::new(found).view(View::new())),
    ]);
    let service = service(App::new(manifest));
    for target in ["/basic", "/basic.json", "/empty", "/empty.txt"] {
        let reply = ask(&service, "GET", target, &[], "").await;
        assert_eq!((reply.status, location(&reply)), (302, "/b"), "{target}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_follow_it_is_told_the_place() {
    let manifest = Manifest::new([
        ("a", to(Redirection::to("/b?c=\"d\"&e='f'"))),
        ("script", to(Redirection::to("javascript:alert(1)"))),
    ]);
    let service = service(App::new(manifest));
    let told = async |method: &str, target: &str, accept: &str| {
        let reply = ask(&service, method, target, &[("accept", accept)], "").await;
        let content_type = reply.fields["content-type"].to_str().unwrap().to_owned();
        (content_type, reply.body)
    };
    for target in ["/a", "/a.json"] {
        let (content_type, body) = told("POST", target, "application/json").await;
        assert_eq!(content_type, "application/json");
        let place = "{\"redirect\":{\"status\":303,\"location\":\"/b?c=%22d%22&e='f'\"}}";
        assert_eq!(body, place);
    }
    let (content_type, body) = told("GET", "/a", "text/html").await;
    assert_eq!(content_type, "text/html; charset=utf-8");
    let escaped = "/b?c=%22d%22&amp;e=&#39;f&#39;";
    let link = format!("<p>Go on to <a href=\"{escaped}\">{escaped}</a></p>");
    assert!(
        body.contains("<small>302 Found</small>") && body.contains(&link),
        "{body}"
    );
    let plain = told("GET", "/a", "text/plain").await.1;
    assert_eq!(plain, "see /b?c=%22d%22&e='f'\n");
    let script = told("GET", "/script", "text/html").await.1;
    assert!(
        script.contains("<p>Go on to javascript:alert(1)</p>"),
        "{script}"
    );
}
