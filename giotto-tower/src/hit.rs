//! The short way of a hit: a stored response that is fresh and can be read without waiting.
//!
//! The first step of a request, where most requests of a cache in memory end.

use giotto_cache::{Answer, Lookup, Metadata};
use http::{HeaderMap, Response, request};

use crate::body::Body;
use crate::cache_status::CacheStatus;
use crate::demand::Demand;
use crate::key;
use crate::prepared::{Address, AtHand, LONGEST, Moment, Prepared, Reserved};
use crate::present::Present;
use crate::respond::{self, Wanted};
use crate::settings::Settings;
use crate::stored::{Head, Marker, Note};

/// A stored response.
struct Selected {
    answer: Answer,
    metadata: Metadata,
    note: Note,
    /// Whether it is under the key of a variant.
    is_variant: bool,
}

/// The stored response of `primary`, or of the variant that the request with `parts` selects, if it is fresh and can be read
/// without waiting. The fields are taken from the parts if it is.
pub(crate) fn hit<B>(
    settings: &Settings,
    primary: &Lookup,
    at_hand: &AtHand,
    demand: &Demand,
    present: Present,
    parts: &mut request::Parts,
) -> Option<Response<Body<B>>> {
    let answer = settings.cache.hit(primary)?;
    if let Some(head) = prepared(settings, at_hand, demand, &answer) {
        return Some(head.response(answer.entry.into_body()));
    }
    let Selected {
        answer,
        metadata,
        note,
        is_variant,
    } = select(settings, primary, answer, parts)?;
    let now_ms = found_at(settings, &answer);
    if !demand.takes(note, &answer.entry, now_ms) {
        return None;
    }
    let reserved = (!is_variant)
        .then(|| reserve(settings, at_hand, &metadata, present, parts))
        .flatten();
    let moment = Moment::of(note, &answer, now_ms);
    let own = reserved.as_ref().map_or(&metadata, |(_, own)| own);
    let head = read(own, note, present, parts)?;
    let status = CacheStatus::answered(&answer, is_variant);
    let wanted = Wanted {
        method: &parts.method,
        fields: &parts.headers,
    };
    let response = respond::stored(settings, wanted, head, answer, &status, moment);
    if let Some((reserved, metadata)) = reserved {
        let heads = &settings.heads;
        heads.keep(reserved, primary, note, metadata, moment, &response);
    }
    Some(response)
}

/// The head that is at hand, if it is that of `answer`.
fn prepared<'h>(
    settings: &Settings,
    at_hand: &'h AtHand,
    demand: &Demand,
    answer: &Answer,
) -> Option<&'h Prepared> {
    let AtHand::Head(head) = at_hand else {
        return None;
    };
    let now_ms = found_at(settings, answer);
    let is_its = head.is_of(answer, now_ms) && demand.takes(head.note(), &answer.entry, now_ms);
    is_its.then_some(head)
}

/// The response of `answer`, or the variant that the request selects where that is a marker.
fn select(
    settings: &Settings,
    primary: &Lookup,
    answer: Answer,
    parts: &request::Parts,
) -> Option<Selected> {
    let metadata = answer.entry.metadata()?;
    if let Some(note) = Note::read(&metadata) {
        return Some(Selected {
            answer,
            metadata,
            note,
            is_variant: false,
        });
    }
    let marker = Marker::read(&metadata)?;
    let variant = key::variant(primary.key(), &marker, &parts.headers)?;
    let answer = settings.cache.hit(&Lookup::new(variant, settings.policy))?;
    let metadata = answer.entry.metadata()?;
    Some(Selected {
        note: Note::read(&metadata)?,
        answer,
        metadata,
        is_variant: true,
    })
}

/// A place for the head of this request, and the metadata in memory of its own, if there is room.
fn reserve(
    settings: &Settings,
    at_hand: &AtHand,
    metadata: &Metadata,
    present: Present,
    parts: &request::Parts,
) -> Option<(Reserved, Metadata)> {
    match at_hand {
        AtHand::Nothing => None,
        AtHand::Head(_) | AtHand::Room => {
            let reserved = key::address(settings, parts, present).map(Address::reserve)?;
            Some((reserved, metadata.detached(LONGEST)?))
        }
    }
}

/// The head that `metadata` has, in the memory of the fields of the request, if nothing is asked of them any more.
fn read(
    metadata: &Metadata,
    note: Note,
    present: Present,
    parts: &mut request::Parts,
) -> Option<Head> {
    let status = Head::status(metadata)?;
    let fields = match present.has(Present::CONDITIONS | Present::RANGE) {
        true => HeaderMap::new(),
        false => emptied(&mut parts.headers),
    };
    Some(Head::read(metadata, status, note, fields))
}

/// When `answer`, which is fresh, was found: without asking the clock again, where that can be told.
fn found_at(settings: &Settings, answer: &Answer) -> u64 {
    let created_ms = answer.entry.created_ms();
    let found_at = || {
        let passed = answer.entry.fresh_for(created_ms)?;
        let passed = passed.saturating_sub(answer.fresh_for?).as_millis();
        Some(created_ms.saturating_add(u64::try_from(passed).ok()?))
    };
    found_at().unwrap_or_else(|| settings.cache.now_ms())
}

/// Takes the memory of `fields`.
fn emptied(fields: &mut HeaderMap) -> HeaderMap {
    let mut fields = std::mem::take(fields);
    fields.clear();
    fields
}
