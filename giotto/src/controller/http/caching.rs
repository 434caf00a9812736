//! The fields that say what clients and caches may do with a page (RFC 9110, 9111, 9211, 9213).
//!
//! The last step of an invocation over HTTP.

use std::cell::RefCell;
use std::fmt::Write;

use bytes::Bytes;
use giotto_cache::Status;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::cache_status::CacheStatus;
use crate::compression::ContentCoding;
use crate::lifetimes::Lifetimes;
use crate::page::Page;
use crate::varies::Negotiated;

pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
pub(super) const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// A client that has the page asks whether it is still the one: 304 if it is, and no model runs.
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
/// For pages behind middleware: no shared cache hands them to someone else.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// For pages that depend on who the reader is. A browser shows a page that it has stored again without asking when its user goes
/// back (RFC 9111, 6), and the user may be another one by then.
const PERSONAL: HeaderValue = HeaderValue::from_static("private, no-store");

const BY_CODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");
const BY_ACCEPT: HeaderValue = HeaderValue::from_static("Accept");
const BY_ACCEPT_AND_CODING: HeaderValue = HeaderValue::from_static("Accept, Accept-Encoding");
const BY_SCRIPT: HeaderValue = HeaderValue::from_static("Accept, X-Requested-With");
const BY_SCRIPT_AND_CODING: HeaderValue =
    HeaderValue::from_static("Accept, X-Requested-With, Accept-Encoding");

/// `Vary` (RFC 9110, 12.5.5) of a page: the fields of the request that it depends on; `None` if there are none.
pub(super) fn vary(page: &Page) -> Option<HeaderValue> {
    let is_coded = matches!(
        page.coding(),
        ContentCoding::Identity | ContentCoding::Coded(_)
    );
    let negotiated = match (page.negotiated(), is_coded) {
        (Negotiated::Nothing, false) => None,
        (Negotiated::Nothing, true) => Some(BY_CODING),
        (Negotiated::Accept, false) => Some(BY_ACCEPT),
        (Negotiated::Accept, true) => Some(BY_ACCEPT_AND_CODING),
        (Negotiated::AcceptOrScript, false) => Some(BY_SCRIPT),
        (Negotiated::AcceptOrScript, true) => Some(BY_SCRIPT_AND_CODING),
    };
    if page.read().is_empty() {
        return negotiated;
    }
    let names = negotiated.as_ref().and_then(|names| names.to_str().ok());
    Some(value(page.read().after(names.unwrap_or_default())))
}

/// Adds `Cache-Control` (RFC 9111, 5.2), and `CDN-Cache-Control` (RFC 9213) where shared caches may use the page.
pub(super) fn cache_control(page: &Page, fields: &mut HeaderMap) {
    let lifetimes = match page.lifetimes() {
        none if !none.are_any() => none,
        lifetimes => lifetimes.limited(life_left(page), page.is_private()),
    };
    if !lifetimes.are_any() {
        fields.append(header::CACHE_CONTROL, revalidated(page));
        return;
    }
    LAST_LIFETIMES.with_borrow_mut(|last| {
        if last.lifetimes != lifetimes || last.is_private != page.is_private() {
            *last = Directives::new(lifetimes, page.is_private());
        }
        fields.append(header::CACHE_CONTROL, last.all.clone());
        if let Some(shared) = &last.shared {
            fields.append(CDN_CACHE_CONTROL, shared.clone());
        }
    });
}

/// `Cache-Control` of a page that no client and cache may use without asking.
fn revalidated(page: &Page) -> HeaderValue {
    if !page.is_storable() {
        return NO_STORE;
    }
    // With a `max_age`, the author says that a browser may keep the page.
    let may_be_kept = || page.lifetimes().max_age > 0;
    match page.is_private() {
        false => NO_CACHE,
        true if page.read().are_personal() && !may_be_kept() => PERSONAL,
        true => PRIVATE,
    }
}

/// The seconds for which the page is still fresh; 0 for one that is old, or that must not be stored.
fn life_left(page: &Page) -> u32 {
    match page.cache_status() {
        Some(CacheStatus {
            etag: Some(_), ttl, ..
        }) => match ttl {
            Some(ttl) => u32::try_from((*ttl).max(0)).unwrap_or(u32::MAX),
            None => u32::MAX,
        },
        _ => 0,
    }
}

/// RFC 9211.
#[inline]
pub(super) fn cache_status(cache_status: &CacheStatus) -> HeaderValue {
    let layer = cache_status.layer;
    match (cache_status.status, cache_status.ttl) {
        (Some(Status::Hit), Some(ttl)) => LAST_HIT.with_borrow_mut(|last| {
            if last.seconds != ttl || last.layer != layer {
                *last = LastHit {
                    seconds: ttl,
                    layer,
                    field: match layer {
                        None => numbered("giotto; hit; ttl=", ttl),
                        Some(_) => value(cache_status.to_string()),
                    },
                };
            }
            last.field.clone()
        }),
        (Some(Status::Hit), None) if layer.is_none() => HeaderValue::from_static("giotto; hit"),
        _ => value(cache_status.to_string()),
    }
}

thread_local! {
    /// The field of the last hit. For a page that many clients read it is the same for a second, and then it is neither
    /// formatted nor allocated.
    static LAST_HIT: RefCell<LastHit> = RefCell::new(LastHit {
        seconds: 0,
        layer: None,
        field: numbered("giotto; hit; ttl=", 0),
    });
    /// The same for the directives of a page that caches downstream may use. They change only in the last seconds of the page.
    static LAST_LIFETIMES: RefCell<Directives> = RefCell::new(Directives::new(Lifetimes::default(), false));
}

/// The field of a hit, and what it says.
struct LastHit {
    seconds: i64,
    layer: Option<&'static str>,
    field: HeaderValue,
}

/// The fields of a page that caches downstream may use without asking.
struct Directives {
    lifetimes: Lifetimes,
    is_private: bool,
    all: HeaderValue,
    /// For shared caches only.
    shared: Option<HeaderValue>,
}

impl Directives {
    fn new(lifetimes: Lifetimes, is_private: bool) -> Self {
        let Lifetimes {
            max_age,
            shared_max_age,
            immutable,
            ..
        } = lifetimes;
        let mut all = String::new();
        if is_private {
            all += "private, ";
        }
        let _ = write!(all, "max-age={max_age}");
        // Not `no-cache`, which binds shared caches, too (RFC 9111, 5.2.2.4).
        if max_age == 0 {
            all += ", must-revalidate";
        }
        if shared_max_age > 0 {
            let _ = write!(all, ", s-maxage={shared_max_age}");
        }
        if max_age > 0 {
            if immutable {
                all += ", immutable";
            }
            also_stale(&mut all, lifetimes);
        }
        let shared = (shared_max_age > 0).then(|| {
            let mut shared = format!("max-age={shared_max_age}");
            also_stale(&mut shared, lifetimes);
            value(shared)
        });
        Self {
            lifetimes,
            is_private,
            all: value(all),
            shared,
        }
    }
}

/// Adds the directives of RFC 5861.
fn also_stale(directives: &mut String, lifetimes: Lifetimes) {
    for (name, seconds) in [
        ("stale-while-revalidate", lifetimes.stale_while_revalidate),
        ("stale-if-error", lifetimes.stale_if_error),
    ] {
        if seconds > 0 {
            let _ = write!(directives, ", {name}={seconds}");
        }
    }
}

/// `text` and then `number`, without `format!`, which costs measurable time in a hit.
fn numbered(text: &str, number: i64) -> HeaderValue {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(number);
    let mut field = [0; 40];
    let (start, end) = (text.len(), text.len() + digits.len());
    field[..start].copy_from_slice(text.as_bytes());
    field[start..end].copy_from_slice(digits.as_bytes());
    HeaderValue::from_bytes(&field[..end]).expect("letters, digits and punctuation only")
}

/// `text` as the value of a field.
pub(super) fn value(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("letters, digits and punctuation only")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lifetimes: Lifetimes, is_private: bool) -> (String, String) {
        let Directives { all, shared, .. } = Directives::new(lifetimes, is_private);
        let text = |value: HeaderValue| value.to_str().unwrap().to_owned();
        (text(all), shared.map(text).unwrap_or_default())
    }

    #[test]
    fn the_directives_are_those_of_the_rfcs() {
        let none = Lifetimes::default();
        let max_age = Lifetimes {
            max_age: 60,
            ..none
        };
        let shared = Lifetimes {
            shared_max_age: 300,
            ..none
        };
        let stale = |lifetimes| Lifetimes {
            stale_while_revalidate: 30,
            stale_if_error: 90,
            ..lifetimes
        };
        let immutable = Lifetimes {
            immutable: true,
            ..max_age
        };
        let both = Lifetimes {
            shared_max_age: 300,
            ..immutable
        };
        for (lifetimes, is_private, all, cdn) in [
            (max_age, false, "max-age=60", ""),
            (max_age, true, "private, max-age=60", ""),
            (immutable, false, "max-age=60, immutable", ""),
            (
                shared,
                false,
                "max-age=0, must-revalidate, s-maxage=300",
                "max-age=300",
            ),
            (
                stale(shared),
                false,
                "max-age=0, must-revalidate, s-maxage=300",
                "max-age=300, stale-while-revalidate=30, stale-if-error=90",
            ),
            (
                stale(immutable),
                true,
                "private, max-age=60, immutable, stale-while-revalidate=30, stale-if-error=90",
                "",
            ),
            (
                stale(both),
                false,
                "max-age=60, s-maxage=300, immutable, stale-while-revalidate=30, stale-if-error=90",
                "max-age=300, stale-while-revalidate=30, stale-if-error=90",
            ),
        ] {
            assert_eq!(
                told(lifetimes, is_private),
                (all.to_owned(), cdn.to_owned())
            );
        }
    }
}
