//! What becomes of a result: stored under the generations from before it was computed, or kept out.
//!
//! Step 6 of a lookup, in the task that computes. It closes three races with the computation:
//!
//! - An invalidation: the entry carries the generations from before the computation, so it is old as soon as it is stored
//!   ([`stamp`]).
//! - A removal, or another process that takes the lease: callers that joined after it do not get the result, and an entry
//!   that was already written is removed again ([`write()`]).
//! - A caller that joins after the store has answered this task and before the flight ends: its own read may be newer than
//!   that answer, so it joins again ([`Flight::confirms`]).

use bytes::Bytes;

use crate::answer::Answer;
use crate::computed::Directives;
use crate::engine::attempt::Attempt;
use crate::engine::coding::stored_bytes;
use crate::engine::compute::Finished;
use crate::engine::heritage::{self, Heritage, Lives};
use crate::engine::inherited::Gathered;
use crate::engine::lives::clocks;
use crate::engine::single_flight::{Flight, Outcome};
use crate::engine::state::Engine;
use crate::engine::unstored;
use crate::entry::Entry;
use crate::entry::codec::Draft;
use crate::entry::extension::{Extension, Stamp};
use crate::entry::inherited::{Blocked, Unstored};
use crate::error::Error;
use crate::guard::unanswered::Unanswered;
use crate::invalidation::records;
use crate::invalidation::tags::{self, Unstamped};
use crate::key::Key;
use crate::log::Cut;
use crate::policy::clocks::Clocks;
use crate::reason::{NotStored, Status};

/// Seals the result as an entry, stores it if it may be stored, and ends the flight with it.
pub(crate) async fn store(engine: &Engine, flight: Flight, mut attempt: Attempt, result: Finished) {
    let mut directives = attempt.control.directives();
    let gathered = attempt.computing.take_gathered();
    directives.no_store |= heritage::blocks(engine, &flight, attempt.key(), &gathered);
    let asks_store = attempt.lease.is_some() || !directives.tags.is_empty() || !gathered.is_empty();
    flight.confirms(attempt.is_answered && asks_store);
    let now_ms = engine.clock.now_ms();
    let own = clocks(engine, &attempt, &directives, &result, now_ms);
    // Nothing would ever see it.
    directives.no_store |= own.is_some_and(|own| own.keep_until <= now_ms);
    // It is for its own caller, stored or not.
    let is_private = directives.no_store || own.is_some_and(Clocks::are_of_no_cache);
    let has_tags = !attempt.lookup.tags.is_empty() || !directives.tags.is_empty();
    let depends = has_tags || !gathered.is_empty();
    if has_tags || gathered.has_tags() {
        flight.depends_on_tags();
    }
    let clocks = own.and_then(|own| gathered.limit(own, now_ms));
    let why = attempt.obstacle.unwrap_or(Unstamped::NotWanted);
    let stamps = match own.zip(clocks).filter(|_| !directives.no_store) {
        Some((own, clocks)) if attempt.is_stamped() => {
            let started_ms = result.started_ms;
            let lives = Lives {
                clocks,
                own,
                started_ms,
            };
            stamp(engine, &flight, &mut attempt, &directives, gathered, lives).await
        }
        _ => Err(heritage::confirm(engine, &gathered)
            .await
            .err()
            .unwrap_or(why)),
    };
    let (stamped, Heritage { stamps, inherited }) = match stamps {
        Ok(heritage) => (Ok(()), heritage),
        Err(why) => (Err(why), Heritage::default()),
    };
    match stamped {
        // A caller that came after the invalidation must not be given this result.
        Err(Unstamped::Invalidated) => flight.revoke(),
        // The store does not say, so that a caller which looks again would learn nothing.
        Err(Unstamped::Unknown) => flight.confirms(false),
        _ => {}
    }
    if stamped.is_err() && result.is_negative {
        unstored::forget(engine, &attempt).await;
    }
    let is_storable = stamped.is_ok() && attempt.obstacle.is_none() && !flight.is_revoked();
    let draft = Draft {
        key: attempt.key(),
        clocks: clocks
            .filter(|_| is_storable)
            .unwrap_or_else(|| Clocks::plain(now_ms, 0)),
        cost: result.cost,
        is_negative: result.is_negative,
        has_own_time: directives.ttl.is_some(),
        extension: Extension {
            version: attempt.lookup.policy.version_number(),
            retry_at: 0,
            program: attempt.generations.program,
            metadata: result.metadata,
            decoded_length: None,
            tags: stamps,
            inherited,
        },
        body: &result.body,
        etag: None,
    };
    let mut entry = Entry::sealed(&draft, &engine.signer);
    if !is_storable {
        let left = match is_private {
            true => Unstored::Blocked(Blocked::NoStore),
            false => unstored::left(&attempt, depends, stamped, clocks),
        };
        entry.set_unstored(left);
    }
    match unstored::obstacle(engine, &attempt, &directives, &entry, stamped, is_storable) {
        None if is_storable && !engine.keeps_nothing() => {
            write(engine, flight, attempt, entry).await;
        }
        why => keep_out(engine, flight, attempt, entry, why, is_private).await,
    }
}

/// The tags of the entry with their generations from before the computation, once it is certain that the result may be
/// stored: nothing that it depends on was invalidated, and no other process has taken the lease.
async fn stamp(
    engine: &Engine,
    flight: &Flight,
    attempt: &mut Attempt,
    directives: &Directives,
    gathered: Gathered,
    lives: Lives,
) -> Result<Heritage, Unstamped> {
    let stamps = match own_stamps(engine, attempt, directives, lives).await {
        Ok(own) => heritage::inherit(engine, attempt, gathered, own, lives).await,
        Err(why) => Err(why),
    };
    // Race: another process removes the entry while this one computes. It deletes the lease first, so the lease is checked
    // before any caller gets the result: if it is gone, the result is from before the removal.
    let is_held = match &attempt.lease {
        Some(lease) if stamps.is_ok() && attempt.is_answered => lease.is_held().await,
        _ => Ok(true),
    };
    match is_held {
        Ok(true) if !matches!(stamps, Err(Unstamped::Unknown | Unstamped::Bad)) => {}
        Ok(false) => flight.revoke(),
        // The store does not say, so that a caller which looks again would learn nothing.
        _ => flight.confirms(false),
    }
    // Race: a cache downstream is purged, and then gets this result, which was computed from what was there before. It asks
    // nobody again as long as the result is said to be fresh; here, the next lookup would see that it is old.
    if stamps.is_ok() && attempt.is_answered && engine.downstream.are_any() {
        match records::still_count(engine, &attempt.lookup, &attempt.generations).await {
            Ok(true) => {}
            Ok(false) => flight.revoke(),
            Err(_) => flight.confirms(false),
        }
    }
    stamps
}

/// The stamps of the tags that the lookup and the computation have named.
async fn own_stamps(
    engine: &Engine,
    attempt: &mut Attempt,
    directives: &Directives,
    lives: Lives,
) -> Result<Vec<Stamp>, Unstamped> {
    let (lookup, generations) = (&attempt.lookup, &mut attempt.generations);
    match lookup.tags.is_empty() && directives.tags.is_empty() {
        true => Ok(Vec::new()),
        false => {
            let Lives {
                clocks, started_ms, ..
            } = lives;
            tags::stamp(engine, lookup, generations, directives, clocks, started_ms).await
        }
    }
}

/// Writes the entry and ends the flight. The result is announced before it is written to a store outside this process, so
/// that no caller waits for the write. The flight goes on until the store has answered: a computation that began in between
/// would find nothing and compute again.
async fn write(engine: &Engine, flight: Flight, mut attempt: Attempt, entry: Entry) {
    // Made just now, the entry has its whole life before it.
    let answer = |why: Option<NotStored>| match why {
        None => Answer::new(entry.clone(), Status::Stored, None, entry.created_ms()),
        why => Answer::not_stored(entry.clone(), why, entry.created_ms()),
    };
    let key = attempt.lookup.key.as_str();
    let is_private = entry.clocks().are_of_no_cache();
    let outcome = |why| match is_private {
        true => Outcome::Private(answer(why)),
        false => Outcome::Shared(Ok(answer(why))),
    };
    if is_private {
        let now_ms = entry.created_ms();
        engine.flights.note_uncacheable(key, now_ms);
    }
    if engine.is_shared() {
        // The store has still to be asked, so that the answer says what is known of it.
        let is_accepting = attempt.is_answered && engine.store.is_writable(key);
        let why = (!is_accepting).then_some(NotStored::StoreFailed);
        flight.announce(outcome(why));
    }
    let raw = stored_bytes(engine, attempt.key(), &entry).await;
    let expire = entry.keep_for(entry.created_ms());
    if let Some(place) = attempt.place.take() {
        engine.budgets.keep(place, entry.clocks());
    }
    let stored = engine.store.set(key, raw.clone(), expire).await;
    let why = match stored {
        Ok(()) => {
            let is_same = attempt.old.as_ref().map(|old| old.etag() == entry.etag());
            engine.meter(attempt.key()).stored(is_same);
            engine.history.note(key, entry.clocks().error_until);
            None
        }
        Err(Unanswered::TooLarge) => {
            // The older entry that is still stored must not be served in its place.
            unstored::forget(engine, &attempt).await;
            Some(NotStored::TooLarge)
        }
        Err(_) => Some(NotStored::StoreFailed),
    };
    if why.is_some() {
        unstored::note(engine, attempt.key(), entry.body().len(), why);
        engine.budgets.left(key);
    }
    if !attempt.release().await {
        flight.revoke();
    }
    if (stored.is_ok() || engine.has_copies()) && flight.is_revoked() {
        take_out(engine, attempt.key(), &raw).await;
    }
    if !engine.is_shared() {
        flight.finish(outcome(why));
    }
}

/// Removes the entry that was just written, because it was removed, or its lease taken, while it was computed. By
/// compare-and-set, because another process may have stored a newer one since.
async fn take_out(engine: &Engine, key: &Key, raw: &Bytes) {
    let removed = engine.store.replace(key.as_str(), raw, None, None).await;
    engine.budgets.left(key.as_str());
    if removed.is_err() {
        let key = Cut(key).to_string();
        engine.log.tell("still stored", move |repeated| {
            tracing::warn!(
                key,
                repeated,
                "an entry that was removed while it was computed is still stored: remove it again"
            );
        });
    }
}

/// Ends the flight with a result that is not stored. If the result must not or cannot be stored at all, the older entry under
/// its key is removed: otherwise it would be served until it expires.
async fn keep_out(
    engine: &Engine,
    flight: Flight,
    mut attempt: Attempt,
    entry: Entry,
    why: Option<NotStored>,
    is_private: bool,
) {
    unstored::note(engine, attempt.key(), entry.body().len(), why);
    if let Some(NotStored::NoStore | NotStored::TooLarge | NotStored::BadTag) = why {
        unstored::forget(engine, &attempt).await;
    }
    let now_ms = entry.created_ms();
    let answer = Answer::not_stored(entry, why, now_ms);
    if is_private {
        engine
            .flights
            .note_uncacheable(attempt.key().as_str(), now_ms);
        flight.finish(Outcome::Private(answer));
    } else {
        flight.finish(Outcome::Shared(Ok(answer)));
    }
    attempt.release().await;
}

/// Ends the flight with an error that is an answer, such as "not allowed".
pub(crate) async fn refuse(engine: &Engine, flight: Flight, mut attempt: Attempt, error: Error) {
    engine.meter(attempt.key()).stats.refused.increase();
    flight.announce(Outcome::Shared(Err(error)));
    unstored::forget(engine, &attempt).await;
    attempt.release().await;
}

/// Ends the flight with an error that is an answer and says nothing about what is stored. The lease is given back first: a
/// caller that waited may compute at once.
pub(crate) async fn decline(engine: &Engine, flight: Flight, mut attempt: Attempt, error: Error) {
    engine.meter(attempt.key()).stats.refused.increase();
    attempt.release().await;
    flight.finish(Outcome::Shared(Err(error)));
}
