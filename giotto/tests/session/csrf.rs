//! A POST without the token of its reader's session is refused, and runs nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use giotto::prelude::*;
use giotto::{Request, Service};

use crate::{Browser, COOKIE, FORM, ask, library, sessions};

#[derive(Serialize, Deserialize)]
struct X {
    x: i64,
}

/// A form, and programs that count each thing that runs for them.
fn counting() -> (Service, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let count = {
        let runs = Arc::clone(&runs);
        move || runs.fetch_add(1, Ordering::SeqCst)
    };
    let writing = || {
        let (model, tags, middleware) = (count.clone(), count.clone(), count.clone());
        let program = Program::new(move |X { x }: X| {
            model();
            x
        });
        program
            .controllers([HTTP_POST])
            .invalidates(move |_: &X| {
                tags();
                ["a"]
            })
            .input_middleware(move |request: &mut Request<'_>| {
                middleware();
                let has_token = request.data().iter().any(|(name, _)| name == "csrf_token");
                assert!(!has_token, "the token is no argument");
                Ok(())
            })
            .view(BasicView::new())
    };
    let manifest = library::manifest()
        .with("write", writing())
        .with("api", writing().csrf(false))
        .with(
            "hook",
            Manifest::new([("write", writing()), ("own", writing().csrf(true))]).csrf(false),
        )
        .with("other-name", "write");
    let app = App::new(manifest)
        .cache(LocMemKeyValue::new())
        .sessions(sessions());
    (app.into_service().unwrap(), runs)
}

/// A name, fields and a body.
type Sent = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

/// What each is asked with: fields and a body, `TOKEN` standing for a token.
const SENT: [Sent; 12] = [
    ("form", &[FORM], "x=1&csrf_token=TOKEN"),
    ("form", &[("content-type", "")], "csrf_token=TOKEN&x=1"),
    (
        "form, two",
        &[FORM],
        "x=1&csrf_token=TOKEN&csrf_token=other",
    ),
    (
        "json",
        &[("content-type", "application/json")],
        "{\"x\":1,\"csrf_token\":\"TOKEN\"}",
    ),
    ("head", &[FORM, ("x-csrf-token", "TOKEN")], "x=1"),
    (
        "head and json",
        &[
            ("content-type", "application/json"),
            ("x-csrf-token", "TOKEN"),
        ],
        "{\"x\":1}",
    ),
    (
        "head before form",
        &[FORM, ("X-CSRF-Token", "TOKEN")],
        "x=1&csrf_token=other",
    ),
    (
        "precondition",
        &[FORM, ("if-match", "*"), ("x-csrf-token", "TOKEN")],
        "x=1",
    ),
    (
        "script",
        &[
            FORM,
            ("x-requested-with", "XMLHttpRequest"),
            ("x-csrf-token", "TOKEN"),
        ],
        "x=1",
    ),
    ("wrong argument", &[FORM], "x=a&csrf_token=TOKEN"),
    ("no argument", &[FORM], "csrf_token=TOKEN"),
    (
        "same site",
        &[
            FORM,
            ("sec-fetch-site", "same-origin"),
            ("x-csrf-token", "TOKEN"),
        ],
        "x=1",
    ),
];

async fn post(browser: &mut Browser, target: &str, (_, fields, body): Sent, token: &str) -> u16 {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.replace("TOKEN", token)))
        .collect();
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    browser
        .ask("POST", target, &fields, &body.replace("TOKEN", token))
        .await
        .status
}

#[tokio::test]
async fn every_way_to_post_needs_the_readers_own_token() {
    let (service, runs) = counting();
    let (mut ada, mut anonymous) = (Browser::new(&service), Browser::new(&service));
    ada.sign_in("ada").await;
    let of_ada = ada.get("/form").await.token();
    let of_anonymous = anonymous.get("/form").await.token();
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    for sent in SENT {
        for target in ["/write.json", "/other-name.json"] {
            for (browser, other) in [(&mut ada, &of_anonymous), (&mut anonymous, &of_ada)] {
                for token in ["", "a", "TOKEN", &other[1..], other, &"A".repeat(43)] {
                    assert_eq!(
                        post(browser, target, sent, token).await,
                        403,
                        "{} {token}",
                        sent.0
                    );
                }
                // What another site can do: it has no cookie, or not the token.
                let mut nobody = Browser::new(&service);
                assert_eq!(
                    post(&mut nobody, target, sent, other).await,
                    403,
                    "{}",
                    sent.0
                );
            }
        }
        assert_eq!(runs.load(Ordering::SeqCst), 0, "{} runs something", sent.0);
        for (browser, token) in [(&mut ada, &of_ada), (&mut anonymous, &of_anonymous)] {
            let status = post(browser, "/write.json", sent, token).await;
            let expected = match sent.0 {
                "wrong argument" | "no argument" => 400,
                "precondition" => 412,
                _ => 200,
            };
            assert_eq!(status, expected, "{}", sent.0);
        }
        assert!(runs.swap(0, Ordering::SeqCst) > 0, "{}", sent.0);
    }
}

#[tokio::test]
async fn what_other_sites_can_post_runs_nothing() {
    let (service, runs) = counting();
    let mut ada = Browser::new(&service);
    ada.sign_in("ada").await;
    let token = ada.get("/form").await.token();
    let multipart = ("content-type", "multipart/form-data; boundary=b");
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n{token}\r\n--b--\r\n"
    );
    for (fields, target, body, status) in [
        (vec![FORM], "/write.json?x=1", "", 403),
        (vec![FORM], "/write.json/1", "", 403),
        (vec![], "/write.json?x=1", "", 403),
        // Addresses are logged: a token there is none.
        (
            vec![FORM],
            &*format!("/write.json?x=1&csrf_token={token}"),
            "",
            403,
        ),
        (
            vec![("x-csrf-token", "a"), FORM],
            "/write.json",
            &*format!("x=1&csrf_token={token}"),
            403,
        ),
        (
            vec![("content-type", "application/json")],
            "/write.json",
            &*format!("{{\"x\":1,\"csrf_token\":[\"{token}\"]}}"),
            403,
        ),
        // Bodies that no program reads.
        (vec![multipart], "/write.json?x=1", &*body, 415),
        (
            vec![("content-type", "text/plain")],
            "/write.json?x=1",
            &*format!("csrf_token={token}"),
            415,
        ),
    ] {
        let reply = ada.ask("POST", target, &fields, body).await;
        assert_eq!(reply.status, status, "{target} {body}: {reply:?}");
        assert_eq!(runs.load(Ordering::SeqCst), 0, "{target} {body}");
    }
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let reply = ada.ask(method, "/write.json?x=1", &[], "").await;
        assert_eq!(reply.status, 405, "{method}: {reply:?}");
    }
    let overridden = [FORM, ("x-http-method-override", "POST")];
    let reply = ada.ask("GET", "/write.json?x=1", &overridden, "").await;
    assert_eq!(reply.status, 405, "{reply:?}");
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_program_may_do_without_and_a_manifest_too() {
    let (service, runs) = counting();
    for (target, body) in [
        ("/api.json", "x=1"),
        ("/hook/write.json", "x=1"),
        ("/api.json", "x=1&csrf_token=a"),
    ] {
        let reply = ask(&service, "POST", target, &[FORM], body).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "1"), "{target}");
        assert!(runs.swap(0, Ordering::SeqCst) > 0);
    }
    // What the program says itself stays.
    let reply = ask(&service, "POST", "/hook/own.json", &[FORM], "x=1").await;
    assert_eq!((reply.status, runs.load(Ordering::SeqCst)), (403, 0));
}

#[tokio::test]
async fn the_refusal_tells_the_reader_what_to_do() {
    let (service, _) = counting();
    let reply = ask(&service, "POST", "/write.json?x=1", &[FORM], "").await;
    assert_eq!(reply.status, 403);
    assert!(reply.body.contains("open the page again"), "{}", reply.body);
    assert!(!reply.fields.contains_key("set-cookie"));
    // An old token of a session that is still there: the page is asked for again.
    let mut reader = Browser::new(&service);
    let token = reader.get("/form").await.token();
    reader.cookies.remove(COOKIE);
    let form = format!("x=1&csrf_token={token}");
    assert_eq!(
        reader
            .ask("POST", "/write.json", &[FORM], &form)
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn without_sessions_a_post_needs_no_token() {
    let program = Program::new(|X { x }: X| x).view(BasicView::new());
    let service = App::new(Manifest::new([("a", program)]))
        .into_service()
        .unwrap();
    assert_eq!(
        ask(&service, "POST", "/a.json", &[FORM], "x=1")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_form_that_is_shown_again_has_a_token() {
    fn shown(x: &i64, rendering: &giotto::view::Rendering) -> Result<String, Error> {
        Ok(format!(
            "{x}{}{}",
            rendering.csrf_field()?,
            rendering.refused()
        ))
    }
    #[model]
    fn show_form(#[default(0)] x: i64) -> i64 {
        x
    }
    let get = Program::new(show_form)
        .controllers([HTTP_GET])
        .view(View::new().html(shown));
    let post = |X { x }: X| -> Result<i64, InvalidInput> {
        Err(InvalidInput::new().field("x", x.to_string(), "is wrong"))
    };
    let post = Program::new(post)
        .controllers([HTTP_POST])
        .view(View::new().html(|_: &i64| ""));
    let app = App::new(Manifest::default().with("form", [get, post])).sessions(sessions());
    let mut reader = Browser::new(&app.into_service().unwrap());
    let reply = reader.post("/form", "x=7").await;
    assert_eq!(reply.status, 400);
    assert!(
        reply.body.contains("is wrong") && reply.body.starts_with('7'),
        "{}",
        reply.body
    );
    let form = format!("x=8&csrf_token={}", reply.token());
    assert_eq!(
        reader.ask("POST", "/form", &[FORM], &form).await.status,
        400
    );
}
