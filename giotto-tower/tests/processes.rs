//! Four processes on one Redis, each with connections, an application and a layer of its own: a cold page is made once.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

#[expect(dead_code, reason = "the tests of one process use the rest")]
#[path = "layer/world.rs"]
mod world;

use std::sync::Arc;
use std::time::Duration;

use giotto_cache::{Cache, RedisKeyValue};
use giotto_tower::CacheLayer;
use test_servers::Redis;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::world::{Origin, Seen, get, read, request, response, until};

const PROCESSES: usize = 4;
const REQUESTS: usize = 1_000;
/// More than usual, for a machine under load.
const DEADLINE: Duration = Duration::from_secs(10);

/// What one process has.
struct Process {
    cache: Cache,
    app: axum::Router,
}

fn start(server: &Redis, origin: &Origin) -> Vec<Process> {
    let processes = (0..PROCESSES).map(|_| {
        let store = RedisKeyValue::new().host("127.0.0.1").port(server.port());
        let store = Arc::new(store.server_deadline(DEADLINE));
        let cache = Cache::builder(store).deadline(DEADLINE).build();
        let app = origin.router().layer(CacheLayer::new(cache.clone()));
        Process { cache, app }
    });
    processes.collect()
}

fn ask(processes: &[Process], fields: &'static [(&'static str, &'static str)]) -> JoinSet<Seen> {
    let mut requests = JoinSet::new();
    for number in 0..REQUESTS {
        let app = processes[number % PROCESSES].app.clone();
        requests.spawn(async move { read(app.oneshot(get("/", fields)).await.unwrap()).await });
    }
    requests
}

async fn settle(processes: &[Process]) {
    for process in processes {
        process.cache.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_cold_requests_run_the_handler_once() {
    let server = Redis::start();
    for vary in ["", "accept-encoding"] {
        let origin = Origin::default();
        origin.says(move |_, number| {
            let fields = [("cache-control", "s-maxage=3600"), ("vary", vary)];
            response(&fields, &number.to_string())
        });
        let processes = start(&server, &origin);
        processes[0].cache.clear().await.unwrap();
        for process in &processes {
            // Connects.
            process.cache.knows_tag("any").await.unwrap();
        }
        origin.hold();
        let requests = ask(&processes, &[("accept-encoding", "gzip")]);
        until("all other processes wait for the one", || {
            let waits = |process: &Process| process.cache.counts().waited > 0;
            processes.iter().filter(|process| waits(process)).count() >= PROCESSES - 1
        })
        .await;
        origin.release();
        let seen = requests.join_all().await;
        assert!(seen.iter().all(|seen| seen.text() == "1"), "{vary:?}");
        assert_eq!(origin.calls(), 1, "{vary:?}");
        settle(&processes).await;

        // What one process invalidates, all have lost.
        let deleted = request(http::Method::DELETE, "/", &[]);
        processes[1].app.clone().oneshot(deleted).await.unwrap();
        let seen = ask(&processes, &[("accept-encoding", "gzip")])
            .join_all()
            .await;
        assert!(seen.iter().all(|seen| seen.text() == "3"), "{vary:?}");
        assert_eq!(origin.calls(), 3, "{vary:?}");
        settle(&processes).await;
    }
}

/// The lease of a response that may not be shared holds nobody up for long, and nobody gets that of another.
#[tokio::test(flavor = "multi_thread")]
async fn a_response_for_one_user_is_that_users_in_every_process() {
    let server = Redis::start();
    for fields in [
        &[("cache-control", "private")][..],
        &[("cache-control", "max-age=60"), ("set-cookie", "user=7")],
    ] {
        let origin = Origin::default();
        origin.says(move |_, number| response(fields, &number.to_string()));
        let processes = start(&server, &origin);
        let mut texts: Vec<_> = ask(&processes, &[]).join_all().await;
        texts.sort_unstable_by(|one, other| one.body.cmp(&other.body));
        texts.dedup_by(|one, other| one.body == other.body);
        assert_eq!(texts.len(), REQUESTS);
        settle(&processes).await;
    }
}

/// The store is gone: every request is answered all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_fails_no_request() {
    let server = Redis::start();
    let origin = Origin::default();
    origin.says(|_, number| response(&[("cache-control", "max-age=60")], &number.to_string()));
    let processes = start(&server, &origin);
    drop(server);
    let seen = ask(&processes, &[]).join_all().await;
    assert!(seen.iter().all(|seen| seen.status.is_success()));
    let posted = request(http::Method::POST, "/", &[]);
    let posted = processes[0].app.clone().oneshot(posted).await.unwrap();
    assert!(posted.status().is_success());
}
