//! Whether a stored entry is a fresh hit, where comparing its times and its stamps is enough to tell.
//!
//! Step 2 of a lookup, before `freshness.rs`: it reads no more of the entry than it must.

use std::borrow::Borrow;

use bytes::Bytes;

use super::codec::Envelope;
use super::freshness::is_from_the_future;
use super::stamps::Stamp;
use crate::invalidation::generation::Generation;
use crate::policy::Policy;

/// Whether an entry is fresh at `now_ms` by its time to live, of which `policy` allows all. Entries that were created before
/// `doubted_before_ms` are in doubt.
#[inline]
pub(crate) fn is_in_time(
    envelope: &Envelope<impl Borrow<Bytes>>,
    policy: &Policy,
    doubted_before_ms: u64,
    now_ms: u64,
) -> bool {
    let (created, fresh_until) = (envelope.created(), envelope.fresh_until());
    let is_now = now_ms < fresh_until && !is_from_the_future(created, now_ms);
    is_now && created >= doubted_before_ms && policy.allows(created, fresh_until)
}

/// Whether an entry that is [in time](is_in_time) is served for a caller with this `policy` that asks for these `tags`, by what
/// else decides: `generation` is that of its program now, and `counts` says of a stamp whether its generation is. Decides as
/// [`judge`](super::freshness::judge) does; `false` also if only that can.
#[inline]
pub(crate) fn is_untouched(
    envelope: &Envelope<impl Borrow<Bytes>>,
    policy: &Policy,
    tags: &[String],
    generation: Generation,
    counts: impl FnMut(Stamp<'_>) -> bool,
) -> bool {
    match envelope.is_bare() && tags.is_empty() {
        true => generation == Generation::default() && policy.version_number() == 0,
        false => are_untouched(envelope, policy, tags, generation, counts),
    }
}

#[inline(never)] // So that it is no part of what most hits of functions and plain pages take.
fn are_untouched(
    envelope: &Envelope<impl Borrow<Bytes>>,
    policy: &Policy,
    tags: &[String],
    generation: Generation,
    counts: impl FnMut(Stamp<'_>) -> bool,
) -> bool {
    envelope.stamps().is_some_and(|stamps| {
        let is_same = stamps.program == generation && stamps.version == policy.version_number();
        is_same && stamps.all(tags, counts)
    })
}
