//! Async middleware, middleware with states, and what middleware knows of a request.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use giotto::prelude::*;
use giotto::{FromState, Page, Request, Result};
use tokio::sync::Semaphore;

use crate::{app, ask, get, service, start, until};

/// The readers by their cookies, in a database that answers when the test lets it.
struct Readers {
    gate: Semaphore,
    asked: AtomicUsize,
    seen: Mutex<Vec<String>>,
}

impl Default for Readers {
    fn default() -> Self {
        Self {
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            asked: AtomicUsize::default(),
            seen: Mutex::default(),
        }
    }
}

impl Readers {
    async fn named(&self, cookie: &str) -> Result<String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let _permit = self.gate.acquire().await?;
        match cookie {
            "" => Err(Redirection::to("/sign-in").into()),
            cookie => Ok(cookie.to_uppercase()),
        }
    }

    fn note(&self, word: &dyn ToString) {
        self.seen.lock().unwrap().push(word.to_string());
    }
}

struct Desk(State<Readers>);

impl FromState for Desk {
    type State = Readers;

    fn from_state(readers: &State<Readers>) -> Result<Self> {
        Ok(Self(readers.clone()))
    }
}

/// Borrows from the request across an `.await`.
async fn sign_in(request: &mut Request<'_>, readers: State<Readers>) -> Result<()> {
    let cookie = request.cookie("user").unwrap_or_default();
    let name = readers.named(cookie).await?;
    let path = request.path().join("/");
    tokio::task::yield_now().await;
    readers.note(&path);
    request.set("user", name);
    Ok(())
}

async fn by_desk(request: &mut Request<'_>, desk: Desk) -> Result<()> {
    sign_in(request, desk.0).await
}

async fn alone(request: &mut Request<'_>) -> Result<()> {
    tokio::task::yield_now().await;
    request.set("user", "alone");
    Ok(())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "middleware takes the state itself"
)]
fn at_once(request: &mut Request<'_>, readers: State<Readers>) -> Result<()> {
    readers.note(&request.controller());
    request.set("user", "at once");
    Ok(())
}

async fn sign(request: &Request<'_>, page: &mut Page, readers: State<Readers>) -> Result<()> {
    let cookie = request.cookie("user").unwrap_or("nobody");
    let name = readers.named(cookie).await?;
    page.set_body(format!(
        "{} for {name}",
        String::from_utf8_lossy(page.body())
    ));
    Ok(())
}

async fn end(_: &Request<'_>, page: &mut Page) -> Result<()> {
    let body = page.body().clone();
    tokio::task::yield_now().await;
    page.set_body([&body[..], b"."].concat());
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct Signed {
    #[serde(default)]
    user: String,
}

fn greeting() -> Program<giotto::Bare<String, Signed>> {
    Program::new(|Signed { user }: Signed| user).cache(60)
}

fn text() -> View<String> {
    View::new().text(String::clone)
}

#[tokio::test]
async fn every_form_of_middleware_runs_with_the_state_on_a_miss_and_on_a_hit() {
    let with_state = |request: &mut Request<'_>, readers: State<Readers>| -> Result<()> {
        readers.note(&"closure");
        request.set("user", "closure");
        Ok(())
    };
    let awaited = async |request: &mut Request<'_>| {
        tokio::task::yield_now().await;
        request.set("user", "async closure");
        Ok(())
    };
    let starred = |_: &Request<'_>, page: &mut Page, readers: State<Readers>| {
        readers.note(&"starred");
        page.set_body("*");
        Ok(())
    };
    let manifest = Manifest::new([
        ("signed", greeting().input_middleware(sign_in).view(text())),
        ("desk", greeting().input_middleware(by_desk).view(text())),
        ("alone", greeting().input_middleware(alone).view(text())),
        ("once", greeting().input_middleware(at_once).view(text())),
        (
            "closure",
            greeting().input_middleware(with_state).view(text()),
        ),
        ("awaited", greeting().input_middleware(awaited).view(text())),
        (
            "signs",
            greeting()
                .output_middleware(sign)
                .output_middleware(end)
                .view(text()),
        ),
        (
            "starred",
            greeting().output_middleware(starred).view(text()),
        ),
        // In the order in which they are given, whatever their kind.
        (
            "order",
            greeting()
                .input_middleware(alone)
                .input_middleware(at_once)
                .input_middleware(sign_in)
                .view(text()),
        ),
    ]);
    let service = service(
        App::new(manifest)
            .cache(LocMemKeyValue::new())
            .state(Readers::default()),
    );
    for (target, body) in [
        ("/signed", "ADA"),
        ("/desk", "ADA"),
        ("/alone", "alone"),
        ("/once", "at once"),
        ("/closure", "closure"),
        ("/awaited", "async closure"),
        ("/signs?user=eve", "eve for ADA."),
        ("/starred", "*"),
        ("/order", "ADA"),
    ] {
        for is_hit in [false, true] {
            let page = ask(&service, "GET", target, &[("cookie", "user=ada")], "").await;
            assert_eq!((page.status, &*page.body), (200, body), "{target}");
            assert_eq!(page.cache_status.contains("hit"), is_hit, "{target}");
            assert!(
                page.cache_control.contains("no-store")
                    || page.cache_control.starts_with("private")
            );
        }
    }
    assert_eq!(get(&service, "/signed").await.status, 302);
    assert_eq!(get(&service, "/desk").await.status, 302);
}

#[tokio::test]
async fn one_guard_of_a_manifest_is_awaited_before_each_of_its_programs() {
    let inner = Manifest::new([
        ("a", greeting().view(text())),
        ("b", greeting().view(text())),
    ]);
    let manifest = Manifest::new([("inner", inner.input_middleware(sign_in))]);
    let app = App::new(manifest).state(Readers::default());
    let service = service(app.clone());
    for target in ["/inner/a", "/inner/b"] {
        assert_eq!(get(&service, target).await.status, 302);
        let page = ask(&service, "GET", target, &[("cookie", "user=ada")], "").await;
        assert_eq!(page.body, "ADA");
    }
}

#[tokio::test]
async fn what_middleware_awaits_holds_back_its_own_request_only() {
    let readers = Readers {
        gate: Semaphore::new(0),
        ..Readers::default()
    };
    let manifest = Manifest::new([
        (
            "slow",
            greeting()
                .input_middleware(async |request: &mut Request<'_>| {
                    request.set("user", "slow");
                    std::future::pending::<()>().await;
                    Ok(())
                })
                .view(text()),
        ),
        ("quick", greeting().view(text())),
    ]);
    let service = service(App::new(manifest).state(readers));
    let slow = start(&service, "GET", "/slow");
    assert_eq!(get(&service, "/quick?user=ada").await.body, "ada");
    slow.abort();
    assert!(slow.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn a_panic_in_async_middleware_is_an_error_of_the_request() {
    async fn at_first(_: &mut Request<'_>) -> Result<()> {
        panic!("at first")
    }
    async fn later(_: &mut Request<'_>) -> Result<()> {
        tokio::task::yield_now().await;
        panic!("later")
    }
    async fn at_last(_: &Request<'_>, _: &mut Page) -> Result<()> {
        tokio::task::yield_now().await;
        panic!("at last")
    }
    /// Panics when it makes its future.
    fn before(_: &mut Request<'_>) -> std::future::Ready<Result<()>> {
        panic!("before")
    }
    let manifest = Manifest::new([
        ("first", greeting().input_middleware(at_first).view(text())),
        ("later", greeting().input_middleware(later).view(text())),
        ("last", greeting().output_middleware(at_last).view(text())),
        ("before", greeting().input_middleware(before).view(text())),
        ("sound", greeting().view(text())),
    ]);
    let service = service(App::new(manifest));
    for target in ["/first", "/later", "/last", "/before"] {
        let failed = get(&service, target).await;
        assert_eq!(failed.status, 500, "{target}");
    }
    assert_eq!(get(&service, "/sound?user=ada").await.body, "ada");
}

#[test]
fn a_state_that_middleware_takes_is_missed_at_the_start() {
    let inner = Manifest::new([("b", greeting().view(text()))]);
    for manifest in [
        Manifest::new([("a", greeting().input_middleware(sign_in).view(text()))]),
        Manifest::new([("a", greeting().input_middleware(by_desk).view(text()))]),
        Manifest::new([("a", greeting().output_middleware(sign).view(text()))]),
        Manifest::new([("a", inner.input_middleware(at_once))]),
    ] {
        let error = App::new(manifest).check().unwrap_err().to_string();
        assert!(error.starts_with("program 'a"), "{error}");
        let middleware = "the middleware service::awaited::";
        assert!(
            error.contains(middleware) && error.ends_with(".state(..)"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn middleware_knows_for_which_front_end_it_runs() {
    async fn by_front_end(request: &mut Request<'_>) -> Result<()> {
        let controller = request.controller();
        let front_end = if controller.is_http() {
            "http"
        } else {
            "command line"
        };
        request.set("user", format!("{front_end} {controller}"));
        Ok(())
    }
    let program = Program::new(|Signed { user }: Signed| user)
        .input_middleware(by_front_end)
        .view(text());
    let app = app("a", program);
    let service = service(app.clone());
    for (method, body) in [
        ("GET", "http http-get"),
        ("POST", "http http-post"),
        ("HEAD", "http http-get"),
    ] {
        let fields = [("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(ask(&service, method, "/a", &fields, "").await.body, body);
    }
    let mut request = Request::new(CMD, "a");
    let page = app.invoke(&mut request).await.unwrap();
    assert_eq!(page.body(), "command line cmd");
}

/// The client that gives up ends its middleware, and nothing else.
#[tokio::test]
async fn a_client_that_disconnects_ends_async_middleware() {
    struct Held;
    impl Drop for Held {
        fn drop(&mut self) {
            ENDED.fetch_add(1, Ordering::SeqCst);
        }
    }
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    static BEGUN: AtomicUsize = AtomicUsize::new(0);
    async fn hold(_: &mut Request<'_>) -> Result<()> {
        let _held = Held;
        BEGUN.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }
    let service = service(app("a", greeting().input_middleware(hold).view(text())));
    let client = start(&service, "GET", "/a");
    until(|| BEGUN.load(Ordering::SeqCst) == 1).await;
    client.abort();
    until(|| ENDED.load(Ordering::SeqCst) == 1).await;
}
