//! A small web framework built around a response cache.
//!
//! Write a *program* once, a model (a function) and a view, and list it in a *manifest*. It then answers over HTTP and on
//! the command line. With `cache(3600)`, each rendered page is cached for an hour: the next request with the same arguments
//! skips the work.
//!
//! ```no_run
//! use giotto::prelude::*;
//!
//! /// Squares a number.
//! #[model]
//! fn square(x: i64) -> Square {
//!     Square { x: x * x }
//! }
//!
//! #[derive(Serialize)]
//! struct Square {
//!     x: i64,
//! }
//!
//! fn manifest() -> Manifest {
//!     Manifest::new([(
//!         "squared",
//!         Program::new(square)
//!             .controllers([HTTP_GET, CMD])
//!             .cache(3600) // one hour; 0 = never expires; no call = off
//!             .view(BasicView::new().html(|s: &Square| format!("<p>{}</p>", s.x))),
//!     )])
//! }
//!
//! fn main() -> ExitCode {
//!     giotto::run(manifest())
//! }
//! ```
//!
//! ```console
//! $ ./app http                                  # serves on http://127.0.0.1:5000
//! $ curl 'http://localhost:5000/squared?x=12'   # also /squared/12, /squared.json?x=12
//! $ ./app cmd squared x=12                      # also --x=12, --x 12, squared/12, squared.json x=12
//! ```
//!
//! # Follow one request
//!
//! [`App::invoke`] (`app/invoke.rs`) has the order of the steps:
//!
//! 1. `controller/` turns an HTTP request (`http/`) or a command line (`cmd/`) into a [`Request`] (`request/`).
//! 2. `asked.rs` takes the request through steps 2 to 4. `manifest/` finds the [`Program`] under the path; `address.rs` has the
//!    way back, from a program to its address. Input middleware of the program runs now (`program/middleware/`), and output
//!    middleware at the end, on a hit as well.
//! 3. `arguments/` binds the given values to the parameters of the model: typed arguments, and their text in the key.
//! 4. `negotiate.rs` chooses the media type (`mime.rs`).
//! 5. [`cache`] looks the key up. It is a crate of its own, with a tour of its own. A hit ends here.
//! 6. `compute.rs` runs the model of the program (`program/`) and shows the result with the view (`view/`).
//!    Both may return a [`Response`] (`response.rs`): its status and fields go with the page (`metadata.rs`). Besides the
//!    arguments, they get what `context.rs` has, above all the [`State`] that all requests share (`state.rs`).
//!
//! The controller gets a page (`page.rs`) or an error (`error/`). Over HTTP, `messages.rs` puts refused fields into words for the
//! reader, and `error_page.rs` shows an error. A page says what of the request it depends on (`varies.rs`), and
//! how long caches downstream may keep it (`lifetimes.rs`).
//!
//! A request for which there is no program goes to what is beside them (`beside.rs`): static files (`assets/`) and routes of
//! axum. `site.rs` has the path before all addresses, and the origin.
//!
//! Before the first request, `run.rs` reads the configuration (`config/`, `configured.rs`), adds the programs of the operator
//! (`management/`), and limits what panics write (`panics.rs`). `listening.rs` opens the sockets. SIGHUP reads the configuration again (`reload.rs`), for example
//! the level of the log (`verbosity.rs`). `health.rs` says whether the process should get requests, and `admin/` answers
//! operators on a listener of their own. `socket/` has the Unix sockets through which commands ask the running servers, and `operators.rs` all of that for a cache without a manifest. `testing.rs` is for the tests of applications.
//!
//! Imports point down the list in `checks/order.txt`, and no two files import each other.

mod address;
#[cfg(feature = "admin")]
mod admin;
mod app;
mod arguments;
mod asked;
#[cfg(feature = "static")]
mod assets;
#[cfg(feature = "session")]
pub mod auth;
mod beside;
mod budgets;
mod cache_status;
mod commands;
mod compression;
mod compute;
mod config;
mod configured;
mod context;
mod controller;
mod cookie;
mod downstream;
mod error;
mod error_page;
mod health;
mod language;
mod lifetimes;
mod listening;
mod log;
mod management;
mod manifest;
mod messages;
mod metadata;
mod mime;
mod negotiate;
mod operators;
mod page;
mod panics;
mod program;
#[cfg(feature = "purge")]
pub mod purge;
mod reload;
mod request;
mod response;
mod run;
#[cfg(feature = "session")]
mod session;
mod shell;
mod site;
mod socket;
mod state;
#[cfg(feature = "testing")]
pub mod testing;
mod trace;
mod varies;
mod verbosity;
pub mod view;
mod weight;

#[cfg(feature = "admin")]
pub use admin::Admin;
pub use app::App;
pub use arguments::Parameter;
#[cfg(feature = "static")]
pub use assets::Assets;
pub use cache_status::CacheStatus;
pub use configured::{settings, settings_with};
pub use controller::http::{Body, Service};
pub use cookie::{Cookie, SameSite};
pub use error::{
    Error, ErrorKind, Field, InvalidInput, NotModified, Redirection, Refusal, Result, SendSyncError,
};
pub use error_page::ErrorPage;
pub use giotto_cache as cache;
pub use giotto_cache::CacheControl;
#[cfg(feature = "functions")]
pub use giotto_macros::cached_in_giotto as cached;
pub use giotto_macros::model;
pub use management::{ManagementSocket, management, management_over};
pub use manifest::{Item, Manifest};
pub use operators::{Operators, ServedOperators};
pub use page::Page;
pub use program::{
    Bare, BeforeView, Complete, InputMiddleware, OutputMiddleware, Program, Ready, model,
};
pub use request::{CMD, Controller, HTTP_GET, HTTP_POST, Metadata, Request, Value};
pub use response::{Cookies, Response};
pub use run::{run, run_with};
#[cfg(feature = "session")]
pub use session::{Flash, Session, Sessions};
pub use state::{FromState, Startup, State};

/// What an application's `main.rs` needs: `use giotto::prelude::*;`.
pub mod prelude {
    pub use std::process::ExitCode;

    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    pub use giotto_cache::DatabaseKeyValue;
    #[cfg(feature = "memcache")]
    pub use giotto_cache::MemcacheKeyValue;
    #[cfg(feature = "redis")]
    pub use giotto_cache::RedisKeyValue;
    pub use giotto_cache::{DummyKeyValue, KeyValue, LayeredKeyValue, LocMemKeyValue, Policy};
    pub use serde::{Deserialize, Serialize};

    #[cfg(feature = "session")]
    pub use crate::session::{Session, Sessions};
    pub use crate::view::{BasicView, View, escape_html};
    #[cfg(feature = "template")]
    pub use crate::view::{Templates, template};
    pub use crate::{
        App, CMD, CacheControl, Error, HTTP_GET, HTTP_POST, InvalidInput, Manifest, NotModified,
        Program, Redirection, Request, Response, State, model,
    };
}

/// Compiles the programs of the README.
#[cfg(all(doctest, feature = "functions"))]
#[doc = include_str!("../../README.md")]
struct Readme;

/// Compiles the programs of the page about sessions.
#[cfg(all(doctest, feature = "session"))]
#[doc = include_str!("../../docs/sessions.md")]
struct SessionsPage;

/// Compiles and runs the examples of the guide to testing.
#[cfg(all(
    doctest,
    feature = "axum",
    feature = "functions",
    feature = "session",
    feature = "sqlite",
    feature = "template",
    feature = "testing"
))]
#[doc = include_str!("../../docs/testing.md")]
struct TestingPage;

/// Compiles and runs the recipes of the cookbook.
#[cfg(all(
    doctest,
    feature = "axum",
    feature = "functions",
    feature = "purge",
    feature = "session",
    feature = "sqlite",
    feature = "testing"
))]
#[doc = include_str!("../../docs/cookbook.md")]
struct Cookbook;
