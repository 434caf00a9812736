//! What decides, besides the time, whether an entry is served, read where it is stored: a hit copies none of it.
//!
//! Part of step 2 of a lookup. `extension.rs` says where each part stands.

use super::inherited::{MARK, MAX_PROGRAMS, count, take_text};
use crate::invalidation::generation::Generation;
use crate::scope::MAX_TAGS;

/// The version of the program that made an entry, and the generations that it was computed under.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stamps<'e> {
    pub(crate) version: u32,
    /// That of its program and of everything in one.
    pub(crate) program: Generation,
    /// The tags, and what is inherited.
    pub(super) rest: &'e [u8],
}

/// Something that an entry depends on, with its generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamp<'e> {
    Tag(&'e str, Generation),
    /// The program of a result that the entry was computed from, as it is written in keys.
    Program(&'e str, Generation),
}

impl<'e> Stamps<'e> {
    /// Whether `counts` is true of each stamp, and all of `tags` are among them; `false` also for what cannot be read.
    pub(crate) fn all(self, tags: &[String], mut counts: impl FnMut(Stamp<'e>) -> bool) -> bool {
        // A bit for each of the tags that was among them.
        let mut found = 0_u64;
        let read = self.each(|stamp| {
            if let Stamp::Tag(name, _) = stamp
                && let Some(at) = tags.iter().position(|tag| tag == name)
            {
                found |= 1_u64.checked_shl(at as u32).unwrap_or(0);
            }
            counts(stamp).then_some(())
        });
        read.is_some() && found.count_ones() as usize == tags.len()
    }

    /// Calls `read` with each stamp, until one is `None`.
    fn each(self, mut read: impl FnMut(Stamp<'e>) -> Option<()>) -> Option<()> {
        let mut rest = self.rest;
        for _ in 0..=MAX_TAGS {
            if rest.is_empty() {
                return Some(());
            }
            if let Some(inherited) = rest.strip_prefix(&MARK.to_le_bytes()) {
                return each_program(inherited, read);
            }
            let tag = take_text(&mut rest)?;
            read(Stamp::Tag(tag, Generation::take(&mut rest)?))?;
        }
        None
    }
}

fn each_program<'e>(
    mut rest: &'e [u8],
    mut read: impl FnMut(Stamp<'e>) -> Option<()>,
) -> Option<()> {
    for _ in 0..count(&mut rest, MAX_PROGRAMS)? {
        let program = take_text(&mut rest)?;
        read(Stamp::Program(program, Generation::take(&mut rest)?))?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::extension::{self, Extension};
    use crate::entry::inherited::{Inherited, Link};
    use crate::metadata::Metadata;

    fn extension(metadata: Metadata) -> Extension {
        let tags = ["nav", "user:7"].map(|tag| extension::Stamp {
            tag: tag.to_owned(),
            generation: Generation::random(),
        });
        let programs = ["user", "a%28b%29"].map(|name| (name.to_owned(), Generation::random()));
        Extension {
            version: 3,
            retry_at: 9,
            program: Generation::random(),
            metadata,
            tags: tags.into(),
            inherited: Inherited {
                programs: programs.into(),
                links: vec![Link::default()],
                left_out: 1,
            },
            ..Extension::default()
        }
    }

    #[test]
    fn they_are_those_that_were_written() {
        let described = Metadata::new(Some(404), [("x", "y")]).unwrap();
        for (metadata, error_until) in [
            (Metadata::default(), None),
            (described.clone(), None),
            (described, Some(5)),
        ] {
            let (is_described, is_kept) = (!metadata.is_empty(), error_until.is_some());
            let extension = extension(metadata);
            let raw = extension.encode(error_until);
            let stamps = extension::stamps(&raw, is_described, is_kept).unwrap();
            assert_eq!(
                (stamps.version, stamps.program),
                (extension.version, extension.program)
            );
            let mut read = Vec::new();
            assert!(stamps.all(&[], |stamp| {
                read.push(stamp);
                true
            }));
            let tags = extension.tags.iter();
            let tags = tags.map(|stamp| Stamp::Tag(&stamp.tag, stamp.generation));
            let programs = extension.inherited.programs.iter();
            let programs = programs.map(|(name, generation)| Stamp::Program(name, *generation));
            assert_eq!(read, tags.chain(programs).collect::<Vec<_>>());
        }
    }

    #[test]
    fn all_count_and_all_that_are_asked_for_are_among_them() {
        let raw = extension(Metadata::default()).encode(None);
        let stamps = extension::stamps(&raw, false, false).unwrap();
        let asked = |tags: &[&str]| {
            let tags: Vec<_> = tags.iter().map(|tag| (*tag).to_owned()).collect();
            stamps.all(&tags, |_| true)
        };
        assert!(asked(&[]) && asked(&["user:7"]) && asked(&["user:7", "nav"]));
        assert!(!asked(&["user:8"]) && !asked(&["nav", "user:8"]));
        assert!(!asked(&["user"]), "a program is no tag");
        for old in 0..4 {
            let mut number = 0..;
            assert!(!stamps.all(&[], |_| number.next() != Some(old)));
        }
    }
}
