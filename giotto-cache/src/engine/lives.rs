//! How long a result lives: as its policy says, and its computation within that.
//!
//! Part of step 6 of a lookup.

use crate::computed::Directives;
use crate::engine::attempt::Attempt;
use crate::engine::compute::Finished;
use crate::engine::state::Engine;
use crate::policy::Policy;
use crate::policy::clocks::Clocks;

/// The clocks of the entry; `None` for a negative result that the policy does not store.
pub(crate) fn clocks(
    engine: &Engine,
    attempt: &Attempt,
    directives: &Directives,
    result: &Finished,
    now_ms: u64,
) -> Option<Clocks> {
    let policy = attempt.lookup.policy.at_most(
        directives.stale_while_revalidate,
        directives.stale_if_error,
        directives.keep,
    );
    let policy = match directives.ttl {
        Some(ms) => policy.lasting(ms),
        None => policy,
    };
    match result.is_negative {
        true => policy.negative_clocks(now_ms, directives.ttl),
        false => Some(policy.clocks(now_ms, draw_jitter(engine, &policy))),
    }
}

fn draw_jitter(engine: &Engine, policy: &Policy) -> f64 {
    match policy.has_jitter() {
        true => engine.draw(),
        false => 0.0,
    }
}
