//! What is stored of a response, before its body is there.
//!
//! Part of a computation (`upstream.rs`): the rules of `rfc/` and what the handler has said are brought together, and become
//! what the engine is told.

use std::fmt::Write;
use std::time::Duration;

use giotto_cache::{CacheControl, Metadata};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, request, response};

use crate::control::Said;
use crate::rfc::{self, Terms};
use crate::settings::Settings;
use crate::stored::{Head, Note};

/// The field by which what a handler says is judged (RFC 9213).
const TARGETED: HeaderName = HeaderName::from_static("cdn-cache-control");
/// How long a marker is valid, at least.
const MARKER: Duration = Duration::from_secs(3_600);

/// What is stored of a response, without its body.
pub(crate) struct Draft {
    pub(crate) metadata: Metadata,
    terms: Terms,
    tags: Vec<String>,
}

/// What a response answers.
pub(crate) struct Question<'q> {
    pub(crate) settings: &'q Settings,
    /// The request as it came in.
    pub(crate) asked: &'q request::Parts,
    /// What its handler has said.
    pub(crate) said: &'q Said,
    pub(crate) sent_ms: u64,
}

impl Draft {
    /// What is stored of a response with this head; or why nothing is, in one word.
    pub(crate) fn of(
        question: &Question<'_>,
        response: &response::Parts,
    ) -> Result<Self, &'static str> {
        let Question {
            settings,
            asked,
            said,
            sent_ms,
        } = *question;
        if said.no_store {
            return Err("no-store");
        }
        let (status, fields) = (response.status, &response.headers);
        let now_ms = settings.cache.now_ms();
        let targeted = said.ttl.map(|ttl| targeted(fields, ttl, said));
        let judged = targeted.as_ref().unwrap_or(fields);
        let terms = rfc::judge(asked, status, judged, &settings.rules, sent_ms, now_ms);
        let mut terms = terms.map_err(rfc::Refusal::as_str)?;
        settings.limit(&mut terms);
        let mut stored = rfc::stored_fields(fields);
        rfc::date_or(&mut stored, now_ms);
        let head = Head {
            status,
            fields: stored,
            note: note(&terms),
        };
        let mut tags = rfc::tags(fields);
        tags.extend_from_slice(&said.tags);
        if let Some(own) = &settings.tags {
            tags.extend(own(asked, response));
        }
        Ok(Self {
            metadata: head.write().or(Err("head-too-large"))?,
            terms,
            tags,
        })
    }

    /// The fields of the request by which the response varies.
    pub(crate) fn vary(&self) -> &[HeaderName] {
        &self.terms.vary
    }

    /// Tells the engine how long the response lives.
    pub(crate) fn direct(&self, control: &CacheControl, settings: &Settings) {
        match self.terms.fresh.is_zero() {
            true => control.no_cache(),
            false => control.ttl(self.terms.fresh),
        }
        control.stale_while_revalidate(self.terms.stale_while_revalidate);
        control.stale_if_error(self.terms.stale_if_error);
        control.keep(match self.terms.has_validator {
            true => settings.keep(),
            false => Duration::ZERO,
        });
        control.tags(self.tags.iter().cloned());
    }

    /// Tells the engine how long the marker of the response lives: at least as long as the response may be used. If something
    /// that the response depends on is invalidated, the marker is served stale for as long as the response would be.
    pub(crate) fn direct_marker(&self, control: &CacheControl, settings: &Settings) {
        let terms = &self.terms;
        let stale = terms.stale_while_revalidate.max(terms.stale_if_error);
        let life = terms.fresh.saturating_add(stale);
        let life = life.saturating_add(settings.keep()).max(MARKER);
        control.ttl(life);
        control.stale_while_revalidate(terms.stale_while_revalidate);
        control.stale_if_error(terms.stale_if_error);
        control.keep(settings.keep());
        control.tags(self.tags.iter().cloned());
    }
}

const fn note(terms: &Terms) -> Note {
    Note {
        initial_age: terms.initial_age,
        may_be_stale: terms.may_be_stale,
        shared_with_authorization: terms.shared_with_authorization,
        without_cookies: terms.without_cookies,
    }
}

/// The fields of a response whose handler has said how long it lives in this cache.
fn targeted(fields: &HeaderMap, ttl: Duration, said: &Said) -> HeaderMap {
    let mut text = format!("max-age={}", ttl.as_secs().max(1));
    let times = [
        ("stale-while-revalidate", said.stale_while_revalidate),
        ("stale-if-error", said.stale_if_error),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            // Writing to a string does not fail.
            let _ = write!(text, ", {name}={}", time.as_secs());
        }
    }
    let mut fields = fields.clone();
    if let Ok(value) = HeaderValue::try_from(text) {
        fields.insert(TARGETED, value);
    }
    fields
}
