//! What an entry has inherited from the results that it was made of, besides their tags.
//!
//! Part of the extension (`extension.rs`), behind the tags, all numbers little-endian:
//!
//! | bytes | field |
//! |---|---|
//! | 2 | 65535: no tag is that long |
//! | 1 | number of programs; for each the length of its name (2 bytes), the name, its generation, soft and hard |
//! | 1 | number of inner results; for each: |
//! | 1 | how deep it is, from 1; 128 is added for the one that limits the life of the entry |
//! | 8 | its tags: the bit of value 2^n is the n-th tag of the entry |
//! | 2 | length of its key |
//! | .. | its key, cut |
//! | 2 | number of inner results that are left out |

use bytes::{Buf, BufMut, BytesMut};

use crate::invalidation::generation::Generation;
use crate::policy::clocks::Clocks;

/// In the place of the length of a tag: what is inherited follows.
pub(super) const MARK: u16 = u16::MAX;
/// The most programs, besides its own, that an entry depends on.
pub(crate) const MAX_PROGRAMS: usize = 64;
/// The most inner results that an entry names.
pub(crate) const MAX_LINKS: usize = 16;
/// Keys are cut to this number of bytes.
const MAX_KEY: usize = 160;
const LIMITS: u8 = 128;

/// What an entry has inherited from the results that it was made of, besides their tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inherited {
    /// The programs of the results, each with its generation and that of everything in one, before the result was computed.
    pub(crate) programs: Vec<(String, Generation)>,
    /// The results themselves, each followed by those that it was made of.
    pub(crate) links: Vec<Link>,
    /// How many results are left out.
    pub(crate) left_out: u16,
}

/// A result that the entry was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    /// 1 for a result that the computation itself has asked for, 2 for one that this was made of, and so on.
    pub(crate) depth: u8,
    /// Whether the entry would be fresh for longer without it.
    pub(crate) limits: bool,
    /// Its tags, by their places among those of the entry.
    pub(crate) tags: u64,
    pub(crate) key: String,
}

/// What a computation inherits from a result that is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unstored {
    /// It has its tags, and would have had this life.
    Living(Clocks),
    /// What was made of it must not be stored either.
    Blocked(Blocked),
}

/// Why what was made of a result must not be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Blocked {
    /// Its life is over: an error, or a "there is no such thing" that is not kept.
    Lifeless,
    /// The store does not say what became of its tags.
    Unknown,
    /// One of its tags is not valid, or there are too many.
    BadTag,
    /// It was invalidated while it was computed.
    Invalidated,
    /// Its computation said so.
    NoStore,
}

impl Blocked {
    /// What is wrong with the result, for the log.
    pub(crate) const fn says(self) -> &'static str {
        match self {
            Self::Lifeless => "it is an error, or says that there is no such thing",
            Self::Unknown => "the store does not say what became of its tags",
            Self::BadTag => "its tags are not valid, or too many",
            Self::Invalidated => "it was invalidated meanwhile",
            Self::NoStore => "its computation says that it must not be stored",
        }
    }
}

impl Inherited {
    pub(crate) fn is_empty(&self) -> bool {
        self.programs.is_empty() && self.links.is_empty() && self.left_out == 0
    }

    pub(super) fn put(&self, raw: &mut BytesMut) {
        raw.put_u16_le(MARK);
        raw.put_u8(self.programs.len() as u8);
        for (program, generation) in &self.programs {
            put_text(raw, program);
            generation.put(raw);
        }
        raw.put_u8(self.links.len() as u8);
        for link in &self.links {
            raw.put_u8((link.depth & !LIMITS) | if link.limits { LIMITS } else { 0 });
            raw.put_u64_le(link.tags);
            put_text(raw, &link.key);
        }
        raw.put_u16_le(self.left_out);
    }

    /// What stands behind the mark in `raw`, as [`take`](Self::take) reads it; nothing of what is not all there if it `is_cut`.
    pub(super) fn take_some(raw: &[u8], is_cut: bool) -> Option<Self> {
        Self::take(raw).or(is_cut.then(Self::default))
    }

    /// `None` if `raw`, what stands behind the [mark](MARK), is something else.
    pub(super) fn take(mut raw: &[u8]) -> Option<Self> {
        let mut inherited = Self::default();
        for _ in 0..count(&mut raw, MAX_PROGRAMS)? {
            let program = take_text(&mut raw)?.to_owned();
            let generation = Generation::take(&mut raw)?;
            inherited.programs.push((program, generation));
        }
        for _ in 0..count(&mut raw, MAX_LINKS)? {
            let depth = raw.try_get_u8().ok()?;
            inherited.links.push(Link {
                depth: depth & !LIMITS,
                limits: depth & LIMITS != 0,
                tags: raw.try_get_u64_le().ok()?,
                key: take_text(&mut raw)?.to_owned(),
            });
        }
        inherited.left_out = raw.try_get_u16_le().ok()?;
        raw.is_empty().then_some(inherited)
    }
}

/// `key` as a link names it: cut where it is too long.
pub(crate) fn cut(key: &str) -> String {
    if key.len() <= MAX_KEY {
        return key.to_owned();
    }
    let ends = key.char_indices().map(|(at, _)| at);
    let end = ends.take_while(|at| *at <= MAX_KEY).last().unwrap_or(0);
    format!("{}…", &key[..end])
}

pub(super) fn count(raw: &mut &[u8], most: usize) -> Option<usize> {
    let count = usize::from(raw.try_get_u8().ok()?);
    (count <= most).then_some(count)
}

pub(super) fn put_text(raw: &mut BytesMut, text: &str) {
    raw.put_u16_le(u16::try_from(text.len()).unwrap_or(u16::MAX));
    raw.put_slice(text.as_bytes());
}

pub(super) fn take_text<'r>(raw: &mut &'r [u8]) -> Option<&'r str> {
    let length = usize::from(raw.try_get_u16_le().ok()?);
    let (text, rest) = raw.split_at_checked(length)?;
    *raw = rest;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inherited() -> Inherited {
        let link = |depth, limits| Link {
            depth,
            limits,
            tags: 5,
            key: "{'id': 7}(user)(text/plain)".into(),
        };
        Inherited {
            programs: vec![("user".into(), Generation::random())],
            links: vec![link(1, false), link(2, true)],
            left_out: 300,
        }
    }

    fn encoded(inherited: &Inherited) -> BytesMut {
        let mut raw = BytesMut::new();
        inherited.put(&mut raw);
        raw.advance(2);
        raw
    }

    #[test]
    fn what_is_inherited_survives_its_encoding_and_nothing_else_is_that() {
        let raw = encoded(&inherited());
        for length in 0..raw.len() {
            assert_eq!(Inherited::take(&raw[..length]), None);
        }
        let longer = [&raw[..], b"\0"].concat();
        assert_eq!(Inherited::take(&longer), None);
        let inherited = inherited();
        assert_eq!(Inherited::take(&encoded(&inherited)), Some(inherited));
        let empty = Inherited::default();
        assert_eq!(Inherited::take(&encoded(&empty)), Some(empty));
    }

    #[test]
    fn more_than_an_entry_may_have_is_refused() {
        let mut many = inherited();
        many.links = vec![Link::default(); MAX_LINKS + 1];
        assert_eq!(Inherited::take(&encoded(&many)), None);
        many = inherited();
        many.programs = vec![(String::new(), Generation::default()); MAX_PROGRAMS + 1];
        assert_eq!(Inherited::take(&encoded(&many)), None);
    }

    #[test]
    fn a_long_key_is_cut_between_two_characters() {
        assert_eq!(cut("short"), "short");
        let cut = cut(&"ü".repeat(1_000));
        assert!(cut.ends_with("ü…") && cut.len() < 200, "{cut}");
    }
}
