//! What is in the cache: `cache/list`, and which stored pages a pattern of arguments means.
//!
//! Programs under `mgt/cache/` that run no model.

mod filter;
mod found;
mod glob;
pub(super) mod hits;
pub(super) mod list;
mod listed;
mod literal;
mod meant;
mod pattern;
pub(super) mod sizes;
mod top;
mod view;

pub(super) use meant::policies;
pub(super) use pattern::Pattern;
pub(super) use view::page;
