//! Heads of responses, prepared to be sent again: what most hits in memory are answered with.
//!
//! The short way of the first step of a request. Of the pages that are asked for most, the head of the last response is at
//! hand, with the lookup of its key, so that neither the key is written again nor the head is read again from the entry. The
//! entry decides: a head is sent only with an entry that it was made of, in the second in which it was made.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{Answer, Lookup, Metadata};
use http::{HeaderMap, Response, StatusCode};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::body::Body;
use crate::stored::Note;

/// How many heads are prepared, as a power of two.
const HEADS: usize = 1 << 10;
/// The longest address and the longest metadata of one, in bytes: all heads together take a few megabytes at most.
pub(crate) const LONGEST: usize = 2 << 10;
/// How often another head is asked for in the place of one before it takes that. More pages than there are places do not
/// have each other's heads made anew all the time.
const PATIENCE: u8 = 8;

/// The heads that a layer has prepared. A clone has none: it may be that of a layer with other settings.
#[derive(Default)]
pub(crate) struct Heads(OnceLock<Box<[Mutex<Place>]>>);

#[derive(Default)]
struct Place {
    head: Option<Arc<Prepared>>,
    /// How often another one was asked for since this one was.
    losses: u8,
}

/// The address of a request, as its client has written it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address<'r> {
    pub(crate) host: &'r [u8],
    pub(crate) target: &'r str,
}

/// When a stored response is sent: the seconds that its head tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// How old it is.
    pub(crate) age: u64,
    /// How long it is fresh; `None` = for ever.
    ttl: Option<i64>,
}

/// The head of a response, and what it was made of.
pub(crate) struct Prepared {
    host: Box<[u8]>,
    target: Box<str>,
    lookup: Lookup,
    note: Note,
    /// In memory of its own, so that no entry is held that the store has dropped.
    metadata: Metadata,
    length: usize,
    moment: Moment,
    status: StatusCode,
    fields: HeaderMap,
}

/// What is at hand for a request.
pub(crate) enum AtHand {
    Head(Arc<Prepared>),
    /// The head of this request would get a place.
    Room,
    Nothing,
}

/// The address of a request whose head gets a place.
pub(crate) struct Reserved {
    host: Box<[u8]>,
    target: Box<str>,
}

impl Moment {
    /// For a response with this note, which is `answer`, at `now_ms`.
    pub(crate) fn of(note: Note, answer: &Answer, now_ms: u64) -> Self {
        let passed_ms = now_ms.saturating_sub(answer.entry.created_ms());
        let age = note
            .initial_age
            .saturating_add(Duration::from_millis(passed_ms));
        Self {
            age: age.as_secs(),
            ttl: answer.ttl(),
        }
    }
}

impl Address<'_> {
    /// Whether it is short enough for a head at hand.
    pub(crate) const fn is_short(self) -> bool {
        self.host.len() + self.target.len() <= LONGEST
    }

    pub(crate) fn reserve(self) -> Reserved {
        Reserved {
            host: self.host.into(),
            target: self.target.into(),
        }
    }

    fn place(self, places: &[Mutex<Place>]) -> &Mutex<Place> {
        let hash = xxh3_64_with_seed(self.target.as_bytes(), xxh3_64(self.host));
        &places[hash as usize % HEADS]
    }
}

impl Heads {
    /// What is at hand for a request of this address. Another thread that looks in the same place is not waited for.
    pub(crate) fn find(&self, address: Address<'_>) -> AtHand {
        let Some(places) = self.0.get() else {
            return AtHand::Room;
        };
        let Ok(mut place) = address.place(places).try_lock() else {
            return AtHand::Nothing;
        };
        match &place.head {
            None => AtHand::Room,
            Some(head) if head.address() == address => {
                let head = Arc::clone(head);
                place.losses = 0;
                AtHand::Head(head)
            }
            Some(_) if place.losses < PATIENCE => {
                place.losses += 1;
                AtHand::Nothing
            }
            Some(_) => AtHand::Room,
        }
    }

    /// Keeps the head of `response`, which is sent at this `moment`: it was made of `metadata` for a hit of `lookup`.
    pub(crate) fn keep<B>(
        &self,
        reserved: Reserved,
        lookup: &Lookup,
        note: Note,
        metadata: Metadata,
        moment: Moment,
        response: &Response<Body<B>>,
    ) {
        let Reserved { host, target } = reserved;
        let head = Arc::new(Prepared {
            host,
            target,
            lookup: lookup.clone(),
            note,
            metadata,
            moment,
            length: response.body().length(),
            status: response.status(),
            fields: response.headers().clone(),
        });
        let places = (self.0).get_or_init(|| (0..HEADS).map(|_| Mutex::default()).collect());
        if let Ok(mut place) = head.address().place(places).try_lock() {
            let head = Some(Arc::clone(&head));
            *place = Place { head, losses: 0 };
        }
    }
}

impl Prepared {
    fn address(&self) -> Address<'_> {
        Address {
            host: &self.host,
            target: &self.target,
        }
    }

    pub(crate) const fn lookup(&self) -> &Lookup {
        &self.lookup
    }

    pub(crate) const fn note(&self) -> Note {
        self.note
    }

    /// Whether it is the head of what is answered now: of a fresh entry with this metadata, in this second.
    pub(crate) fn is_of(&self, answer: &Answer, now_ms: u64) -> bool {
        self.moment == Moment::of(self.note, answer, now_ms)
            && answer.reason.is_none()
            && answer.entry.is_described(&self.metadata, self.length)
    }

    pub(crate) fn response<B>(&self, body: Bytes) -> Response<Body<B>> {
        let mut response = Response::new(Body::stored(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.fields.clone();
        response
    }
}

/// Without the heads.
impl Clone for Heads {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Heads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heads").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use giotto_cache::{Key, Policy};

    use super::*;

    fn keep(heads: &Heads, address: Address<'_>) {
        let lookup = Lookup::new(Key::plain("page"), Policy::forever());
        let moment = Moment { age: 0, ttl: None };
        let response = Response::new(Body::<()>::empty());
        let (note, metadata) = (Note::default(), Metadata::default());
        heads.keep(
            address.reserve(),
            &lookup,
            note,
            metadata,
            moment,
            &response,
        );
    }

    #[test]
    fn a_head_that_is_asked_for_keeps_its_place() {
        let heads = Heads::default();
        let at = |target| Address { host: b"a", target };
        assert!(matches!(heads.find(at("/")), AtHand::Room));
        keep(&heads, at("/"));
        let places = heads.0.get().unwrap();
        let targets: Vec<_> = (0..)
            .map(|number| format!("/{number}"))
            .take(50_000)
            .collect();
        let mut others = targets.iter().map(|target| at(target));
        let other = others.find(|other| std::ptr::eq(other.place(places), at("/").place(places)));
        let other = other.unwrap();
        for _ in 0..10 {
            for _ in 0..PATIENCE {
                assert!(matches!(heads.find(other), AtHand::Nothing));
            }
            assert!(matches!(heads.find(at("/")), AtHand::Head(_)));
        }
        for _ in 0..PATIENCE {
            assert!(matches!(heads.find(other), AtHand::Nothing));
        }
        assert!(matches!(heads.find(other), AtHand::Room));
        keep(&heads, other);
        assert!(matches!(heads.find(other), AtHand::Head(_)));
        assert!(matches!(heads.find(at("/")), AtHand::Nothing));
        let elsewhere = Address {
            host: b"b",
            ..other
        };
        assert!(!matches!(heads.find(elsewhere), AtHand::Head(_)));
    }
}
