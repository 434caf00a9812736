//! What all requests share: states in models and views, over both front ends, and what is refused at the start.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use giotto::prelude::*;
use giotto::view::{Mime, Renderer, Rendering};
use giotto::{ErrorKind, FromState, Request, Result, management_over};

use crate::{X, ask, get, service};

#[derive(Default)]
struct Db {
    asked: AtomicUsize,
}

impl Db {
    fn query(&self, x: i64) -> i64 {
        self.asked.fetch_add(1, Ordering::SeqCst);
        x * 10
    }
}

/// An error of the manifest `entry` with the states of `app`.
fn refused(name: &str, entry: Program, states: impl Fn(App) -> App) -> String {
    let manifest = Manifest::new([("inner", Manifest::new([(name, entry)]))]);
    let error = states(App::new(manifest)).check().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Configuration);
    error.to_string()
}

#[model]
fn ask_now(x: i64, db: State<Db>) -> i64 {
    db.query(x)
}

#[model]
async fn ask_later(db: State<Db>, x: i64, control: CacheControl) -> Result<i64> {
    let answer = db.query(x);
    control.ttl(30);
    Ok(answer)
}

/// A type of an application, and an argument of that name.
struct Shelves(State<Db>);

#[derive(Serialize, Deserialize)]
enum State_ {
    Ohio,
}

impl FromState for Shelves {
    type State = Db;

    fn from_state(db: &State<Db>) -> Result<Self> {
        match db.asked.load(Ordering::SeqCst) {
            1000.. => Err(Error::other("no connection is left")),
            _ => Ok(Self(db.clone())),
        }
    }
}

mod us {
    //! A state that is an argument.

    use super::State_ as State;
    use super::*;

    #[model]
    pub(super) fn ask_shelves(x: i64, state: State, #[state] shelves: Shelves) -> String {
        let State::Ohio = state;
        format!("{} in Ohio", shelves.0.query(x))
    }
}

fn manifest() -> Manifest {
    let plain = |X { x }: X, db: State<Db>| db.query(x);
    let awaited = |X { x }: X, db: State<Db>| async move { db.query(x) };
    Manifest::new([
        (
            "now",
            Program::new(ask_now).cache(60).view(BasicView::new()),
        ),
        (
            "later",
            Program::new(ask_later).cache(60).view(BasicView::new()),
        ),
        (
            "shelves",
            Program::new(us::ask_shelves).view(BasicView::new()),
        ),
        ("plain", Program::new(plain).mock(7).view(BasicView::new())),
        ("awaited", Program::new(awaited).view(BasicView::new())),
    ])
}

#[tokio::test]
async fn a_state_is_in_every_kind_of_model_and_in_no_key() {
    let app = App::new(manifest())
        .cache(LocMemKeyValue::new())
        .state(Db::default());
    let service = service(app.clone());
    for (target, body) in [
        ("/now.txt?x=1", "10\n"),
        ("/later.txt?x=1&db=3", "10\n"),
        ("/shelves.txt?x=2&state=Ohio", "20 in Ohio\n"),
        ("/plain.txt?x=3", "30\n"),
        ("/awaited.txt?x=4", "40\n"),
    ] {
        assert_eq!(get(&service, target).await.body, body, "{target}");
    }
    let again = get(&service, "/now.txt?x=1&db=7").await;
    assert!(again.cache_status.contains("hit"), "{}", again.cache_status);
    let mut request = Request::new(CMD, "later")
        .argument("x", "1")
        .accept("text/plain");
    let page = app.invoke(&mut request).await.unwrap();
    let is_hit = page
        .cache_status()
        .is_some_and(|cache| cache.to_string().contains("hit"));
    assert!(is_hit, "one key for both front ends");
    let mut named = Request::new(CMD, "now")
        .argument("x", "1")
        .argument("db", "1");
    let refused = app.invoke(&mut named).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::InvalidInput, "{refused}");
}

#[tokio::test]
async fn the_programs_of_the_operator_run_models_with_their_states() {
    let manifest = manifest().with("admin", management_over([HTTP_POST, HTTP_GET]));
    let db = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&db);
    let counts = move |X { x }: X, db: State<Arc<AtomicUsize>>| {
        db.fetch_add(1, Ordering::SeqCst);
        x
    };
    let program = Program::new(counts).cache(60).view(BasicView::new());
    let app = App::new(manifest.with("counts", program));
    let app = app
        .cache(LocMemKeyValue::new())
        .state(Db::default())
        .state(counted);
    let service = service(app);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let warmed = ask(
        &service,
        "POST",
        "/admin/cache/warm.txt/counts.txt?x=1..3",
        &form,
        "",
    )
    .await;
    assert_eq!(warmed.status, 200, "{}", warmed.body);
    assert_eq!(db.load(Ordering::SeqCst), 3);
    let hit = get(&service, "/counts.txt?x=2").await;
    assert!(hit.cache_status.contains("hit"));
}

#[test]
fn a_missing_state_is_refused_at_the_start_with_the_model_and_the_remedy() {
    let unchanged = |app| app;
    let told = refused(
        "now",
        Program::new(ask_now).view(BasicView::new()),
        unchanged,
    );
    assert!(
        told.starts_with("program 'inner/now': the model service::state::ask_now takes a State<service::state::Db>, ")
            && told.ends_with("add it with App::new(manifest).state(..)"),
        "{told}"
    );
    // A state of a similar type is named.
    let shared = |app: App| app.state(Arc::new(Db::default()));
    let told = refused(
        "a",
        Program::new(us::ask_shelves).view(BasicView::new()),
        shared,
    );
    assert!(
        told.contains("(its states are of the types alloc::sync::Arc<service::state::Db>)"),
        "{told}"
    );
    let view = View::new().text(|x: &i64, db: State<Db>| db.query(*x).to_string());
    let told = refused("a", Program::new(|X { x }: X| x).view(view), unchanged);
    assert!(
        told.starts_with("program 'inner/a': the view takes a State<"),
        "{told}"
    );
    let twice = |app: App| app.state(Db::default()).state(Db::default());
    let told = refused(
        "a",
        Program::new(|X { x }: X| x).view(BasicView::new()),
        twice,
    );
    assert!(
        told.contains("two states of the type service::state::Db"),
        "{told}"
    );
}

#[tokio::test]
async fn an_application_that_nobody_checked_says_what_is_missing() {
    let app = App::new(manifest());
    let mut request = Request::new(HTTP_GET, "now").argument("x", "1");
    let error = app.invoke(&mut request).await.unwrap_err();
    assert!(error.to_string().contains(".state(..)"), "{error}");
    // Mocks need no database.
    let mocked = App::new(Manifest::new([(
        "plain",
        Program::new(ask_now).mock(7).view(BasicView::new()),
    )]));
    assert!(mocked.check().is_err());
    let mocked = mocked.model_mock(true);
    mocked.check().unwrap();
    let mut request = Request::new(CMD, "plain")
        .argument("x", "1")
        .accept("text/plain");
    assert_eq!(app_body(&mocked, &mut request).await, "7\n");
}

async fn app_body(app: &App, request: &mut Request<'_>) -> String {
    let page = app.invoke(request).await.unwrap();
    String::from_utf8(page.body().to_vec()).unwrap()
}

#[tokio::test]
async fn a_parameter_of_ones_own_may_fail() {
    let db = Db::default();
    db.asked.store(1000, Ordering::SeqCst);
    let app = App::new(manifest()).state(db);
    let mut request = Request::new(HTTP_GET, "shelves")
        .argument("x", "1")
        .argument("state", "Ohio");
    let error = app.invoke(&mut request).await.unwrap_err();
    assert_eq!(error.to_string(), "no connection is left");
}

#[tokio::test]
async fn a_view_has_states_and_knows_what_it_renders() {
    fn shown(x: &i64, rendering: &Rendering) -> Result<String> {
        let db = rendering.state::<Db>()?;
        let is_stored = rendering.is_stored();
        let refused = rendering.refused().fields().len();
        Ok(format!(
            "{} {} {is_stored} {refused}",
            db.query(*x),
            rendering.mime()
        ))
    }
    let view = || {
        View::new()
            .text(shown)
            .html(|x: &i64, shelves: Shelves| shelves.0.query(*x).to_string())
            .json(|x: &i64, db: State<Db>| Ok::<_, Error>(db.query(*x).to_string()))
    };
    let model = |X { x }: X| x;
    let reader = Program::new(model)
        .cache(60)
        .controllers([HTTP_GET])
        .view(view());
    let writer = Program::new(model)
        .controllers([HTTP_POST, CMD])
        .view(view());
    let manifest = Manifest::new([("a", [reader, writer])]);
    let service = service(
        App::new(manifest)
            .cache(LocMemKeyValue::new())
            .state(Db::default()),
    );
    for (target, body) in [
        ("/a.txt?x=1", "10 text/plain true 0"),
        ("/a.html?x=1", "10"),
        ("/a.json?x=1", "10"),
    ] {
        assert_eq!(get(&service, target).await.body, body, "{target}");
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let post = ask(&service, "POST", "/a.txt", &form, "x=2").await;
    assert_eq!(post.body, "20 text/plain false 0");
}

#[test]
fn a_renderer_checks_what_it_needs_at_the_start() {
    struct ByName(&'static str);
    impl giotto::view::IntoRenderer<i64, ()> for ByName {
        fn into_renderer(self, _: &Mime) -> Renderer<i64> {
            let Self(name) = self;
            let renderer = Renderer::new(|x: &i64, _: &Rendering| Ok(x.to_string().into()));
            renderer.checked(move |startup| match startup.programs().contains(&name) {
                true => startup.state::<Db>().map(|_| ()),
                false => Err(Error::other(format!("no program {name}"))),
            })
        }
    }
    let app = |name| {
        let view = View::new().text(ByName(name));
        let program = Program::new(|X { x }: X| x).view(view);
        App::new(Manifest::new([("a", Manifest::new([("b", program)]))]))
    };
    assert!(app("a/b").state(Db::default()).check().is_ok());
    for (app, told) in [
        (
            app("a/c").state(Db::default()),
            "program 'a/b': no program a/c",
        ),
        (app("a/b"), "program 'a/b': the view takes a State<"),
    ] {
        let error = app.check().unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
}
