//! Routes of axum beside the programs: they have the same session, and guard themselves.

use axum::extract::Extension;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{Router, get, post};
use giotto::prelude::*;

use crate::{Browser, ask, library, sessions};

async fn upload(
    Extension(session): Extension<Session>,
    fields: HeaderMap,
) -> Result<String, StatusCode> {
    let user = session.user().ok_or(StatusCode::UNAUTHORIZED)?;
    let token = fields
        .get("x-csrf-token")
        .and_then(|token| token.to_str().ok());
    if !token.is_some_and(|token| session.verify_csrf(token)) {
        return Err(StatusCode::FORBIDDEN);
    }
    session
        .flash("info", format!("a cover by {user}"))
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(user)
}

#[tokio::test]
async fn a_route_reads_and_changes_the_session_of_its_reader() {
    let routes = Router::new()
        .route("/covers", post(upload))
        .route("/other", get(|| async { "other" }));
    let app = App::new(library::manifest())
        .sessions(sessions())
        .routes(routes);
    let service = app.into_service().unwrap();
    assert_eq!(ask(&service, "POST", "/covers", &[], "").await.status, 401);
    let mut ada = Browser::new(&service);
    ada.sign_in("ada").await;
    assert_eq!(ada.ask("POST", "/covers", &[], "").await.status, 403);
    let token = ada.get("/form").await.token();
    let reply = ada
        .ask("POST", "/covers", &[("x-csrf-token", &token)], "")
        .await;
    assert_eq!(
        (reply.status, reply.body.as_str(), &*reply.cache_control),
        (200, "ada", "no-store")
    );
    assert!(ada.get("/other").await.cookies().is_empty());
    assert!(ada.get("/form").await.body.contains("a cover by ada"));
}
