//! Invocations of programs whose middleware replaces an argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use giotto::cache::Cache;
use giotto::prelude::*;
use giotto::{ErrorKind, Request, management_over};

use crate::ask;

#[derive(Serialize, Deserialize)]
struct Book {
    page: i64,
    #[serde(alias = "language")]
    lang: String,
    #[serde(default)]
    sort: String,
}

/// What middleware sets is not what was asked for: nothing works on another page than the one that was named.
#[tokio::test]
async fn an_argument_that_middleware_replaces_is_refused_by_its_name() {
    let runs = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&runs);
    let model = move |book: Book| {
        counter.fetch_add(1, Ordering::SeqCst);
        format!("{}{}{}", book.page, book.lang, book.sort)
    };
    let books = Program::new(model)
        .cache(3600)
        .input_middleware(|request: &mut Request<'_>| {
            let is_third = request
                .data()
                .iter()
                .any(|(_, page)| page.to_string() == "3");
            request.set("lang", if is_third { "it" } else { "de" });
            Ok(())
        })
        .view(BasicView::new());
    let manifest = Manifest::new([("books", books)]).with("admin", management_over([CMD]));
    let app = App::new(manifest).cache(LocMemKeyValue::new());
    // The memory of this process is all that there is here: HTTP would reach it.
    let manage = |program: &'static str, data: &'static [(&str, &str)]| {
        let app = app.clone();
        async move {
            ask(
                &app,
                CMD,
                &format!("admin/cache/{program}.txt/books.txt"),
                data,
            )
            .await
        }
    };
    let explained = manage("explain", &[("page", "1"), ("lang", "fr")])
        .await
        .unwrap();
    assert!(
        explained.contains("{'page': 1, 'lang': 'de', 'sort': ''}"),
        "{explained}"
    );
    let replaced = "\nreplaced   lang (middleware sets it";
    assert!(explained.contains(replaced), "{explained}");
    for data in [
        &[("page", "1"), ("lang", "fr")][..],
        &[("page", "1"), ("language", "de")],
    ] {
        for program in ["get", "expire", "remove"] {
            let words = [data, &[("yes", "true")]].concat();
            let words = if program == "remove" {
                words
            } else {
                data.to_vec()
            };
            let path = format!("admin/cache/{program}.txt/books.txt");
            let refused = ask(&app, CMD, &path, &words).await.unwrap_err();
            assert_eq!(*refused.kind(), ErrorKind::InvalidInput, "{refused}");
            assert!(refused.to_string().contains("'lang'"), "{refused}");
        }
    }
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

/// The same on a store that a command reaches, so that warming is of use there.
#[tokio::test]
async fn warm_computes_what_was_asked_for_or_names_the_argument_that_was_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("pages.sqlite3").display());
    let store = Arc::new(DatabaseKeyValue::from_url(&url).unwrap());
    let cache = Cache::builder(store).deadline(Duration::from_secs(30));
    let books = Program::new(|book: Book| format!("{}{}{}", book.page, book.lang, book.sort))
        .cache(3600)
        .input_middleware(|request: &mut Request<'_>| {
            let is_third = request
                .data()
                .iter()
                .any(|(_, page)| page.to_string() == "3");
            request.set("lang", if is_third { "it" } else { "de" });
            Ok(())
        })
        .view(BasicView::new());
    let manifest = Manifest::new([("books", books)]).with("admin", management_over([CMD]));
    let app = App::new(manifest).with_cache(cache.build());
    let warm = "admin/cache/warm.txt/books.txt";
    for data in [
        &[("page", "1..2"), ("lang", "fr")][..],
        &[("page", "1..2"), ("language", "fr")],
    ] {
        let refused = ask(&app, CMD, warm, data).await.unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains("'lang'"), "{refused}");
    }
    let data = [("page", "1..2"), ("lang", "fr")];
    let refused = ask(&app, CMD, warm, &data).await.unwrap_err();
    assert!(
        refused.to_string().contains("sets it to \"de\""),
        "{refused}"
    );
    for path in ["/1..2/fr", "/1..2/fr/up"] {
        let refused = ask(&app, CMD, &format!("{warm}{path}"), &[])
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("'lang': \"fr\""), "{refused}");
    }
    // What is given is what middleware sets, or nothing.
    for (data, computed) in [
        (&[("page", "1..2"), ("lang", "de")][..], "computed        2"),
        (&[("page", "1..2")], "skipped, fresh  2"),
    ] {
        let report = ask(&app, CMD, warm, data).await.unwrap();
        assert!(report.contains(computed), "{report}");
    }
    // In the middle of a range, too.
    let failed = ask(&app, CMD, warm, &[("page", "1..4"), ("lang", "de")])
        .await
        .unwrap_err();
    assert!(failed.to_string().contains("1 page failed"), "{failed}");
}
