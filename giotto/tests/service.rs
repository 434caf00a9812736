//! The service in this process, where a test holds the models, the cache and the clock in its hands.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use giotto::cache::{Cache, Clock};
use giotto::prelude::*;
use giotto::{Body, Request, Service};
use http_body_util::{BodyExt, Empty, Full};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tower_service::Service as _;

#[derive(Serialize, Deserialize)]
struct X {
    x: i64,
}

#[derive(Serialize, Deserialize)]
struct Nothing {}

/// A model that counts its runs and does not end before it may.
#[derive(Clone, Debug)]
struct Staged {
    runs: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Staged {
    fn new() -> Self {
        Self {
            runs: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    fn open(&self, times: usize) {
        self.gate.add_permits(times);
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// The program that runs the model and then `end`.
    fn program<R>(
        &self,
        end: impl Fn(i64) -> R + Send + Sync + 'static,
    ) -> Program<giotto::Bare<String, X>>
    where
        R: Into<Result<String, Error>> + 'static,
    {
        let (staged, end) = (self.clone(), Arc::new(end));
        Program::new(move |X { x }: X| {
            let (staged, end) = (staged.clone(), Arc::clone(&end));
            async move {
                staged.runs.fetch_add(1, Ordering::SeqCst);
                staged.gate.acquire().await?.forget();
                end(x).into()
            }
        })
    }
}

fn service(app: App) -> Service {
    app.into_service().unwrap()
}

fn app(name: &str, program: Program) -> App {
    App::new(Manifest::new([(name, program)])).cache(LocMemKeyValue::new())
}

#[derive(Debug, PartialEq)]
struct Reply {
    status: u16,
    cache_status: String,
    cache_control: String,
    fields: http::HeaderMap,
    body: String,
}

impl Reply {
    async fn from(response: http::Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let field = |name| {
            head.headers
                .get(name)
                .map_or("", |value| value.to_str().unwrap())
                .to_owned()
        };
        Self {
            status: head.status.as_u16(),
            cache_status: field("cache-status"),
            cache_control: field("cache-control"),
            body: String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap(),
            fields: head.headers,
        }
    }
}

async fn ask(
    service: &Service,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> Reply {
    let mut request = http::Request::builder().method(method).uri(target);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap();
    Reply::from(service.clone().call(request).await.unwrap()).await
}

async fn get(service: &Service, target: &str) -> Reply {
    ask(service, "GET", target, &[], "").await
}

fn start(service: &Service, method: &'static str, target: &str) -> JoinHandle<Reply> {
    let (service, target) = (service.clone(), target.to_owned());
    tokio::spawn(async move { ask(&service, method, &target, &[], "").await })
}

/// Lets the other tasks run until `condition` holds. A test whose condition never comes fails.
async fn until(condition: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        let is_late = started.elapsed() > Duration::from_secs(30);
        assert!(!is_late, "it does not happen");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_thousand_requests_for_one_cold_page_run_its_model_once() {
    let staged = Staged::new();
    let app = app(
        "slow",
        staged
            .program(|x| Ok(x.to_string()))
            .cache(60)
            .view(BasicView::new()),
    );
    let cache = app.shared_cache().clone();
    let service = service(app);
    let requests: Vec<_> = (0..1_000)
        .map(|_| start(&service, "GET", "/slow.json?x=1"))
        .collect();
    until(|| cache.counts().collapsed == 999).await;
    staged.open(1);
    for request in requests {
        let reply = request.await.unwrap();
        assert_eq!((reply.status, &*reply.body), (200, "\"1\""));
        assert!(
            [
                "giotto; fwd=uri-miss; stored; detail=first-seen",
                "giotto; fwd=uri-miss; collapsed; detail=first-seen"
            ]
            .contains(&&*reply.cache_status)
        );
    }
    assert_eq!((staged.runs(), cache.in_flight()), (1, 0));
}

#[tokio::test]
async fn without_a_store_callers_still_share_a_computation() {
    let staged = Staged::new();
    let app = App::new(Manifest::new([(
        "slow",
        staged
            .program(|x| Ok(x.to_string()))
            .cache(60)
            .view(BasicView::new()),
    )]));
    let cache = app.shared_cache().clone();
    let service = service(app);
    let requests: Vec<_> = (0..100)
        .map(|_| start(&service, "GET", "/slow.json?x=1"))
        .collect();
    until(|| cache.counts().collapsed == 99).await;
    staged.open(1);
    for request in requests {
        assert_eq!(request.await.unwrap().body, "\"1\"");
    }
    assert_eq!(staged.runs(), 1);
}

#[tokio::test]
async fn no_page_waits_for_another() {
    let staged = Staged::new();
    let service = service(app(
        "slow",
        staged
            .program(|x| Ok(x.to_string()))
            .cache(60)
            .view(BasicView::new()),
    ));
    let first = start(&service, "GET", "/slow.json?x=1");
    until(|| staged.runs() == 1).await;
    let second = start(&service, "GET", "/slow.json?x=2");
    until(|| staged.runs() == 2).await;
    staged.open(2);
    assert_eq!(
        (first.await.unwrap().body, second.await.unwrap().body),
        ("\"1\"".into(), "\"2\"".into())
    );
}

#[tokio::test]
async fn an_error_is_shared_by_those_who_waited_and_kept_for_nobody() {
    let staged = Staged::new();
    let program = staged.program(|x| Err(Error::not_found(format!("no {x}"))));
    let app = app("slow", program.cache(60).view(BasicView::new()));
    let cache = app.shared_cache().clone();
    let service = service(app);
    let requests: Vec<_> = (0..10)
        .map(|_| start(&service, "GET", "/slow?x=1"))
        .collect();
    until(|| cache.counts().collapsed == 9).await;
    staged.open(1);
    for request in requests {
        assert_eq!(request.await.unwrap().status, 404);
    }
    assert_eq!(staged.runs(), 1);
    staged.open(1);
    assert_eq!(get(&service, "/slow?x=1").await.status, 404);
    assert_eq!((staged.runs(), cache.counts().stored), (2, 0));
}

#[tokio::test]
async fn a_panic_is_tried_once_more_and_leaves_nobody_waiting() {
    let staged = Staged::new();
    let program = staged.program(|_| -> Result<String, Error> { panic!("on purpose") });
    let app = app("slow", program.cache(60).view(BasicView::new()));
    let cache = app.shared_cache().clone();
    let service = service(app);
    let requests: Vec<_> = (0..100)
        .map(|_| start(&service, "GET", "/slow?x=1"))
        .collect();
    until(|| cache.counts().collapsed == 99).await;
    staged.open(1);
    until(|| staged.runs() == 2 && cache.counts().collapsed == 99 + 98).await;
    staged.open(1);
    for request in requests {
        assert_eq!(request.await.unwrap().status, 500);
    }
    assert_eq!(
        (staged.runs(), cache.in_flight(), cache.counts().stored),
        (2, 0, 0)
    );
}

#[tokio::test]
async fn head_joins_a_get_and_a_post_does_not() {
    let staged = Staged::new();
    let app = app(
        "slow",
        staged
            .program(|x| Ok(x.to_string()))
            .cache(60)
            .view(BasicView::new()),
    );
    let cache = app.shared_cache().clone();
    let service = service(app);
    let page = start(&service, "GET", "/slow?x=1");
    until(|| staged.runs() == 1).await;
    let head = start(&service, "HEAD", "/slow?x=1");
    until(|| cache.counts().collapsed == 1).await;
    let post = start(&service, "POST", "/slow?x=1");
    until(|| staged.runs() == 2).await;
    staged.open(2);
    assert_eq!(post.await.unwrap().cache_status, "giotto; fwd=bypass");
    let (page, head) = (page.await.unwrap(), head.await.unwrap());
    assert_eq!(page.fields["etag"], head.fields["etag"]);
    assert_eq!(staged.runs(), 2);
}

#[tokio::test]
async fn too_many_models_are_refused_with_advice_and_hits_are_not() {
    let staged = Staged::new();
    let slow = staged
        .program(|x| Ok(x.to_string()))
        .cache(60)
        .view(BasicView::new());
    let quick = || Program::new(|X { x }: X| x);
    let manifest = Manifest::new([
        ("slow", slow),
        ("kept", quick().cache(60).view(BasicView::new())),
        ("quick", quick().view(BasicView::new())),
    ]);
    let app = App::new(manifest)
        .cache(LocMemKeyValue::new())
        .max_models(1);
    let cache = app.shared_cache().clone();
    let service = service(app);
    assert_eq!(get(&service, "/kept.json?x=1").await.body, "1");
    let running = start(&service, "GET", "/slow.json?x=1");
    until(|| staged.runs() == 1).await;
    for target in ["/slow.json?x=2", "/quick.json?x=1", "/kept.json?x=2"] {
        let refused = get(&service, target).await;
        assert_eq!(refused.status, 503, "{target}");
        assert_eq!(refused.fields["retry-after"], "1");
        assert_eq!(refused.cache_control, "no-store");
    }
    assert_eq!(get(&service, "/kept.json?x=1").await.body, "1");
    // Waiting for what runs already takes no place.
    let waiting = start(&service, "GET", "/slow.json?x=1");
    until(|| cache.counts().collapsed == 1).await;
    staged.open(1);
    assert_eq!(
        (running.await.unwrap().status, waiting.await.unwrap().status),
        (200, 200)
    );
    // Refusals were not kept.
    assert_eq!(get(&service, "/kept.json?x=2").await.body, "2");
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_end_what_others_wait_for() {
    let staged = Staged::new();
    let uncached = Staged::new();
    let manifest = Manifest::new([
        (
            "slow",
            staged
                .program(|x| Ok(x.to_string()))
                .cache(60)
                .view(BasicView::new()),
        ),
        (
            "uncached",
            uncached
                .program(|x| Ok(x.to_string()))
                .view(BasicView::new()),
        ),
    ]);
    let service = service(
        App::new(manifest)
            .cache(LocMemKeyValue::new())
            .max_models(2),
    );
    let leader = start(&service, "GET", "/slow.json?x=1");
    until(|| staged.runs() == 1).await;
    leader.abort();
    assert!(leader.await.is_err());
    let waiter = start(&service, "GET", "/slow.json?x=1");
    let gone = start(&service, "GET", "/uncached.json?x=1");
    until(|| uncached.runs() == 1).await;
    gone.abort();
    assert!(gone.await.is_err());
    staged.open(1);
    uncached.open(1);
    assert_eq!(waiter.await.unwrap().body, "\"1\"");
    assert_eq!(staged.runs(), 1);
    until(|| uncached.gate.available_permits() == 0).await;
}

#[tokio::test]
async fn a_page_expires_when_it_should_and_says_how_long_it_lives() {
    let clock = Clock::manual(1_000_000);
    let runs = Arc::new(AtomicUsize::new(0));
    let counting = || {
        let runs = Arc::clone(&runs);
        Program::new(move |X { x }: X| {
            runs.fetch_add(1, Ordering::SeqCst);
            x
        })
    };
    let manifest = Manifest::new([
        ("short", counting().cache(10).view(BasicView::new())),
        (
            "half",
            counting()
                .cache(Duration::from_millis(500))
                .view(BasicView::new()),
        ),
        ("forever", counting().cache(0).view(BasicView::new())),
    ]);
    let cache = Cache::builder(Arc::new(LocMemKeyValue::new()))
        .clock(clock.clone())
        .build();
    let service = service(App::new(manifest).with_cache(cache));
    let ran = |n| runs.swap(0, Ordering::SeqCst) == n;

    assert_eq!(
        get(&service, "/short?x=1").await.cache_control,
        "max-age=10"
    );
    clock.advance(Duration::from_millis(3_500));
    let hit = get(&service, "/short?x=1").await;
    assert_eq!(
        (&*hit.cache_control, &*hit.cache_status),
        ("max-age=6", "giotto; hit; ttl=6")
    );
    clock.advance(Duration::from_millis(6_499));
    assert_eq!(get(&service, "/short?x=1").await.cache_control, "max-age=0");
    assert!(ran(1));
    clock.advance(Duration::from_millis(1));
    assert_eq!(
        get(&service, "/short?x=1").await.cache_status,
        "giotto; fwd=stale; stored; detail=expired"
    );
    assert!(ran(1));

    get(&service, "/half?x=1").await;
    clock.advance(Duration::from_millis(499));
    get(&service, "/half?x=1").await;
    assert!(ran(1));
    clock.advance(Duration::from_millis(1));
    get(&service, "/half?x=1").await;
    assert!(ran(1));

    get(&service, "/forever?x=1").await;
    clock.advance(Duration::from_secs(1_000 * 365 * 24 * 3600));
    let hit = get(&service, "/forever?x=1").await;
    assert_eq!(
        (&*hit.cache_status, &*hit.cache_control),
        ("giotto; hit", "max-age=31536000")
    );
    assert!(ran(1));
}

#[tokio::test]
async fn programs_that_share_a_model_never_share_a_page() {
    fn square(X { x }: X) -> i64 {
        x * x
    }
    let shown = |name: &'static str| {
        Program::new(square)
            .cache(60)
            .view(View::new().html(move |x: &i64| format!("{name} {x}")))
    };
    let manifest = Manifest::new([("a", shown("a")), ("b", shown("b"))])
        .with("c", Manifest::new([("a", shown("c/a")), ("", shown("c"))]))
        .with(
            "d",
            Manifest::new([("c", Manifest::new([("a", shown("d/c/a"))]))]),
        )
        .with("e", "a");
    let service = service(App::new(manifest).cache(LocMemKeyValue::new()));
    for _ in 0..2 {
        for (path, body) in [
            ("a", "a 9"),
            ("b", "b 9"),
            ("c/a", "c/a 9"),
            ("c", "c 9"),
            ("d/c/a", "d/c/a 9"),
            ("e", "a 9"),
        ] {
            assert_eq!(
                get(&service, &format!("/{path}?x=3")).await.body,
                body,
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn mocks_are_never_stored_and_nothing_stored_is_mocked() {
    let program = Program::new(|X { x }: X| x)
        .mock(99)
        .cache(60)
        .view(BasicView::new());
    let app = app("a", program);
    let (real, mocked) = (service(app.clone()), service(app.clone().model_mock(true)));
    let mock = get(&mocked, "/a.json?x=1").await;
    assert_eq!(
        (&*mock.body, &*mock.cache_status),
        ("99", "giotto; fwd=bypass")
    );
    assert_eq!(
        (&*mock.cache_control, mock.fields.get("etag")),
        ("no-store", None)
    );
    assert_eq!(
        app.shared_cache().counts(),
        giotto::cache::Counts::default()
    );
    assert_eq!(get(&real, "/a.json?x=1").await.body, "1");
    assert_eq!(get(&mocked, "/a.json?x=1").await.body, "99");
    assert!(get(&real, "/a.json?x=1").await.cache_status.contains("hit"));
}

#[tokio::test]
async fn a_program_without_a_cache_never_asks_it() {
    let app = app(
        "a",
        Program::new(|X { x }: X| x)
            .cache(None)
            .view(BasicView::new()),
    );
    let cache = app.shared_cache().clone();
    let service = service(app);
    for _ in 0..2 {
        assert_eq!(get(&service, "/a.json?x=1").await.body, "1");
    }
    assert_eq!(cache.counts(), giotto::cache::Counts::default());
}

#[tokio::test]
async fn middleware_runs_on_hits_and_what_it_changes_is_not_stored() {
    let admitted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&admitted);
    let program = Program::new(|X { x }: X| x)
        .cache(60)
        .input_middleware(move |request: &mut Request<'_>| {
            counter.fetch_add(1, Ordering::SeqCst);
            match request.header("x-key") {
                Some("open") => Ok(()),
                Some("moved") => Err(Redirection::to("/b").into()),
                _ => Err(Error::not_authorized("no key")),
            }
        })
        .output_middleware(|request: &Request<'_>, page: &mut giotto::Rendered| {
            if let Some(name) = request.header("x-name") {
                page.set_body(format!("{name}: {}", String::from_utf8_lossy(page.body())));
            }
            Ok(())
        })
        .view(BasicView::new());
    let service = service(app("a", program));
    let ask = |fields: &'static [(&str, &str)]| ask(&service, "GET", "/a.json?x=1", fields, "");
    let open = ask(&[("x-key", "open"), ("x-name", "ada")]).await;
    assert_eq!(
        (open.status, &*open.body, &*open.cache_control),
        (200, "ada: 1", "no-store")
    );
    assert_eq!(open.fields.get("etag"), None);
    let hit = ask(&[("x-key", "open")]).await;
    assert_eq!((&*hit.body, hit.cache_status.contains("hit")), ("1", true));
    assert_eq!(hit.cache_control, "private, no-cache");
    assert_eq!(ask(&[]).await.status, 403);
    assert_eq!(ask(&[("x-key", "moved")]).await.status, 302);
    assert_eq!(ask(&[("if-none-match", "*")]).await.status, 403);
    assert_eq!(admitted.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_browser_asks_again_for_a_page_of_a_program_with_middleware() {
    #[derive(Serialize, Deserialize)]
    struct Signed {
        user: String,
    }
    let page = || Program::new(|Signed { user }: Signed| user).cache(60);
    let sign_in = |request: &mut Request<'_>| {
        let user = request.header("cookie").unwrap_or("nobody").to_owned();
        request.set("user", user);
        Ok(())
    };
    let leave = |_: &Request<'_>, _: &mut giotto::Rendered| Ok(());
    let inner = Manifest::new([("c", page().view(BasicView::new()))]);
    let manifest = Manifest::new([
        ("a", page().input_middleware(sign_in).view(BasicView::new())),
        ("b", page().output_middleware(leave).view(BasicView::new())),
        ("d", page().view(BasicView::new())),
    ])
    .with("guarded", inner.input_middleware(sign_in));
    let service = service(App::new(manifest).cache(LocMemKeyValue::new()));
    for target in ["/a.txt", "/b.txt?user=ada", "/guarded/c.txt"] {
        for user in ["ada", "ada", "bob"] {
            let first = ask(&service, "GET", target, &[("cookie", user)], "").await;
            assert_eq!(first.cache_control, "private, no-cache", "{target}");
            // That costs no body, and no run of the model.
            let etag = first.fields["etag"].to_str().unwrap().to_owned();
            let fields = [("cookie", user), ("if-none-match", &*etag)];
            let again = ask(&service, "GET", target, &fields, "").await;
            assert_eq!(
                (again.status, &*again.cache_control),
                (304, "private, no-cache")
            );
            assert!(again.cache_status.contains("hit"), "{target}");
            let head = ask(&service, "HEAD", target, &[("cookie", user)], "").await;
            assert_eq!(head.cache_control, "private, no-cache", "{target}");
        }
    }
    assert_eq!(
        get(&service, "/d.txt?user=ada").await.cache_control,
        "max-age=60"
    );
}

#[tokio::test]
async fn what_middleware_sets_reaches_the_form_of_a_refused_post() {
    #[derive(Serialize, Deserialize)]
    struct Signed {
        user: String,
        #[serde(default)]
        age: u8,
    }
    let set = |request: &mut Request<'_>| {
        request.set("user", "ada");
        Ok(())
    };
    let form = Program::new(|Signed { user, age }: Signed| format!("{user} {age}"))
        .controllers([HTTP_GET])
        .input_middleware(set)
        .view(BasicView::new());
    let target = Program::new(|Signed { user, age }: Signed| format!("{user} {age}"))
        .controllers([HTTP_POST])
        .input_middleware(set)
        .view(BasicView::new());
    let service = service(App::new(Manifest::new([("form", [form, target])])));
    let fields = [("content-type", "application/x-www-form-urlencoded")];
    let reply = ask(&service, "POST", "/form.txt", &fields, "age=old&user=eve").await;
    assert_eq!(reply.status, 400);
    assert!(
        reply.body.starts_with("age: ") && reply.body.ends_with("ada 0\n"),
        "{}",
        reply.body
    );
}

/// Arguments whose own reading panics.
#[derive(Serialize, Deserialize)]
struct Explosive {
    #[serde(deserialize_with = "explode")]
    x: i64,
}

fn explode<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let x = i64::deserialize(deserializer)?;
    assert_ne!(x, 13, "an unlucky argument");
    Ok(x)
}

#[tokio::test]
async fn a_panic_outside_the_model_is_an_error_of_its_request_only() {
    let view = Program::new(|_: Nothing| 1)
        .cache(60)
        .view(View::new().html(|_: &i32| -> String { panic!("view") }));
    let uncached =
        Program::new(|_: Nothing| 1).view(View::new().html(|_: &i32| -> String { panic!("view") }));
    let input =
        Program::new(|_: Nothing| 1).input_middleware(|_: &mut Request<'_>| panic!("input"));
    let output = Program::new(|_: Nothing| 1)
        .cache(60)
        .output_middleware(|_: &Request<'_>, _: &mut giotto::Rendered| panic!("output"));
    let argument = Program::new(|_: Explosive| 1).cache(60);
    let manifest = Manifest::new([
        ("view", view),
        ("uncached", uncached),
        ("argument", argument.view(BasicView::new())),
        ("input", input.view(BasicView::new())),
        ("output", output.view(BasicView::new())),
    ]);
    let service = service(App::new(manifest).cache(LocMemKeyValue::new()));
    for target in [
        "/view",
        "/uncached",
        "/view",
        "/input",
        "/output",
        "/output",
        "/argument?x=13",
    ] {
        assert_eq!(get(&service, target).await.status, 500, "{target}");
    }
}

#[tokio::test]
async fn a_redirection_has_nothing_in_it_that_a_uri_has_not() {
    let program = |location: &'static str| {
        Program::new(move |_: Nothing| Redirection::to(location)).view(BasicView::new())
    };
    let manifest = Manifest::new([
        ("split", program("/a\r\nSet-Cookie: b=c")),
        ("split-too", program("/é\0\r\n\"a b\"")),
        ("plain", program("/a?b=c%20d#e")),
    ]);
    let service = manifest.into_service().unwrap();
    for (target, location) in [
        ("/split", "/a%0D%0ASet-Cookie:%20b=c"),
        ("/split-too", "/%C3%A9%00%0D%0A%22a%20b%22"),
        ("/plain", "/a?b=c%20d#e"),
    ] {
        let reply = get(&service, target).await;
        assert_eq!(
            (reply.status, reply.fields["location"].to_str().unwrap()),
            (302, location),
            "{target}"
        );
        assert!(!reply.fields.contains_key("set-cookie"), "{target}");
    }
}

#[tokio::test]
async fn a_failing_store_breaks_no_page() {
    let store = Broken(Arc::default());
    let calls = Arc::clone(&store.0);
    let program = Program::new(|X { x }: X| x)
        .cache(60)
        .view(BasicView::new());
    let service = service(App::new(Manifest::new([("a", program)])).cache(store));
    for x in 0..50 {
        assert_eq!(
            get(&service, &format!("/a.json?x={x}")).await.body,
            x.to_string()
        );
    }
    assert!(calls.load(Ordering::SeqCst) > 0);
}

#[derive(Debug)]
struct Broken(Arc<AtomicUsize>);

impl KeyValue for Broken {
    fn get<'l0, 'l1, 'f>(&'l0 self, _: &'l1 str) -> Pending<'f, Option<Bytes>>
    where
        'l0: 'f,
        'l1: 'f,
    {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Err(giotto::cache::Error::backend(std::io::Error::other("gone"))) })
    }

    fn set<'l0, 'l1, 'f>(&'l0 self, _: &'l1 str, _: Bytes, _: Option<Duration>) -> Pending<'f, ()>
    where
        'l0: 'f,
        'l1: 'f,
    {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Err(giotto::cache::Error::backend(std::io::Error::other("gone"))) })
    }
}

/// What `async_trait` makes of an async method.
type Pending<'f, T> = std::pin::Pin<Box<dyn Future<Output = giotto::cache::Result<T>> + Send + 'f>>;

#[tokio::test]
async fn an_application_is_mounted_in_another_framework() {
    let program = || {
        Program::new(|X { x }: X| x)
            .cache(60)
            .view(BasicView::new())
    };
    let service = service(app("a", program()));
    let mut router: axum::Router = axum::Router::new()
        .route("/own", axum::routing::get(|| async { "own" }))
        .nest_service("/giotto", service.clone())
        .fallback_service(service);
    for (target, body) in [
        ("/own", "own"),
        ("/a.json?x=1", "1"),
        ("/giotto/a.json/2", "2"),
    ] {
        let request = http::Request::get(target)
            .body(axum::body::Body::empty())
            .unwrap();
        let reply: http::Response<_> = router.call(request).await.unwrap();
        assert_eq!(
            reply.into_body().collect().await.unwrap().to_bytes(),
            body,
            "{target}"
        );
    }
}

#[tokio::test]
async fn the_service_takes_any_body() {
    let mut service = service(app(
        "a",
        Program::new(|X { x }: X| x).view(BasicView::new()),
    ));
    let request = http::Request::post("/a.json?x=1")
        .body(Empty::<Bytes>::new())
        .unwrap();
    assert_eq!(
        Reply::from(service.call(request).await.unwrap()).await.body,
        "1"
    );
    let request = http::Request::post("/a.json?x=1").body(Endless).unwrap();
    assert_eq!(service.call(request).await.unwrap().status(), 413);
}

/// A body without an end, and without a length.
struct Endless;

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        let frame = http_body::Frame::data(Bytes::from_static(&[b'a'; 1 << 16]));
        std::task::Poll::Ready(Some(Ok(frame)))
    }
}

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
async fn whoever_writes_makes_pages_old_if_it_succeeds() {
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

#[tokio::test]
async fn an_error_says_why_nothing_was_served_instead() {
    let app = App::new(Manifest::new([(
        "broken",
        Program::new(|X { .. }: X| Err::<String, _>(Error::other("broken")))
            .cache(3600)
            .view(View::new().html(String::clone)),
    )]));
    let service = service(app.cache(LocMemKeyValue::new()));
    let reply = get(&service, "/broken?x=1").await;
    assert_eq!(reply.status, 500);
    assert_eq!(
        reply.cache_status,
        "giotto; fwd=uri-miss; detail=first-seen"
    );
}
