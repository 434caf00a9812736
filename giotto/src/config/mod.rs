//! The configuration: `giotto.toml`, overridden by environment variables, overridden by flags.
//!
//! Read before the first step of an invocation.

mod engine;
mod flags;
mod links;
mod setting;
mod settings;
mod source;
mod store;

pub(crate) use flags::{configure, flags};
pub(crate) use settings::Config;
