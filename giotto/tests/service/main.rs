//! The service in this process: caching, coalescing and errors, without a socket.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod addresses;
mod awaited;
mod base;
mod basic_view;
mod budgets;
mod caching;
mod coalescing;
mod cookies;
mod date_fields;
mod dates;
mod downstream;
mod error_pages;
mod error_statuses;
mod errors;
mod forms;
mod frozen;
mod metadata;
mod middleware;
mod mounted;
mod redirections;
#[path = "../common/request.rs"]
mod request;
mod slow;
mod state;
mod writes;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use giotto::prelude::*;
use giotto::{Body, Service};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tower_service::Service as _;

use crate::request::request;

#[derive(Serialize, Deserialize)]
struct X {
    x: i64,
}

#[derive(Serialize, Deserialize)]
struct Nothing {}

/// A model that counts its runs and does not end before it may.
#[derive(Clone, Debug)]
struct Staged {
    runs: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Staged {
    fn new() -> Self {
        Self {
            runs: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    fn open(&self, times: usize) {
        self.gate.add_permits(times);
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// The program that runs the model and then `end`.
    fn program<R>(
        &self,
        end: impl Fn(i64) -> R + Send + Sync + 'static,
    ) -> Program<giotto::Bare<String, X>>
    where
        R: Into<Result<String, Error>> + 'static,
    {
        let (staged, end) = (self.clone(), Arc::new(end));
        Program::new(move |X { x }: X| {
            let (staged, end) = (staged.clone(), Arc::clone(&end));
            async move {
                staged.runs.fetch_add(1, Ordering::SeqCst);
                staged.gate.acquire().await?.forget();
                end(x).into()
            }
        })
    }
}

fn service(app: App) -> Service {
    app.into_service().unwrap()
}

fn app(name: &str, program: Program) -> App {
    App::new(Manifest::new([(name, program)])).cache(LocMemKeyValue::new())
}

#[derive(Debug, PartialEq)]
struct Reply {
    status: u16,
    cache_status: String,
    cache_control: String,
    fields: http::HeaderMap,
    body: String,
}

impl Reply {
    async fn from(response: http::Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let field = |name| {
            head.headers
                .get(name)
                .map_or("", |value| value.to_str().unwrap())
                .to_owned()
        };
        Self {
            status: head.status.as_u16(),
            cache_status: field("cache-status"),
            cache_control: field("cache-control"),
            body: String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap(),
            fields: head.headers,
        }
    }
}

async fn ask(
    service: &Service,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> Reply {
    let request = request(method, target, fields, body);
    Reply::from(service.clone().call(request).await.unwrap()).await
}

async fn get(service: &Service, target: &str) -> Reply {
    ask(service, "GET", target, &[], "").await
}

fn start(service: &Service, method: &'static str, target: &str) -> JoinHandle<Reply> {
    let (service, target) = (service.clone(), target.to_owned());
    tokio::spawn(async move { ask(&service, method, &target, &[], "").await })
}

/// Lets the other tasks run until `condition` holds. A test whose condition never comes fails.
async fn until(condition: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        let is_late = started.elapsed() > Duration::from_secs(30);
        assert!(!is_late, "it does not happen");
        tokio::task::yield_now().await;
    }
}
