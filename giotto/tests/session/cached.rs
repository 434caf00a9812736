//! Sessions and pages that are stored: what belongs to one reader is in the key, or never in the page.

use giotto::Request;
use giotto::prelude::*;

use crate::{Browser, Nothing, service, sessions};

fn refused(program: Program) -> String {
    let app = App::new(Manifest::new([("a", program)])).sessions(sessions());
    app.check().unwrap_err().to_string()
}

#[test]
fn a_cached_program_whose_model_takes_a_session_is_refused_at_start() {
    #[model]
    fn attributed(session: Session) -> Option<String> {
        session.user()
    }
    let plain = |_: Nothing, session: Session| session.user();
    let awaited = async |_: Nothing, session: Session| session.user();
    for program in [
        Program::new(attributed).cache(60).view(BasicView::new()),
        Program::new(plain).cache(60).view(BasicView::new()),
        Program::new(awaited).cache(0).view(BasicView::new()),
    ] {
        let error = refused(program);
        for word in [
            "'a'",
            "takes a Session",
            "leave out .cache(..)",
            "request.session()",
            "request.set(..)",
        ] {
            assert!(error.contains(word), "{error}");
        }
    }
}

#[test]
fn sessions_that_cannot_be_are_refused_at_start() {
    let model = |_: Nothing, session: Session| session.user();
    let program = || Program::new(model).view(BasicView::new());
    let without = App::new(Manifest::new([("a", program())]))
        .check()
        .unwrap_err();
    assert!(
        without
            .to_string()
            .contains("App::sessions(Sessions::new())"),
        "{without}"
    );

    #[model]
    fn named(csrf_token: String) -> String {
        csrf_token
    }
    let error = refused(Program::new(named).view(BasicView::new()));
    assert!(
        error.contains("csrf_token") && error.contains("rename it"),
        "{error}"
    );

    let keyless = App::new(Manifest::new([("a", program())])).sessions(Sessions::new());
    keyless.check().unwrap();
    let error = keyless.into_service().unwrap_err().to_string();
    for word in [
        "openssl rand -hex 32",
        "session.key",
        "GIOTTO_SESSION_KEY",
        "Sessions::keys",
    ] {
        assert!(error.contains(word), "{error}");
    }
    for (wrong, word) in [
        (Sessions::new().keys(["short"]), "5 bytes"),
        (sessions().cookie("a b"), "token"),
        (sessions().idle(0_u64), "idle"),
        (sessions().lifetime(0_u64), "lifetime"),
    ] {
        let app = App::new(Manifest::new([("a", program())])).sessions(wrong);
        let error = app.check().unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[tokio::test]
async fn a_stored_page_is_one_for_each_user_and_no_cache_downstream_has_it() {
    let service = service(sessions());
    let (mut ada, mut bob, mut nobody) = (
        Browser::new(&service),
        Browser::new(&service),
        Browser::new(&service),
    );
    ada.sign_in("ada").await;
    bob.sign_in("bob").await;
    for round in 0..3 {
        for (browser, hello) in [
            (&mut ada, "hello ada,"),
            (&mut bob, "hello bob,"),
            (&mut nobody, "hello reader"),
        ] {
            let reply = browser.get("/greeting").await;
            assert!(reply.body.starts_with(hello), "{reply:?}");
            assert_eq!(reply.cache_control, "private, no-store");
            assert_eq!(reply.fields["vary"], "Accept, X-Requested-With, Cookie");
            let is_hit = reply.fields["cache-status"]
                .to_str()
                .unwrap()
                .starts_with("giotto; hit");
            assert_eq!(is_hit, round > 0, "{reply:?}");
        }
    }
}

/// With `.max_age(..)`, browsers may keep the page, but not a response that sets a cookie.
#[tokio::test]
async fn a_response_that_writes_the_session_is_stored_nowhere() {
    let (sessions, clock) = crate::timed();
    let mut ada = Browser::new(&service(sessions));
    ada.sign_in("ada").await;
    let reply = ada.get("/kept-by-browsers").await;
    assert_eq!(
        (&*reply.cache_control, reply.cookies().len()),
        ("private, max-age=60", 0)
    );
    clock.advance(std::time::Duration::from_secs(3 * 3_600));
    let reply = ada.get("/kept-by-browsers").await;
    assert_eq!(
        (&*reply.cache_control, reply.cookies().len()),
        ("no-store", 1)
    );
    assert_eq!(reply.fields.get_all("cache-control").iter().count(), 1);
}

#[tokio::test]
async fn a_token_or_a_message_on_a_stored_page_is_an_error_that_names_the_remedy() {
    let manifest = crate::library::manifest();
    let app = App::new(manifest)
        .cache(LocMemKeyValue::new())
        .sessions(sessions());
    let service = app.into_service().unwrap().debug(true);
    for _ in 0..2 {
        let reply = crate::ask(&service, "GET", "/wrong", &[], "").await;
        assert_eq!(reply.status, 500);
        for word in ["belongs to one reader", "leave out .cache(..)"] {
            assert!(reply.body.contains(word), "{}", reply.body);
        }
    }
}

#[tokio::test]
async fn what_asks_for_a_session_that_cannot_be_says_so() {
    let csrf = |_: &i64, rendering: &giotto::view::Rendering| rendering.csrf();
    let reads = |request: &mut Request<'_>| request.session().map(|_| ());
    let program = || Program::new(|_: Nothing| 1_i64);
    let manifest = Manifest::new([
        ("view", program().view(View::new().html(csrf))),
        (
            "middleware",
            program().input_middleware(reads).view(BasicView::new()),
        ),
    ]);
    let app = App::new(manifest.with("mgt", giotto::management()));
    for path in ["middleware", "mgt/cache/explain/middleware"] {
        let error = app.invoke(&mut Request::new(CMD, path)).await.unwrap_err();
        assert!(error.to_string().contains("App::sessions"), "{error}");
    }
    let service = app.into_service().unwrap().debug(true);
    for target in ["/view", "/middleware"] {
        let reply = crate::ask(&service, "GET", target, &[], "").await;
        assert_eq!(reply.status, 500, "{target}");
        assert!(
            reply.body.contains("App::sessions(Sessions::new())"),
            "{}",
            reply.body
        );
    }
}
