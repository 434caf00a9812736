//! `cache/warm`: computes pages before they are asked for.
//!
//! A program under `mgt/cache/`: `range.rs` reads several invocations in one, `warm.rs` computes them, `warmed.rs` reports,
//! `progress.rs` shows a bar.

mod progress;
mod range;
pub(super) mod warm;
mod warmed;
