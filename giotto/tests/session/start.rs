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
