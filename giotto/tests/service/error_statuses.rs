//! Every status of an error: an application's own page is shown for it, and status and fields of the error stay.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use giotto::ErrorPage;
use http::{HeaderMap, Request};
use http_body::Frame;
use http_body_util::Full;

use super::*;

/// A request that has no page, and what its response has, whatever shows it.
struct Case {
    request: &'static str,
    fields: Vec<(&'static str, String)>,
    body: Sent,
    status: u16,
    told: Option<(&'static str, &'static str)>,
}

#[derive(Clone, Copy)]
enum Sent {
    Nothing,
    Bytes(usize),
    /// It never ends.
    Never,
}

fn case(request: &'static str, status: u16) -> Case {
    Case {
        request,
        fields: Vec::new(),
        body: Sent::Nothing,
        status,
        told: None,
    }
}

impl Case {
    fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    fn body(self, body: Sent) -> Self {
        Self { body, ..self }
    }

    fn told(self, name: &'static str, value: &'static str) -> Self {
        Self {
            told: Some((name, value)),
            ..self
        }
    }
}

fn cases() -> Vec<Case> {
    const LONG: &str = "GET /square?x=1&long=LONG";
    let coded = "application/x-www-form-urlencoded";
    vec![
        case("GET /square?x=a", 400),
        case("GET /square", 400),
        case("GET /%ff", 400),
        case("POST /write?x=a", 400),
        case("POST /write", 400).field("content-type", "application/json"),
        case("GET /closed", 403),
        case("GET /nothing", 404),
        case("GET /squares", 404),
        case("GET /square/1/2", 404),
        case("GET /gone", 404),
        case("GET /write", 405).told("allow", "POST, OPTIONS"),
        case("PUT /square", 405).told("allow", "GET, HEAD, OPTIONS"),
        case("GET /square.csv?x=1", 406),
        case("POST /write", 408).body(Sent::Never),
        case("GET /square?x=1", 412).field("if-match", "\"other\""),
        case("POST /both?x=1", 412).field("if-match", "\"other\""),
        case("POST /write", 413).body(Sent::Bytes((1 << 20) + 1)),
        case(LONG, 414),
        case("POST /write", 415)
            .field("content-type", "text/plain")
            .told(
                "accept",
                "application/x-www-form-urlencoded, application/json",
            ),
        case("POST /write", 415)
            .field("content-type", coded)
            .field("content-encoding", "rot13")
            .told(
                "accept-encoding",
                match cfg!(feature = "compression") {
                    true => "br, zstd, gzip",
                    false => "identity",
                },
            ),
        case("GET /large?x=1", 416)
            .field("range", "bytes=999999-")
            .told("content-range", "bytes */70000"),
        case("GET /square?x=1", 431).field("x-long", "a".repeat(33 << 10)),
        case("GET /broken", 500),
        case("GET /panics", 500),
        case("GET /late?x=1", 504),
    ]
}

/// The body of a request.
struct Body(Option<Full<Bytes>>);

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Pending,
        }
    }
}

async fn reply(service: &Service, case: &Case, method: Option<&str>, accept: &str) -> Reply {
    let (own, target) = case.request.split_once(' ').unwrap();
    let target = target.replace("LONG", &"a".repeat(17 << 10));
    let request = Request::builder().method(method.unwrap_or(own)).uri(target);
    // A program need not render it.
    let accept = &*format!("{accept}, */*;q=0.1");
    let fields = case.fields.iter().map(|(name, value)| (*name, &**value));
    let request = fields
        .chain([("accept", accept)])
        .fold(request, |request, (name, value)| {
            request.header(name, value)
        });
    let body = Body(match case.body {
        Sent::Nothing => Some(Full::default()),
        Sent::Bytes(bytes) => Some(Full::from(vec![b'a'; bytes])),
        Sent::Never => None,
    });
    Reply::from(
        service
            .clone()
            .call(request.body(body).unwrap())
            .await
            .unwrap(),
    )
    .await
}

fn app() -> App {
    let square = || Program::new(|X { x }: X| x * x);
    let staged = Staged::new();
    let late = staged.program(|x| Ok(x.to_string()));
    let fails = |error: fn() -> Error| {
        let model = move |_: Nothing| Err::<String, _>(error());
        Program::new(model).view(BasicView::new())
    };
    let panics = |_: Nothing| -> String { panic!("/etc/secret") };
    let large = |X { .. }: X| "a".repeat(70_000);
    let text = || View::new().html(String::clone);
    let manifest = Manifest::new([
        (
            "square",
            square()
                .controllers([HTTP_GET])
                .cache(60)
                .view(BasicView::new()),
        ),
        (
            "write",
            square().controllers([HTTP_POST]).view(BasicView::new()),
        ),
        ("both", square().view(BasicView::new())),
        ("large", Program::new(large).cache(60).view(text())),
        ("closed", fails(|| Error::not_authorized("sign in first"))),
        ("gone", fails(|| Error::not_found("no such book"))),
        ("broken", fails(|| Error::other("/etc/secret is gone"))),
        ("panics", Program::new(panics).view(BasicView::new())),
        (
            "late",
            late.cache(Policy::seconds(60).hard_timeout(1))
                .view(BasicView::new()),
        ),
    ]);
    App::new(manifest).cache(LocMemKeyValue::new())
}

/// The same with pages of its own: HTML, and a media type that the usual pages do not have.
fn with_pages(app: App) -> App {
    let page = View::new()
        .html(|page: &ErrorPage| {
            let html = format!("own {} {} {}", page.status(), page.title(), page.message());
            giotto::Response::new(html).header("x-own", "yes")
        })
        .renders("application/problem+json", |page: &ErrorPage| {
            serde_json::to_vec(page)
        });
    app.error_pages(page)
}

/// The fields of a response that are not about its body.
fn of_error(reply: &Reply) -> HeaderMap {
    let mut fields = reply.fields.clone();
    fields.remove("x-own");
    fields.remove("content-type");
    fields
}

async fn check(usual: &Service, own: &Service, case: &Case) {
    let (request, status) = (case.request, case.status);
    let expected = reply(usual, case, None, "text/html").await;
    assert_eq!(expected.status, status, "{request} {expected:?}");
    assert_eq!(expected.cache_control, "no-store", "{request}");
    assert!(
        expected.body.contains(&format!("<small>{status} ")),
        "{request} {expected:?}"
    );
    if let Some((name, value)) = case.told {
        assert_eq!(expected.fields[name], value, "{request}");
    }
    for (accept, mime, start) in [
        (
            "text/html",
            "text/html; charset=utf-8",
            format!("own {status} "),
        ),
        (
            "application/problem+json",
            "application/problem+json",
            format!("{{\"status\":{status},"),
        ),
        // What the own page does not render has the usual form.
        ("text/plain", "text/plain; charset=utf-8", String::new()),
        (
            "application/json",
            "application/json",
            format!("{{\"error\":{{\"status\":{status},"),
        ),
    ] {
        let shown = reply(own, case, None, accept).await;
        assert_eq!(shown.status, status, "{request} {accept}");
        assert_eq!(shown.fields["content-type"], mime, "{request} {accept}");
        assert!(
            shown.body.starts_with(&start),
            "{request} {accept} {shown:?}"
        );
        assert_eq!(of_error(&shown), of_error(&expected), "{request} {accept}");
        assert!(!shown.body.contains("secret"), "{request} {shown:?}");
        assert_eq!(shown.fields.contains_key("x-own"), accept == "text/html");
        if request.starts_with("GET") && !case.fields.iter().any(|(name, _)| *name == "range") {
            let head = reply(own, case, Some("HEAD"), accept).await;
            assert_eq!(
                (head.status, &head.fields),
                (status, &shown.fields),
                "{request} {accept}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_error_has_the_page_of_the_application() {
    let (usual, own) = (service(app()), service(with_pages(app())));
    let cases = cases();
    for case in &cases {
        check(&usual, &own, case).await;
    }
    let full = || app().max_models(0);
    let busy = case("GET /both?x=1", 503).told("retry-after", "1");
    check(&service(full()), &service(with_pages(full())), &busy).await;
    let statuses: BTreeSet<_> = cases.iter().map(|case| case.status).collect();
    let all = [
        400, 403, 404, 405, 406, 408, 412, 413, 414, 415, 416, 431, 500, 504,
    ];
    assert_eq!(statuses, all.into());
}

#[tokio::test]
async fn no_error_names_a_program_that_its_client_did_not_ask_for() {
    let closed = |_: &mut giotto::Request<'_>| -> Result<(), Error> {
        Err(Error::not_authorized("sign in first"))
    };
    let program = || Program::new(|_: Nothing| "").view(BasicView::new());
    let manifest = Manifest::new([
        (
            "admin",
            Manifest::new([("report", program())]).input_middleware(closed),
        ),
        (
            "tasks",
            Manifest::new([(
                "nightly",
                Program::new(|_: Nothing| "")
                    .controllers([CMD])
                    .view(BasicView::new()),
            )]),
        ),
    ]);
    let service = service(App::new(manifest));
    for target in [
        "/admin/reports",
        "/admin/repor",
        "/tasks/nightly",
        "/tasks/nightl",
        "/admin",
    ] {
        for accept in ["text/html", "text/plain", "application/json"] {
            let reply = ask(&service, "GET", target, &[("accept", accept)], "").await;
            assert_eq!(reply.status, 404);
            let said = format!("here is nothing at {target}");
            assert!(reply.body.contains(&said), "{}", reply.body);
            assert!(!reply.body.contains("did you mean"), "{}", reply.body);
        }
    }
    // Debug mode is for those who write the manifest.
    let reply = ask(
        &service.debug(true),
        "GET",
        "/admin/reports",
        &[("accept", "text/plain")],
        "",
    )
    .await;
    assert!(
        reply.body.contains("did you mean 'admin/report'?"),
        "{}",
        reply.body
    );
}
