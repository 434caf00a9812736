//! What an invalidation is about, the keys of the records that tell of it, and the rules of tags.
//!
//! A ground type: an argument of `Cache::invalidate`, and part of a [`Reason`](crate::Reason).

use std::fmt;

use crate::key::{escape, unescape};

/// What an invalidation is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// The entries with this tag.
    Tag(String),
    /// The entries of the program of this name.
    Program(String),
    /// All entries.
    All,
}

impl Scope {
    /// That of the program whose name a key has as `written`.
    pub(crate) fn of_program(written: &str) -> Self {
        Self::Program(unescape(written))
    }

    /// The key of its record: no key of a program ends in a brace.
    pub(crate) fn record_key(&self) -> String {
        match self {
            Self::Tag(tag) => tag_key(tag),
            Self::Program(program) => program_key(&escape(program)),
            Self::All => ALL.to_owned(),
        }
    }
}

pub(crate) const ALL: &str = "{all}";

pub(crate) fn tag_key(tag: &str) -> String {
    format!("{{tag:{tag}}}")
}

/// The key of the record of the program whose name a key has as `written`.
pub(crate) fn program_key(written: &str) -> String {
    format!("{{program:{written}}}")
}

/// A text is the name of a tag.
impl From<&str> for Scope {
    fn from(tag: &str) -> Self {
        Self::Tag(tag.to_owned())
    }
}

impl From<String> for Scope {
    fn from(tag: String) -> Self {
        Self::Tag(tag)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, "tag {tag}"),
            // The program at the root has no name.
            Self::Program(program) if program.is_empty() => f.write_str("program /"),
            Self::Program(program) => write!(f, "program {program}"),
            Self::All => f.write_str("all"),
        }
    }
}

/// The longest tag, in bytes.
const MAX_TAG: usize = 200;
/// The tag that an invalidation of any tag makes old.
pub(crate) const EVERY_TAG: &str = "*";
/// The most tags of an entry.
pub(crate) const MAX_TAGS: usize = 64;

/// Whether `tag` is a valid tag.
pub(crate) fn is_tag(tag: &str) -> bool {
    (1..=MAX_TAG).contains(&tag.len()) && !tag.contains(char::is_control)
}

/// What `tag` has in common with those of its group: `user:` of `user:7`.
pub(crate) fn group(tag: &str) -> Option<&str> {
    tag.rfind(':').map(|end| &tag[..=end])
}

/// The tags that an invalidation of `tag` makes old besides: `user:*` and `*` for `user:7`.
pub(crate) fn wildcards(tag: &str) -> Vec<String> {
    let of_group = group(tag).map(|group| format!("{group}{EVERY_TAG}"));
    let wildcards = of_group.into_iter().chain([EVERY_TAG.to_owned()]);
    wildcards
        .filter(|wildcard| wildcard != tag && tag != EVERY_TAG && is_tag(wildcard))
        .collect()
}

/// Whether an entry may have `tags`.
pub(crate) fn may_be_tags(tags: &[String]) -> bool {
    tags.len() <= MAX_TAGS && tags.iter().all(|tag| is_tag(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_the_wildcard_of_its_group_and_that_of_all() {
        assert_eq!(wildcards("user:7"), ["user:*", "*"]);
        assert_eq!(wildcards("shop:user:7"), ["shop:user:*", "*"]);
        assert_eq!(wildcards("nav"), ["*"]);
        assert_eq!(wildcards("user:*"), ["*"]);
        assert!(wildcards("*").is_empty());
        let longest = "x".repeat(MAX_TAG - 1) + ":";
        assert_eq!(wildcards(&longest), ["*"]);
    }
}
