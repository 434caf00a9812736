//! Any path, query, `Accept` field and body as a request: nothing panics, and nothing is an internal error.
//!
//! `cargo +nightly fuzz run arguments`.
#![no_main]

use std::sync::LazyLock;

use giotto::prelude::*;
use giotto::{Body, Service};
use http::{HeaderValue, Method, StatusCode, Uri};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use tower_service::Service as _;

/// Takes arguments of every kind.
#[model]
fn everything(
    number: i64,
    #[default(1.5)] ratio: f64,
    #[default("text")] text: String,
    letter: Option<char>,
    #[default(Vec::new())] list: Vec<u8>,
    #[default(false)] flag: bool,
) -> String {
    format!("{number} {ratio} {text} {letter:?} {list:?} {flag}")
}

static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    let program = || Program::new(everything).cache(60).view(BasicView::new());
    let manifest = Manifest::new([("all", program()), ("", program())])
        .with("in", Manifest::new([("all", program())]))
        .with("alias", "in/all");
    let app = App::new(manifest).cache(LocMemKeyValue::new());
    app.into_service().expect("the manifest is sound")
});

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made")
});

type Input<'a> = (bool, &'a str, &'a [u8], &'a [u8]);

fuzz_target!(|input: Input<'_>| {
    let (is_post, target, accept, body) = input;
    let (Ok(uri), Ok(accept)) = (target.parse::<Uri>(), HeaderValue::from_bytes(accept)) else {
        return;
    };
    let mut request = http::Request::new(Body::from(bytes::Bytes::copy_from_slice(body)));
    *request.uri_mut() = uri;
    *request.method_mut() = if is_post { Method::POST } else { Method::GET };
    request.headers_mut().insert(http::header::ACCEPT, accept);
    let response = RUNTIME.block_on(SERVICE.clone().call(request));
    assert_ne!(
        response.map(|response| response.status()),
        Ok(StatusCode::INTERNAL_SERVER_ERROR)
    );
});
