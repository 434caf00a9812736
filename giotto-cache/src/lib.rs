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
//! 2. `look.rs`: one look into the store, through `guard/`: every call has a deadline and a circuit breaker.
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
mod builder;
mod cache;
mod clock;
mod computation;
#[cfg(feature = "conformance")]
pub mod conformance;
mod control;
mod entry;
mod error;
mod explain;
mod flight;
mod generation;
mod guard;
mod invalidation;
mod job;
mod key;
pub mod keyvalue;
mod lease;
pub mod literal;
#[doc(hidden)]
pub mod log;
mod look;
mod lookup;
mod measure;
mod pending;
mod permit;
mod policy;
mod recent;
mod retry;
mod signature;
mod stats;
mod tags;
#[cfg(feature = "testing")]
pub mod testing;
mod verdict;
mod wait;

pub use answer::{Answer, NotStored, Staleness, Status};
/// What an implementation of [`KeyValue`] stands under.
pub use async_trait::async_trait;
pub use builder::Builder;
pub use cache::Cache;
pub use clock::Clock;
pub use control::CacheControl;
pub use entry::{Entry, Undecodable};
pub use error::{Error, ErrorKind, Result};
pub use explain::{EntryState, Explanation, LayerState};
pub use generation::Scope;
pub use job::Computed;
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
pub use measure::LayerMeasure;
pub use policy::{IntoPolicy, Policy, Time};
pub use stats::Counts;
pub use verdict::Reason;
