//! The pages that `cache/invalidate` and `cache/purge` are about.
//!
//! Named by a scope, which is told to the store, or by a pattern, whose pages are looked for.

use giotto_cache::Scope;

use crate::management::contents::Pattern;
use crate::management::invocation::shown as shown_path;

/// The pages that are meant.
pub(super) enum Chosen {
    Scope(Scope),
    Pattern(Pattern),
}

impl Chosen {
    /// `all pages of the program price`
    pub(super) fn pages(&self) -> String {
        match self {
            Self::Scope(Scope::Program(path)) => {
                format!("all pages of the program {}", shown_path(path))
            }
            Self::Scope(Scope::Tag(tag)) => format!("all pages with the tag {tag}"),
            Self::Scope(_) => "all pages".to_owned(),
            Self::Pattern(pattern) => pattern.pages(),
        }
    }
}
