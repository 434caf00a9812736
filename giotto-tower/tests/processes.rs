//! Several processes on one Redis, each with an application and a layer of its own.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

#[path = "../../giotto-cache/tests/common/held_leases.rs"]
mod held_leases;
#[expect(dead_code, reason = "the tests of one process use the rest")]
#[path = "layer/world.rs"]
mod world;

use std::time::Duration;

use giotto_cache::{Cache, KeyValue, RedisKeyValue};
use giotto_tower::CacheLayer;
use http::Method;
use test_servers::{Peer, Peers, Redis};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::held_leases::HeldLeases;
use crate::world::{Origin, Seen, get, read, request, response, until};

const PROCESSES: usize = 4;
/// In all processes.
const REQUESTS: usize = 1_000;
/// More than usual, for a machine under load.
const DEADLINE: Duration = Duration::from_secs(120);

fn store(port: u16) -> RedisKeyValue {
    let store = RedisKeyValue::new().host("127.0.0.1").port(port);
    store.server_deadline(DEADLINE)
}

/// What one process has.
struct Process {
    cache: Cache,
    origin: Origin,
    app: axum::Router,
}

impl Process {
    fn start(port: u16, origin: Origin) -> Self {
        Self::on(store(port), origin)
    }

    fn on(store: impl KeyValue, origin: Origin) -> Self {
        let cache = Cache::builder(store).deadline(DEADLINE).build();
        let app = origin.router().layer(CacheLayer::new(cache.clone()));
        Self { cache, origin, app }
    }

    /// So many requests at once.
    fn ask(&self, requests: usize) -> JoinSet<Seen> {
        let mut tasks = JoinSet::new();
        for _ in 0..requests {
            let app = self.app.clone();
            let request = get("/", &[("accept-encoding", "gzip")]);
            tasks.spawn(async move { read(app.oneshot(request).await.unwrap()).await });
        }
        tasks
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_cold_requests_run_the_handler_once() {
    run_the_handler_once("a_thousand_cold_requests_run_the_handler_once", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_cold_requests_for_a_variant_run_the_handler_once() {
    let test = "a_thousand_cold_requests_for_a_variant_run_the_handler_once";
    run_the_handler_once(test, "accept-encoding").await;
}

/// Four processes of the operating system, and this one. All requests of all processes have missed and wait before any
/// handler may run.
async fn run_the_handler_once(test: &str, vary: &'static str) {
    if let Some(peer) = Peer::of_process() {
        return ask_as(&peer, vary).await;
    }
    let server = Redis::start();
    let own = Process::start(server.port(), Origin::default());
    let mut peers = Peers::start(test, PROCESSES, &server.port().to_string());
    peers.until_all("connected");
    for _ in 0..2 {
        peers.tell("ask");
        peers.until_all("all wait");
        peers.tell("answer");
        let mut called = peers.until_all("called");
        called.sort_unstable();
        assert_eq!(called, ["0 times", "0 times", "0 times", "1 times"]);
        // What one process invalidates, all have lost.
        own.origin.says(|_, _| response(&[], "deleted"));
        let delete = request(Method::DELETE, "/", &[]);
        assert_eq!(
            read(own.app.clone().oneshot(delete).await.unwrap())
                .await
                .text(),
            "deleted"
        );
    }
    peers.pass();
}

/// What one of the four processes does.
async fn ask_as(peer: &Peer, vary: &'static str) {
    peer.say("connected");
    let own = REQUESTS / PROCESSES;
    for round in ["first", "second"] {
        let origin = Origin::default();
        let fields = [("cache-control", "s-maxage=3600"), ("vary", vary)];
        origin.says(move |_, _| response(&fields, round));
        let (store, leases) = HeldLeases::new(store(peer.given().parse().unwrap()));
        let process = Process::on(store, origin);
        peer.wait_for("ask");
        let requests = process.ask(own);
        until("one asks for the lease, and the others wait for it", || {
            process.cache.counts().collapsed == own as u64 - 1
        })
        .await;
        assert_eq!(
            process.cache.counts().first_seen,
            own as u64,
            "the store has answered all"
        );
        peer.say("all wait");
        peer.wait_for("answer");
        leases.close();
        let seen = requests.join_all().await;
        assert!(seen.iter().all(|seen| seen.text() == round), "{vary:?}");
        process.cache.settle().await;
        peer.say(&format!("called {} times", process.origin.calls()));
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
        let processes = [(); PROCESSES].map(|()| Process::start(server.port(), origin.clone()));
        let asked = processes
            .each_ref()
            .map(|process| process.ask(REQUESTS / PROCESSES));
        let mut texts = Vec::new();
        for requests in asked {
            texts.extend(requests.join_all().await);
        }
        texts.sort_unstable_by(|one, other| one.body.cmp(&other.body));
        texts.dedup_by(|one, other| one.body == other.body);
        assert_eq!(texts.len(), REQUESTS);
        for process in processes {
            process.cache.settle().await;
        }
    }
}

/// The store is gone: every request is answered all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_fails_no_request() {
    let server = Redis::start();
    let origin = Origin::default();
    origin.says(|_, number| response(&[("cache-control", "max-age=60")], &number.to_string()));
    let process = Process::start(server.port(), origin);
    drop(server);
    let seen = process.ask(REQUESTS).join_all().await;
    assert!(seen.iter().all(|seen| seen.status.is_success()));
    let posted = request(Method::POST, "/", &[]);
    let posted = process.app.clone().oneshot(posted).await.unwrap();
    assert!(posted.status().is_success());
}
