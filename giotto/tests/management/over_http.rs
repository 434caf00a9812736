//! The programs over HTTP: tags, guards and old pages.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use giotto::cache::{Cache, Clock};
use giotto::prelude::*;
use giotto::{ErrorKind, management, management_over};
use serde_json::Value;

use crate::{ask, tagged};

#[tokio::test]
async fn a_tag_is_invalidated_only_if_it_has_been_used() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("pages.sqlite3").display());
    let store = Arc::new(DatabaseKeyValue::from_url(&url).unwrap());
    // So that a machine under load loses no page.
    let cache = Cache::builder(store).deadline(Duration::from_secs(30));
    let (app, runs) = tagged(cache.build());
    let invalidate = "admin/cache/invalidate.txt";
    for tag in ["a", "b"] {
        ask(&app, HTTP_GET, "page.txt", &[("tag", tag)])
            .await
            .unwrap();
    }
    for wrong in ["of:", "of", "of:c", "OF:A", "%"] {
        let data = [("tag", wrong), ("yes", "true")];
        let refused = ask(&app, CMD, invalidate, &data).await.unwrap_err();
        assert_eq!(*refused.kind(), ErrorKind::InvalidInput, "{refused}");
    }
    let data = [("tag", "of:a"), ("yes", "true")];
    let said = ask(&app, CMD, invalidate, &data).await.unwrap();
    assert_eq!(
        said,
        "all pages with the tag of:a are old: 1 write, and every process knows\n"
    );
    for (tag, expected) in [("b", 2), ("a", 3)] {
        ask(&app, HTTP_GET, "page.txt", &[("tag", tag)])
            .await
            .unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test]
async fn a_name_of_the_program_itself_wins_and_the_query_reaches_the_other() {
    let (app, _) = tagged(Cache::new(LocMemKeyValue::new()));
    ask(&app, HTTP_GET, "page.txt", &[("tag", "a")])
        .await
        .unwrap();
    let refused = ask(&app, HTTP_POST, "admin/cache/purge/page", &[("tag", "a")]).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("remove page"), "{refused}");
    let data = [("invocation", "page?tag=a"), ("yes", "true")];
    let said = ask(&app, HTTP_POST, "admin/cache/remove.txt", &data)
        .await
        .unwrap();
    assert!(
        said.starts_with("removed 1 page of page {'tag': 'a'}: text/plain\n"),
        "{said}"
    );
}

#[tokio::test]
async fn over_http_a_server_can_be_asked_and_get_changes_nothing() {
    let (app, runs) = tagged(Cache::new(LocMemKeyValue::new()));
    ask(&app, HTTP_GET, "page.txt", &[("tag", "a")])
        .await
        .unwrap();
    ask(&app, HTTP_GET, "page.txt", &[("tag", "a")])
        .await
        .unwrap();
    let stats = ask(&app, HTTP_GET, "admin/cache/stats.json", &[])
        .await
        .unwrap();
    let stats: Value = serde_json::from_str(&stats).unwrap();
    assert_eq!(
        (&stats["counts"]["hits"], &stats["counts"]["computed"]),
        (&1.into(), &1.into())
    );
    assert_eq!(stats["note"], Value::Null);
    let path = "admin/cache/explain.json/page.txt";
    let report = ask(&app, HTTP_GET, path, &[("tag", "a")]).await.unwrap();
    assert!(report.contains("\"status\":\"hit\""), "{report}");
    for program in [
        "cache/expire",
        "cache/remove",
        "cache/invalidate",
        "cache/purge",
        "cache/warm",
        "flush",
        "syncdb",
    ] {
        let path = format!("admin/{program}");
        let refused = ask(&app, HTTP_GET, &path, &[]).await.unwrap_err();
        let methods = ErrorKind::WrongController(vec!["POST"]);
        assert_eq!(*refused.kind(), methods, "{program}");
    }
    let purge = [("all", "true"), ("yes", "true")];
    let said = ask(&app, HTTP_POST, "admin/cache/purge.txt", &purge)
        .await
        .unwrap();
    assert!(said.contains("this process knows"), "{said}");
    ask(&app, HTTP_GET, "page.txt", &[("tag", "a")])
        .await
        .unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    // A server is never asked at its own terminal.
    let refused = ask(&app, HTTP_POST, "admin/cache/purge", &[("all", "true")]).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("Nothing was done")
    );
}

#[tokio::test]
async fn an_application_guards_them_or_leaves_them_out() {
    let guarded =
        management_over([HTTP_GET, CMD]).input_middleware(
            |request: &mut Request<'_>| match request.controller() {
                CMD => Ok(()),
                _ => Err(Error::not_authorized("for operators")),
            },
        );
    let app = App::new(Manifest::new([("mgt", guarded)])).cache(LocMemKeyValue::new());
    app.check().unwrap();
    ask(&app, CMD, "mgt/cache/stats", &[]).await.unwrap();
    let refused = ask(&app, HTTP_GET, "mgt/cache/stats", &[])
        .await
        .unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::NotAuthorized);

    let only_looks = App::new(Manifest::new([("mgt", management_over([HTTP_GET]))]));
    only_looks.check().unwrap();
    let refused = ask(&only_looks, HTTP_POST, "mgt/cache/purge", &[])
        .await
        .unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::NoProgram);

    let nobody = App::new(Manifest::new([("mgt", management_over([]))]));
    for controller in [HTTP_GET, HTTP_POST, CMD] {
        let refused = ask(&nobody, controller, "mgt/cache/stats", &[])
            .await
            .unwrap_err();
        assert_eq!(*refused.kind(), ErrorKind::NoProgram);
    }

    // A check that would not reach all programs is an error, and no hole.
    let original = management();
    let copy = original
        .clone()
        .input_middleware(|_: &mut Request<'_>| Ok(()));
    let refused = App::new(Manifest::new([("mgt", copy)]))
        .check()
        .unwrap_err();
    assert!(refused.to_string().contains("cloned"), "{refused}");
    App::new(original).check().unwrap();
}

#[tokio::test]
async fn expire_leaves_an_old_page_for_when_the_model_fails() {
    let clock = Clock::manual(1_000_000);
    let store = Arc::new(LocMemKeyValue::new());
    let cache = Cache::builder(store).clock(clock.clone()).build();
    let (app, _) = tagged(cache);
    ask(&app, HTTP_GET, "page.txt", &[("tag", "a")])
        .await
        .unwrap();
    clock.advance(Duration::from_secs(20));
    let data = [("invocation", "page?tag=a")];
    let said = ask(&app, HTTP_POST, "admin/cache/expire.txt", &data)
        .await
        .unwrap();
    assert!(
        said.starts_with("expired 1 page of page {'tag': 'a'}: text/plain\n"),
        "{said}"
    );
    let report = ask(
        &app,
        HTTP_GET,
        "admin/cache/explain.txt/page.txt",
        &[("tag", "a")],
    )
    .await;
    let report = report.unwrap();
    let next = "the model runs, and its page is stored (expired); if it fails, the old page\n";
    assert!(report.contains(next), "{report}");
    assert!(
        report.contains("fresh no more, kept for 10 min\n"),
        "{report}"
    );
    let got = ask(
        &app,
        HTTP_GET,
        "admin/cache/get.txt/page.txt",
        &[("tag", "a")],
    )
    .await;
    assert_eq!(got.unwrap().trim(), "a");
}
