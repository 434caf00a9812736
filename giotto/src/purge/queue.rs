//! The tags that are to be purged: merged, and bounded.
//!
//! The first part of a purge. A tag is here once, however often it was invalidated. The race that `latest` closes: a tag is
//! invalidated again while other processes still answer with what was old before; it is then sent once more.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::downstream::ALL;

/// More tags than this become one: everything.
pub(super) const MAX_TAGS: usize = 1_000;

/// The most bytes of the tags of one request: a field of a request takes 8 KiB in most servers.
const MAX_BYTES: usize = 4 << 10;

/// The tags that wait.
#[derive(Debug, Default)]
pub(super) struct Queue(BTreeMap<String, Due>);

#[derive(Clone, Copy, Debug)]
struct Due {
    is_hard: bool,
    /// Not to be sent before.
    first: Instant,
    /// To be sent once more at this time, if it is sent before.
    latest: Instant,
}

/// The tags of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) tags: Vec<String>,
    pub(super) is_hard: bool,
}

impl Queue {
    /// Adds `tag`, not to be sent before `due`, and returns how many tags became one for everything.
    pub(super) fn add(&mut self, tag: String, is_hard: bool, due: Instant) -> usize {
        let is_full = self.0.len() >= MAX_TAGS && !self.0.contains_key(&tag);
        let tag = match is_full || self.0.contains_key(ALL) {
            true => ALL.to_owned(),
            false => tag,
        };
        let mut added = Due {
            is_hard,
            first: due,
            latest: due,
        };
        let merged: Vec<Due> = match tag == ALL {
            true => std::mem::take(&mut self.0).into_values().collect(),
            false => self.0.get(&tag).copied().into_iter().collect(),
        };
        for known in &merged {
            added.is_hard |= known.is_hard;
            added.first = added.first.min(known.first);
            added.latest = added.latest.max(known.latest);
        }
        self.0.insert(tag, added);
        match is_full {
            true => merged.len() + 1,
            false => 0,
        }
    }

    /// Takes up to `most` tags that are due at `now`, all hard or all soft.
    pub(super) fn take(&mut self, now: Instant, most: usize) -> Option<Batch> {
        let is_due = |due: &&Due| due.first <= now;
        let is_hard = self.0.values().filter(is_due).any(|due| due.is_hard);
        let mut bytes = 0;
        let due = self.0.iter().filter(|(_, due)| is_due(due));
        let due = due.filter(|(_, due)| due.is_hard == is_hard);
        let tags: Vec<String> = due
            .take(most)
            .map(|(tag, _)| tag.clone())
            .take_while(|tag| {
                let is_first = bytes == 0;
                bytes += tag.len() + 1;
                is_first || bytes <= MAX_BYTES
            })
            .collect();
        for tag in &tags {
            match self.0.get_mut(tag) {
                Some(due) if due.latest > now => due.first = due.latest,
                _ => drop(self.0.remove(tag)),
            }
        }
        (!tags.is_empty()).then_some(Batch { tags, is_hard })
    }

    /// When the next tag is due; `None` if none waits.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.0.values().map(|due| due.first).min()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn batch(tags: &[&str], is_hard: bool) -> Option<Batch> {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Some(Batch { tags, is_hard })
    }

    #[test]
    fn a_tag_waits_once_and_hard_ones_are_sent_first() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for (tag, is_hard) in [("b", false), ("a", false), ("c", true), ("a", false)] {
            assert_eq!(queue.add(tag.to_owned(), is_hard, now), 0);
        }
        assert_eq!(queue.take(now, 100), batch(&["c"], true));
        assert_eq!(queue.take(now, 1), batch(&["a"], false));
        queue.add("b".to_owned(), true, now);
        assert_eq!(queue.take(now, 100), batch(&["b"], true));
        assert_eq!(queue.take(now, 100), None);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn what_is_not_due_yet_waits_and_what_is_asked_for_again_is_sent_again() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let [soon, later] = [1, 2].map(|seconds| now + Duration::from_secs(seconds));
        queue.add("a".to_owned(), false, soon);
        assert_eq!(queue.take(now, 100), None);
        assert_eq!(queue.next_due(), Some(soon));
        queue.add("a".to_owned(), false, later);
        assert_eq!(queue.take(soon, 100), batch(&["a"], false));
        assert_eq!(queue.next_due(), Some(later));
        assert_eq!(queue.take(soon, 100), None);
        assert_eq!(queue.take(later, 100), batch(&["a"], false));
        assert_eq!(queue.next_due(), None);
    }

    #[test]
    fn too_many_become_one_for_everything_which_takes_in_what_follows() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let add = |queue: &mut Queue, number: usize| {
            let collapsed = queue.add(number.to_string(), number == 3, now);
            assert!(queue.len() <= MAX_TAGS);
            collapsed
        };
        let collapsed: usize = (0..10 * MAX_TAGS).map(|n| add(&mut queue, n)).sum();
        assert_eq!(collapsed, MAX_TAGS + 1);
        assert_eq!(queue.take(now, 100), batch(&["giotto:all"], true));
        assert_eq!(add(&mut queue, 5), 0);
        assert_eq!(queue.take(now, 100), batch(&["5"], false));
    }

    #[test]
    fn the_tags_of_a_request_are_bounded_in_number_and_length() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for number in 0..100 {
            queue.add(format!("{number:0>199}"), false, now);
        }
        let lengths = std::iter::from_fn(|| queue.take(now, 15));
        let lengths: Vec<usize> = lengths.map(|batch| batch.tags.len()).collect();
        assert_eq!(lengths, [15, 15, 15, 15, 15, 15, 10]);
        for number in 0..30 {
            queue.add(format!("{number:0>199}"), false, now);
        }
        let lengths = std::iter::from_fn(|| queue.take(now, 100));
        let lengths: Vec<usize> = lengths.map(|batch| batch.tags.len()).collect();
        assert_eq!(lengths, [20, 10]);
        queue.add("x".repeat(5_000), false, now);
        assert_eq!(queue.take(now, 100).map(|batch| batch.tags.len()), Some(1));
    }
}
