//! The content coding that a page is sent under (RFC 9110, 8.4 and 12.5.3).
//!
//! The last step of an invocation over HTTP. A page in memory is compressed when it is first asked for under a coding
//! (`compression/`); here is decided which coding a client gets.

use std::borrow::Cow;
use std::cmp::Reverse;

use giotto_cache::Status;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};

use super::problem::Problem;
use crate::app::App;
use crate::compression::{Coding, ContentCoding};
use crate::page::Page;

/// A smaller page fits into one packet as it is.
const MIN_BODY: usize = 1 << 10;
/// The most members of `Accept-Encoding` that are read.
const MAX_MEMBERS: usize = 128;
const IDENTITY: usize = Coding::ALL.len();

/// Whether the coding of `page` depends on the client: a stored page of a media type that can be compressed.
pub(super) fn is_negotiated(app: &App, page: &Page) -> bool {
    let status = page.cache_status().and_then(|status| status.status);
    let is_stored = !matches!(status, None | Some(Status::NotStored)) && page.is_storable();
    page.body().len() >= MIN_BODY
        && app.compression.is_on()
        && page.coding() == ContentCoding::Open
        && is_stored
        && page.mime().is_compressible()
}

/// Whether the client gets a page as it is stored, under zstd: the store codes pages, and the client prefers no other
/// coding. If it has entity tags of a page, it has it under zstd.
pub(super) fn takes_stored(app: &App, headers: &HeaderMap, known: &[&[u8]]) -> bool {
    let has_none_or_zstd = || known.is_empty() || contain(known, br#"-zstd""#);
    app.compression.is_on()
        && app.shared_cache().is_coding()
        && has_none_or_zstd()
        && Accepted::read(headers).in_order(b"", &[], true).next() == Some(Some(Coding::Zstd))
}

/// Chooses the coding of `page`, whose representations are the page itself and the codings that are worth it. The client
/// gets what it has already, by the entity tags that are `known`, else what it prefers.
///
/// # Errors
///
/// 406 if it accepts none of them: it has refused the page itself with `identity;q=0`.
pub(super) async fn negotiate(
    app: &App,
    headers: &HeaderMap,
    known: &[&[u8]],
    page: &mut Page,
) -> Result<(), Problem> {
    page.leave_uncoded(ContentCoding::Identity);
    let etag = page.cache_status().and_then(|status| status.etag.clone());
    let etag = etag.unwrap_or_default();
    let accepted = Accepted::read(headers);
    let prefers_zstd = app.shared_cache().is_coding();
    for coding in accepted.in_order(&etag, known, prefers_zstd) {
        let Some(coding) = coding else {
            return Ok(());
        };
        if let Some(coded) = app.compression.coded(coding, &etag, page.body()).await {
            page.code(coding, coded);
            return Ok(());
        }
    }
    let message = "the page is not available in a coding that Accept-Encoding allows: accept br, zstd, gzip or identity";
    Err(Problem::new(StatusCode::NOT_ACCEPTABLE, message))
}

/// `Content-Encoding` of `coding`.
pub(super) const fn field(coding: Coding) -> HeaderValue {
    HeaderValue::from_static(coding.name())
}

/// The codings that a client accepts, and at the end the page itself; each with its weight in thousandths.
#[derive(Debug, PartialEq, Eq)]
struct Accepted([Option<u16>; IDENTITY + 1]);

impl Accepted {
    /// Reads `Accept-Encoding`. A member that cannot be read counts as not given. Of a coding that is given twice, the lower
    /// weight counts.
    fn read(headers: &HeaderMap) -> Self {
        let fields = headers.get_all(header::ACCEPT_ENCODING).into_iter();
        let fields = fields.filter_map(|field| field.to_str().ok());
        let members = fields.flat_map(|field| field.split(','));
        let (mut given, mut other) = ([None; IDENTITY + 1], None);
        for member in members.take(MAX_MEMBERS) {
            let (name, parameters) = member.split_once(';').unwrap_or((member, ""));
            let slot = match slot(name.trim_ascii()) {
                Some(Slot::Of(at)) => &mut given[at],
                Some(Slot::Other) => &mut other,
                None => continue,
            };
            if let Some(weight) = weight(parameters) {
                *slot = Some(slot.map_or(weight, |before: u16| before.min(weight)));
            }
        }
        // The page itself is acceptable unless it is refused, but without a weight of its own the least welcome.
        let is_refused = given[IDENTITY].or(other) == Some(0);
        let identity = given[IDENTITY].unwrap_or(0);
        let mut accepted = given.map(|given| given.or(other).filter(|weight| *weight > 0));
        accepted[IDENTITY] = (!is_refused).then_some(identity);
        // A range is one of the page itself: its bytes are the same in every process and release, those of a compressor may
        // not be.
        if !is_refused && headers.contains_key(header::RANGE) {
            accepted[..IDENTITY].fill(None);
        }
        Self(accepted)
    }

    /// What the client accepts, in the order in which it is to be tried: first what the client has already, by the entity
    /// tags in `known`, then by weight, then as the server prefers: zstd if pages are stored so. `None` is the page itself,
    /// whose tag is `etag`.
    fn in_order(
        &self,
        etag: &[u8],
        known: &[&[u8]],
        prefers_zstd: bool,
    ) -> impl Iterator<Item = Option<Coding>> + use<> {
        let mut candidates = [None; IDENTITY + 1];
        for (at, (candidate, weight)) in candidates.iter_mut().zip(self.0).enumerate() {
            let coding = Coding::ALL.get(at).copied();
            let is_known = || !known.is_empty() && has_tag(known, etag, coding);
            let is_stored = prefers_zstd && coding == Some(Coding::Zstd);
            *candidate = weight.map(|weight| ((is_known(), weight, is_stored), coding));
        }
        // The sort is stable.
        candidates.sort_by_key(|candidate| Reverse(candidate.map(|(order, _)| order)));
        let accepted = candidates.into_iter().flatten();
        accepted.map(|(_, coding)| coding)
    }
}

/// Whether the lists of entity tags `known` have that of a page under `coding`.
fn has_tag(known: &[&[u8]], etag: &[u8], coding: Option<Coding>) -> bool {
    let tag = match coding {
        None => Some(etag.into()),
        Some(coding) => coding.etag(etag).map(Cow::from),
    };
    let tag: Cow<'_, [u8]> = tag.unwrap_or_default();
    // A tag has no quotes inside, so that one is not part of another.
    contain(known, &tag)
}

fn contain(lists: &[&[u8]], text: &[u8]) -> bool {
    let mut lists = lists.iter();
    !text.is_empty() && lists.any(|list| list.windows(text.len()).any(|part| part == text))
}

enum Slot {
    Of(usize),
    /// `*`: every coding that is not named.
    Other,
}

/// Where the weight of the coding `name` belongs; `None` if it is another coding.
fn slot(name: &str) -> Option<Slot> {
    if name == "*" {
        return Some(Slot::Other);
    }
    if name.eq_ignore_ascii_case("identity") {
        return Some(Slot::Of(IDENTITY));
    }
    let coding = Coding::named(name.as_bytes())?;
    let mut all = Coding::ALL.iter();
    all.position(|other| *other == coding).map(Slot::Of)
}

/// The weight in `parameters` (RFC 9110, 12.4.2), in thousandths: `q=0.5` is 500. None is 1,000.
fn weight(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim_ascii();
    if parameters.is_empty() {
        return Some(1000);
    }
    let (name, value) = parameters.split_once('=')?;
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let is_number = part.len() <= 3 && part.bytes().all(|digit| digit.is_ascii_digit());
    if !name.eq_ignore_ascii_case("q") || !is_number {
        return None;
    }
    let places = part.bytes().zip([100, 10, 1]);
    let part = places.map(|(digit, place)| u16::from(digit - b'0') * place);
    match (whole, part.sum()) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}
