//! A response cache. It can be used without the framework: to it, a program is only a name in a key.
//!
//! Give [`Cache::get_or_compute`] a [`Key`], a [`Policy`] and a computation. It returns the stored bytes while they are fresh.
//! Otherwise it runs the computation once, however many callers wait, and stores the result in a [`KeyValue`].
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
//! # A miss, file by file
//!
//! `cache.rs`: [`Cache::answer`] takes a [`Lookup`] (`lookup.rs`): a [`Key`] (`key.rs`, its arguments written by
//! [`literal`]), a [`Policy`] (`policy/`), tags and a [`Mode`]. `engine/mod.rs` has the steps in their order, and
//! `engine/state.rs` what the engine consists of:
//!
//! 1. `engine/read.rs` fetches the entry and the generations that it depends on (`invalidation/records.rs`), through the
//!    deadline and the circuit breakers of `guard/`, from the store: `keyvalue/` has the trait [`KeyValue`] and its
//!    implementations, which see only bytes.
//! 2. `entry/codec.rs` opens the bytes as an [`Entry`], and `entry/freshness.rs` decides what may be done with it. A hit ends
//!    here.
//! 3. `engine/single_flight.rs`: one computation for each key, however many callers wait.
//! 4. `engine/attempt.rs`: one of several processes computes, by a lease (`engine/lease.rs`), and stores a new entry within
//!    the budget of its program (`engine/budget.rs`).
//! 5. `engine/compute.rs` runs the computation, which returns a [`Computed`] and may use its [`CacheControl`] (`computed.rs`).
//! 6. `engine/store.rs`: the result becomes an entry under the generations from before it was computed
//!    (`invalidation/tags.rs`).
//! 7. `engine/fallback.rs`: the caller gets the result, or an old entry in its place, as an [`Answer`] (`answer.rs`).
//!
//! `function/` (feature `functions`) is a second way in beside `cache.rs`, for results that are values of a type ([`Function`]). What
//! it needs of the engine is in `engine/functions/` and `engine/waits.rs`.
//!
//! `invalidation/` makes entries old, and tells the caches in front of this one (`downstream.rs`). `inspect/` explains a
//! lookup, lists what is in the store and measures it; `upkeep/` removes what matches, and copies it. `acceptance.rs`,
//! `metadata.rs`, `reason.rs`, `scope.rs`, `clock.rs`, `error.rs`, `stats/`, `log.rs` and
//! `signature.rs` are what all of them are made of.

mod acceptance;
mod answer;
mod cache;
mod clock;
mod computed;
#[cfg(feature = "conformance")]
pub mod conformance;
mod downstream;
mod engine;
mod entry;
mod error;
#[cfg(feature = "functions")]
pub mod function;
mod guard;
mod inspect;
mod invalidation;
mod key;
mod keyvalue;
pub mod literal;
#[doc(hidden)]
pub mod log;
mod lookup;
mod metadata;
mod policy;
mod reason;
mod scope;
mod signature;
mod stats;
#[cfg(feature = "testing")]
pub mod testing;
#[doc(hidden)]
pub mod trace;
mod upkeep;

pub use acceptance::{Acceptance, Stored};
pub use answer::Answer;
/// What an implementation of [`KeyValue`] stands under.
pub use async_trait::async_trait;
pub use cache::{Cache, CacheBuilder, IntoStore};
pub use clock::Clock;
pub use computed::{CacheControl, Computed};
pub use downstream::{Downstream, DownstreamCounts, Invalidation, Outdated};
pub use engine::computing::{Computing, independent};
pub use engine::popular::PopularPages;
pub use entry::Entry;
#[doc(hidden)]
pub use entry::codec::Undecodable;
pub use error::{Error, ErrorKind, Result};
#[cfg(feature = "functions")]
pub use function::Function;
#[cfg(feature = "macros")]
pub use giotto_macros::cached;
pub use inspect::explain::{EntryState, Explanation, LayerState, MadeOf};
pub use inspect::list::{ListPage, Listing};
pub use inspect::listed::{Known, ListedEntry, ListedState};
pub use inspect::measure::LayerMeasure;
pub use inspect::walk::Walk;
pub use invalidation::past::{PastInvalidation, acting, actor};
pub use key::Key;
#[doc(hidden)]
pub use keyvalue::changes::{Change, Changes};
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use keyvalue::database::DatabaseKeyValue;
pub use keyvalue::dummy::DummyKeyValue;
pub use keyvalue::layered::LayeredKeyValue;
pub use keyvalue::locmem::LocMemKeyValue;
pub use keyvalue::measure::{Evicts, Measure};
#[cfg(feature = "memcache")]
pub use keyvalue::memcache::MemcacheKeyValue;
pub use keyvalue::migrating::MigratingKeyValue;
#[doc(hidden)]
pub use keyvalue::namespace::Namespace;
#[cfg(feature = "redis")]
pub use keyvalue::redis::RedisKeyValue;
pub use keyvalue::scan::{Scan, Scanned, StoredValue};
pub use keyvalue::{KeyValue, Place};
pub use lookup::{Lookup, Mode};
pub use metadata::Metadata;
pub use policy::Policy;
pub use policy::budget::{Budget, BudgetUse};
pub use policy::duration::IntoDuration;
pub use policy::into::IntoPolicy;
pub use reason::{NotStored, Reason, Staleness, Status};
pub use scope::Scope;
pub use stats::Counts;
pub use stats::layer::LayerCounts;
pub use stats::program::ProgramCounts;
pub use stats::times::Times;
pub use upkeep::matching::Removed;
pub use upkeep::transfer::Moved;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Compiles and runs the examples of the guide to functions.
#[cfg(all(doctest, feature = "macros"))]
#[doc = include_str!("../../docs/functions.md")]
struct FunctionsGuide;
