//! A shared HTTP cache by RFC 9111 as a layer of tower, on the engine of [`giotto_cache`].
//!
//! [`CacheLayer`] is put around an axum router or any other service that takes an [`http::Request`]. The service is not
//! changed: what its responses say is obeyed. Its cache has single flight, leases among processes, stale-while-revalidate,
//! stale-if-error, variants, tags, and the reason of every miss.
//!
//! # A request, file by file
//!
//! 1. `service.rs`: which requests the cache is asked for, by the fields that are `present.rs`; `key.rs`: the key of the
//!    request; `demand.rs`: what it demands. A hit in memory ends in `hit.rs`, most often with a head of `prepared.rs`.
//! 2. `flow.rs`: the lookup of the key, and of the variant that the request selects.
//! 3. `upstream.rs`: what is not stored is fetched from the service behind, once for all callers that wait. `control.rs` is
//!    what its handler sees. The response reaches its own caller by `exchange.rs`.
//! 4. `rfc/` says what may be stored, `draft.rs` what of it is, and for how long. `tee.rs` collects the body while it is on its
//!    way to its caller, `place.rs` has the key that it is stored under, and `stored.rs` is the response as an entry has it.
//! 5. `respond.rs`: the response as its caller gets it, with `cache_status.rs`; `body.rs` is its body.
//!
//! `layer.rs` and `settings.rs` are made before the first request. `invalidate.rs` removes what an unsafe request has changed,
//! and `explain.rs` says what the cache would do.

mod body;
mod cache_status;
mod control;
mod credentials;
mod demand;
mod draft;
mod exchange;
mod explain;
mod flow;
mod hit;
mod invalidate;
mod key;
mod layer;
mod place;
mod prepared;
mod present;
mod respond;
mod rfc;
mod service;
mod settings;
mod stored;
mod tee;
mod upstream;

pub use body::{Body, BoxError};
pub use control::CacheControl;
pub use layer::CacheLayer;
pub use service::{CacheService, ResponseFuture};
pub use settings::Query;

/// Compiles the examples of the documentation.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../../docs/tower.md")]
struct Documentation;

/// Compiles the example of the README.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;
