//! A pair of numbers that was worked out when something else had a count, so that it need not be worked out again until that changes.
//!
//! Beside step 2 of a lookup: read in each hit, without a lock.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Of nothing, or while it is being written.
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
        let is_at = || self.count.load(Ordering::Acquire) == count;
        if !is_at() {
            return None;
        }
        let pair = [0, 1].map(|part: usize| self.pair[part].load(Ordering::Acquire));
        // Race: another pair is written meanwhile. Whoever reads a part of it finds that the count has changed.
        is_at().then_some(pair)
    }

    /// Notes the `pair` of this `count`, unless another caller is noting one.
    pub(crate) fn note(&self, count: u64, pair: [u64; 2]) {
        if let Ok(_writer) = self.writer.try_lock() {
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
    use std::thread;

    use super::*;

    #[test]
    fn a_pair_is_that_of_its_count_while_others_are_written() {
        let noted = Noted::default();
        assert_eq!(noted.at(0), None);
        let pair = |count: u64| [count, count.wrapping_mul(7)];
        thread::scope(|scope| {
            for first in 0..2 {
                let noted = &noted;
                scope.spawn(move || {
                    (0..20_000).for_each(|n| noted.note(first + 2 * n, pair(first + 2 * n)))
                });
            }
            for count in 0..40_000 {
                if let Some(read) = noted.at(count) {
                    assert_eq!(read, pair(count));
                }
            }
        });
        noted.note(5, [1, 2]);
        assert_eq!((noted.at(5), noted.at(4)), (Some([1, 2]), None));
    }
}
