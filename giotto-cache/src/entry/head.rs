//! What the beginning of a stored value says of the entry: everything but its body.
//!
//! No step of a lookup; for management. Nothing in it is verified: the checksum and the signature are over all of the value,
//! which is not read. So it is shown to people, and decides what is removed, but nothing is served by it.

use std::time::Duration;

use bytes::{Buf, Bytes};

use crate::entry::codec::{
    self, COST, CREATED, DESCRIBED, HEADER, KEPT, KEY_LENGTH, MAGIC, NEGATIVE, OWN_TIME, PLAIN,
    Undecodable, VERSIONS,
};
use crate::entry::extension::{self, Extension, SHORTEST};
use crate::metadata::Metadata;
use crate::policy::Policy;
use crate::policy::clocks::Clocks;

/// The beginning of an entry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Head {
    pub(crate) clocks: Clocks,
    pub(crate) cost: Duration,
    pub(crate) is_negative: bool,
    pub(crate) has_own_time: bool,
    /// The tags may not be all: see [`is_cut`](Self::is_cut).
    pub(crate) extension: Extension,
    /// Whether there may be more tags than were read.
    pub(crate) is_cut: bool,
}

impl Head {
    /// Reads the beginning of a value as that of the entry of `key`.
    pub(crate) fn read(head: &Bytes, key: &str) -> Result<Self, Undecodable> {
        let header = head.get(..HEADER).ok_or(Undecodable::Foreign)?;
        if !header.starts_with(&MAGIC) {
            return Err(Undecodable::Foreign);
        }
        let (version, flags) = (header[4], header[5]);
        if !VERSIONS.contains(&version) {
            return Err(Undecodable::Version);
        }
        let mimetype_len = usize::from((&header[6..8]).get_u16_le());
        let mut clocks = codec::clocks(&header[CREATED..COST]).ok_or(Undecodable::Foreign)?;
        let mut rest = &header[COST..];
        let cost = Duration::from_micros(rest.get_u64_le());
        rest = &header[KEY_LENGTH..];
        let (key_len, etag_len) = (rest.get_u32_le() as usize, rest.get_u32_le() as usize);
        if head[HEADER..].get(..key_len) != Some(key.as_bytes()) {
            return Err(Undecodable::OtherKey);
        }
        let start = (HEADER + key_len + mimetype_len).saturating_add(etag_len);
        let (extension, is_cut) = match version {
            PLAIN => (Extension::default(), false),
            _ => read_extension(head, start, version)?,
        };
        if version == KEPT {
            // Behind what was read if the metadata is long.
            let moment = head.get(start..).and_then(extension::error_until);
            clocks.error_until = moment.unwrap_or(clocks.error_until);
        }
        Ok(Self {
            clocks,
            cost,
            is_negative: flags & NEGATIVE != 0,
            has_own_time: flags & OWN_TIME != 0,
            extension,
            is_cut,
        })
    }
}

impl Head {
    /// The clocks, but never later than `policy` allows, if it is known.
    pub(crate) fn limited(&self, policy: Option<&Policy>, now_ms: u64) -> Clocks {
        let (is_negative, has_own_time) = (self.is_negative, self.has_own_time);
        match policy {
            None => self.clocks,
            Some(policy) => self
                .clocks
                .limited(policy, is_negative, has_own_time, now_ms),
        }
    }
}

/// The extension that begins at `start`, and whether it ends behind what was read.
fn read_extension(
    head: &Bytes,
    start: usize,
    version: u8,
) -> Result<(Extension, bool), Undecodable> {
    let length = head.get(start..).and_then(extension::length);
    let length = length.ok_or(Undecodable::Foreign)?;
    let end = start.saturating_add(length).min(head.len());
    let is_cut = end - start < length;
    let raw = head.slice(start..end);
    let extension = match version >= DESCRIBED {
        // What stands in front of the tags is always read.
        true => match extension::check(&raw, false) {
            Ok(()) => {
                let metadata = extension::metadata(&raw).map(|range| raw.slice(range));
                let metadata = metadata.map(Metadata::checked);
                Extension::decode_some(&raw, metadata, version == KEPT, is_cut)
            }
            // The metadata is longer than what was read: no tag is known.
            Err(_) if is_cut => {
                Extension::decode_some(raw.get(..SHORTEST).unwrap_or_default(), None, false, true)
            }
            Err(unreadable) => return Err(unreadable.into()),
        },
        false => Extension::decode_some(&raw, None, false, is_cut),
    };
    Ok((extension.ok_or(Undecodable::Foreign)?, is_cut))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Entry;
    use crate::entry::codec::Draft;
    use crate::entry::extension::Stamp;
    use crate::entry::inherited::Inherited;
    use crate::invalidation::generation::Generation;
    use crate::key::Key;
    use crate::keyvalue::scan::head_of;
    use crate::signature::Signer;

    fn key() -> Key {
        Key::new("squared", "{'x': 12}", "text/html")
    }

    fn sealed(extension: Extension, is_negative: bool) -> Bytes {
        sealed_until(4, extension, is_negative)
    }

    /// Served until 4 at most, and kept until then.
    fn sealed_until(keep_until: u64, extension: Extension, is_negative: bool) -> Bytes {
        let draft = Draft {
            key: &key(),
            clocks: Clocks {
                created: 1,
                fresh_until: 2,
                stale_until: 3,
                error_until: 4,
                keep_until,
            },
            cost: Duration::from_millis(5),
            is_negative,
            has_own_time: true,
            extension,
            body: &[b'x'; 5_000],
            etag: None,
        };
        Entry::sealed(&draft, &Signer::default()).to_bytes()
    }

    fn stamps(count: usize) -> Vec<Stamp> {
        let stamp = |number| Stamp {
            tag: format!("product:{number:03}"),
            generation: Generation::random(),
        };
        (0..count).map(stamp).collect()
    }

    fn tagged(tags: Vec<Stamp>, value: &[u8]) -> Extension {
        let fields = (!value.is_empty()).then_some(("x-own", value));
        Extension {
            version: 7,
            retry_at: 9,
            program: Generation::random(),
            metadata: Metadata::new(None, fields).unwrap(),
            decoded_length: None,
            tags,
            inherited: Inherited::default(),
        }
    }

    #[test]
    fn everything_but_the_body_is_read_from_the_beginning() {
        for (extension, is_negative) in [
            (tagged(stamps(3), b""), false),
            (tagged(vec![], b"value"), true),
        ] {
            let raw = sealed(extension.clone(), is_negative);
            let beginning = raw.slice(..head_of(key().as_str().len()));
            let head = Head::read(&beginning, key().as_str()).unwrap();
            assert_eq!(head.extension, extension);
            assert_eq!((head.is_negative, head.is_cut), (is_negative, false));
            assert_eq!((head.clocks.fresh_until, head.cost.as_millis()), (2, 5));
        }
    }

    #[test]
    fn what_is_kept_for_longer_than_it_is_served_says_so_in_its_beginning() {
        for (extension, is_told) in [
            (tagged(stamps(3), b"value"), true),
            (tagged(stamps(60), b""), true),
            (tagged(vec![], &[b'v'; 2_000]), false),
        ] {
            let raw = sealed_until(9, extension.clone(), false);
            let beginning = raw.slice(..head_of(key().as_str().len()));
            let head = Head::read(&beginning, key().as_str()).unwrap();
            let clocks = head.clocks;
            assert_eq!(clocks.keep_until, 9);
            assert_eq!(clocks.error_until, if is_told { 4 } else { 9 });
            assert!(extension.tags.starts_with(&head.extension.tags));
            assert_eq!(head.extension.program, extension.program);
        }
    }

    #[test]
    fn of_many_tags_the_first_are_known_and_it_is_told_that_there_are_more() {
        let many = tagged(stamps(60), b"");
        let raw = sealed(many.clone(), false);
        let head = Head::read(&raw.slice(..head_of(key().as_str().len())), key().as_str()).unwrap();
        assert!(head.is_cut && head.extension.tags.len() > 10);
        assert!(many.tags.starts_with(&head.extension.tags));
        assert_eq!(head.extension.program, many.program);
        let long = tagged(stamps(2), &[b'v'; 900]);
        let raw = sealed(long.clone(), false);
        let head = Head::read(&raw.slice(..head_of(key().as_str().len())), key().as_str()).unwrap();
        assert!(head.is_cut && head.extension.tags.is_empty());
        assert_eq!(head.extension.program, long.program);
    }

    #[test]
    fn what_is_hostile_is_refused_and_nothing_panics() {
        let raw = sealed_until(9, tagged(stamps(3), b"value"), false);
        for length in 0..raw.len().min(400) {
            let _ = Head::read(&raw.slice(..length), key().as_str());
        }
        for at in 0..300 {
            for byte in [0, 1, 3, 0x7f, 0xff] {
                let mut changed = raw.to_vec();
                changed[at] = byte;
                let _ = Head::read(&changed.into(), key().as_str());
            }
        }
        let other = Head::read(&raw, "{'x': 13}(squared)(text/html)");
        assert_eq!(other, Err(Undecodable::OtherKey));
        assert_eq!(Head::read(&Bytes::new(), ""), Err(Undecodable::Foreign));
    }
}
