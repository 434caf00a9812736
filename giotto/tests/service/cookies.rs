//! Cookies of a response: each its own field, on pages that no cache stores, and with redirections.

use giotto::prelude::*;
use giotto::{Bare, Cookie, Cookies};

use crate::{Nothing, Reply, X, app, ask, service};

fn set_cookies(reply: &Reply) -> Vec<&str> {
    let fields = reply.fields.get_all("set-cookie").iter();
    fields.map(|field| field.to_str().unwrap()).collect()
}

fn two() -> [Cookie; 2] {
    [
        Cookie::new("theme", "dark"),
        Cookie::new("lang", "de").max_age(60).secure(false),
    ]
}

const DARK: &str = "theme=dark; Path=/; Secure; HttpOnly; SameSite=Lax";
const GERMAN: &str = "lang=de; Path=/; Max-Age=60; HttpOnly; SameSite=Lax";

fn plain(_: Nothing) -> Response<i64, Cookies> {
    Response::new(1)
        .cookie(Cookie::new("theme", "light"))
        .cookies(two())
}

fn none(_: Nothing) -> Response<i64, Cookies> {
    Response::new(1).cookies([])
}

async fn fallible(X { x }: X) -> Result<Response<Redirection, Cookies>, Error> {
    match x {
        0 => Err(Error::not_found("nothing")),
        1 => Err(Redirection::to("/other").into()),
        _ => Ok(Response::new(Redirection::to("/"))
            .status(201)
            .cookies(two())),
    }
}

#[model]
fn attributed() -> Response<Redirection, Cookies> {
    Response::new(Redirection::to("/")).cookies(two())
}

#[tokio::test]
async fn each_cookie_is_a_field_of_its_own_and_the_last_of_one_name_counts() {
    let manifest = Manifest::new([
        ("plain", Program::new(plain).view(BasicView::new())),
        ("none", Program::new(none).view(BasicView::new())),
        // Of two with one name, the one of the view counts.
        (
            "both",
            Program::new(plain).view(View::new().html(|_: &i64| {
                Response::new("a").cookie(Cookie::new("theme", "of the view".replace(' ', "_")))
            })),
        ),
    ]);
    let service = service(App::new(manifest).cache(LocMemKeyValue::new()));
    for method in ["GET", "HEAD", "POST"] {
        let reply = ask(&service, method, "/plain.json", &[], "").await;
        assert_eq!(set_cookies(&reply), [DARK, GERMAN], "{method}");
        assert_eq!((reply.status, &*reply.cache_control), (200, "no-store"));
    }
    let reply = ask(&service, "GET", "/both", &[], "").await;
    assert_eq!(
        set_cookies(&reply),
        [&*DARK.replace("dark", "of_the_view"), GERMAN]
    );
    let reply = ask(&service, "GET", "/none.json", &[], "").await;
    assert_eq!((reply.status, set_cookies(&reply).len()), (200, 0));
}

#[tokio::test]
async fn a_redirection_brings_its_cookies_along() {
    let programs = [
        ("fallible", Program::new(fallible).view(View::new())),
        ("attributed", Program::new(attributed).view(View::new())),
    ];
    let service = service(App::new(Manifest::new(programs)));
    for (method, target, status, count) in [
        ("GET", "/fallible?x=2", 302, 2),
        ("POST", "/fallible?x=2", 303, 2),
        ("POST", "/attributed", 303, 2),
        ("GET", "/fallible?x=1", 302, 0),
        ("GET", "/fallible?x=0", 404, 0),
    ] {
        let reply = ask(&service, method, target, &[], "").await;
        assert_eq!(
            (reply.status, set_cookies(&reply).len()),
            (status, count),
            "{method} {target}"
        );
        assert_eq!(reply.cache_control, "no-store");
    }
}

#[test]
fn a_program_with_a_cache_whose_model_may_set_cookies_is_refused_at_start() {
    fn refused<T: Serialize + Send + Sync + 'static, A>(program: Program<Bare<T, A>>)
    where
        A: serde::de::DeserializeOwned + Serialize + Send + 'static,
    {
        let program = program.cache(60).view(BasicView::new());
        let error = app("a", program).check().unwrap_err().to_string();
        for word in ["'a'", "sets cookies", "leave out .cache(..)"] {
            assert!(error.contains(word), "{error}");
        }
    }
    refused(Program::new(plain));
    refused(Program::new(none));
    let fallible = |_: Nothing| -> Result<Response<i64, Cookies>, Error> { Ok(plain(Nothing {})) };
    refused(Program::new(fallible));
    // A view is as type-safe as a model.
    let plain = || Program::new(|_: Nothing| 1).cache(60);
    let sets = |_: &i32| Response::new("a").cookie(Cookie::new("a", "b"));
    let may_set =
        move |one: &i32| -> Result<Response<&'static str, Cookies>, Error> { Ok(sets(one)) };
    for view in [
        View::new().html(sets),
        View::new().html(may_set),
        BasicView::new().html(sets),
    ] {
        let error = app("a", plain().view(view))
            .check()
            .unwrap_err()
            .to_string();
        assert!(error.contains("its model or view sets cookies"), "{error}");
    }
    let cached = Program::new(attributed).cache(60).view(View::new());
    assert!(app("a", cached).check().is_err());
}

#[tokio::test]
async fn a_cookie_that_cannot_be_set_is_an_error_of_the_program() {
    let model = |_: Nothing| Response::new(1).cookie(Cookie::new("a b", "c"));
    let program = Program::new(model).view(BasicView::new());
    let service = service(app("a", program)).debug(true);
    let reply = ask(&service, "GET", "/a.json", &[], "").await;
    assert_eq!((reply.status, set_cookies(&reply).len()), (500, 0));
    assert!(
        reply
            .body
            .contains("the cookie \\\"a b\\\" cannot be set: a name is a token"),
        "{}",
        reply.body
    );
}

/// A redirection is not rendered, however the model returns it.
#[tokio::test]
async fn a_result_of_a_redirection_redirects() {
    #[model]
    fn attributed_result() -> Result<Redirection, Error> {
        Ok(Redirection::to("/b"))
    }
    let of = |_: Nothing| -> Result<Redirection, Error> { Ok(Redirection::to("/b")) };
    let shown = || {
        View::new()
            .html(|_: &Redirection| "")
            .cmd(|_: &Redirection| "")
    };
    let manifest = Manifest::new([
        ("a", Program::new(of).view(View::new())),
        ("b", Program::new(of).view(shown())),
        ("c", Program::new(of).cache(60).view(shown())),
        ("d", Program::new(attributed_result).view(shown())),
        (
            "e",
            Program::new(|_: Nothing| Response::new(Redirection::to("/b"))).view(shown()),
        ),
        (
            "f",
            Program::new(|_: Nothing| Redirection::to("/b")).view(View::new().html(|(): &()| "")),
        ),
        (
            "g",
            Program::new(of)
                .mock(Redirection::to("/b"))
                .view(View::new()),
        ),
    ]);
    for mock in [false, true] {
        let app = App::new(manifest.clone())
            .cache(LocMemKeyValue::new())
            .model_mock(mock);
        let service = service(app);
        for path in ["a", "b", "c", "d", "e", "f", "g"]
            .into_iter()
            .filter(|path| !mock || *path == "g")
        {
            for suffix in ["", ".html", ".json"] {
                if suffix == ".json" && path == "f" {
                    continue;
                }
                let reply = ask(&service, "GET", &format!("/{path}{suffix}"), &[], "").await;
                assert_eq!(reply.status, 302, "{path}{suffix}: {reply:?}");
                assert_eq!(reply.fields["location"], "/b");
            }
            let reply = ask(&service, "POST", &format!("/{path}"), &[], "").await;
            assert_eq!(reply.status, 303, "{path}: {reply:?}");
        }
    }
}
