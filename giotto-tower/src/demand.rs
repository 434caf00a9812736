//! What a request demands of the cache beyond its key.
//!
//! Before the first lookup of a request.

use std::time::Duration;

use giotto_cache::{Acceptance, Entry, Lookup, Mode, Stored};
use http::{Method, request};

use crate::present::Present;
use crate::rfc::{Found, RequestDirectives, Reuse};
use crate::settings::Settings;
use crate::stored::Note;

/// What a request demands of the cache.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    /// Whether nothing is computed for it: what is not stored is not asked for in full.
    is_only: bool,
    /// Whether it has no credentials and no directives that are obeyed.
    is_plain: bool,
    /// Its credentials, and its directives where they are obeyed.
    directives: RequestDirectives,
}

impl Demand {
    /// That of a request with `parts`, which has the fields that are `present`.
    pub(crate) fn of(settings: &Settings, parts: &request::Parts, present: Present) -> Self {
        let is_obeyed = settings.obeys_requests && present.has(Present::DIRECTIVES);
        let directives = match is_obeyed {
            true => RequestDirectives::of(&parts.headers),
            false => RequestDirectives {
                authorization: present.has(Present::AUTHORIZATION),
                cookie: present.has(Present::COOKIE),
                ..RequestDirectives::default()
            },
        };
        // A head has no body to store, and a part is not worth the whole: it may be a part of a film.
        let is_part = parts.method == Method::HEAD || present.has(Present::RANGE);
        Self {
            is_only: is_part || directives.only_if_cached || directives.no_store,
            is_plain: match is_obeyed {
                true => directives == RequestDirectives::default(),
                false => !present.has(Present::AUTHORIZATION | Present::COOKIE),
            },
            directives,
        }
    }

    /// The same without computing anything.
    pub(crate) const fn only(mut self) -> Self {
        self.is_only = true;
        self
    }

    /// Whether nothing is computed for the request.
    pub(crate) const fn is_only(&self) -> bool {
        self.is_only
    }

    /// Whether it is not to be passed on either (RFC 9111, 5.2.1.7).
    pub(crate) const fn only_if_cached(&self) -> bool {
        self.directives.only_if_cached
    }

    /// The lookup with what the request demands.
    pub(crate) fn apply(&self, lookup: Lookup) -> Lookup {
        let lookup = match self.is_only {
            true => lookup.mode(Mode::Only),
            false => lookup,
        };
        let directives = self.directives;
        match self.is_plain {
            true => lookup,
            false => lookup.accept(move |stored| accept(directives, stored)),
        }
    }

    /// Whether a fresh `entry` with this note may be served as it is.
    pub(crate) fn takes(&self, note: Note, entry: &Entry, now_ms: u64) -> bool {
        if self.is_plain {
            return true;
        }
        let passed_ms = now_ms.saturating_sub(entry.created_ms());
        let times = Times {
            age: Duration::from_millis(passed_ms),
            fresh_for: entry.fresh_for(now_ms),
            stale_for: Duration::ZERO,
        };
        self.directives.reuse(&found(note, times)) == Reuse::AsStored
    }

    /// Whether a response with this note may be served to the user of the request at all.
    pub(crate) fn is_for(&self, note: Note) -> bool {
        let credentials = RequestDirectives {
            authorization: self.directives.authorization,
            cookie: self.directives.cookie,
            ..RequestDirectives::default()
        };
        credentials.reuse(&found(note, Times::default())) == Reuse::AsStored
    }
}

/// The times of an entry.
#[derive(Clone, Copy, Default)]
struct Times {
    age: Duration,
    fresh_for: Option<Duration>,
    stale_for: Duration,
}

/// Whether a request with these directives takes what is stored.
fn accept(directives: RequestDirectives, stored: &Stored) -> Acceptance {
    // A marker is no response: that of the variant is asked about next.
    let Some(note) = stored.metadata().and_then(Note::read) else {
        return Acceptance::AsStored;
    };
    let times = Times {
        age: stored.age(),
        fresh_for: stored.fresh_for(),
        stale_for: stored.stale_for(),
    };
    match directives.reuse(&found(note, times)) {
        Reuse::AsStored => Acceptance::AsStored,
        Reuse::Recompute => Acceptance::Recompute,
        Reuse::Stale => Acceptance::Stale,
    }
}

fn found(note: Note, times: Times) -> Found {
    Found {
        age: times.age.saturating_add(note.initial_age),
        fresh_for: times.fresh_for.unwrap_or(Duration::MAX),
        stale_for: times.stale_for,
        may_be_stale: note.may_be_stale,
        shared_with_authorization: note.shared_with_authorization,
        without_cookies: note.without_cookies,
    }
}
