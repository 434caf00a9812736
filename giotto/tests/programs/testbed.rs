//! The manifest of the tests as a program of its own, for tests of sockets, argument vectors and signals.
//!
//! `cargo test -p giotto` builds it with the examples.

#[path = "../common/mod.rs"]
mod common;

use giotto::ErrorPage;
use giotto::prelude::*;

fn main() -> ExitCode {
    // Of a media type that a client gets only if it asks for it: all others have the usual pages.
    let page = View::new().renders("application/problem+json", |page: &ErrorPage| {
        serde_json::to_vec(page)
    });
    giotto::run(App::new(common::manifest()).error_pages(page))
}
