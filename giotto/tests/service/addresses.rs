//! The address of a program leads to it, with its arguments as they were.

use std::collections::BTreeMap;

use giotto::prelude::*;
use giotto::{Item, Request};
use proptest::prelude::*;

/// Says what it was given.
#[model]
fn echo(
    id: String,
    tags: Vec<String>,
    size: i64,
    #[default("x".to_owned())] note: String,
    filter: Option<BTreeMap<String, i64>>,
    flag: Option<bool>,
) -> Vec<String> {
    vec![
        id,
        format!("{tags:?}"),
        size.to_string(),
        note,
        format!("{filter:?}"),
        format!("{flag:?}"),
    ]
}

fn program() -> Program {
    Program::new(echo).view(BasicView::new())
}

#[derive(Clone, Debug, Serialize)]
struct Given {
    id: String,
    tags: Vec<String>,
    size: i64,
    note: String,
    filter: Option<BTreeMap<String, i64>>,
    flag: Option<bool>,
}

fn app() -> App {
    let inner = Manifest::new([("", program()), ("report", program())]);
    let manifest = Manifest::new([("", program()), ("echo", program())])
        .with("admin", inner)
        .with("alias", "admin/report")
        .with("home", "")
        .with(
            "form",
            [
                Program::new(echo)
                    .controllers([HTTP_GET])
                    .view(BasicView::new()),
                Program::new(save)
                    .controllers([HTTP_POST])
                    .view(BasicView::new()),
            ],
        )
        .with(
            "local",
            Item::from(Program::new(save).controllers([CMD]).view(BasicView::new())),
        );
    App::new(manifest)
}

/// Saves something.
#[model]
fn save(what: String) -> String {
    what
}

/// The JSON of the page at `url`, which is read as a service reads it.
async fn followed(app: &App, url: &str) -> String {
    use http_body_util::BodyExt;
    use tower_service::Service as _;
    let mut service = app.clone().into_service().unwrap();
    let request = http::Request::builder()
        .uri(url)
        .header("accept", "application/json");
    let request = request
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .unwrap();
    let response = service.call(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert_eq!(status, 200, "{url} {body}");
    body
}

fn given() -> Given {
    Given {
        id: "a b".to_owned(),
        tags: vec!["x".to_owned(), "y&z".to_owned()],
        size: -3,
        note: "n".to_owned(),
        filter: None,
        flag: Some(true),
    }
}

#[tokio::test]
async fn required_arguments_are_segments_and_the_others_are_in_the_query() {
    let app = app();
    for (path, expected) in [
        (
            "echo",
            "/echo/a%20b?tags=x&tags=y%26z&size=-3&note=n&flag=true",
        ),
        (
            "echo.json",
            "/echo.json/a%20b?tags=x&tags=y%26z&size=-3&note=n&flag=true",
        ),
        (
            "admin/report",
            "/admin/report/a%20b?tags=x&tags=y%26z&size=-3&note=n&flag=true",
        ),
        (
            "alias",
            "/admin/report/a%20b?tags=x&tags=y%26z&size=-3&note=n&flag=true",
        ),
        // What follows the root of a manifest names a program.
        (
            "admin",
            "/admin?id=a%20b&tags=x&tags=y%26z&size=-3&note=n&flag=true",
        ),
        ("", "/?id=a%20b&tags=x&tags=y%26z&size=-3&note=n&flag=true"),
        (
            "home",
            "/?id=a%20b&tags=x&tags=y%26z&size=-3&note=n&flag=true",
        ),
        (
            ".json",
            "/.json?id=a%20b&tags=x&tags=y%26z&size=-3&note=n&flag=true",
        ),
    ] {
        let url = app.url_for(path, given()).unwrap();
        assert_eq!(url, expected, "{path}");
        followed(&app, &url).await;
    }
}

#[test]
fn arguments_are_pairs_or_a_struct_or_nothing() {
    let manifest = Manifest::new([("save", Program::new(save).view(BasicView::new()))]);
    let app = App::new(manifest.with("list", Program::new(nothing).view(BasicView::new())));
    let map = BTreeMap::from([("what", 1)]);
    assert_eq!(app.url_for("save", [("what", "a")]).unwrap(), "/save/a");
    assert_eq!(app.url_for("save", (("what", 1.5),)).unwrap(), "/save/1.5");
    assert_eq!(app.url_for("save", map).unwrap(), "/save/1");
    assert_eq!(app.url_for("list", ()).unwrap(), "/list");
    for (arguments, expected) in [
        (
            vec![("what", "a"), ("what", "b")],
            "the parameter 'what' is given twice",
        ),
        (vec![("wat", "a")], "did you mean 'what'?"),
        (
            vec![],
            "the parameter 'what' (text) is missing, and it has no default",
        ),
    ] {
        let problem = app.url_for("save", arguments).unwrap_err().to_string();
        assert!(problem.contains(expected), "{problem}");
    }
    let problem = app.url_for("save", ["what"]).unwrap_err().to_string();
    assert!(problem.contains("the arguments are not named"), "{problem}");
}

/// What middleware sets is in no address: with sessions, for example, who reads the page.
#[tokio::test]
async fn an_argument_that_middleware_may_set_can_be_left_out() {
    let sets = |request: &mut Request<'_>| {
        request.set("what", "set");
        Ok(())
    };
    let own = Program::new(save).input_middleware(sets);
    let given = Program::new(echo).input_middleware(|_: &mut Request<'_>| Ok(()));
    let app = App::new(Manifest::new([
        ("own", own.view(BasicView::new())),
        ("echo", given.view(BasicView::new())),
    ]));
    assert_eq!(app.url_for("own", ()).unwrap(), "/own");
    assert_eq!(followed(&app, "/own").await.trim(), "\"set\"");
    let given = [("size", 3)];
    assert_eq!(app.url_for("echo", given).unwrap(), "/echo?size=3");
}

#[model]
fn nothing() -> String {
    String::new()
}

#[test]
fn the_program_that_takes_the_arguments_is_meant() {
    let app = app();
    assert_eq!(app.url_for("form", [("what", "a")]).unwrap(), "/form/a");
    assert!(
        app.url_for("form", given())
            .unwrap()
            .starts_with("/form/a%20b?")
    );
    let problem = app
        .url_for("local", [("what", "a")])
        .unwrap_err()
        .to_string();
    assert!(problem.contains("does not answer over HTTP"), "{problem}");
    for path in ["ech", "admin/raport", "admin/", "/echo", "echo/", "echo/x"] {
        let problem = app.url_for(path, given()).unwrap_err().to_string();
        assert!(
            problem.contains("there is no such program"),
            "{path} {problem}"
        );
    }
}

proptest! {
    #[test]
    fn every_value_comes_back_as_it_was(
        id in any::<String>(),
        tags in proptest::collection::vec(prop_oneof![any::<String>(), "\\[.*", Just("[]".to_owned())], 0..3),
        size in any::<i64>(),
        note in prop_oneof![any::<String>(), "[./\\\\%?#&=+ ]{0,3}"],
        filter in proptest::option::of(proptest::collection::btree_map(any::<String>(), any::<i64>(), 0..3)),
        flag in any::<Option<bool>>(),
        path in prop_oneof![Just("echo"), Just("admin"), Just("admin/report"), Just("")],
    ) {
        let given = Given { id, tags, size, note, filter, flag };
        let app = app();
        let url = app.url_for(path, given.clone()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let body = runtime.block_on(followed(&app, &url));
        let expected = echo(given.id, given.tags, given.size, given.note, given.filter, given.flag);
        prop_assert_eq!(serde_json::from_str::<Vec<String>>(&body).unwrap(), expected, "{}", url);
    }

    #[test]
    fn a_segment_is_never_another_program(id in prop_oneof![Just("report"), Just("."), Just(".."), Just(""), Just("a/b"), Just("%2e")]) {
        let app = app();
        for path in ["admin", "", "echo"] {
            let url = app.url_for(path, Given { id: id.to_owned(), ..given() }).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let body = runtime.block_on(followed(&app, &url));
            prop_assert_eq!(&serde_json::from_str::<Vec<String>>(&body).unwrap()[0], id);
        }
    }
}

#[tokio::test]
async fn a_model_redirects_to_an_address() {
    let mut request = Request::new(HTTP_GET, "go");
    let manifest = Manifest::new([("echo", program())]);
    let app = App::new(manifest.with("go", Program::new(redirect).view(View::new())));
    let error = app.invoke(&mut request).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "see /echo/a%20b?tags=x&tags=y%26z&size=-3&note=n&flag=true"
    );
}

#[model]
fn redirect(app: App) -> Result<Redirection, Error> {
    Ok(Redirection::to(app.url_for("echo", given())?))
}
