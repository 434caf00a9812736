//! Fragments: parts of pages that the cache has by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use giotto::prelude::*;
use tokio::task::JoinSet;

use super::{book, folder, invoke, library, problem, refused, text, write};

const SIDEBAR: &str = "{% call cache('sidebar', data.id, seconds=60, tags=['nav']) %}<b>{{ data.title }}</b>{{ count() }}\
                       {% endcall %} {{ count() }}";

/// Templates whose function `count` tells how often it was called.
fn counting(folder: &tempfile::TempDir) -> Templates {
    let count = Arc::<AtomicUsize>::default();
    Templates::new(folder.path())
        .function("count", move || count.fetch_add(1, Ordering::SeqCst) + 1)
}

/// The library with a cache, as it starts.
fn started(templates: Templates) -> App {
    let app = library(templates).cache(LocMemKeyValue::new());
    app.check().unwrap();
    app
}

async fn shown(app: &App, id: &str) -> String {
    text(&invoke(app, &[("id", id)]).await.unwrap())
}

async fn one_is_rendered_for_all_pages() {
    let folder = folder(&[("page.html", SIDEBAR)]);
    let app = started(counting(&folder));
    let escaped = "<b>The &lt;b&gt;Silver&lt;/b&gt; Key</b>";
    assert_eq!(shown(&app, "7").await, format!("{escaped}1 2"));
    assert_eq!(shown(&app, "7").await, format!("{escaped}1 3"));
    assert_eq!(shown(&app, "8").await, format!("{escaped}4 5"));
    app.shared_cache().invalidate("nav").await.unwrap();
    assert_eq!(shown(&app, "7").await, format!("{escaped}6 7"));
    assert_eq!(shown(&app, "7").await, format!("{escaped}6 8"));
}

#[tokio::test]
async fn a_fragment_is_rendered_once_for_all_pages_on_one_thread() {
    one_is_rendered_for_all_pages().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fragment_is_rendered_once_for_all_pages_on_several_threads() {
    one_is_rendered_for_all_pages().await;
}

/// An application whose program `page` has an async model and the template `page.html`.
fn of_async_model(templates: Templates, is_stored: bool) -> App {
    #[model]
    async fn show(id: u64) -> u64 {
        id
    }
    let program = match is_stored {
        true => Program::new(show).cache(3_600),
        false => Program::new(show),
    };
    let program = program.view(View::new().html(template("page.html")));
    let app = App::new(Manifest::new([("page", program)])).templates(templates);
    let app = app.cache(LocMemKeyValue::new());
    app.check().unwrap();
    app
}

async fn page(app: &App) -> String {
    let mut request = Request::new(HTTP_GET, "page/7");
    text(&app.invoke(&mut request).await.unwrap())
}

#[tokio::test]
async fn readers_who_come_at_once_share_one_rendering() {
    let text = "{% call cache('one', seconds=60) %}{{ count() }}{% endcall %}";
    let folder = folder(&[("page.html", text)]);
    for app in [
        of_async_model(counting(&folder), false),
        of_async_model(counting(&folder), true),
    ] {
        let mut readers = JoinSet::new();
        for _ in 0..50 {
            let app = app.clone();
            readers.spawn(async move { page(&app).await });
        }
        assert_eq!(readers.join_all().await, vec!["1"; 50]);
    }
}

#[tokio::test]
async fn a_stored_page_inherits_from_its_fragments() {
    let text = "{% call cache('outer', seconds=60, tags=['outer']) %}{{ count() }}\
                {% call cache('inner', seconds=30, tags=['inner']) %}-{{ count() }}{% endcall %}{% endcall %} {{ count() }}";
    let folder = folder(&[("page.html", text)]);
    let app = of_async_model(counting(&folder), true);
    let cache = app.shared_cache();
    assert_eq!(page(&app).await, "1-2 3");
    assert_eq!(page(&app).await, "1-2 3");
    cache.invalidate("inner").await.unwrap();
    assert_eq!(page(&app).await, "4-5 6");
    cache.invalidate("outer").await.unwrap();
    assert_eq!(page(&app).await, "7-5 8");
    cache
        .invalidate(giotto::cache::Scope::Program("fragment:inner".to_owned()))
        .await
        .unwrap();
    assert_eq!(page(&app).await, "9-10 11");
    assert_eq!(page(&app).await, "9-10 11");
}

#[tokio::test]
async fn a_fragment_in_a_template_that_is_named_by_a_variable_is_found_by_the_first_page() {
    let folder = folder(&[
        (
            "page.html",
            "{% set name = 'part.html' %}{% include name %}",
        ),
        (
            "part.html",
            "{% call cache('part', seconds=60) %}{{ count() }}{% endcall %}",
        ),
    ]);
    let app = of_async_model(counting(&folder), false);
    assert_eq!(page(&app).await, "1");
    assert_eq!(page(&app).await, "2");
    assert_eq!(page(&app).await, "2");
}

#[tokio::test]
async fn a_changed_template_is_another_fragment() {
    let folder = folder(&[
        (
            "page.html",
            "{% call cache('x', seconds=60) %}{% include 'part.html' %}{% endcall %}",
        ),
        ("part.html", "old {{ count() }}"),
    ]);
    let app = of_async_model(counting(&folder).reload(true), false);
    for _ in 0..2 {
        assert_eq!(page(&app).await, "old 1");
    }
    write(folder.path(), &[("part.html", "new {{ count() }}")]);
    for _ in 0..2 {
        assert_eq!(page(&app).await, "new 2");
    }
}

#[tokio::test]
async fn mocks_are_not_stored() {
    let folder = folder(&[(
        "page.html",
        "{% call cache('x', seconds=60) %}{{ count() }}{% endcall %}",
    )]);
    let program = Program::new(|_: Nothing| 0).mock(1);
    let program = program.view(View::new().html(template("page.html")));
    let app = App::new(Manifest::new([("page", program)])).templates(counting(&folder));
    let app = app.cache(LocMemKeyValue::new()).model_mock(true);
    app.check().unwrap();
    for expected in ["1", "2"] {
        let mut request = Request::new(HTTP_GET, "page");
        assert_eq!(text(&app.invoke(&mut request).await.unwrap()), expected);
    }
}

#[derive(Serialize, Deserialize)]
struct Nothing {}

#[tokio::test]
async fn an_error_in_a_fragment_names_its_place_and_a_wrong_call_the_remedy() {
    for (call, expected) in [
        ("cache('x')", "write {% call cache("),
        ("cache(seconds=60)", "cache(..) needs a name"),
        ("cache('x', data.subtitle.x, seconds=60)", "page.html:1"),
        ("cache('x', data.absent, seconds=60)", "page.html:1"),
        ("cache('x', seconds=60, tgas=[])", "tgas"),
        ("cache('x', seconds='a')", "page.html:1"),
    ] {
        let told = problem(&format!("{{% call {call} %}}{{% endcall %}}")).await;
        assert!(told.contains(expected), "{call}: {told}");
    }
    let told = problem("{{ cache('x', seconds=60) }}").await;
    assert!(told.contains("encloses"), "{told}");
    let text = "\n{% call cache('x', seconds=60) %}\n{{ data.titel.x }}{% endcall %}";
    let folder = folder(&[("page.html", text)]);
    let app = started(Templates::new(folder.path()));
    for _ in 0..2 {
        let told = invoke(&app, &[("id", "7")]).await.unwrap_err().to_string();
        assert!(told.contains("page.html:3"), "{told}");
    }
}

#[test]
fn two_fragments_of_one_name_are_refused_at_start() {
    let text = "{% call cache('x', 1, seconds=60) %}{% endcall %}\n{% call cache('x', 2, seconds=60) %}{% endcall %}";
    let folder = folder(&[("page.html", text)]);
    let told = refused(&folder, Templates::new(folder.path()));
    assert!(
        told.contains("F/page.html:2: a second fragment cache(\"x\", ..)"),
        "{told}"
    );
}

#[tokio::test]
async fn without_a_store_a_fragment_is_a_part_of_the_page() {
    let folder = folder(&[("page.html", SIDEBAR)]);
    let shown = book(counting(&folder)).await.unwrap();
    assert!(shown.ends_with("</b>1 2"), "{shown}");
}
