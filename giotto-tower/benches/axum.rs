//! What a hit through the layer costs in axum: beside a route that answers from constants, beside a middleware with moka as one
//! writes it by hand, and beside `axum-response-cache`, in one run.
//!
//! `cargo bench -p giotto-tower --bench axum`, on a machine that does nothing else. Every rival is a process of its own on one
//! core, the load comes from another; they take turns in every round, and a ratio is the median of the rounds' ratios.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

// What the benchmarks over HTTP share.
#[expect(dead_code, reason = "only some of it is needed here")]
#[path = "../../giotto/benches/common/contest.rs"]
mod contest;
#[path = "../../giotto/benches/common/load.rs"]
mod load;
#[expect(dead_code, reason = "only some of it is needed here")]
#[path = "../../giotto/benches/common/page.rs"]
mod page;
#[path = "../../giotto/benches/common/process.rs"]
mod process;

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use giotto_cache::{Cache, LocMemKeyValue};
use giotto_tower::CacheLayer;

use contest::{Lengths, ROUND, ROUNDS, Rival, measure, median, ratio, verdict};
use load::{CONNECTIONS, Cost};
use page::{serve, serve_axum};
use process::{Cores, Server};

/// The promise, against the route that answers from constants.
const MIN_THROUGHPUT: f64 = 0.90;
const BODY: &str = "<p>144</p>";
const LIFE: Duration = Duration::from_secs(3_600);

/// The first is what the others are compared with.
fn rivals() -> [Rival; 4] {
    [
        Rival::new("constants", &["constants"]),
        Rival::new("axum-response-cache", &["response-cache"]),
        Rival::new("moka by hand", &["moka"]),
        Rival::new("giotto-tower", &["layer"]),
    ]
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let page = || Router::new().route("/squared", get(told));
    let router = match std::env::args().nth(1).as_deref() {
        Some("constants") => page(),
        Some("response-cache") => {
            page().layer(axum_response_cache::CacheLayer::with_lifespan(LIFE))
        }
        Some("moka") => page().layer(from_fn_with_state(pages(), by_hand)),
        Some("layer") => Router::new()
            .route("/squared", get(squared))
            .layer(CacheLayer::new(Cache::new(LocMemKeyValue::new()))),
        _ => {
            compare()?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    serve(async |listener| serve_axum(listener, router.clone()).await)?;
    Ok(ExitCode::SUCCESS)
}

/// The page with the fields of a hit.
async fn told() -> impl IntoResponse {
    let status = HeaderValue::from_static("http; hit; ttl=9899");
    (
        [(HeaderName::from_static("cache-status"), status)],
        squared().await,
    )
}

/// The page, old enough that the number of digits of its age and of its time to live stays the same.
async fn squared() -> impl IntoResponse {
    let field = HeaderValue::from_static;
    let fields = [
        (CONTENT_TYPE, field("text/html; charset=utf-8")),
        (CACHE_CONTROL, field("max-age=9999")),
        (ETAG, field("\"67a3ff204a1a0596\"")),
        (AGE, field("100")),
    ];
    (fields, BODY)
}

type Pages = moka::sync::Cache<String, (StatusCode, HeaderMap, Bytes)>;

fn pages() -> Pages {
    moka::sync::Cache::builder()
        .max_capacity(10_000)
        .time_to_live(LIFE)
        .build()
}

/// What one writes by hand: whatever answers with 200 is kept under its address.
async fn by_hand(State(pages): State<Pages>, request: Request, next: Next) -> Response {
    let key = request.uri().to_string();
    if let Some((status, fields, body)) = pages.get(&key) {
        return (status, fields, body).into_response();
    }
    let (parts, body) = next.run(request).await.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 1 << 20).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    if parts.status == StatusCode::OK {
        pages.insert(key, (parts.status, parts.headers.clone(), body.clone()));
    }
    Response::from_parts(parts, Body::from(body))
}

fn compare() -> Result<(), Box<dyn Error>> {
    let cores = Cores::new();
    cores.pin_this_process()?;
    let rivals = rivals();
    let costs = measure(&cores, &rivals, lengths)?;
    println!(
        "GET /squared?x=12, {CONNECTIONS} connections, {ROUNDS} rounds of {} ms, medians; {cores}\n",
        ROUND.as_millis()
    );
    println!(
        "{:<20} {:>10} {:>10} {:>12} {:>10} {:>6}",
        "", "requests/s", "constants", "CPU us / hit", "constants", "busy"
    );
    for (rival, cost) in rivals.iter().zip(&costs) {
        println!(
            "{:<20} {:>10.0} {:>9.2}x {:>12.2} {:>9.2}x {:>5.0}%",
            rival.name,
            median(cost, Cost::throughput),
            ratio(cost, &costs[0], Cost::throughput),
            median(cost, Cost::cpu),
            ratio(cost, &costs[0], Cost::cpu),
            median(cost, Cost::busy) * 100.0,
        );
    }
    let [constants, others @ .., layer] = &costs;
    let throughput = ratio(layer, constants, Cost::throughput);
    println!(
        "\npromised: at least {MIN_THROUGHPUT:.2} of the throughput of constants: {throughput:.2} ({})",
        verdict(throughput >= MIN_THROUGHPUT)
    );
    for (rival, cost) in rivals[1..].iter().zip(others) {
        let ahead = ratio(layer, cost, Cost::throughput);
        let (name, kept) = (rival.name, verdict(ahead > 1.0));
        println!("promised: more throughput than {name}: {ahead:.2} ({kept})");
    }
    Ok(())
}

/// Their fields differ in order and case only.
fn lengths(rivals: &[Rival], servers: &[Server]) -> Lengths {
    let hits = rivals.iter().zip(servers);
    let hits = hits.map(|(rival, server)| load::hit(server, rival.request));
    let hits = hits.collect::<io::Result<Vec<_>>>()?;
    for (rival, (length, text)) in rivals.iter().zip(&hits) {
        if length.abs_diff(hits[0].0) > 2 {
            return Err(format!(
                "{} answers\n{text}\nwhich is longer than\n{}",
                rival.name, hits[0].1
            )
            .into());
        }
    }
    Ok(hits.into_iter().map(|(length, _)| length).collect())
}
