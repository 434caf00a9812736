//! Arguments of every type and with every attribute of serde, from every front end: each works, or the program is refused
//! before it starts, with the reason. No two values share a key, and no value has two.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod attributes;
mod keys;
mod parts;
mod sets;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;

use bytes::Bytes;
use giotto::cache::LocMemKeyValue;
use giotto::prelude::*;
use giotto::{ErrorKind, Request};
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
