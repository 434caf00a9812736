//! The configuration: `giotto.toml`, overridden by environment variables, overridden by flags.
//!
//! Read before the first step of an invocation. `flags.rs` takes the flags of a command. `source.rs` collects the settings
//! (`setting.rs`) with the place where each was set, those of a profile (`profile.rs`) and in files of their own (`secret.rs`); it ignores variables of other services (`links.rs`). `settings.rs` gives
//! each key (`key.rs`) its type. `store.rs` opens the cache: `table.rs` has the settings of one store, `engine.rs` the
//! stores that can be named. `admin.rs` has the settings of the admin listener, `log.rs` those of the log, `budget.rs` the budgets
//! of programs, `purge.rs` the end points of purges, `session.rs` the settings of sessions, `app/` those of the application itself. An unknown key or value is
//! refused, and the error names its place.

mod admin;
mod app;
mod budget;
mod engine;
mod flags;
mod key;
mod links;
mod log;
mod profile;
#[cfg(feature = "purge")]
mod purge;
mod secret;
#[cfg(feature = "session")]
mod session;
mod setting;
mod settings;
mod source;
mod store;
mod table;

#[cfg(feature = "admin")]
pub(crate) use admin::Place;
pub(crate) use flags::{SET, configure, flags, flags_of};
#[cfg(test)]
pub(crate) use key::KEYS;
pub(crate) use settings::Config;
