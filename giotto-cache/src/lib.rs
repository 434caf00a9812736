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
//! 1. `cache.rs`: [`Cache::answer`], the engine, asked with a [`Lookup`] (`lookup.rs`): a [`Key`] (`key.rs`,
//!    its argument part written by [`literal`]) and a [`Policy`] (`policy.rs`).
//! 2. `look.rs`: one look into the store, through `backend.rs`: every call under one deadline (`in_time.rs`) and a
//!    breaker (`breaker.rs`).
//! 3. `entry.rs`: [`Entry`], the stored envelope; `generation.rs`: what an invalidation changes; `verdict.rs`: what
//!    may be done with the entry, and the [`Reason`] if it is not fresh (`recent.rs` knows what was there).
//! 4. `flight.rs`: one computation per key, however many wait (`wait.rs`); `computation.rs`: one computation (`job.rs`)
//!    from beginning to end, if it is this process that may (`permit.rs`, with a `lease.rs` among processes), under the
//!    generations of its tags (`tags.rs`), with a say in how its result is stored (`control.rs`).
//! 5. `keyvalue/`: the trait [`KeyValue`] and its implementations, which see only bytes.
//!
//! Beside the way: `invalidation.rs` makes entries old, `explain.rs` tells what a lookup would find and `measure.rs`
//! what the store holds, `testing.rs` is for the tests of applications.

mod answer;
mod cache;
mod clock;
mod computed;
#[cfg(feature = "conformance")]
pub mod conformance;
mod engine;
mod entry;
mod error;
mod guard;
mod inspect;
mod invalidation;
mod key;
pub mod keyvalue;
pub mod literal;
#[doc(hidden)]
pub mod log;
mod lookup;
mod policy;
mod reason;
mod scope;
mod signature;
mod stats;
#[cfg(feature = "testing")]
pub mod testing;

pub use answer::Answer;
/// What an implementation of [`KeyValue`] stands under.
pub use async_trait::async_trait;
pub use cache::{Cache, CacheBuilder, IntoStore};
pub use clock::Clock;
pub use computed::{CacheControl, Computed};
pub use entry::Entry;
pub use entry::codec::Undecodable;
pub use error::{Error, ErrorKind, Result};
pub use inspect::explain::{EntryState, Explanation, LayerState};
pub use inspect::measure::LayerMeasure;
pub use key::Key;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use keyvalue::database::DatabaseKeyValue;
pub use keyvalue::dummy::DummyKeyValue;
pub use keyvalue::layered::LayeredKeyValue;
pub use keyvalue::locmem::LocMemKeyValue;
pub use keyvalue::measure::Measure;
#[cfg(feature = "memcache")]
pub use keyvalue::memcache::MemcacheKeyValue;
#[cfg(feature = "redis")]
pub use keyvalue::redis::RedisKeyValue;
pub use keyvalue::{KeyValue, Place};
pub use lookup::{Lookup, Mode};
pub use policy::Policy;
pub use policy::duration::IntoDuration;
pub use policy::into::IntoPolicy;
pub use reason::{NotStored, Reason, Staleness, Status};
pub use scope::Scope;
pub use stats::Counts;
