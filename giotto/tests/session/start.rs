//! The cookie by what the settings say, as far as code gives them.

use giotto::Sessions;

use crate::{KEY, ask, service, sessions};

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
