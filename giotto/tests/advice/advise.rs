//! `mgt/cache/advise`: what caching is worth, by what was counted.

use std::time::Duration;

use giotto::Request;
use giotto::cache::{Cache, Clock};
use giotto::prelude::*;
use serde_json::Value;

use crate::{X, app, page, report, square};

/// The line of `program`.
async fn line(app: &App, program: &str) -> Value {
    let report = report(app, "GET", "advise.json").await;
    let lines = report["programs"].as_array().unwrap();
    let line = lines.iter().find(|line| line["program"] == program);
    line.unwrap_or_else(|| panic!("{program}: {report}"))
        .clone()
}

async fn ask(app: &App, program: &str, x: i64) {
    let x = x.to_string();
    let mut request = Request::new(HTTP_GET, program).argument("x", &*x);
    app.invoke(&mut request).await.unwrap();
    app.shared_cache().settle().await;
}

fn assert_advice(line: &Value, words: &str) {
    let advice = line["advice"].to_string();
    assert!(advice.contains(words), "{words}: {line}");
}

#[tokio::test]
async fn pages_that_are_never_read_again_and_pages_that_never_change_are_told() {
    let clock = Clock::manual(1_700_000_000_000);
    let cache = Cache::builder(LocMemKeyValue::new()).clock(clock.clone());
    let slow = async |X { x }: X| {
        tokio::time::sleep(Duration::from_millis(1)).await;
        x
    };
    let manifest = Manifest::new([
        (
            "crawled",
            Program::new(square).cache(60).view(BasicView::new()),
        ),
        (
            "steady",
            Program::new(slow).cache(60).view(BasicView::new()),
        ),
    ]);
    let app = app(manifest, cache.build());
    for x in 0..200 {
        ask(&app, "crawled", x).await;
    }
    for _ in 0..30 {
        for _ in 0..5 {
            ask(&app, "steady", 1).await;
        }
        clock.advance(Duration::from_secs(61));
    }
    let crawled = line(&app, "crawled").await;
    assert_advice(
        &crawled,
        "at least 9 of 10 pages were never read again (200 stored, 0 read)",
    );
    assert_eq!(
        (&crawled["lookups"], &crawled["hit_rate"]),
        (&200.into(), &0.0.into())
    );
    let steady = line(&app, "steady").await;
    assert_advice(&steady, "unchanged in 100 % of 29 refreshes");
    assert_eq!(steady["hit_rate"], 0.8);
    // 120 hits saved a millisecond each.
    assert!(steady["saved_ms"].as_f64().unwrap() >= 120.0, "{steady}");
    let report = report(&app, "GET", "advise.json").await;
    assert_eq!(
        report["programs"][0]["program"], "steady",
        "the one that saves most"
    );
}

#[tokio::test]
async fn a_text_for_people_says_the_same() {
    let program = Program::new(square).cache(60).max_entries(1);
    let manifest = Manifest::new([("price", program.view(BasicView::new()))]);
    let app = app(manifest, Cache::new(LocMemKeyValue::new()));
    for x in [1, 1, 2] {
        ask(&app, "price", x).await;
    }
    let text = page(&app, "GET", "advise.txt").await;
    for part in [
        ": 3 requests, 33 % from the store, model ",
        "1 page not stored: they were over its budget",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// A model that takes less than the store.
#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_costs_more_than_it_saves_is_told() {
    let redis = test_servers::Redis::start();
    let quick = async |X { x }: X| x;
    let manifest = Manifest::new([(
        "quick",
        Program::new(quick).cache(60).view(BasicView::new()),
    )]);
    let app = app(
        manifest,
        Cache::new(RedisKeyValue::new().port(redis.port())),
    );
    for number in 0..200 {
        ask(&app, "quick", number % 100).await;
    }
    let quick = line(&app, "quick").await;
    assert_advice(&quick, "not worth it: the model takes ");
    assert!(quick["saved_ms"].as_f64().unwrap() < 0.0, "{quick}");
}
