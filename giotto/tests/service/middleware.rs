//! Middleware: it runs on hits, and what it changes is not stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use giotto::Request;
use giotto::prelude::*;

use crate::{X, app, ask, get, service};

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
        .output_middleware(|request: &Request<'_>, page: &mut giotto::Page| {
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
    assert_eq!(hit.cache_control, "private, no-store");
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
    let leave = |_: &Request<'_>, _: &mut giotto::Page| Ok(());
    let inner = Manifest::new([("c", page().view(BasicView::new()))]);
    let manifest = Manifest::new([
        ("a", page().input_middleware(sign_in).view(BasicView::new())),
        ("b", page().output_middleware(leave).view(BasicView::new())),
        ("d", page().view(BasicView::new())),
    ])
    .with("guarded", inner.input_middleware(sign_in));
    let service = service(App::new(manifest).cache(LocMemKeyValue::new()));
    for (target, cache_control) in [
        ("/a.txt", "private, no-store"),
        ("/b.txt?user=ada", "private, no-cache"),
        ("/guarded/c.txt", "private, no-store"),
    ] {
        for user in ["ada", "ada", "bob"] {
            let first = ask(&service, "GET", target, &[("cookie", user)], "").await;
            assert_eq!(first.cache_control, cache_control, "{target}");
            // That costs no body, and no run of the model.
            let etag = first.fields["etag"].to_str().unwrap().to_owned();
            let fields = [("cookie", user), ("if-none-match", &*etag)];
            let again = ask(&service, "GET", target, &fields, "").await;
            assert_eq!((again.status, &*again.cache_control), (304, cache_control));
            assert!(again.cache_status.contains("hit"), "{target}");
            let head = ask(&service, "HEAD", target, &[("cookie", user)], "").await;
            assert_eq!(head.cache_control, cache_control, "{target}");
        }
    }
    assert_eq!(
        get(&service, "/d.txt?user=ada").await.cache_control,
        "no-cache"
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

/// Says what it was given.
#[derive(Serialize, Deserialize)]
struct Reader {
    #[serde(default)]
    user: String,
    #[serde(default)]
    lang: String,
}

fn read() -> Program<giotto::Bare<String, Reader>> {
    Program::new(|Reader { user, lang }: Reader| format!("{user} {lang}")).cache(60)
}

fn text() -> View<String> {
    View::new().text(String::clone)
}

#[tokio::test]
async fn vary_names_the_fields_that_middleware_read() {
    type Checked = Result<(), Error>;
    let by_language = |request: &mut Request<'_>| -> Checked {
        request.set("lang", request.language(&["en", "de"]));
        Ok(())
    };
    let by_cookie = |request: &mut Request<'_>| -> Checked {
        let user = request.cookie("user").unwrap_or("nobody").to_owned();
        request.set("user", user);
        Ok(())
    };
    let by_proxy = |request: &mut Request<'_>| -> Checked {
        // Twice, and in another case: it is one field.
        let user = request.header("x-user").or(request.header("X-USER"));
        let user = user.unwrap_or("nobody").to_owned();
        request.set("user", user);
        Ok(())
    };
    let basic = |request: &Request<'_>, _: &mut giotto::Page| -> Checked {
        let _ = request.header("authorization");
        Ok(())
    };
    let inner = Manifest::new([("page", read().input_middleware(by_language).view(text()))]);
    let manifest = Manifest::new([
        (
            "language",
            read().input_middleware(by_language).view(text()),
        ),
        ("cookie", read().input_middleware(by_cookie).view(text())),
        (
            "proxy",
            read().input_middleware(by_proxy).view(BasicView::new()),
        ),
        ("output", read().output_middleware(basic).view(text())),
        (
            "all",
            read()
                .input_middleware(by_language)
                .input_middleware(by_cookie)
                .output_middleware(basic)
                .view(BasicView::new()),
        ),
        (
            "nothing",
            read()
                .input_middleware(|_: &mut Request<'_>| Ok(()))
                .view(text()),
        ),
        (
            "kept",
            read().input_middleware(by_cookie).max_age(30).view(text()),
        ),
    ])
    .with("guarded", inner.input_middleware(by_cookie));
    let service = service(
        App::new(manifest)
            .cache(LocMemKeyValue::new())
            .compression(false),
    );
    let fields = |reply: &crate::Reply| {
        let vary = reply.fields.get("vary");
        let vary = vary.map_or("", |value| value.to_str().unwrap());
        (reply.cache_control.clone(), vary.to_owned())
    };
    for (target, cache_control, vary) in [
        ("/language", "private, no-cache", "Accept-Language"),
        ("/cookie", "private, no-store", "Cookie"),
        (
            "/proxy",
            "private, no-store",
            "Accept, X-Requested-With, X-User",
        ),
        ("/proxy.txt", "private, no-store", "X-User"),
        ("/output", "private, no-store", "Authorization"),
        (
            "/all",
            "private, no-store",
            "Accept, X-Requested-With, Accept-Language, Cookie, Authorization",
        ),
        (
            "/all.txt",
            "private, no-store",
            "Accept-Language, Cookie, Authorization",
        ),
        ("/nothing", "private, no-cache", ""),
        ("/kept", "private, max-age=30", "Cookie"),
        (
            "/guarded/page",
            "private, no-store",
            "Cookie, Accept-Language",
        ),
    ] {
        let expected = (cache_control.to_owned(), vary.to_owned());
        // A field that is absent decides, too.
        let all = [
            ("cookie", "user=ada"),
            ("accept-language", "de"),
            ("x-user", "ada"),
        ];
        for given in [&[][..], &all[..]] {
            let page = ask(&service, "GET", target, given, "").await;
            assert_eq!(
                (page.status, fields(&page)),
                (200, expected.clone()),
                "{target}"
            );
            let etag = page.fields["etag"].to_str().unwrap();
            let known = [given, &[("if-none-match", etag)]].concat();
            let known = ask(&service, "GET", target, &known, "").await;
            assert_eq!(
                (known.status, fields(&known)),
                (304, expected.clone()),
                "{target}"
            );
            let head = ask(&service, "HEAD", target, given, "").await;
            assert_eq!(fields(&head), expected, "{target}");
        }
    }
    let german = [
        ("accept-language", "fr;q=0.2"),
        ("accept-language", "de-AT"),
    ];
    assert_eq!(
        ask(&service, "GET", "/language", &german, "").await.body,
        " de"
    );
    let cookies = [("cookie", "a=\u{fc}; user=eve2"), ("cookie", "user=bob")];
    assert_eq!(
        ask(&service, "GET", "/cookie", &cookies, "").await.body,
        "eve2 "
    );
    let cookies = [
        ("cookie", "xuser=eve; user"),
        ("cookie", "b=c ;  user = bob=1 "),
    ];
    assert_eq!(
        ask(&service, "GET", "/cookie", &cookies, "").await.body,
        "bob=1 "
    );
}

#[tokio::test]
async fn what_middleware_refuses_is_stored_by_no_cache() {
    let sign_in = |request: &mut Request<'_>| match request.cookie("user") {
        Some(_) => Ok(()),
        None => Err(Redirection::to("/sign-in").into()),
    };
    let program = read().input_middleware(sign_in).max_age(30).view(text());
    let service = service(app("a", program));
    let refused = get(&service, "/a").await;
    assert_eq!((refused.status, &*refused.cache_control), (302, "no-store"));
    let admitted = ask(&service, "GET", "/a", &[("cookie", "user=ada")], "").await;
    assert_eq!(
        (admitted.status, &*admitted.cache_control),
        (200, "private, max-age=30")
    );
}

#[tokio::test]
async fn requests_without_fields_have_none_to_read() {
    let request = Request::new(CMD, "a");
    assert_eq!(
        (request.header("cookie"), request.cookie("a")),
        (None, None)
    );
    assert_eq!(request.language(&["en", "de"]), "en");
}
