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

#[derive(Serialize, Deserialize)]
struct News {
    #[serde(default)]
    page: u8,
    #[serde(default)]
    lang: String,
    #[serde(default)]
    user: String,
}

/// The languages that the reader may choose among, which another test of this file does not know.
struct Offered(&'static [&'static str]);

async fn by_language(request: &mut Request<'_>, offered: State<Offered>) -> Result<(), Error> {
    tokio::task::yield_now().await;
    request.set("lang", request.language(offered.0));
    Ok(())
}

async fn signed_in(request: &mut Request<'_>) -> Result<(), Error> {
    tokio::task::yield_now().await;
    match request.cookie("user").map(str::to_owned) {
        Some(user) => request.set("user", user),
        None => return Err(Redirection::to("/sign-in").into()),
    }
    Ok(())
}

/// `news` by the language of the reader, `account` by the reader, and the programs of the operator over HTTP.
fn newspaper() -> App {
    let news = || {
        Program::new(|news: News| format!("{} {} {}", news.page, news.lang, news.user)).cache(3600)
    };
    let watch = |request: &mut Request<'_>| {
        let _ = request.header("user-agent");
        Ok(())
    };
    let manifest = Manifest::new([
        (
            "news",
            news().input_middleware(by_language).view(BasicView::new()),
        ),
        (
            "account",
            news().input_middleware(signed_in).view(BasicView::new()),
        ),
        // What it reads leads to no other page.
        (
            "watched",
            news().input_middleware(watch).view(BasicView::new()),
        ),
    ]);
    let manifest = manifest.with("admin", management_over([HTTP_GET, HTTP_POST]));
    App::new(manifest)
        .cache(LocMemKeyValue::new())
        .state(Offered(&["en", "de"]))
}

/// The page that a reader with these header fields gets, and whether it was stored before.
async fn read(app: &App, path: &str, fields: &[(&'static str, &'static str)]) -> (String, bool) {
    let mut headers = http::HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, http::HeaderValue::from_static(value));
    }
    let mut request = Request::new(HTTP_GET, path).metadata(&headers);
    let page = app.invoke(&mut request).await.unwrap();
    let is_hit = page
        .cache_status()
        .is_some_and(|cache| cache.to_string().contains("hit"));
    (String::from_utf8(page.body().to_vec()).unwrap(), is_hit)
}

#[tokio::test]
async fn warm_fills_the_page_that_the_readers_of_a_language_get_or_says_why_it_cannot() {
    let app = newspaper();
    let warm = "admin/cache/warm.txt/news.txt";
    // Which language would it be? That of a reader without the field, and nobody named it.
    let refused = ask(&app, HTTP_POST, warm, &[("page", "1..2")])
        .await
        .unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::InvalidInput);
    for part in [
        "Accept-Language",
        "--header='accept-language: ..'",
        "'lang'",
    ] {
        assert!(refused.to_string().contains(part), "{part}: {refused}");
    }
    let replaced = [("page", "1..2"), ("lang", "de")];
    let refused = ask(&app, HTTP_POST, warm, &replaced)
        .await
        .unwrap_err()
        .to_string();
    let told = "\"de\" is given, but middleware sets it to \"en\"";
    assert!(
        refused.contains(told) && refused.contains("--header='accept-language: ..'"),
        "{refused}"
    );
    assert_eq!(app.shared_cache().counts().computed, 0);
    let german = [
        ("page", "1..2"),
        ("header", "accept-language: de-AT, en;q=0.5"),
    ];
    for data in [&german[..], &[german[0], german[1], ("lang", "de")]] {
        let report = ask(&app, HTTP_POST, warm, data).await.unwrap();
        assert!(report.starts_with("pages           2"), "{report}");
    }
    for page in ["news.txt/1", "news.txt/2"] {
        let (body, is_hit) = read(&app, page, &[("accept-language", "de")]).await;
        assert!(is_hit && body.contains(" de "), "{page}: {body}");
        assert!(!read(&app, page, &[("accept-language", "fr")]).await.1);
    }
    // The name alone stands for the readers without the field.
    let without = [("page", "3"), ("header", "Accept-Language")];
    ask(&app, HTTP_POST, warm, &without).await.unwrap();
    assert_eq!(
        read(&app, "news.txt/3", &[]).await,
        ("3 en \n".to_owned(), true)
    );
    // A field that leads to no other page does not have to be given.
    ask(&app, HTTP_POST, "admin/cache/warm.txt/watched.txt", &[])
        .await
        .unwrap();
    assert!(read(&app, "watched.txt", &[("user-agent", "curl")]).await.1);
}

#[tokio::test]
async fn warm_fails_on_a_page_to_which_middleware_admits_nobody() {
    let app = newspaper();
    let warm = "admin/cache/warm.txt/account.txt";
    let refused = ask(&app, HTTP_POST, warm, &[("page", "1")])
        .await
        .unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::InvalidInput);
    for part in ["redirects to \"/sign-in\"", "--header='cookie: ..'"] {
        assert!(refused.to_string().contains(part), "{part}: {refused}");
    }
    let ada = [("page", "1"), ("header", "cookie: user=ada")];
    ask(&app, HTTP_POST, warm, &ada).await.unwrap();
    let (body, is_hit) = read(&app, "account.txt/1", &[("cookie", "user=ada")]).await;
    assert_eq!((&*body, is_hit), ("1  ada\n", true));
    assert!(
        !read(&app, "account.txt/1", &[("cookie", "user=bob")])
            .await
            .1
    );
}

#[tokio::test]
async fn explain_shows_the_page_of_the_reader_whose_fields_are_given() {
    let app = newspaper();
    let explain = "admin/cache/explain.txt/news.txt";
    let report = ask(&app, HTTP_GET, explain, &[("page", "1")])
        .await
        .unwrap();
    let told = "not given  Accept-Language (middleware reads it; the page may be another one with it: --header='accept-language: ..')";
    assert!(
        report.contains(told) && report.contains("'lang': 'en'"),
        "{report}"
    );
    let german = [("page", "1"), ("header", "accept-language: de")];
    let report = ask(&app, HTTP_GET, explain, &german).await.unwrap();
    assert!(
        !report.contains("not given") && report.contains("'lang': 'de'"),
        "{report}"
    );
    let account = "admin/cache/explain.txt/account.txt";
    let refused = ask(&app, HTTP_GET, account, &[])
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("redirects to \"/sign-in\"") && refused.contains("cookie"),
        "{refused}"
    );
    let report = ask(&app, HTTP_GET, account, &[("header", "cookie: user=ada")])
        .await
        .unwrap();
    assert!(report.contains("'user': 'ada'"), "{report}");
    let wrong = ask(&app, HTTP_GET, explain, &[("header", "a b: c")])
        .await
        .unwrap_err();
    assert!(
        wrong.to_string().contains("is not a header field"),
        "{wrong}"
    );
}

#[tokio::test]
async fn one_page_of_a_language_is_shown_expired_and_removed() {
    let app = newspaper();
    let german = [("accept-language", "de")];
    let english = [("accept-language", "en")];
    for program in ["get", "expire", "remove"] {
        for fields in [&german, &english] {
            read(&app, "news.txt/1", fields).await;
            assert!(read(&app, "news.txt/1", fields).await.1);
        }
        let path = format!("admin/cache/{program}.txt/news.txt");
        let mut data = vec![("page", "1")];
        if program == "remove" {
            data.push(("yes", "true"));
        }
        let controller = if program == "get" {
            HTTP_GET
        } else {
            HTTP_POST
        };
        let refused = ask(&app, controller, &path, &data).await.unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("--header='accept-language: ..'"),
            "{program}: {refused}"
        );
        data.push(("header", "accept-language: de"));
        let told = ask(&app, controller, &path, &data).await.unwrap();
        match program {
            "get" => assert_eq!(told, "1 de \n"),
            _ => assert!(
                told.starts_with(&format!(
                    "{program}d 1 page of news {{'page': 1, 'lang': 'de'"
                )),
                "{told}"
            ),
        }
        let is_there = program == "get";
        assert_eq!(
            read(&app, "news.txt/1", &german).await.1,
            is_there,
            "{program}"
        );
        assert!(read(&app, "news.txt/1", &english).await.1, "{program}");
    }
}
