//! What an invalidation would be about: the pages are counted, and ten are shown.
//!
//! Part of `cache/invalidate` and `cache/purge`; nothing is changed.

use giotto_cache::{ListedEntry, ListedState, Listing, Scope};

use super::chosen::Chosen;
use super::outcome::{Report, SHOWN, Would};
use crate::error::Result;
use crate::management::contents::{page, policies};
use crate::management::operator::Operator;

/// The part of the time that it is at work.
const SHARE: f64 = 0.5;

/// Counts what `chosen` means, for `what`: `purge` or `invalidate`.
pub(super) async fn count(
    what: &'static str,
    chosen: Chosen,
    operator: &Operator,
) -> Result<Report> {
    let cache = operator.app.shared_cache();
    let keys = cache.store().place().keys_of_page();
    let mut listing = Listing::new(keys).policies(policies(&operator.app));
    match &chosen {
        Chosen::Scope(Scope::Program(path)) => listing = listing.program(path),
        Chosen::Pattern(pattern) => listing.scan.part = pattern.part(),
        Chosen::Scope(_) => {}
    }
    let mut would = Would {
        what: what.to_owned(),
        pages: 0,
        unknown: 0,
        some: Vec::new(),
    };
    let mut walk = cache.walk(listing).share(SHARE);
    while let Some(found) = walk.next().await? {
        // The others are purged already.
        let is_served = |entry: &&ListedEntry| entry.state != ListedState::Purged;
        for entry in found.entries.iter().filter(is_served) {
            would.note(is_meant(&chosen, entry), entry);
        }
    }
    Ok(Report {
        pages: chosen.pages(),
        is_hard: what == "purge",
        looked_at: Some(walk.looked_at()),
        would: Some(would),
        ..Report::default()
    })
}

impl Would {
    fn note(&mut self, is_meant: Option<bool>, entry: &ListedEntry) {
        match is_meant {
            Some(false) => {}
            None => self.unknown += 1,
            Some(true) => {
                self.pages += 1;
                if self.some.len() < SHOWN {
                    self.some.push(page(entry));
                }
            }
        }
    }
}

/// Whether `entry` is one of those; `None` if the store does not tell.
fn is_meant(chosen: &Chosen, entry: &ListedEntry) -> Option<bool> {
    match chosen {
        Chosen::Scope(Scope::Tag(tag)) => {
            let known = entry.known.as_ref()?;
            match known.tags.contains(tag) {
                false if known.has_more_tags => None,
                has => Some(has),
            }
        }
        Chosen::Scope(Scope::Program(name)) => {
            let is_its = entry.program.as_ref() == Some(name);
            entry.key.as_ref().map(|_| is_its)
        }
        Chosen::Scope(_) => Some(true),
        Chosen::Pattern(pattern) => entry.key.as_ref().map(|_| pattern.has(entry)),
    }
}
