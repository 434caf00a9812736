//! The fields that say what clients and caches may do with a page (RFC 9110, 9111, 9211).
//!
//! The last step of an invocation over HTTP.

use std::cell::RefCell;

use bytes::Bytes;
use giotto_cache::Status;
use http::header::{HeaderName, HeaderValue};

use crate::compression::ContentCoding;
use crate::page::{CacheStatus, Page};

/// A page that never expires is declared fresh for a year, in seconds: RFC 9111, 1.2.1 has no "for ever".
const FOREVER: i64 = 365 * 24 * 3600;

pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// For pages behind middleware: a browser revalidates before it shows the page again, because the next user of the browser
/// may be another one.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
const VARY: HeaderValue = HeaderValue::from_static("Accept, X-Requested-With");
/// For pages that are sent as the client accepts them coded.
const VARY_BY_CODING: HeaderValue =
    HeaderValue::from_static("Accept, X-Requested-With, Accept-Encoding");

/// `Vary` (RFC 9110, 12.5.5) of a page.
pub(super) const fn vary(page: &Page) -> HeaderValue {
    match page.coding {
        ContentCoding::Open | ContentCoding::Never => VARY,
        ContentCoding::Identity | ContentCoding::Coded(_) => VARY_BY_CODING,
    }
}

/// `Cache-Control` (RFC 9111, 5.2) of a page.
pub(super) fn cache_control(rendered: &Page) -> HeaderValue {
    let Some(cache_status) = rendered
        .cache_status()
        .filter(|cache_status| cache_status.etag.is_some())
    else {
        return NO_STORE;
    };
    if rendered.is_private() {
        return PRIVATE;
    }
    let max_age = cache_status.ttl.unwrap_or(FOREVER).clamp(0, FOREVER);
    Lifetime::told(max_age, |lifetime| &lifetime.max_age)
}

/// RFC 9211.
pub(super) fn cache_status(cache_status: &CacheStatus) -> HeaderValue {
    match (cache_status.status, cache_status.ttl) {
        (Some(Status::Hit), Some(ttl)) => Lifetime::told(ttl, |lifetime| &lifetime.hit),
        (Some(Status::Hit), None) => HeaderValue::from_static("giotto; hit"),
        _ => value(cache_status.to_string()),
    }
}

/// The fields that depend on how much longer a page is fresh.
struct Lifetime {
    seconds: i64,
    max_age: HeaderValue,
    hit: HeaderValue,
}

thread_local! {
    /// The fields of the last response. They are the same for a second for a page that many clients read, and then they are
    /// neither formatted nor allocated.
    static LAST: RefCell<Lifetime> = RefCell::new(Lifetime::new(0));
}

impl Lifetime {
    /// The field for `seconds`.
    fn told(seconds: i64, field: impl FnOnce(&Self) -> &HeaderValue) -> HeaderValue {
        LAST.with_borrow_mut(|last| {
            if last.seconds != seconds {
                *last = Self::new(seconds);
            }
            field(last).clone()
        })
    }

    fn new(seconds: i64) -> Self {
        Self {
            seconds,
            max_age: numbered("max-age=", seconds),
            hit: numbered("giotto; hit; ttl=", seconds),
        }
    }
}

/// `text` and then `number`, without `format!`, which would be felt.
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
