//! Error pages: the usual ones, and those of an application.

use std::sync::atomic::{AtomicUsize, Ordering};

use giotto::{Cookie, ErrorPage, Redirection, Response, State};

use super::*;

fn failing() -> Manifest {
    let gone = Program::new(|_: Nothing| Err::<String, _>(Error::not_found("no book <7>")));
    let closed =
        Program::new(|_: Nothing| Err::<String, _>(Error::not_authorized("sign in first")));
    let broken = Program::new(|_: Nothing| Err::<String, _>(Error::other("/etc/secret is gone")));
    let moved = Program::new(|_: Nothing| Redirection::to("/b"));
    let square = Program::new(|X { x }: X| x * x).controllers([HTTP_GET]);
    Manifest::new([
        ("gone", gone.view(BasicView::new())),
        ("closed", closed.view(BasicView::new())),
        ("broken", broken.view(BasicView::new())),
        ("moved", moved.view(BasicView::new())),
        ("squared", square.view(BasicView::new())),
    ])
}

const HTML: (&str, &str) = ("accept", "text/html");

/// Requests that have no page: their method and target, the status, and words of the usual page.
const ERRORS: [(&str, &str, u16, &str); 10] = [
    (
        "GET",
        "/squared?x=%3Cb%3E",
        400,
        "<dd>enter a whole number; it was given as <q>&lt;b&gt;</q></dd>",
    ),
    (
        "GET",
        "/squared",
        400,
        "<dt><b>x</b></dt>\n<dd>please fill this in</dd>",
    ),
    (
        "GET",
        "/%ff",
        400,
        "<p>&quot;%ff&quot; is not UTF-8: percent-encode the bytes of UTF-8 text.</p>",
    ),
    ("GET", "/closed", 403, "<p>Sign in first.</p>"),
    ("GET", "/nothing", 404, "<h1>Page not found</h1>"),
    ("GET", "/gone", 404, "<p>No book &lt;7&gt;.</p>"),
    (
        "DELETE",
        "/squared",
        405,
        "<h1>This cannot be done here</h1>",
    ),
    (
        "GET",
        "/squared.csv?x=1",
        406,
        "<h1>Not available in this format</h1>",
    ),
    (
        "GET",
        "/broken",
        500,
        "<p>Something went wrong here; the reason is in the server&#39;s log.</p>",
    ),
    ("GET", "/moved", 302, "<a href=\"/b\">/b</a>"),
];

#[tokio::test]
async fn the_usual_page_fits_small_and_dark_screens_and_strict_policies() {
    let service = service(App::new(failing()));
    for (method, target, status, words) in ERRORS {
        let reply = ask(&service, method, target, &[HTML], "").await;
        let page = &reply.body;
        assert_eq!(
            (reply.status, &*reply.cache_control),
            (status, "no-store"),
            "{target}"
        );
        assert!(page.contains(words), "{target} {page}");
        for part in [
            "<html lang=\"en\">",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
            "<meta name=\"color-scheme\" content=\"light dark\">",
            &format!("<small>{status} "),
        ] {
            assert!(page.contains(part), "{target} {page}");
        }
        // What `default-src 'none'` refuses, and what nobody should know.
        for part in ["<style", "style=", "<script", "<link", "<img", "secret"] {
            assert!(!page.contains(part), "{target} {page}");
        }
    }
}

#[tokio::test]
async fn an_application_has_pages_of_its_own() {
    #[derive(Debug)]
    struct Site(&'static str);
    let not_found = View::new()
        .html(|page: &ErrorPage, site: State<Site>| {
            let html = format!("{}: {} at {}", site.0, page.message(), page.path());
            Response::new(html).header("content-language", "en")
        })
        .renders("application/problem+json", |page: &ErrorPage| {
            serde_json::to_vec(page)
        });
    let all = View::new().html(|page: &ErrorPage| {
        let fields: Vec<_> = page
            .refused()
            .fields()
            .iter()
            .map(giotto::Field::message)
            .collect();
        format!("{} {} {}", page.status(), page.title(), fields.join(","))
    });
    let app = App::new(failing())
        .state(Site("Library"))
        .error_page(404, not_found)
        .error_pages(all);
    let service = service(app);
    let asked = async |method: &str, target: &str, accept: &str| {
        ask(&service, method, target, &[("accept", accept)], "").await
    };
    let gone = asked("GET", "/gone?x=1", "text/html").await;
    assert_eq!(
        (gone.status, &*gone.body),
        (404, "Library: no book <7> at /gone")
    );
    assert_eq!(gone.fields["content-type"], "text/html; charset=utf-8");
    assert_eq!(gone.fields["content-language"], "en");
    assert_eq!(gone.cache_control, "no-store");
    let unknown = asked("GET", "/a%20b", "*/*").await;
    assert!(unknown.body.ends_with(" at /a%20b"), "{unknown:?}");
    let problem = asked("GET", "/gone", "application/problem+json, */*;q=0.1").await;
    assert_eq!(problem.fields["content-type"], "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(&problem.body).unwrap();
    let expected = serde_json::json!({
        "status": 404, "title": "Page not found", "message": "no book <7>", "path": "/gone", "errors": {},
        "advice": "Check the address for a typing mistake, or go back to where you came from.",
    });
    assert_eq!(problem, expected);
    // What they do not render has its usual form.
    let text = asked("GET", "/gone", "text/plain").await;
    assert_eq!(text.body, "no book <7>\n");
    assert_eq!(
        asked("GET", "/gone.json", "*/*").await.body,
        "{\"error\":{\"status\":404,\"message\":\"no book <7>\",\"fields\":{}}}"
    );
    // All others.
    let method = asked("DELETE", "/squared", "text/html").await;
    assert_eq!(
        (method.status, &*method.body),
        (405, "405 This cannot be done here ")
    );
    assert_eq!(method.fields["allow"], "GET, HEAD, OPTIONS");
    let wrong = asked("GET", "/squared?x=a", "text/html").await;
    assert_eq!(
        wrong.body,
        "400 Something is missing or wrong enter a whole number"
    );
    assert_eq!(asked("GET", "/%ff", "text/html").await.status, 400);
    let moved = asked("GET", "/moved", "text/html").await;
    assert_eq!(
        (moved.status, moved.fields["location"].as_bytes()),
        (302, &b"/b"[..])
    );
}

#[tokio::test]
async fn an_error_page_that_fails_is_the_usual_one() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let panics = View::new().html(move |_: &ErrorPage| -> String {
        counted.fetch_add(1, Ordering::SeqCst);
        panic!("an error page")
    });
    let fails = View::new().html(|_: &ErrorPage| Err::<String, _>(Error::not_found("no template")));
    let created = View::new().html(|_: &ErrorPage| Response::new("created").status(201));
    let app = App::new(failing())
        .error_page(404, panics)
        .error_page(403, fails)
        .error_page(500, created);
    let service = service(app);
    for (target, status, words) in [
        ("/gone", 404, "<p>No book &lt;7&gt;.</p>"),
        ("/gone", 404, "<p>No book &lt;7&gt;.</p>"),
        ("/closed", 403, "<p>Sign in first.</p>"),
        ("/broken", 500, "created"),
    ] {
        let reply = ask(&service, "GET", target, &[HTML], "").await;
        assert_eq!(reply.status, status);
        assert!(reply.body.contains(words), "{}", reply.body);
    }
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_view_of_any_value_shows_errors_too() {
    let service = service(App::new(failing()).error_pages(BasicView::new()));
    let reply = ask(&service, "GET", "/gone", &[HTML], "").await;
    assert_eq!(reply.status, 404);
    for part in [
        "<h1 id=\"title\">Page not found</h1>",
        "<dt>message</dt><dd>no book &lt;7&gt;</dd>",
    ] {
        assert!(reply.body.contains(part), "{}", reply.body);
    }
}

#[test]
fn mistakes_in_error_pages_are_found_at_the_start() {
    let view = || View::new().html(|page: &ErrorPage| page.message().to_owned());
    let cookie = |_: &ErrorPage| Response::new("").cookie(Cookie::new("a", "b"));
    let check = |app: App| app.check().unwrap_err().to_string();
    for (app, words) in [
        (
            App::new(failing()).error_page(200, view()),
            "200: a status of an error is 400 to 599",
        ),
        (
            App::new(failing()).error_page(404, View::new()),
            "404: the view renders nothing",
        ),
        (
            App::new(failing())
                .error_page(404, view())
                .error_page(404, view()),
            "404 is given twice",
        ),
        (
            App::new(failing()).error_pages(View::new().html(|_: &ErrorPage, _: State<u8>| "")),
            "all statuses: the view takes a State<u8>",
        ),
        (
            App::new(failing()).error_page(404, View::new().html(cookie)),
            "404: its view sets cookies",
        ),
    ] {
        let error = check(app);
        assert!(error.contains(words), "{error}");
    }
}
