//! A pair of numbers that was worked out when something else had a count, so that it need not be worked out again until that changes.
//!
//! Beside step 2 of a lookup: read in each hit, without a lock.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Before the first pair, and while one is being written.
const NONE: u64 = u64::MAX;

/// Two numbers, and the count that they belong to.
#[derive(Debug)]
pub(crate) struct Noted {
    count: AtomicU64,
    pair: [AtomicU64; 2],
    writer: Mutex<()>,
}

impl Default for Noted {
    fn default() -> Self {
        Self {
            count: AtomicU64::new(NONE),
            pair: Default::default(),
            writer: Mutex::default(),
        }
    }
}

impl Noted {
    /// The pair of this `count`, if it is noted.
    #[inline]
    pub(crate) fn at(&self, count: u64) -> Option<[u64; 2]> {
        let is_at = || self.count.load(Ordering::Acquire) == count && count != NONE;
        if !is_at() {
            return None;
        }
        let pair = [0, 1].map(|part: usize| self.pair[part].load(Ordering::Acquire));
        // Race: another pair is written meanwhile. A caller that has read a part of it finds that the count has changed.
        is_at().then_some(pair)
    }

    /// Notes the `pair` of this `count`, unless one of it or of a later one is noted, or another caller is noting one.
    pub(crate) fn note(&self, count: u64, pair: [u64; 2]) {
        let Ok(_writer) = self.writer.try_lock() else {
            return;
        };
        let known = self.count.load(Ordering::Relaxed);
        if known == NONE || known < count {
            self.count.store(NONE, Ordering::Release);
            for (own, part) in self.pair.iter().zip(pair) {
                own.store(part, Ordering::Release);
            }
            self.count.store(count, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    #[test]
    fn a_pair_is_that_of_its_count_while_others_are_written() {
        let (noted, next, is_over) = (Noted::default(), AtomicU64::new(0), AtomicBool::new(false));
        let pair = |count: u64| [count, count.wrapping_mul(7)];
        let wrong = thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        let count = next.fetch_add(1, Ordering::Relaxed);
                        noted.note(count, pair(count));
                    }
                });
            }
            let pairs = std::iter::repeat_with(|| {
                let count = noted.count.load(Ordering::Acquire);
                noted.at(count).map(|found| (found, pair(count)))
            });
            let wrong = pairs
                .flatten()
                .take(10_000)
                .find(|(found, own)| found != own);
            is_over.store(true, Ordering::Relaxed);
            wrong
        });
        assert_eq!(wrong, None);
    }

    #[test]
    fn the_first_pair_of_the_latest_count_is_kept() {
        let noted = Noted::default();
        assert_eq!(noted.at(0), None);
        for (count, pair) in [(3, [1, 1]), (5, [2, 2]), (5, [3, 3]), (4, [4, 4])] {
            noted.note(count, pair);
        }
        let at = [3, 4, 5].map(|count| noted.at(count));
        assert_eq!(at, [None, None, Some([2, 2])]);
    }
}
