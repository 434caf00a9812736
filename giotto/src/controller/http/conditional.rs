//! Conditional requests (RFC 9110, 13): whether a page is sent, all of it or a part, and whether a program may write.
//!
//! The first step of an invocation over HTTP collects the fields; the last one compares them with the page. They are
//! compared in the order of RFC 9110, 13.2.2.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use http::header::{self, HeaderName};
use http::{Method, StatusCode};

use super::entity_tag::Comparison::{Strong, Weak};
use super::entity_tag::{is_list, names, names_page};
use super::output::Outcome;
use super::problem::Problem;
use super::range::{Ranged, ranged, unsatisfied};
use crate::page::Page;

/// The fields of a request that make it conditional, as they stand.
#[derive(Debug, Default)]
pub(super) struct Conditions<'r> {
    if_match: Option<Cow<'r, [u8]>>,
    if_none_match: Option<Cow<'r, [u8]>>,
    if_modified_since: Option<&'r [u8]>,
    if_unmodified_since: Option<&'r [u8]>,
    if_range: Option<&'r [u8]>,
    range: Option<&'r [u8]>,
}

/// What conditions are compared with: the selected representation (RFC 9110, 3.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Selected<'p> {
    /// Its strong entity tag, with the quotes.
    pub(super) etag: Option<&'p [u8]>,
    /// Its `Last-Modified`.
    pub(super) modified: Option<SystemTime>,
    /// The bytes of its body.
    pub(super) length: usize,
}

/// The result of the conditions of a GET or HEAD.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 200.
    Send,
    /// 206: these bytes.
    Part(std::ops::Range<usize>),
    /// 304: the client has it already.
    NotModified,
    /// 412: it is not what the client takes it for.
    Failed,
    /// 416: it has none of the bytes that the client wants.
    Unsatisfiable,
}

impl<'p> Selected<'p> {
    pub(super) fn page(page: &'p Page) -> Self {
        let cache_status = page.cache_status();
        Self {
            etag: cache_status.and_then(|status| status.etag.as_deref()),
            modified: modified(page),
            length: page.body().len(),
        }
    }

    /// Whether it was modified after `date`; `None` if that is unknown, or if `date` is no date (RFC 9110, 13.1.3, 13.1.4).
    fn is_modified_since(&self, date: Option<&[u8]>) -> Option<bool> {
        Some(self.modified? > parsed(date?)?)
    }
}

/// The `Last-Modified` of a page.
fn modified(page: &Page) -> Option<SystemTime> {
    parsed(page.field("last-modified")?)
}

/// `page` as far as the conditions of a GET or of a HEAD, if it has some, let it be sent.
#[inline]
pub(super) fn compared(
    page: Page,
    conditions: Option<&Conditions<'_>>,
    method: &Method,
) -> Result<Outcome, Problem> {
    match conditions {
        None => Ok(Outcome::Page(page)),
        Some(conditions) => conditions.compared(page, method == Method::HEAD),
    }
}

impl<'r> Conditions<'r> {
    /// Takes the field `name`, if it is one of those here.
    pub(super) fn take(&mut self, name: &HeaderName, value: &'r [u8]) {
        match *name {
            header::IF_NONE_MATCH => also(&mut self.if_none_match, value),
            header::IF_MATCH => also(&mut self.if_match, value),
            header::IF_MODIFIED_SINCE => once(&mut self.if_modified_since, value),
            header::IF_UNMODIFIED_SINCE => once(&mut self.if_unmodified_since, value),
            header::IF_RANGE => once(&mut self.if_range, value),
            header::RANGE => once(&mut self.range, value),
            _ => {}
        }
    }

    /// The entity tags of the pages that the client has.
    pub(super) fn known(&self) -> Option<&[u8]> {
        self.if_none_match.as_deref()
    }

    fn compared(&self, page: Page, is_head: bool) -> Result<Outcome, Problem> {
        // They are about a 200 (RFC 9110, 13.2.1, 14.2 and 15.4.5).
        if page.status() != 200 {
            return Ok(Outcome::Page(page));
        }
        let selected = Selected::page(&page);
        match self.verdict(&selected, is_head) {
            Verdict::Send => Ok(Outcome::Page(page)),
            Verdict::Part(part) => Ok(Outcome::Part(page, Box::new(part))),
            Verdict::NotModified => Ok(Outcome::NotModified(page)),
            Verdict::Failed => Err(failed()),
            Verdict::Unsatisfiable => Err(unsatisfied(selected.length)),
        }
    }

    /// Their result for a GET, or for a HEAD, to which `Range` does not apply.
    pub(super) fn verdict(&self, selected: &Selected<'_>, is_head: bool) -> Verdict {
        let is_expected = match self.if_match.as_deref() {
            Some(list) => names(list, selected.etag, Strong),
            None => !self.is_too_late_for(selected),
        };
        if !is_expected {
            return Verdict::Failed;
        }
        let is_known = match &self.if_none_match {
            Some(list) => names(list, selected.etag, Weak),
            None => {
                // A date to come is the mistake of a client's clock.
                let since = self.if_modified_since;
                let since = since.filter(|date| parsed(date).is_some_and(|date| date <= now()));
                selected.is_modified_since(since) == Some(false)
            }
        };
        if is_known {
            return Verdict::NotModified;
        }
        let Some(range) = self
            .range
            .filter(|_| !is_head && self.asks_for_this(selected))
        else {
            return Verdict::Send;
        };
        match ranged(range, selected.length) {
            Ranged::Ignored => Verdict::Send,
            Ranged::Part(part) => Verdict::Part(part),
            Ranged::Unsatisfiable => Verdict::Unsatisfiable,
        }
    }

    /// Whether they are about a program that writes.
    pub(super) const fn concern_writing(&self) -> bool {
        self.if_match.is_some()
            || self.if_none_match.is_some()
            || self.if_unmodified_since.is_some()
    }

    /// Whether a program may write, where GET has the page `current` now, or none. The client may have that under any coding.
    /// What cannot be read is not taken for consent.
    pub(super) fn allow_writing(&self, current: Option<&Selected<'_>>) -> bool {
        let names = |list: &[u8], comparison| {
            current.is_some_and(|page| names_page(list, page.etag, comparison))
        };
        let is_new = self.if_none_match.as_deref().is_none_or(|list| {
            let is_sound = list == b"*" || is_list(list);
            is_sound && !names(list, Weak)
        });
        let is_expected = match self.if_match.as_deref() {
            Some(list) => names(list, Strong),
            None => current.is_none_or(|page| !self.is_too_late_for(page)),
        };
        is_expected && is_new
    }

    /// Whether it was modified after `If-Unmodified-Since`.
    fn is_too_late_for(&self, selected: &Selected<'_>) -> bool {
        selected.is_modified_since(self.if_unmodified_since) == Some(true)
    }

    /// Whether `Range` means a part of this representation, and not of an older one (RFC 9110, 13.1.5). Only what has an
    /// entity tag has parts: clients need it to put them together.
    fn asks_for_this(&self, selected: &Selected<'_>) -> bool {
        let Some(etag) = selected.etag else {
            return false;
        };
        let Some(validator) = self.if_range else {
            return true;
        };
        match parsed(validator) {
            // In the second of a modification there may have been another one.
            Some(date) => selected.modified == Some(date) && date + SECOND <= now(),
            None => validator == etag,
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn now() -> SystemTime {
    SystemTime::now()
}

/// Adds a field to those of the same name, which are one list (RFC 9110, 5.3).
fn also<'r>(list: &mut Option<Cow<'r, [u8]>>, value: &'r [u8]) {
    match list {
        None => *list = Some(value.into()),
        Some(list) => {
            let list = list.to_mut();
            list.push(b',');
            list.extend(value);
        }
    }
}

/// Takes a field that a request has once. If it has it twice, it is none that can be read.
fn once<'r>(field: &mut Option<&'r [u8]>, value: &'r [u8]) {
    *field = Some(if field.is_some() { b"" } else { value });
}

/// A date in one of its three formats (RFC 9110, 5.6.7).
fn parsed(date: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(date).ok()?).ok()
}

/// 412.
pub(super) fn failed() -> Problem {
    let message = "a precondition of the request does not hold: the page has changed or does not exist; fetch it \
                   again before you change it";
    Problem::new(StatusCode::PRECONDITION_FAILED, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: &str = "Sat, 24 Jan 2026 00:00:01 GMT";
    const SAME: &str = "Sat, 24 Jan 2026 00:00:00 GMT";
    const EARLIER: &str = "Fri, 23 Jan 2026 23:59:59 GMT";

    /// The conditions of a head, and what they come to for a page of ten bytes that has both validators, for one that has an
    /// entity tag only, and for one that has none.
    fn verdicts(head: &[(&'static str, &'static str)], is_head: bool) -> [Verdict; 3] {
        let mut conditions = Conditions::default();
        for (name, value) in head {
            conditions.take(&HeaderName::from_static(name), value.as_bytes());
        }
        let (etag, modified) = (Some(&b"\"a\""[..]), parsed(SAME.as_bytes()));
        [(etag, modified), (etag, None), (None, None)].map(|(etag, modified)| {
            let selected = Selected {
                etag,
                modified,
                length: 10,
            };
            conditions.verdict(&selected, is_head)
        })
    }

    #[test]
    fn conditions_are_compared_in_the_order_of_the_rfc() {
        use Verdict::{Failed, NotModified, Part, Send, Unsatisfiable};
        let part = || Part(1..3);
        for (head, expected) in [
            (&[][..], [Send, Send, Send]),
            // Steps 1 and 2.
            (&[("if-match", "\"a\"")], [Send, Send, Failed]),
            (&[("if-match", "*")], [Send, Send, Send]),
            (&[("if-match", "W/\"a\"")], [Failed, Failed, Failed]),
            (&[("if-match", "")], [Failed, Failed, Failed]),
            (
                &[("if-match", "\"b\""), ("if-match", "\"a\"")],
                [Send, Send, Failed],
            ),
            (&[("if-unmodified-since", SAME)], [Send, Send, Send]),
            (&[("if-unmodified-since", LATER)], [Send, Send, Send]),
            (&[("if-unmodified-since", EARLIER)], [Failed, Send, Send]),
            (&[("if-unmodified-since", "garbage")], [Send, Send, Send]),
            (
                &[
                    ("if-unmodified-since", EARLIER),
                    ("if-unmodified-since", EARLIER),
                ],
                [Send, Send, Send],
            ),
            (
                &[("if-match", "\"a\""), ("if-unmodified-since", EARLIER)],
                [Send, Send, Failed],
            ),
            // Steps 3 and 4.
            (
                &[("if-none-match", "\"a\"")],
                [NotModified, NotModified, Send],
            ),
            (
                &[("if-none-match", "W/\"a\"")],
                [NotModified, NotModified, Send],
            ),
            (
                &[("if-none-match", "*")],
                [NotModified, NotModified, NotModified],
            ),
            (&[("if-none-match", "\"b\"")], [Send, Send, Send]),
            (&[("if-modified-since", SAME)], [NotModified, Send, Send]),
            (&[("if-modified-since", LATER)], [NotModified, Send, Send]),
            (
                &[("if-modified-since", "Saturday, 24-Jan-26 00:00:00 GMT")],
                [NotModified, Send, Send],
            ),
            (
                &[("if-modified-since", "Sat Jan 24 00:00:00 2026")],
                [NotModified, Send, Send],
            ),
            (&[("if-modified-since", EARLIER)], [Send, Send, Send]),
            (
                &[("if-modified-since", "Sun, 01 Jan 2090 00:00:00 GMT")],
                [Send, Send, Send],
            ),
            (&[("if-modified-since", "garbage")], [Send, Send, Send]),
            (
                &[("if-modified-since", SAME), ("if-modified-since", SAME)],
                [Send, Send, Send],
            ),
            (
                &[("if-none-match", "\"b\""), ("if-modified-since", SAME)],
                [Send, Send, Send],
            ),
            (
                &[("if-none-match", ""), ("if-modified-since", SAME)],
                [Send, Send, Send],
            ),
            (
                &[("if-match", "\"b\""), ("if-none-match", "\"a\"")],
                [Failed, Failed, Failed],
            ),
            (
                &[("if-match", "\"a\""), ("if-none-match", "\"a\"")],
                [NotModified, NotModified, Failed],
            ),
            // Step 5, and what has no entity tag has no parts.
            (&[("range", "bytes=1-2")], [part(), part(), Send]),
            (
                &[("range", "bytes=1-2"), ("range", "bytes=1-2")],
                [Send, Send, Send],
            ),
            (
                &[("range", "bytes=10-")],
                [Unsatisfiable, Unsatisfiable, Send],
            ),
            (
                &[("range", "bytes=1-2"), ("if-none-match", "\"a\"")],
                [NotModified, NotModified, Send],
            ),
            (
                &[("range", "bytes=10-"), ("if-match", "\"b\"")],
                [Failed, Failed, Failed],
            ),
            (
                &[("range", "bytes=1-2"), ("if-range", "\"a\"")],
                [part(), part(), Send],
            ),
            (
                &[("range", "bytes=1-2"), ("if-range", "W/\"a\"")],
                [Send, Send, Send],
            ),
            (
                &[("range", "bytes=1-2"), ("if-range", "\"b\"")],
                [Send, Send, Send],
            ),
            (
                &[("range", "bytes=1-2"), ("if-range", "\"b\", \"a\"")],
                [Send, Send, Send],
            ),
            (
                &[("range", "bytes=1-2"), ("if-range", "*")],
                [Send, Send, Send],
            ),
            (
                &[("range", "bytes=1-2"), ("if-range", "")],
                [Send, Send, Send],
            ),
            (
                &[("range", "bytes=10-"), ("if-range", "\"b\"")],
                [Send, Send, Send],
            ),
            (
                &[("range", "bytes=1-2"), ("if-range", SAME)],
                [part(), Send, Send],
            ),
            (
                &[("range", "bytes=1-2"), ("if-range", LATER)],
                [Send, Send, Send],
            ),
            (
                &[("range", "bytes=1-2"), ("if-range", EARLIER)],
                [Send, Send, Send],
            ),
            (&[("if-range", "\"b\"")], [Send, Send, Send]),
        ] {
            assert_eq!(verdicts(head, false), expected, "{head:?}");
            let of_head = expected.map(|verdict| match verdict {
                Part(_) | Unsatisfiable => Send,
                other => other,
            });
            assert_eq!(verdicts(head, true), of_head, "HEAD {head:?}");
        }
    }

    #[test]
    fn a_date_of_this_second_is_no_validator_of_a_part() {
        let now = httpdate::fmt_http_date(now() + SECOND);
        let mut conditions = Conditions::default();
        conditions.take(&header::RANGE, b"bytes=1-2");
        conditions.take(&header::IF_RANGE, now.as_bytes());
        let selected = Selected {
            etag: Some(b"\"a\""),
            modified: parsed(now.as_bytes()),
            length: 10,
        };
        assert_eq!(conditions.verdict(&selected, false), Verdict::Send);
    }

    #[test]
    fn a_program_may_write_over_what_its_client_knows() {
        let current = Selected {
            etag: Some(b"\"a\""),
            modified: parsed(SAME.as_bytes()),
            length: 10,
        };
        // Whether it may where there is a page, and where there is none.
        for (name, value, over_page, over_nothing) in [
            ("if-match", "\"a\"", true, false),
            ("if-match", "\"b\", \"a\"", true, false),
            ("if-match", "\"a-br\"", true, false),
            ("if-match", "W/\"a\"", false, false),
            ("if-match", "W/\"a-br\"", false, false),
            ("if-match", "\"b\"", false, false),
            ("if-match", "*", true, false),
            ("if-match", "", false, false),
            ("if-none-match", "*", false, true),
            ("if-none-match", "\"a\"", false, true),
            ("if-none-match", "W/\"a\"", false, true),
            ("if-none-match", "\"a-gz\"", false, true),
            ("if-none-match", "\"b\"", true, true),
            // Not understood: not for certain that it may.
            ("if-none-match", "*, *", false, false),
            ("if-none-match", "b", false, false),
            ("if-unmodified-since", SAME, true, true),
            ("if-unmodified-since", EARLIER, false, true),
            ("if-unmodified-since", "garbage", true, true),
        ] {
            let mut conditions = Conditions::default();
            conditions.take(&HeaderName::from_static(name), value.as_bytes());
            assert!(conditions.concern_writing());
            let may = [Some(&current), None].map(|current| conditions.allow_writing(current));
            assert_eq!(may, [over_page, over_nothing], "{name}: {value}");
        }
        let mut conditions = Conditions::default();
        conditions.take(&header::RANGE, b"bytes=0-1");
        conditions.take(&header::IF_MODIFIED_SINCE, SAME.as_bytes());
        assert!(!conditions.concern_writing() && conditions.allow_writing(Some(&current)));
    }
}
