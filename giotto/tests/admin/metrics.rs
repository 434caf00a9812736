//! The metrics: their sums are the counters of `stats`, and a scrape costs little.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use giotto::Admin;
use giotto::cache::{
    Cache, CacheControl, Clock, Computed, Key, LayeredKeyValue, LocMemKeyValue, Lookup, Measure,
    Mode, Policy, Scope, async_trait,
};
use giotto::prelude::*;
use giotto::testing::Chaos;
use http_body_util::{BodyExt, Full};
use test_servers::wait_until;
use tower_service::Service;

use crate::openmetrics::Metrics;
use crate::{Administered, Connection};

/// What a scrape of `admin` gets: its media type and its text.
async fn scrape(admin: &Admin, accept: Option<&str>) -> (String, String) {
    let mut request = http::Request::get("/metrics");
    if let Some(accept) = accept {
        request = request.header("accept", accept);
    }
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let response = admin.clone().call(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let mime = response.headers()["content-type"].to_str().unwrap();
    let mime = mime.to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (mime, String::from_utf8(body.to_vec()).unwrap())
}

fn admin_of(cache: &Cache) -> Admin {
    App::new(Manifest::default())
        .with_cache(cache.clone())
        .admin()
}

/// Lookups of every kind on a store with every fault.
async fn load(cache: &Cache, chaos: &Chaos, clock: &Clock) {
    // The same in every run.
    let mut state = 12_u64;
    let mut random = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let minute = Policy::seconds(60);
    let policies = [
        minute,
        minute.stale_while_revalidate(600).stale_if_error(600),
        minute
            .stale_if_error(600)
            .soft_timeout(Duration::from_millis(20)),
        minute.version(1),
    ];
    let modes = [
        Mode::Prefer,
        Mode::Prefer,
        Mode::Prefer,
        Mode::Refresh,
        Mode::Bypass,
    ];
    for round in 0..300 {
        match random(10) {
            0 => chaos.errors(0.5),
            1 => chaos.delay(Duration::from_millis(200)),
            2 => chaos.corrupt(0.5),
            3 => chaos.full(true),
            _ => chaos.heal(),
        };
        for _ in 0..10 {
            let program = ["squared", "blog/post", "", "we\"ird\\\nname"][random(4) as usize];
            let key = Key::new(program, random(4).to_string(), "text/html");
            let lookup =
                Lookup::new(key, policies[random(4) as usize]).mode(modes[random(5) as usize]);
            let says = random(8);
            let answer = cache.answer(lookup, move |control: CacheControl| async move {
                match says {
                    0 => Err(std::io::Error::other("it fails")),
                    1 => {
                        control.no_store();
                        Ok(Computed::Page(Bytes::new()))
                    }
                    4 => {
                        control.tags(["\n"]);
                        Ok(Computed::Page("tagged".into()))
                    }
                    2 => Ok(Computed::Page(vec![b'x'; 2_000].into())),
                    3 => {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        Ok(Computed::Page("slow".into()))
                    }
                    _ => Ok(Computed::Page("page".into())),
                }
            });
            let _ = answer.await;
        }
        if round % 3 == 0 {
            let scope = [Scope::All, Scope::Program("squared".into())];
            let _ = cache.invalidate(scope[random(2) as usize].clone()).await;
        }
        clock.advance(Duration::from_millis(random(40_000)));
    }
    chaos.heal();
    cache.settle().await;
}

/// The name of a counter, its metric, and labels.
type Metric = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// Each counter of `stats`, and the metric whose sum it is.
const METRICS: &[Metric] = &[
    ("hits", "giotto_cache_hits_total", &[("kind", "fresh")]),
    (
        "stale_revalidating",
        "giotto_cache_hits_total",
        &[("kind", "revalidating")],
    ),
    (
        "stale_failed",
        "giotto_cache_hits_total",
        &[("kind", "failed")],
    ),
    ("stale_late", "giotto_cache_hits_total", &[("kind", "late")]),
    (
        "stale_throttled",
        "giotto_cache_hits_total",
        &[("kind", "throttled")],
    ),
    (
        "stale_accepted",
        "giotto_cache_hits_total",
        &[("kind", "accepted")],
    ),
    ("misses", "giotto_cache_misses_total", &[]),
    ("replaced", "giotto_cache_replaced_total", &[]),
    ("unchanged", "giotto_cache_unchanged_total", &[]),
    ("computed", "giotto_cache_computations_total", &[]),
    ("failed", "giotto_cache_failures_total", &[]),
    ("refused", "giotto_cache_refusals_total", &[]),
    ("refreshes", "giotto_cache_refreshes_total", &[]),
    ("collapsed", "giotto_cache_coalesced_total", &[]),
    ("waited", "giotto_cache_lease_reads_total", &[]),
    ("stored", "giotto_cache_stored_total", &[]),
    ("not_stored", "giotto_cache_not_stored_total", &[]),
    ("invalidations", "giotto_cache_invalidations_total", &[]),
    ("deferred", "giotto_cache_deferred_invalidations_total", &[]),
    ("backend_errors", "giotto_cache_store_errors_total", &[]),
    ("backend_skipped", "giotto_cache_store_skipped_total", &[]),
    ("computed", "giotto_cache_model_seconds_count", &[]),
];

#[tokio::test(start_paused = true)]
async fn the_sums_of_the_metrics_are_the_counters_of_stats() {
    let clock = Clock::manual(1_700_000_000_000);
    let chaos = Chaos::new(LocMemKeyValue::new().clock(clock.clone()));
    let layers: Vec<Arc<dyn KeyValue>> = vec![
        Arc::new(LocMemKeyValue::new().clock(clock.clone())),
        Arc::new(chaos.clone()),
    ];
    let stores: [Arc<dyn KeyValue>; 2] = [
        Arc::new(LayeredKeyValue::new(layers).clock(clock.clone())),
        Arc::new(chaos.clone()),
    ];
    let mut counted = BTreeSet::new();
    for store in stores {
        let cache = Cache::builder(store)
            .max_entry(1_000)
            .clock(clock.clone())
            .seed(12)
            .build();
        load(&cache, &chaos, &clock).await;
        let (mime, text) = scrape(&admin_of(&cache), None).await;
        assert_eq!(
            mime,
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        );
        let metrics = Metrics::read(&text);
        let counts = cache.counts();
        let is = |name: &str, metric: &str, labels: &[(&str, &str)], count: u64| {
            assert_eq!(
                metrics.sum(metric, labels),
                count as f64,
                "{name} {labels:?}"
            );
        };
        let reasons = [
            (
                "giotto_cache_misses_total",
                counts.misses_by_reason().to_vec(),
            ),
            (
                "giotto_cache_not_stored_total",
                counts.not_stored_by_reason().to_vec(),
            ),
        ];
        for (metric, reasons) in &reasons {
            for (reason, count) in reasons {
                is(reason, metric, &[("reason", reason)], *count);
            }
        }
        let mut told: Vec<_> = reasons
            .iter()
            .flat_map(|(_, all)| all)
            .map(|(name, _)| *name)
            .collect();
        // The sum of four kinds.
        told.push("stale");
        for (name, metric, labels) in METRICS {
            let all = counts.by_name();
            let (_, count) = all.iter().find(|(known, _)| known == name).unwrap();
            is(name, metric, labels, *count);
            told.push(name);
        }
        for (name, count) in counts.by_name() {
            assert!(told.contains(&name), "no metric tells {name}");
            if count > 0 {
                counted.insert(name);
            }
        }
        for program in cache.programs() {
            let labels = [("program", &*program.program)];
            is(
                "hits",
                "giotto_cache_hits_total",
                &labels,
                program.counts.hits + program.counts.stale,
            );
            is(
                "misses",
                "giotto_cache_misses_total",
                &labels,
                program.counts.misses,
            );
            let saved = metrics.sum("giotto_cache_saved_seconds_total", &labels);
            assert!((saved - program.saved.as_secs_f64()).abs() < 1e-6);
        }
        assert_eq!(cache.programs().len(), 4);
    }
    // All but what takes a second process, a lost record, another key or another clock.
    assert!(counted.len() >= 31, "{counted:?}");
}

#[tokio::test]
async fn an_older_prometheus_gets_the_text_that_it_knows() {
    let admin = admin_of(&Cache::new(LocMemKeyValue::new()));
    let old = "text/plain; version=0.0.4; charset=utf-8";
    let new = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    for (accept, expected) in [
        (None, new),
        (Some("*/*"), new),
        (
            Some(
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            ),
            new,
        ),
        (Some("text/plain"), old),
        (Some("text/plain;version=0.0.4;q=1,*/*;q=0.1"), old),
    ] {
        let (mime, text) = scrape(&admin, accept).await;
        assert_eq!(mime, expected, "{accept:?}");
        assert_eq!(text.ends_with("# EOF\n"), expected == new, "{accept:?}");
        assert!(text.contains("giotto_cache_in_flight 0"), "{text}");
    }
}

/// A store in memory that never says what it holds.
#[derive(Debug, Default)]
struct Silent {
    asked: Arc<AtomicUsize>,
    never: bool,
}

#[async_trait]
impl KeyValue for Silent {
    async fn get(&self, _: &str) -> giotto::cache::Result<Option<Bytes>> {
        Ok(None)
    }

    async fn set(&self, _: &str, _: Bytes, _: Option<Duration>) -> giotto::cache::Result<()> {
        Ok(())
    }

    async fn measure(&self) -> giotto::cache::Result<Measure> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.never {
            std::future::pending::<()>().await;
        }
        let mut measure = Measure::new("all");
        measure.entries = Some(7);
        measure.bytes = Some(1_024);
        Ok(measure)
    }
}

#[tokio::test(start_paused = true)]
async fn a_scrape_waits_for_a_store_for_half_a_second_at_most() {
    let asked = Arc::<AtomicUsize>::default();
    let never = true;
    let cache = Cache::new(Silent {
        asked: Arc::clone(&asked),
        never,
    });
    let admin = admin_of(&cache);
    for _ in 0..3 {
        let started = tokio::time::Instant::now();
        let (_, text) = scrape(&admin, None).await;
        assert!(started.elapsed() < Duration::from_secs(1));
        assert!(!text.contains("giotto_cache_entries{"), "{text}");
        Metrics::read(&text);
    }
    // The first question is still open.
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_is_asked_once_in_five_seconds() {
    let asked = Arc::<AtomicUsize>::default();
    let never = false;
    let cache = Cache::new(Silent {
        asked: Arc::clone(&asked),
        never,
    });
    let admin = admin_of(&cache);
    for second in 0..20 {
        for _ in 0..3 {
            let (_, text) = scrape(&admin, None).await;
            let metrics = Metrics::read(&text);
            let of = [("layer", "store")];
            assert_eq!(metrics.sum("giotto_cache_entries", &of), 7.0);
            assert_eq!(metrics.sum("giotto_cache_bytes", &of), 1_024.0);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1 + second / 5);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_label_is_made_of_a_key() {
    let cache = Cache::new(LocMemKeyValue::new());
    for number in 0..1_000 {
        let key = Key::new("squared", format!("argument-{number}"), "text/html");
        let compute = || async { Ok::<_, giotto::cache::Error>(Bytes::new()) };
        cache
            .get_or_compute(key, Policy::seconds(60), compute)
            .await
            .unwrap();
    }
    let (_, text) = scrape(&admin_of(&cache), None).await;
    assert!(!text.contains("argument"));
    assert!(text.lines().count() < 200, "{}", text.lines().count());
}

#[test]
fn a_server_tells_its_metrics_on_the_admin_listener_only() {
    let administered = Administered::start(&["--set", "cache=locmem"]);
    for _ in 0..5 {
        administered.server.get("/squared?x=12", "");
    }
    let reply = administered.get("/metrics");
    let metrics = Metrics::read(reply.text());
    let squared = [("program", "squared")];
    assert_eq!(metrics.sum("giotto_cache_hits_total", &squared), 4.0);
    assert_eq!(metrics.sum("giotto_cache_misses_total", &squared), 1.0);
    assert_eq!(
        metrics.sum("giotto_cache_layer_hits_total", &[("layer", "locmem")]),
        4.0
    );
    assert_eq!(administered.server.get("/metrics", "").status, 404);
    let mut connection = Connection::to(administered.admin);
    connection.send("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(connection.receive("HEAD").status, 200);
}

#[test]
fn lost_lines_of_the_access_log_are_counted() {
    let full = [
        "--set",
        "log.access=on",
        "--set",
        "log.access_file=/dev/full",
    ];
    let administered = Administered::start(&full);
    let lost = |name: &str| {
        let metrics = administered.get("/metrics").text().to_owned();
        let line = metrics.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
    };
    let name = "giotto_access_log_lost_lines_total";
    assert_eq!(lost(name), Some(0));
    for _ in 0..3 {
        administered.server.get("/page?x=1", "");
    }
    wait_until("they are lost", || lost(name) == Some(3));
    drop(administered);
    let administered = Administered::start(&[]);
    assert!(!administered.get("/metrics").text().contains("access_log"));
}
