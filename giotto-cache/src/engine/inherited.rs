//! What a computation inherits from the results that it looks up or has computed: gathered while it runs.
//!
//! Step 5 of a lookup. `heritage.rs` makes a part of the entry of it.

use std::collections::BTreeMap;

use crate::answer::Answer;
use crate::entry::extension::Extension;
use crate::entry::inherited::{Blocked, MAX_LINKS, Unstored, cut};
use crate::invalidation::generation::Generation;
use crate::key::Key;
use crate::policy::clocks::Clocks;
use crate::reason::Status;

/// More tags, or more programs, are too many: a computation takes no more room than this.
const MAX_GATHERED: usize = 4_096;

/// What a computation has inherited until now.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) tags: BTreeMap<String, Inherits>,
    pub(crate) programs: BTreeMap<String, Inherits>,
    pub(crate) links: Vec<GatheredLink>,
    pub(crate) left_out: u16,
    /// The shortest life of a result.
    life: Option<Clocks>,
    /// The worst of the results that what was made of them must not be stored for, and its key.
    blocked: Option<(Blocked, String)>,
}

/// Something that results depend on, as it was before they were computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inherits {
    pub(crate) generation: Generation,
    /// Whether a result was served that may be old, as its policy allows.
    pub(crate) may_be_old: bool,
}

/// A result, or one that a result was made of.
#[derive(Debug)]
pub(crate) struct GatheredLink {
    pub(crate) depth: u8,
    pub(crate) key: String,
    pub(crate) tags: Vec<String>,
    /// Until when the result is fresh, if it is not only a part of another.
    pub(crate) fresh_until: Option<u64>,
}

impl Gathered {
    /// Inherits from the answer to a lookup of `key`.
    pub(crate) fn inherit(&mut self, key: &Key, answer: &Answer, now_ms: u64) {
        let entry = &answer.entry;
        let Some(extension) = entry.extension() else {
            return self.block(Blocked::Unknown, key);
        };
        let mut life = match entry.unstored() {
            // It is for its own caller.
            None if entry.clocks().are_of_no_cache() => return self.block(Blocked::NoStore, key),
            None => entry.clocks(),
            Some(Unstored::Living(clocks)) => clocks,
            Some(Unstored::Blocked(why)) => {
                self.block(why, key);
                entry.clocks()
            }
        };
        let may_be_old = matches!(answer.status, Status::Stale(_));
        if may_be_old {
            life.fresh_until = life.fresh_until.min(now_ms);
        }
        self.life = Some(self.life.map_or(life, |own| own.no_later_than(life)));
        self.depend_on(key.program(), &extension, may_be_old);
        if self.tags.len() > MAX_GATHERED || self.programs.len() > MAX_GATHERED {
            self.tags.clear();
            self.programs.clear();
            self.block(Blocked::BadTag, key);
        }
        self.chain(key, &extension, life.fresh_until);
    }

    /// Depends on all that a result of `program` depends on.
    fn depend_on(&mut self, program: &str, extension: &Extension, may_be_old: bool) {
        let inherits = |generation| Inherits {
            generation,
            may_be_old,
        };
        depend(&mut self.programs, program, inherits(extension.program));
        for (program, generation) in &extension.inherited.programs {
            depend(&mut self.programs, program, inherits(*generation));
        }
        for stamp in &extension.tags {
            depend(&mut self.tags, &stamp.tag, inherits(stamp.generation));
        }
    }

    /// Adds the result of `key`, which is fresh until then, and those that it was made of.
    fn chain(&mut self, key: &Key, extension: &Extension, fresh_until: u64) {
        let is_new = self.link(GatheredLink {
            depth: 1,
            key: cut(key.as_str()),
            tags: extension
                .tags
                .iter()
                .map(|stamp| stamp.tag.clone())
                .collect(),
            fresh_until: Some(fresh_until),
        });
        let inner = extension.inherited.links.iter().filter(|_| is_new);
        for link in inner {
            self.link(GatheredLink {
                depth: link.depth.saturating_add(1),
                key: link.key.clone(),
                tags: link.tags_of(&extension.tags).map(str::to_owned).collect(),
                fresh_until: None,
            });
        }
    }

    /// Adds what an old result has that is still valid, as it was before that was found out.
    pub(crate) fn add(&mut self, old: Self) {
        for (tag, inherits) in &old.tags {
            depend(&mut self.tags, tag, *inherits);
        }
        for (program, inherits) in &old.programs {
            depend(&mut self.programs, program, *inherits);
        }
        self.left_out = self.left_out.saturating_add(old.left_out);
        for link in old.links {
            self.link(link);
        }
    }

    /// Has nothing stored that is made of the result of `key`.
    pub(crate) fn block(&mut self, why: Blocked, key: &Key) {
        if self.blocked().is_none_or(|known| why > known) {
            self.blocked = Some((why, cut(key.as_str())));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.programs.is_empty() && self.blocked.is_none()
    }

    /// Whether there are tags, or may be.
    pub(crate) fn has_tags(&self) -> bool {
        !self.tags.is_empty() || self.blocked() == Some(Blocked::Unknown)
    }

    pub(crate) fn blocked(&self) -> Option<Blocked> {
        self.blocked.as_ref().map(|(why, _)| *why)
    }

    /// The key of the result that nothing may be stored for.
    pub(crate) fn blocked_by(&self) -> Option<&str> {
        self.blocked.as_ref().map(|(_, key)| key.as_str())
    }

    /// The `clocks` of what is made of the results; `None` if nothing is left of its life at `now_ms`.
    pub(crate) fn limit(&self, clocks: Clocks, now_ms: u64) -> Option<Clocks> {
        if self.blocked() == Some(Blocked::Lifeless) {
            return None;
        }
        let Some(life) = self.life else {
            return Some(clocks);
        };
        let limited = clocks.no_later_than(life);
        // A result of `no_cache` never has that time: it is kept as the old value for as long as what it is made of.
        let is_over = clocks.stale_until > now_ms && limited.stale_until <= now_ms;
        (!is_over && limited.keep_until > now_ms).then_some(limited)
    }

    /// Adds `link`, unless it is known; whether it was added. If there is no room, it takes the place of the last one if its
    /// result has a shorter life than all others.
    fn link(&mut self, link: GatheredLink) -> bool {
        let is_inner = link.fresh_until.is_some();
        if is_inner
            && self
                .links
                .iter()
                .any(|known| known.depth == 1 && known.key == link.key)
        {
            return false;
        }
        if self.links.len() < MAX_LINKS {
            self.links.push(link);
            return true;
        }
        self.left_out = self.left_out.saturating_add(1);
        let shortest = self.links.iter().filter_map(|link| link.fresh_until).min();
        if is_inner
            && link.fresh_until < shortest
            && let Some(last) = self.links.last_mut()
        {
            *last = link;
        }
        false
    }
}

/// Adds `inherits` to what is known of `name`: what two results depend on in different states is old.
fn depend(all: &mut BTreeMap<String, Inherits>, name: &str, inherits: Inherits) {
    match all.get_mut(name) {
        None => {
            all.insert(name.to_owned(), inherits);
        }
        Some(known) => {
            *known = Inherits {
                generation: known.generation.either(inherits.generation),
                may_be_old: known.may_be_old || inherits.may_be_old,
            };
        }
    }
}
