//! An application below a path of its host, and the addresses that it makes.

use std::sync::Arc;

use giotto::cache::{KeyValue, Mode};
use giotto::prelude::*;
use giotto::{Cookie, Cookies};

use crate::{Nothing, Reply, X, ask, get, service};

const BASE: &str = "/library";

fn manifest() -> Manifest {
    let root = Program::new(|_: Nothing| "root".to_owned()).view(BasicView::new());
    let book = Program::new(|X { x }: X| x)
        .cache(60)
        .view(View::new().html(|x: &i64| format!("<p>{x}")));
    let links = Program::new(|_: Nothing, app: App| app.url_for("book", [("x", 7)]))
        .cache(60)
        .tags(|_| ["books"])
        .view(View::new().html(|url: &String| url.clone()));
    let moved = Program::new(|_: Nothing| Redirection::to("/book/7")).view(BasicView::new());
    let made = Program::new(|_: Nothing, app: App| {
        Ok::<_, Error>(Redirection::to(app.url_for("book", [("x", 7)])?))
    });
    let away = Program::new(|_: Nothing| Redirection::to("//evil.com/a")).view(BasicView::new());
    let guarded = Program::new(|_: Nothing| ())
        .input_middleware(|_: &mut Request<'_>| Err(Redirection::to("/sign-in").into()))
        .view(BasicView::new());
    let created = Program::new(|_: Nothing| {
        Response::new(String::new())
            .status(201)
            .header("location", "/book/8")
            .header("content-location", "/book/8.json")
    });
    let library = Program::new(|_: Nothing| "inner".to_owned()).view(BasicView::new());
    Manifest::new([
        ("", root),
        ("book", book),
        ("links", links),
        ("moved", moved),
        ("made", made.view(BasicView::new())),
        ("away", away),
        ("guarded", guarded),
        ("created", created.view(BasicView::new())),
        ("library", library),
    ])
}

fn app() -> App {
    App::new(manifest()).base(BASE).cache(LocMemKeyValue::new())
}

fn location(reply: &Reply) -> &str {
    reply.fields["location"].to_str().unwrap()
}

#[tokio::test]
async fn requests_are_answered_below_the_base_alone() {
    let service = service(app());
    for (target, status, body) in [
        ("/library", 200, "root"),
        ("/library/", 200, "root"),
        ("/library?a=b", 200, "root"),
        ("/library/book/7", 200, "<p>7"),
        ("/%6Cibrary/book/7", 200, "<p>7"),
        ("http://test/library/book/7", 200, "<p>7"),
        ("/library/library", 200, "inner"),
        ("/library/library/book/7", 404, "/library/library/book/7"),
        ("/book/7", 404, "this application is at /library/"),
        ("/", 404, "this application is at /library/"),
        ("/libraryx/book/7", 404, "this application is at /library/"),
        ("/lib", 404, "this application is at /library/"),
        ("//library/book/7", 404, "this application is at /library/"),
        ("/x/../library/book/7", 404, "this application is at"),
        ("/library/../book/7", 404, "/library/../book/7"),
        ("/library//book/7", 404, "/library//book/7"),
        ("/library/nothing", 404, "/library/nothing"),
        ("/library%2Fbook/7", 404, "this application is at /library/"),
    ] {
        let reply = ask(&service, "GET", target, &[("accept", "text/html")], "").await;
        assert_eq!(reply.status, status, "{target}");
        assert!(reply.body.contains(body), "{target}: {}", reply.body);
    }
    for (method, target, status) in [
        ("OPTIONS", "*", 204),
        ("OPTIONS", "/library/book/7", 204),
        ("OPTIONS", "/book/7", 404),
        ("POST", "/library/moved", 303),
        ("POST", "/moved", 404),
        ("DELETE", "/library/book/7", 405),
        ("HEAD", "/library/book/7", 200),
    ] {
        let reply = ask(&service, method, target, &[], "").await;
        assert_eq!(reply.status, status, "{method} {target}");
    }
}

#[tokio::test]
async fn addresses_and_redirections_have_the_base_once() {
    let service = service(app());
    for (target, expected) in [
        ("/library/moved", "/library/book/7"),
        ("/library/made", "/library/book/7"),
        ("/library/guarded", "/library/sign-in"),
        ("/library/created", "/library/book/8"),
        ("/library/away", "//evil.com/a"),
    ] {
        assert_eq!(location(&get(&service, target).await), expected, "{target}");
    }
    let created = get(&service, "/library/created").await;
    assert_eq!(created.fields["content-location"], "/library/book/8.json");
    let page = get(&service, "/library/links").await;
    assert_eq!(page.body, "/library/book/7");
    // What a client that does not follow it gets.
    for (accept, link) in [
        ("text/html", "<a href=\"/library/book/7\">"),
        ("application/json", "\"location\":\"/library/book/7\""),
        ("text/plain", "see /library/book/7"),
    ] {
        let fields = [("accept", accept)];
        let reply = ask(&service, "GET", "/library/moved", &fields, "").await;
        assert!(reply.body.contains(link), "{}", reply.body);
    }
    let app = app().origin("https://example.org");
    assert_eq!(app.url_for("", ()).unwrap(), "/library/");
    assert_eq!(app.url("/a").unwrap(), "/library/a");
    assert_eq!(
        app.absolute_url_for("book", [("x", 7)]).unwrap(),
        "https://example.org/library/book/7"
    );
    assert_eq!(
        app.absolute_url(&app.url("/a").unwrap()).unwrap(),
        "https://example.org/library/a"
    );
}

/// Two processes with different bases share a store: a page has the addresses of its own base, and an invalidation reaches both.
#[tokio::test]
async fn pages_of_two_bases_never_mix_in_one_store() {
    let store: Arc<dyn KeyValue> = Arc::new(LocMemKeyValue::new());
    let at = |app: App| service(app.with_cache(giotto::cache::Cache::new(Arc::clone(&store))));
    let services = [
        (at(App::new(manifest())), "", "/book/7"),
        (at(App::new(manifest()).base("/a")), "/a", "/a/book/7"),
        (at(App::new(manifest()).base("/b/")), "/b", "/b/book/7"),
        (
            at(App::new(manifest()).base("/a").origin("http://a.org")),
            "/a",
            "/a/book/7",
        ),
    ];
    for expected in ["stored", "hit"] {
        for (service, base, link) in &services {
            let reply = get(service, &format!("{base}/links")).await;
            assert_eq!(&reply.body, link, "{base}");
            assert!(reply.cache_status.contains(expected), "{reply:?}");
        }
    }
    let etags = ["", "/a", "/b"].map(|base| format!("{base}/book/7"));
    let (root, a) = (&services[0].0, &services[1].0);
    let one = get(root, &etags[0]).await.fields["etag"].clone();
    let other = get(a, &etags[1]).await.fields["etag"].clone();
    assert_ne!(one, other);
}

#[tokio::test]
async fn an_invalidation_reaches_the_pages_of_all_bases() {
    let store: Arc<dyn KeyValue> = Arc::new(LocMemKeyValue::new());
    let at = |base: &str| {
        App::new(manifest())
            .base(base)
            .with_cache(giotto::cache::Cache::new(Arc::clone(&store)))
    };
    let (a, b) = (at("/a"), at("/b"));
    let page = async |app: &App| {
        let mut request = Request::new(HTTP_GET, "links").mode(Mode::Prefer);
        let page = app.invoke(&mut request).await.unwrap();
        page.cache_status().unwrap().to_string()
    };
    for app in [&a, &b] {
        assert!(page(app).await.contains("stored"));
    }
    b.shared_cache().invalidate("books").await.unwrap();
    for app in [&b, &a] {
        let status = page(app).await;
        assert!(status.contains("fwd=stale"), "{status}");
    }
}

#[tokio::test]
async fn a_base_or_an_origin_that_is_none_is_refused_at_the_start() {
    for (app, words) in [
        (app().base("library"), ["App::base", "\"/library\""]),
        (app().origin("a.org"), ["App::origin", "\"https://"]),
    ] {
        let error = app.into_service().unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{error}");
        }
    }
}

#[tokio::test]
async fn a_cookie_has_the_path_of_the_base() {
    let cookies = |_: Nothing| -> Response<String, Cookies> {
        Response::new(String::new()).cookies([
            Cookie::new("theme", "dark"),
            Cookie::new("own", "a").path("/elsewhere"),
            Cookie::new("root", "a").path("/"),
            Cookie::new("__Host-a", "a"),
            Cookie::removed("old"),
        ])
    };
    let to = |_: Nothing| -> Response<Redirection, Cookies> {
        Response::new(Redirection::to("/")).cookie(Cookie::new("theme", "dark"))
    };
    let manifest = || {
        Manifest::new([
            ("a", Program::new(cookies).view(BasicView::new())),
            ("to", Program::new(to).view(BasicView::new())),
        ])
    };
    let paths = |reply: &Reply| {
        let fields = reply.fields.get_all("set-cookie").iter();
        let fields = fields.map(|field| field.to_str().unwrap());
        let paths = fields.map(|field| field.split("; ").nth(1).unwrap().to_owned());
        paths.collect::<Vec<_>>()
    };
    for (base, path) in [("", "Path=/"), ("/library", "Path=/library")] {
        let service = service(App::new(manifest()).base(base));
        let reply = get(&service, &format!("{base}/a")).await;
        let expected = [path, "Path=/elsewhere", "Path=/", "Path=/", path];
        assert_eq!(paths(&reply), expected);
        let reply = get(&service, &format!("{base}/to")).await;
        assert_eq!(paths(&reply), [path]);
    }
}

#[tokio::test]
async fn the_origin_of_a_request_is_a_setting_or_what_was_asked() {
    fn told(request: &mut Request<'_>) -> Result<(), Error> {
        let origin = request.origin().unwrap_or_default();
        request.set("origin", origin);
        Ok(())
    }
    #[derive(Serialize, Deserialize)]
    struct Origin {
        #[serde(default)]
        origin: String,
    }
    let manifest = || {
        let program = Program::new(|Origin { origin }: Origin| origin)
            .cache(60)
            .input_middleware(told);
        Manifest::new([("a", program.view(BasicView::new()))])
    };
    let app = App::new(manifest()).cache(LocMemKeyValue::new());
    let served = service(app.clone());
    for (fields, origin) in [
        (&[("host", "A.org:80")][..], "http://a.org:80"),
        (&[("host", "b.org")], "http://b.org"),
        (&[("host", "")], ""),
        (&[], ""),
        // Nobody has said that the client is a proxy.
        (
            &[
                ("host", "c.org"),
                ("x-forwarded-host", "evil.com"),
                ("x-forwarded-proto", "https"),
                ("forwarded", "host=evil.com"),
            ],
            "http://c.org",
        ),
    ] {
        let reply = ask(&served, "GET", "/a.json", fields, "").await;
        assert_eq!(reply.body, format!("\"{origin}\""), "{fields:?}");
        assert_eq!(reply.fields["vary"], "Host");
    }
    let served = service(app.origin("https://example.org"));
    let fields = [("host", "evil.com")];
    let reply = ask(&served, "GET", "/a.json", &fields, "").await;
    assert_eq!(reply.body, "\"https://example.org\"");
    assert!(!reply.fields.contains_key("vary"), "{reply:?}");
}
