//! A response cache that can be used alone: it knows nothing of programs, HTTP or command lines.
//!
//! Give [`Cache::get_or_compute`] a [`Key`], a [`Policy`] and a computation. It returns the stored
//! bytes while they are fresh, and otherwise runs the computation once, however many callers wait for
//! it, and stores what it returned in a [`KeyValue`].
//!
//! ```
//! use giotto_cache::{Cache, Key, LocMemKeyValue, Policy, literal};
//!
//! # #[derive(serde::Serialize)] struct Arguments { x: i64 }
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! # runtime.block_on(async {
//! let cache = Cache::new(LocMemKeyValue::new());
//! let key = Key::new("squared", literal::to_string(&Arguments { x: 12 })?, "text/html");
//! assert_eq!(key.as_str(), "{'x': 12}(squared)(text/html)");
//!
//! let compute = || async { Ok::<_, giotto_cache::Error>("<p>144</p>".into()) };
//! let answer = cache.get_or_compute(key, Policy::seconds(3600), compute).await?;
//! assert_eq!(answer.entry.body(), "<p>144</p>");
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).map_err(|error| error.to_string())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The files in the order of a request
//!
//! 1. `cache.rs`: [`Cache::get_or_compute`], the engine, with [`Policy`] (`policy.rs`) and [`Key`] (`key.rs`,
//!    its argument part written by [`literal`]).
//! 2. `backend.rs`: every call to a store under one deadline and a breaker (`breaker.rs`).
//! 3. `entry.rs`: [`Entry`], the stored envelope; it alone decides what is fresh.
//! 4. `flight.rs`: one computation per key, however many wait.
//! 5. `keyvalue/`: the trait [`KeyValue`] and its implementations, which see only bytes.

mod backend;
mod breaker;
mod cache;
mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod entry;
mod error;
mod flight;
mod key;
pub mod keyvalue;
pub mod literal;
mod policy;
mod stats;

/// What an implementation of [`KeyValue`] stands under.
pub use async_trait::async_trait;
pub use cache::{Answer, Builder, Cache, Status};
pub use clock::Clock;
pub use entry::{Entry, Undecodable};
pub use error::{Error, ErrorKind, Result};
pub use key::Key;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use keyvalue::DatabaseKeyValue;
#[cfg(feature = "memcache")]
pub use keyvalue::MemcacheKeyValue;
#[cfg(feature = "redis")]
pub use keyvalue::RedisKeyValue;
pub use keyvalue::{DummyKeyValue, KeyValue, LayeredKeyValue, LocMemKeyValue, Place};
pub use policy::{IntoPolicy, Policy};
pub use stats::Counts;
