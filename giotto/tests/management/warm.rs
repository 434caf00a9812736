//! `mgt/cache/warm`: what is not fresh is computed, and what is refused.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use giotto::cache::Cache;
use giotto::prelude::*;
use http_body_util::{BodyExt, Empty};
use serde_json::Value;
use tower_service::Service as _;

use crate::{Desk, ask, tagged};

#[test]
fn warm_computes_what_is_not_fresh() {
    let desk = Desk::new();
    let warm = |words: &[&'static str]| {
        let report = desk.json(&[&["mgt/cache/warm.json"], words].concat());
        let number = |name: &str| report[name].as_u64().unwrap();
        (number("pages"), number("computed"), number("skipped"))
    };
    assert_eq!(
        warm(&["squared", "x=1..5", "formats=html,json"]),
        (10, 10, 0)
    );
    assert_eq!(
        warm(&["squared", "x=4..7", "--formats=html,htm"]),
        (4, 2, 2)
    );
    assert_eq!(warm(&["squared/1..3"]), (12, 6, 6));
    assert_eq!(warm(&["squared.html", "x=1..3", "refresh=true"]), (3, 3, 0));
    assert_eq!(warm(&["squared.html", "--x=-4..4..2", "jobs=5"]), (5, 3, 2));
    assert_eq!(warm(&["squared.html", "x=1,2,20..22"]), (5, 3, 2));
    assert_eq!(warm(&["multiply.csv", "1..2", "y=1..3"]), (6, 6, 0));
    // Only whole numbers have ranges, and only what is one is a range.
    assert_eq!(warm(&["echo.html", "text=1.5..a"]), (1, 1, 0));
    assert_eq!(warm(&["echo.html", "text=1,2"]), (1, 1, 0));
    assert!(desk.is_stored(&["echo.html", "text=1.5..a"]));
    assert_eq!(warm(&["number.html", "-1.5", "y=-2..0"]), (3, 3, 0));
    assert!(desk.is_stored(&["number.html", "x=-1.5", "--y", "-2"]));
    assert_eq!(warm(&["search.html", "{\"a\":1}", "n=[]"]), (1, 1, 0));
    assert!(desk.is_stored(&["search.html", "filter={\"a\": 1}", "numbers=[]"]));
    assert!(desk.is_stored(&["multiply.csv/2/3"]));
    assert!(desk.is_stored(&["squared.html", "-2"]));
    assert!(!desk.is_stored(&["squared.html", "-1"]));
    let text = desk.says(&["mgt/cache/warm", "squared.html", "x=1..9"]);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("pages           9 in "), "{text}");
    assert_eq!(
        lines[1..],
        ["computed        2", "skipped, fresh  7"],
        "{text}"
    );
}

#[test]
fn warm_refuses_what_it_cannot_warm() {
    let desk = Desk::new();
    for (words, parts) in [
        (&[][..], &["name a program"][..]),
        (&["nocache", "x=1..3"], &["no .cache(..)"]),
        (&["squared", "x=3..1"], &["backwards", "1..3"]),
        (&["squared", "x=1.."], &["1..100"]),
        (&["squared", "x=1..2..0"], &["positive"]),
        (&["squared", "x=1,,2"], &["1..100"]),
        (&["squared", "x=1..1000001"], &["1,000,000"]),
        (&["squared", "x=1..99999999999999999999"], &["64 bits"]),
        (&["multiply", "1..1001", "1..1001"], &["1,000,000"]),
        (&["squared", "1..3", "4"], &["too many"]),
        (&["squared", "y=1..3"], &["'y'"]),
        (&["squared"], &["'x'", "missing"]),
        (&["paint", "red", "1..300"], &["'coats'"]),
        (
            &["echo", "text=1..50"],
            &["'text'", "1..50", "whole number"],
        ),
        (&["echo", "1..50"], &["'text'", "whole number"]),
        (&["echo?text=1..3,5"], &["'text'", "whole number"]),
        (&["sum", "numbers=1..5"], &["'numbers'", "whole number"]),
        (&["number", "x=1..5"], &["'x'", "whole number"]),
        (&["search", "{\"a\":1}", "n=1..5"], &["'n'", "whole number"]),
        (&["squared", "x=1", "formats=csv"], &["'formats'", ".html"]),
        (&["squared", "x=1", "formats="], &["'formats'"]),
        (&["squared.html", "x=1", "formats=json"], &["leave one"]),
        (&["squared", "x=1", "jobs=0"], &["'jobs'", "1 to 64"]),
        (&["squared", "x=1", "jobs=65"], &["'jobs'"]),
        (&["squared", "x=1", "budget=0"], &["'budget'"]),
        (&["squared", "x=1", "budget=-1"], &["'budget'"]),
    ] {
        desk.refuses(&[&["mgt/cache/warm"], words].concat(), parts);
    }
    assert!(!desk.is_stored(&["squared", "x=1"]));
}

#[test]
fn warm_fails_if_a_model_fails_or_the_time_runs_out() {
    let desk = Desk::new();
    let ran = desk.cmd(&["mgt/cache/warm", "failing/fails.html"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("failed          1\n"), "{ran:?}");
    assert!(ran.stdout.contains("hunter2"), "{ran:?}");
    assert!(
        ran.stderr.ends_with("error: 1 page failed, see above\n"),
        "{ran:?}"
    );
    // A model that says "not found" has not failed.
    let report = desk.json(&["mgt/cache/warm.json", "blog/post.html", "id=1..3"]);
    assert_eq!(
        (&report["computed"], &report["no_page"]),
        (&1.into(), &2.into())
    );
    let errors = report["errors"].as_array().unwrap().iter();
    let mut named: Vec<_> = errors.map(|error| &error["invocation"]).collect();
    // In the order in which the models ended.
    named.sort_by_key(|invocation| invocation.as_str());
    assert_eq!(
        named,
        [
            "blog/post.html id=2 as text/html",
            "blog/post.html id=3 as text/html"
        ]
    );
    // Its gate is never opened.
    let ran = desk.cmd(&[
        "mgt/cache/warm.json",
        "lab/gated.html",
        "name=a",
        "budget=1",
    ]);
    assert_eq!(ran.code, Some(1));
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&report["left"], &report["failed"]), (&1.into(), &0.into()));
    assert!(
        ran.stderr.contains("the budget ran out with 1 page left"),
        "{ran:?}"
    );
}

/// A store that takes nothing.
#[derive(Debug)]
struct Full;

#[giotto::cache::async_trait]
impl KeyValue for Full {
    async fn get(&self, _: &str) -> giotto::cache::Result<Option<Bytes>> {
        Ok(None)
    }

    async fn set(&self, _: &str, _: Bytes, _: Option<Duration>) -> giotto::cache::Result<()> {
        let error = giotto::cache::Error::new(giotto::cache::ErrorKind::Backend, "it is full");
        Err(error)
    }
}

#[tokio::test]
async fn a_warm_that_fails_over_http_has_its_report_in_every_format() {
    let (app, _) = tagged(Cache::new(Full));
    let service = app.into_service().unwrap();
    for (format, mimetype, part) in [
        (".json", "application/json", "\"pages\":1,\"computed\":0"),
        (".txt", "text/plain; charset=utf-8", "pages           1 in "),
        ("", "text/html; charset=utf-8", "<dt>pages</dt><dd>1</dd>"),
    ] {
        let target = format!("/admin/cache/warm{format}/page.txt?tag=a&jobs=1");
        let request = http::Request::post(target).body(Empty::<Bytes>::new());
        let response = service.clone().call(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], mimetype);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(part), "{format}: {body}");
    }
    // What cannot be begun has no report.
    let request = http::Request::post("/admin/cache/warm.json/page.txt?tag=a&jobs=0");
    let response = service
        .clone()
        .call(request.body(Empty::<Bytes>::new()).unwrap());
    assert_eq!(response.await.unwrap().status(), 400);
}

#[tokio::test]
async fn warm_fails_if_the_store_takes_nothing() {
    let (app, runs) = tagged(Cache::new(Full));
    let data = [("tag", "a"), ("jobs", "1")];
    let failed = ask(&app, CMD, "admin/cache/warm.txt/page.txt", &data)
        .await
        .unwrap_err();
    assert!(failed.to_string().contains("the store failed "), "{failed}");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}
