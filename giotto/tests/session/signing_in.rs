//! Signing in and out, and messages that are shown once.

use std::sync::Arc;

use giotto::prelude::*;
use giotto::{Flash, Request};

use crate::{Browser, COOKIE, Nothing, ask, library, service, sessions};

const NOBODY: &str = "[null,[]]";

#[tokio::test]
async fn a_reader_who_signs_in_has_a_new_session() {
    let service = service(sessions());
    // The attacker has a session and gives it to the browser of another.
    let mut attacker = Browser::new(&service);
    attacker.post("/put", "book=1").await;
    let mut victim = attacker.clone();
    assert_eq!(victim.whoami().await, "[null,[1]]");
    let planted = attacker.get("/form").await.token();
    victim.sign_in("ada").await;
    assert_eq!(victim.whoami().await, "[\"ada\",[]]");
    assert_eq!(attacker.whoami().await, "[null,[1]]");
    assert_ne!(victim.session(), attacker.session());
    // A token from before is of no use either.
    let form = format!("book=2&csrf_token={planted}");
    assert_eq!(
        victim
            .ask("POST", "/put", &[crate::FORM], &form)
            .await
            .status,
        403
    );
    assert_eq!(victim.whoami().await, "[\"ada\",[]]");
}

#[tokio::test]
async fn a_reader_who_signs_out_is_signed_out_in_the_browser() {
    let service = service(sessions());
    for target in ["/sign-out", "/logout"] {
        let mut ada = Browser::new(&service);
        ada.sign_in("ada").await;
        let late = ada.clone();
        let reply = ada.post(target, "").await;
        assert!([200, 303].contains(&reply.status), "{reply:?}");
        assert!(
            reply
                .cookies()
                .iter()
                .any(|cookie| cookie.starts_with(&format!("{COOKIE}=; "))),
            "{reply:?}"
        );
        assert!(!ada.cookies.contains_key(COOKIE));
        assert_eq!(ada.whoami().await, NOBODY);
        // A response to a request from before arrives only now, with the old session.
        ada.cookies
            .insert(COOKIE.to_owned(), late.session().to_owned());
        assert_eq!(ada.whoami().await, NOBODY);
        assert_eq!(ada.get("/account").await.status, 302);
        // Another may sign in, and the old one stays ended.
        ada.sign_in("bob").await;
        assert_eq!(ada.whoami().await, "[\"bob\",[]]");
        ada.cookies
            .insert(COOKIE.to_owned(), late.session().to_owned());
        assert_eq!(ada.whoami().await, NOBODY);
    }
    // By GET any site could do it.
    let mut ada = Browser::new(&service);
    ada.sign_in("ada").await;
    assert_eq!(ada.get("/logout").await.status, 500);
    assert_eq!(ada.whoami().await, "[\"ada\",[]]");
}

#[tokio::test]
async fn many_users_of_one_browser_leave_small_cookies() {
    let mut browser = Browser::new(&service(sessions()));
    for user in 0..40 {
        browser.sign_in(&format!("user{user}")).await;
        assert_eq!(browser.whoami().await, format!("[\"user{user}\",[]]"));
        browser.post("/sign-out", "").await;
    }
    let ended = &browser.cookies["__Host-giotto_session_ended"];
    assert!(ended.len() < 400, "{}", ended.len());
}

#[tokio::test]
async fn a_program_that_fails_changes_no_session() {
    let mut ada = Browser::new(&service(sessions()));
    ada.sign_in("ada").await;
    let reply = ada.post("/fail", "").await;
    assert_eq!((reply.status, reply.cookies().len()), (500, 0));
    assert_eq!(ada.whoami().await, "[\"ada\",[]]");
}

#[tokio::test]
async fn a_message_is_shown_once_on_the_next_page_that_shows_messages() {
    let mut reader = Browser::new(&service(sessions()));
    reader.post("/put", "book=1").await;
    reader.post("/sign-in", "user=").await;
    for target in ["/public", "/greeting", "/whoami"] {
        assert!(
            !reader.get(target).await.body.contains("in your cart"),
            "{target}"
        );
    }
    // Posting has shown the form, and with it the message of the first.
    let token = reader.get("/form").await.token();
    let form = format!("book=2&csrf_token={token}");
    assert_eq!(
        reader
            .ask("POST", "/put", &[crate::FORM], &form)
            .await
            .status,
        303
    );
    let shown = reader.get("/form").await;
    assert!(
        shown
            .body
            .contains("<p class=info>book 2 is in your cart</p>"),
        "{}",
        shown.body
    );
    assert_eq!(shown.cache_control, "no-store");
    assert!(!reader.get("/form").await.body.contains("in your cart"));
    assert_eq!(reader.whoami().await, "[null,[1,2]]");
}

#[tokio::test]
async fn middleware_lets_in_who_may_come_in() {
    let service = service(sessions());
    let mut ada = Browser::new(&service);
    ada.sign_in("ada").await;
    let mut nobody = Browser::new(&service);
    for (target, to_nobody, to_ada) in [
        ("/members", 403, 200),
        ("/strangers", 200, 403),
        ("/welcome", 200, 302),
        ("/account", 302, 200),
        ("/greeting", 200, 200),
    ] {
        assert_eq!(nobody.get(target).await.status, to_nobody, "{target}");
        assert_eq!(ada.get(target).await.status, to_ada, "{target}");
    }
    // What a client says of itself is not believed, in whatever way.
    for target in [
        "/greeting?user=ada",
        "/greeting/ada",
        "/greeting?user=ada&user=bob",
    ] {
        let reply = nobody.get(target).await;
        assert!(
            reply.status == 404 || reply.body == "hello reader",
            "{target}: {reply:?}"
        );
        let reply = ada.get(target).await;
        assert!(
            reply.status == 404 || reply.body.starts_with("hello ada,"),
            "{target}: {reply:?}"
        );
    }
    let form = format!("user=ada&csrf_token={}", nobody.get("/form").await.token());
    assert_eq!(
        nobody
            .ask("POST", "/greeting", &[crate::FORM], &form)
            .await
            .body,
        "hello reader"
    );
}

/// Middleware, models and whole programs are tested without a server.
#[tokio::test]
async fn a_test_gives_the_session() {
    let session = Session::default();
    session.sign_in("ada").unwrap();
    session.flash("info", "a").unwrap();
    session.set("cart", [1, 2]).unwrap();
    assert_eq!(session.get::<Vec<u32>>("cart"), Some(vec![1, 2]));
    assert_eq!(session.get::<String>("cart"), None);
    session.remove("cart");
    assert_eq!(session.get::<Vec<u32>>("cart"), None);
    let flash = Flash {
        kind: "info".to_owned(),
        text: "a".to_owned(),
    };
    assert_eq!(session.flashes(), [flash]);
    assert!(session.flashes().is_empty());
    assert!(session.sign_in("").is_err() && session.sign_in("a".repeat(4_000)).is_err());
    assert_eq!(session.user().as_deref(), Some("ada"));

    let app = App::new(library::manifest())
        .sessions(sessions())
        .cache(LocMemKeyValue::new());
    let mut request = Request::new(HTTP_GET, "whoami.json").with_session(&session);
    assert_eq!(
        app.invoke(&mut request).await.unwrap().body(),
        "[\"ada\",[]]"
    );
    let mut request = Request::new(HTTP_GET, "greeting.json").with_session(&session);
    assert!(
        app.invoke(&mut request)
            .await
            .unwrap()
            .body()
            .starts_with(b"hello ada,")
    );
    let mut request = Request::new(HTTP_GET, "greeting.json");
    assert_eq!(
        app.invoke(&mut request).await.unwrap().body(),
        "hello reader"
    );
}

/// What middleware leaves in the session, the model finds there, whoever makes the request.
#[tokio::test]
async fn a_request_without_a_client_has_one_session() {
    let set = |request: &mut Request<'_>| request.session()?.set("a", 1);
    let read = |_: Nothing, session: Session| session.get::<i64>("a");
    let program = Program::new(read)
        .input_middleware(set)
        .view(BasicView::new());
    let app = App::new(Manifest::new([("a", program)])).sessions(sessions());
    let fields = http::HeaderMap::new();
    for controller in [HTTP_GET, HTTP_POST, CMD] {
        let mut request = Request::new(controller, "a.json").metadata(&fields);
        assert_eq!(app.invoke(&mut request).await.unwrap().body(), "1");
    }
}

/// The operator says who the user is. A session there is empty and kept nowhere.
#[tokio::test]
async fn on_the_command_line_there_is_no_session() {
    let app = App::new(library::manifest())
        .sessions(Sessions::new())
        .cache(LocMemKeyValue::new());
    for (path, shown) in [
        ("whoami.json", "[null,[]]"),
        (
            "account.json/ada",
            "the account of ada, whose number is 308503",
        ),
        ("greeting.json", "hello reader"),
        ("members.html", "members"),
        ("logout.html", "bye"),
    ] {
        let page = app.invoke(&mut Request::new(CMD, path)).await.unwrap();
        let number = library::number("ada").to_string();
        let shown = shown.replace("308503", &number);
        assert_eq!(page.body(), &shown, "{path}");
    }
    let form = app
        .invoke(&mut Request::new(CMD, "form.html"))
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(form.body()).contains("csrf_token"));
}

#[tokio::test]
async fn two_values_of_one_request_are_both_kept() {
    let set = |name: &'static str| move |request: &mut Request<'_>| request.session()?.set(name, 1);
    let read = |_: Nothing, session: Session| (session.get::<i64>("a"), session.get::<i64>("b"));
    let program = Program::new(read)
        .input_middleware(set("a"))
        .input_middleware(set("b"));
    let app = App::new(Manifest::new([("a", program.view(BasicView::new()))])).sessions(sessions());
    let service = Arc::new(app.into_service().unwrap());
    let reply = ask(&service, "GET", "/a.json", &[], "").await;
    assert_eq!((reply.body.as_str(), reply.cookies().len()), ("[1,1]", 1));
}

/// The programs of the operator work on pages behind the middleware: the operator names the user.
#[tokio::test]
async fn the_operator_explains_the_page_of_a_user() {
    let manifest = library::manifest().with("mgt", giotto::management());
    let app = App::new(manifest)
        .sessions(Sessions::new())
        .cache(LocMemKeyValue::new());
    for (program, over_http) in [
        ("account", "redirects to"),
        ("greeting", "Cookie, which is not given"),
    ] {
        let path = format!("mgt/cache/explain/{program}.html/ada");
        let page = app.invoke(&mut Request::new(CMD, &path)).await.unwrap();
        let text = String::from_utf8_lossy(page.body()).replace("&#39;", "'");
        let key = format!("{{'user': 'ada'}}({program})(text/html)");
        assert!(text.contains(&key) && text.contains(over_http), "{text}");
    }
}

/// They read no session. With the cookie of one, they would work on the page of a reader without a session, unseen.
#[tokio::test]
async fn the_operator_is_told_that_the_cookie_of_a_session_is_not_read() {
    let manifest = library::manifest().with("mgt", giotto::management());
    let app = App::new(manifest)
        .sessions(sessions())
        .cache(LocMemKeyValue::new());
    for program in ["explain", "get", "expire"] {
        let path = format!("mgt/cache/{program}.txt/greeting.html");
        let ask = |cookie: &str| {
            let (app, path) = (app.clone(), path.clone());
            let field = format!("cookie: {cookie}=a");
            async move {
                let mut request = Request::new(CMD, &path).argument("header", field);
                app.invoke(&mut request).await.map(drop)
            }
        };
        let refused = ask(COOKIE).await.unwrap_err().to_string();
        assert!(refused.contains("no session is read here"), "{refused}");
        let other = ask("theme").await.map_err(|error| error.to_string());
        assert!(!other.is_err_and(|error| error.contains("session")));
    }
}
