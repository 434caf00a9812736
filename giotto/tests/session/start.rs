//! The cookie by what code and the settings say, and a server without a key.

use giotto::prelude::*;

use crate::{Browser, KEY, ask, library, service, sessions};

#[tokio::test]
async fn the_name_and_the_attributes_follow_the_settings() {
    for (sessions, start, end) in [
        (
            sessions(),
            "__Host-giotto_session=",
            "; Path=/; Max-Age=86400; Secure; HttpOnly; SameSite=Lax",
        ),
        (
            sessions().secure(false),
            "giotto_session=",
            "; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax",
        ),
        (
            sessions().cookie("shop").idle(60).lifetime(3_600),
            "__Host-shop=",
            "; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax",
        ),
        (
            Sessions::new()
                .lifetime(60)
                .secure(false)
                .cookie("shop")
                .keys([KEY]),
            "shop=",
            "; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
        ),
    ] {
        let reply = ask(&service(sessions), "GET", "/form", &[], "").await;
        let [cookie] = reply.cookies()[..] else {
            panic!("one cookie: {reply:?}");
        };
        assert!(
            cookie.starts_with(start) && cookie.ends_with(end),
            "{cookie}"
        );
    }
}

/// The same application with these settings.
fn configured(settings: &[&str]) -> giotto::Result<giotto::Service> {
    let flags = settings.iter().flat_map(|setting| ["--set", setting]);
    let app = App::new(library::manifest())
        .cache(LocMemKeyValue::new())
        .sessions(Sessions::new());
    app.configured_with(flags)?.into_service()
}

#[tokio::test]
async fn a_server_has_the_sessions_of_its_settings() {
    let error = configured(&[]).unwrap_err().to_string();
    assert!(
        error.contains("session.key") && error.contains("openssl rand -hex 32"),
        "{error}"
    );
    let key = format!("session.key={KEY}");
    let mut ada = Browser::new(&configured(&[&key]).unwrap());
    ada.sign_in("ada").await;
    ada.service = configured(&[&key, "session.idle_seconds=3600"]).unwrap();
    assert_eq!(ada.whoami().await, "[\"ada\",[]]");

    let in_debug = || configured(&["debug=true"]).unwrap();
    let reply = ask(&in_debug(), "GET", "/form", &[], "").await;
    let [cookie] = reply.cookies()[..] else {
        panic!("one cookie: {reply:?}");
    };
    assert!(
        cookie.starts_with("giotto_session=") && !cookie.contains("Secure"),
        "{cookie}"
    );
    // Each makes a key of its own up.
    let (pair, _) = cookie.split_once(';').unwrap();
    let form = format!("user=ada&csrf_token={}", reply.token());
    let reply = ask(
        &in_debug(),
        "POST",
        "/sign-in",
        &[crate::FORM, ("cookie", pair)],
        &form,
    )
    .await;
    assert_eq!(reply.status, 403);
}

#[test]
fn a_program_that_writes_by_get_is_refused_with_sessions() {
    let program = || {
        Program::new(|_: crate::Nothing| 0)
            .invalidates(|_: &crate::Nothing| ["a"])
            .view(BasicView::new())
    };
    let check = |program: Program| {
        let app = App::new(Manifest::new([("write", program)]));
        (app.check(), app.sessions(sessions()).check())
    };
    let (without, with) = check(program());
    assert!(without.is_ok());
    let error = with.unwrap_err().to_string();
    for words in ["'write'", "http-get", ".controllers([HTTP_POST, CMD])"] {
        assert!(error.contains(words), "{error}");
    }
    for right in [program().controllers([HTTP_POST]), program().csrf(false)] {
        assert!(check(right).1.is_ok());
    }
}

#[test]
fn sessions_after_the_configuration_are_refused_because_they_have_no_setting_of_it() {
    let key = format!("session.key={KEY}");
    let app = App::new(library::manifest()).cache(LocMemKeyValue::new());
    let app = app.configured_with(["--set", &key]).unwrap();
    let error = app.sessions(Sessions::new()).into_service().unwrap_err();
    assert!(error.to_string().contains("App::configured"), "{error}");
}
