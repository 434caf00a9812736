//! Addresses in templates: with the base and the origin of the application.

use std::sync::Arc;

use giotto::cache::{Cache, KeyValue};
use giotto::prelude::*;

use super::{folder, invoke, library, text};

const PAGE: &str = "{{ url_for('admin/report', text='a b') }} {{ url('/own/7') }} {{ absolute_url_for('book', id=7) }} \
                    {{ absolute_url(url_for('book', id=data.id)) }}";

#[tokio::test]
async fn addresses_have_the_base_and_absolute_ones_the_origin() {
    let folder = folder(&[("page.html", PAGE)]);
    let app = || library(Templates::new(folder.path())).origin("https://example.org");
    for (app, base) in [(app(), ""), (app().base("/library"), "/library")] {
        app.check().unwrap();
        let page = text(&invoke(&app, &[("id", "7")]).await.unwrap());
        let absolute = format!("https://example.org{base}/book/7");
        let expected = format!("{base}/admin/report/a%20b {base}/own/7 {absolute} {absolute}");
        assert_eq!(page.replace("&#x2f;", "/"), expected);
    }
}

#[tokio::test]
async fn what_is_wrong_is_found_at_the_start() {
    for (page, origin, words) in [
        (
            "\n{{ absolute_url_for('book', id=7) }}",
            "",
            ["page.html:2: ", "origin = \"https://example.org\""],
        ),
        (
            "{{ absolute_url_for('bok', id=7) }}",
            "http://a.org",
            ["page.html:1: ", "'book'"],
        ),
        (
            "{{ url('own') }}",
            "",
            ["page.html:1: \"own\"", "one slash"],
        ),
        (
            "{{ url('//evil.com') }}",
            "",
            ["page.html:1: ", "one slash"],
        ),
    ] {
        let folder = folder(&[("page.html", page)]);
        let app = library(Templates::new(folder.path()));
        let app = match origin {
            "" => app,
            origin => app.origin(origin),
        };
        let error = app.check().unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{page}: {error}");
        }
    }
}

#[tokio::test]
async fn fragments_of_two_bases_never_mix_in_one_store() {
    let page = "{% call cache('nav', seconds=60) %}{{ url('/a') }}{% endcall %}";
    let folder = folder(&[("page.html", page)]);
    let store: Arc<dyn KeyValue> = Arc::new(LocMemKeyValue::new());
    let app = |base: &str| {
        let app = library(Templates::new(folder.path())).base(base);
        let app = app.with_cache(Cache::new(Arc::clone(&store)));
        app.check().unwrap();
        app
    };
    let apps = [app(""), app("/one"), app("/two")];
    for _ in 0..2 {
        for (app, url) in apps.iter().zip(["/a", "/one/a", "/two/a"]) {
            let page = invoke(app, &[("id", "7")]).await.unwrap();
            assert_eq!(text(&page).replace("&#x2f;", "/"), url);
        }
    }
}
