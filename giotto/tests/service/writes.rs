//! Programs that write: the tags that they invalidate.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use giotto::Request;
use giotto::prelude::*;

use crate::{X, ask, get, service};

/// Shows how often it ran; `write` sends its caller there, or fails, and `torn` has tags that panic.
fn written_and_shown() -> App {
    let runs = Arc::new(AtomicUsize::new(0));
    let show = move |X { .. }: X| runs.fetch_add(1, Ordering::SeqCst).to_string();
    let write = |X { x }: X| -> Result<(), Error> {
        match x {
            0 => Err(Error::other("the disk is full")),
            _ => Err(Redirection::to("/shown?x=1").into()),
        }
    };
    let tags = |args: &X| [format!("x:{}", args.x)];
    let manifest = Manifest::default()
        .with(
            "shown",
            Program::new(show)
                .cache(3600)
                .tags(tags)
                .view(View::new().html(String::clone)),
        )
        .with(
            "write",
            Program::new(write)
                .mock(())
                .invalidates(|_| ["x:1"])
                .view(BasicView::new()),
        )
        .with(
            "torn",
            Program::new(|X { .. }: X| String::new())
                .cache(3600)
                .tags(|args: &X| [args.x.to_string().split_at(99).0.to_owned()])
                .view(View::new().html(String::clone)),
        );
    App::new(manifest).cache(LocMemKeyValue::new())
}

#[tokio::test]
async fn a_program_that_writes_invalidates_pages_if_it_succeeds() {
    let app = written_and_shown();
    let shown = async || {
        let mut request = Request::new(HTTP_GET, "shown").argument("x", "1");
        let page = app.invoke(&mut request).await.unwrap();
        String::from_utf8(page.body().to_vec()).unwrap()
    };
    let write = async |app: &App, x: &'static str| {
        let mut request = Request::new(HTTP_POST, "write").argument("x", x);
        app.invoke(&mut request).await.is_ok()
    };
    assert_eq!((shown().await, shown().await), ("0".into(), "0".into()));
    assert!(!write(&app, "0").await);
    assert_eq!(shown().await, "0", "what failed has changed nothing");
    assert!(write(&app.clone().model_mock(true), "1").await);
    assert_eq!(shown().await, "0", "nor has a mock");
    assert!(!write(&app, "1").await, "a redirection is no page");
    assert_eq!(shown().await, "1");
}

#[tokio::test]
async fn tags_that_panic_fail_their_own_request() {
    let app = written_and_shown();
    let mut request = Request::new(HTTP_GET, "torn").argument("x", "1");
    let error = app.invoke(&mut request).await.unwrap_err();
    assert!(error.to_string().contains("tags panicked"), "{error}");
}

/// A document: GET shows it, POST changes it. There is none where `text` is empty, and it cannot be shown where it is `!`.
fn document() -> (App, Arc<Mutex<String>>, Arc<AtomicUsize>) {
    let (text, writes) = (
        Arc::new(Mutex::new(String::new())),
        Arc::<AtomicUsize>::default(),
    );
    let (shown, written, counted) = (Arc::clone(&text), Arc::clone(&text), Arc::clone(&writes));
    let show = move |X { .. }: X| match shown.lock().unwrap().as_str() {
        "" => Err(Error::not_found("no document")),
        "!" => Err(Error::other("the disk is gone")),
        text => Ok(text.to_owned()),
    };
    let write = move |Text { x, text }: Text| -> Result<String, InvalidInput> {
        counted.fetch_add(1, Ordering::SeqCst);
        if text.is_empty() {
            return Err(InvalidInput::new().field("text", text, "is empty"));
        }
        written.lock().unwrap().clone_from(&text);
        Ok(format!("{x}: {text}"))
    };
    let only_ada = |request: &mut Request<'_>| match request.header("x-user") {
        Some("ada") => Ok(()),
        _ => Err(Error::not_authorized("only ada writes")),
    };
    let show = Program::new(show)
        .cache(Policy::seconds(3600).stale_if_error(3600))
        .tags(|args: &X| [format!("document:{}", args.x)])
        .controllers([HTTP_GET])
        .view(BasicView::new());
    let write = Program::new(write)
        .controllers([HTTP_POST])
        .input_middleware(only_ada)
        .invalidates(|args: &Text| [format!("document:{}", args.x)])
        .view(BasicView::new());
    let submit = Program::new(|X { x }: X| x)
        .controllers([HTTP_POST])
        .view(BasicView::new());
    let manifest = Manifest::default()
        .with("document", [show, write])
        .with("submit", submit);
    (
        App::new(manifest).cache(LocMemKeyValue::new()),
        text,
        writes,
    )
}

#[derive(Serialize, Deserialize)]
struct Text {
    x: i64,
    #[serde(default)]
    text: String,
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const ADA: (&str, &str) = ("x-user", "ada");

#[tokio::test]
async fn of_two_authors_the_second_is_told_that_the_page_has_changed() {
    let (app, text, writes) = document();
    let service = service(app);
    "first".clone_into(&mut text.lock().unwrap());
    let etag = async || {
        let page = get(&service, "/document.json?x=1").await;
        page.fields["etag"].to_str().unwrap().to_owned()
    };
    let write = async |fields: &[(&str, &str)], body: &str| {
        let fields = [&[FORM, ADA], fields].concat();
        ask(&service, "POST", "/document.json?x=1", &fields, body).await
    };
    let first = etag().await;
    let known: &[(&str, &str)] = &[("if-match", &first)];
    let written = write(known, "text=second").await;
    assert_eq!((written.status, &*written.body), (200, "\"1: second\""));
    // The other author still has the first one.
    let refused = write(known, "text=other").await;
    assert_eq!((refused.status, &*refused.cache_control), (412, "no-store"));
    assert_eq!(
        (&**text.lock().unwrap(), writes.load(Ordering::SeqCst)),
        ("second", 1)
    );
    let second = etag().await;
    let several = format!("\"x\", {second}");
    assert_ne!(first, second);
    for (fields, status) in [
        (("if-match", &*format!("W/{second}")), 412),
        (("if-match", "\"x\""), 412),
        (("if-none-match", "*"), 412),
        (("if-none-match", &second), 412),
        (("if-none-match", "garbage"), 412),
        (("if-none-match", &first), 200),
        (("if-match", "*"), 200),
        (("if-match", &several), 200),
        // Of no meaning for a POST.
        (("if-modified-since", "Sun, 01 Jan 2023 00:00:00 GMT"), 200),
        (("range", "bytes=0-0"), 200),
    ] {
        let before = writes.load(Ordering::SeqCst);
        let reply = write(&[fields], "text=second").await;
        assert_eq!(reply.status, status, "{fields:?}");
        let ran = writes.load(Ordering::SeqCst) - before;
        assert_eq!(ran, usize::from(status == 200), "{fields:?}");
    }
}

#[tokio::test]
async fn what_does_not_exist_can_be_made_once() {
    let (app, text, writes) = document();
    let service = service(app);
    let write = async |fields: &[(&str, &str)], body: &str| {
        let fields = [&[FORM, ADA], fields].concat();
        ask(&service, "POST", "/document.json?x=1", &fields, body)
            .await
            .status
    };
    assert_eq!(write(&[("if-match", "*")], "text=a").await, 412);
    assert_eq!(write(&[("if-match", "\"x\"")], "text=a").await, 412);
    assert_eq!(writes.load(Ordering::SeqCst), 0);
    assert_eq!(write(&[("if-none-match", "*")], "text=a").await, 200);
    assert_eq!(write(&[("if-none-match", "*")], "text=b").await, 412);
    assert_eq!(&**text.lock().unwrap(), "a");
    // Where GET has no program, there is no page either.
    let submit = async |field| {
        ask(&service, "POST", "/submit?x=1", &[field], "")
            .await
            .status
    };
    assert_eq!(submit(("if-match", "*")).await, 412);
    assert_eq!(submit(("if-none-match", "*")).await, 200);
}

#[tokio::test]
async fn a_precondition_is_the_last_thing_that_stands_in_the_way_of_a_write() {
    let (app, text, writes) = document();
    let service = service(app);
    "first".clone_into(&mut text.lock().unwrap());
    for (method, target, user, body, status) in [
        ("POST", "/none?x=1", "ada", "text=b", 404),
        ("DELETE", "/document?x=1", "ada", "text=b", 405),
        ("POST", "/document?x=1", "eve", "text=b", 403),
        ("POST", "/document?x=a", "ada", "text=b", 400),
        ("POST", "/document?x=1", "ada", "text=%ff", 400),
        ("POST", "/document?x=1", "ada", "text=b", 412),
    ] {
        let fields = [FORM, ("x-user", user), ("if-match", "\"x\"")];
        let reply = ask(&service, method, target, &fields, body).await;
        assert_eq!(reply.status, status, "{target} {user} {body}");
    }
    assert_eq!(writes.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_page_that_cannot_be_shown_is_not_known_to_be_the_same() {
    let (app, text, writes) = document();
    let cache = app.shared_cache().clone();
    let service = service(app);
    let write = async |field| {
        ask(
            &service,
            "POST",
            "/document.json?x=1",
            &[FORM, ADA, field],
            "text=b",
        )
        .await
    };
    "!".clone_into(&mut text.lock().unwrap());
    // Whether there is one is not known.
    for field in [("if-none-match", "*"), ("if-match", "*")] {
        assert_eq!(write(field).await.status, 500, "{field:?}");
    }
    // Nor whether the old one is that of today.
    "first".clone_into(&mut text.lock().unwrap());
    let page = get(&service, "/document.json?x=1").await;
    let etag = page.fields["etag"].to_str().unwrap();
    cache.invalidate("document:1").await.unwrap();
    "!".clone_into(&mut text.lock().unwrap());
    let old = get(&service, "/document.json?x=1").await;
    assert_eq!((old.status, &old.body), (200, &page.body));
    assert_eq!(write(("if-match", etag)).await.status, 412);
    assert_eq!(writes.load(Ordering::SeqCst), 0);
}

/// It may count requests, or ask a database.
#[tokio::test]
async fn middleware_runs_once_for_each_program_that_a_write_asks() {
    let runs = Arc::new(Mutex::new(Vec::new()));
    let program = |controller, name: &'static str| {
        let runs = Arc::clone(&runs);
        let count = move |_: &mut Request<'_>| {
            runs.lock().unwrap().push(name);
            Ok(())
        };
        Program::new(|X { x }: X| x)
            .controllers([controller])
            .input_middleware(count)
            .view(BasicView::new())
    };
    let both = [program(HTTP_GET, "shows"), program(HTTP_POST, "writes")];
    let service = service(App::new(Manifest::default().with("document", both)));
    for (field, status, asked) in [
        (None, 200, &["writes"][..]),
        (Some(("if-match", "*")), 200, &["writes", "shows"]),
        (Some(("if-none-match", "*")), 412, &["writes", "shows"]),
    ] {
        let fields: Vec<_> = [Some(FORM), field].into_iter().flatten().collect();
        let reply = ask(&service, "POST", "/document?x=1", &fields, "").await;
        assert_eq!(reply.status, status, "{field:?}");
        assert_eq!(
            std::mem::take(&mut *runs.lock().unwrap()),
            asked,
            "{field:?}"
        );
    }
}
