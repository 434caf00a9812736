//! Arguments of every type and with every attribute of serde, from every front end: each works, or the program is refused
//! before it starts, with the reason. Two values never share a page.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod attributes;
mod enums;
mod folds;
mod keys;
mod parts;
mod property;
mod refusals;
mod sets;
mod variants;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;

use bytes::Bytes;
use giotto::cache::LocMemKeyValue;
use giotto::prelude::*;
use giotto::{ErrorKind, Request, management};
use http_body_util::{BodyExt, Full};
use serde::de::DeserializeOwned;
use serde::{Deserializer, Serializer};
use tower_service::Service as _;

/// A program with a cache that shows its arguments.
fn shows<A: DeserializeOwned + Serialize + Debug + Send + 'static>() -> Program {
    Program::new(|arguments: A| format!("{arguments:?}"))
        .cache(60)
        .view(BasicView::new().text(String::clone).cmd(String::clone))
}

fn app<A: DeserializeOwned + Serialize + Debug + Send + 'static>() -> App {
    App::new(Manifest::new([("it", shows::<A>())])).cache(LocMemKeyValue::new())
}

/// What `App::check` says of a program that takes an `A`.
fn check<A: DeserializeOwned + Serialize + Debug + Send + 'static>() -> Result<(), String> {
    app::<A>().check().map_err(|error| {
        assert_eq!(*error.kind(), ErrorKind::Configuration);
        error.to_string()
    })
}

/// Expects a program that takes an `A` to be refused, in one line with all of `words`.
fn is_refused<A: DeserializeOwned + Serialize + Debug + Send + 'static>(words: &[&str]) {
    let refusal = check::<A>().expect_err(std::any::type_name::<A>());
    assert_eq!(refusal.lines().count(), 1, "{refusal}");
    for word in [&["'it'"], words].concat() {
        assert!(refusal.contains(word), "{word}: {refusal}");
    }
}

async fn answer(app: &App, request: http::request::Builder, body: &'static str) -> (u16, String) {
    let mut service = app.clone().into_service().unwrap();
    let request = request.header("accept", "text/plain");
    let request = request.body(Full::new(Bytes::from_static(body.as_bytes())));
    let response = service.call(request.unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn encode(text: &str) -> String {
    percent_encoding::percent_encode(text.as_bytes(), percent_encoding::NON_ALPHANUMERIC)
        .to_string()
}

fn query(arguments: &[(&str, &str)]) -> String {
    let pairs = arguments.iter();
    let pairs = pairs.map(|(name, value)| format!("{name}={}", encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// What GET, POST of a form and the command line show for `arguments`: the same.
async fn shown(app: &App, arguments: &[(&'static str, &'static str)]) -> Result<String, String> {
    let get = http::Request::get(format!("/it?{}", query(arguments)));
    let get = answer(app, get, "").await;
    let post = http::Request::post("/it");
    let form = Box::leak(query(arguments).into_boxed_str());
    let posted = answer(app, post, form).await;
    // A form that is refused is shown once more where there is one.
    assert_eq!(get.0, posted.0, "{arguments:?}");
    assert!(
        get.0 != 200 || get == posted,
        "{arguments:?}: {get:?} {posted:?}"
    );
    let request = Request::new(CMD, "it").accept("text/cmd");
    let mut request = arguments.iter().fold(request, |request, (name, value)| {
        request.argument(name, *value)
    });
    let cmd = app.invoke(&mut request).await;
    let cmd = cmd.map(|page| String::from_utf8(page.body().to_vec()).unwrap());
    match (get, cmd) {
        ((200, get), Ok(cmd)) => {
            assert_eq!(get, cmd, "{arguments:?}");
            Ok(get)
        }
        ((400, get), Err(cmd)) => {
            assert!(get.contains(&cmd.to_string()), "{arguments:?}: {get} {cmd}");
            Err(get)
        }
        (get, cmd) => panic!("{arguments:?}: {get:?} {cmd:?}"),
    }
}

/// One request: names and values.
type Given<'g> = &'g [(&'g str, &'g str)];

/// The page of a GET.
async fn page(app: &App, given: Given<'_>) -> String {
    let request = Request::new(HTTP_GET, "it").accept("text/plain");
    let mut request = given.iter().fold(request, |request, (name, value)| {
        request.argument(name, *value)
    });
    let page = app.invoke(&mut request).await.unwrap();
    String::from_utf8(page.body().to_vec()).unwrap()
}

/// Expects each request to get the page that it gets without a cache, also when all others have been answered before.
/// Returns how many were computed.
async fn pages<A>(requests: &[Given<'_>]) -> u64
where
    A: DeserializeOwned + Serialize + Debug + Send + 'static,
{
    assert_eq!(check::<A>(), Ok(()));
    let (app, uncached) = (app::<A>(), App::new(Manifest::new([("it", shows::<A>())])));
    for _ in 0..3 {
        for given in requests {
            let (found, expected) = (page(&app, given).await, page(&uncached, given).await);
            assert_eq!(found, expected, "{given:?}");
        }
    }
    app.shared_cache().counts().computed
}

/// Expects all requests to have pages of their own, and the same one each time.
async fn differ<A>(requests: &[Given<'_>])
where
    A: DeserializeOwned + Serialize + Debug + Send + 'static,
{
    assert_eq!(
        pages::<A>(requests).await,
        requests.len() as u64,
        "{requests:?}"
    );
}

/// The arguments in the key of a GET, as `cache/explain` shows them; a request is then answered from this key.
async fn key<A>(given: Given<'_>) -> String
where
    A: DeserializeOwned + Serialize + Debug + Send + 'static,
{
    let manifest = Manifest::new([("it", shows::<A>())]).with("mgt", management());
    let app = App::new(manifest).cache(LocMemKeyValue::new());
    page(&app, given).await;
    let explain = Request::new(CMD, "mgt/cache/explain.json");
    let invocation = format!("it.txt?{}", query(given));
    let mut explain = explain.argument("invocation", invocation);
    let report = app.invoke(&mut explain).await.unwrap();
    let report: serde_json::Value = serde_json::from_slice(report.body()).unwrap();
    assert!(!report["entry"].is_null(), "{report}");
    report["arguments"].as_str().unwrap().to_owned()
}
