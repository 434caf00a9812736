//! Which pages are asked for most, while an operator watches.
//!
//! Beside step 2 of a lookup: a hit. While none watches, it compares two numbers.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::key::Key;

/// How long hits are counted after the last question.
const WATCHED_MS: u64 = 60_000;
/// The hits of a minute are counted in these periods.
const PERIODS: u64 = 6;
const PERIOD_MS: u64 = 10_000;
/// The room for the keys that are told apart in a period: a page that many ask for is among the first.
const MOST_BYTES: usize = 512 << 10;
/// What a key takes besides its text.
const OVERHEAD: usize = 64;
/// A longer key, in bytes, is not counted.
const LONGEST_KEY: usize = 2_000;

/// The pages with the most hits of the last minute; see [`Cache::popular`](crate::Cache::popular).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PopularPages {
    /// The keys, and how many hits each had, the most first.
    pub pages: Vec<(String, u64)>,
    /// For how long hits have been counted: a minute at most, and nothing at the first call.
    pub counted_for: Duration,
    /// Whether a key that is not among all `pages` had no hit. Otherwise there were too many keys to tell apart.
    pub has_all: bool,
}

/// The hits of pages in the last minute.
#[derive(Debug, Default)]
pub(crate) struct Popular {
    watched_until_ms: AtomicU64,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    /// An operator has watched without a gap since.
    since_ms: u64,
    periods: VecDeque<Period>,
}

#[derive(Debug, Default)]
struct Period {
    number: u64,
    hits: HashMap<String, u64>,
    bytes: usize,
    has_all: bool,
}

impl Popular {
    /// Counts a hit, if an operator watches.
    #[inline]
    pub(crate) fn hit(&self, key: &Key, now_ms: u64) {
        if now_ms < self.watched_until_ms.load(Ordering::Relaxed) {
            self.count(key.as_str(), now_ms);
        }
    }

    /// A hit does not wait for another one: what comes at the same moment is left out.
    #[cold]
    fn count(&self, key: &str, now_ms: u64) {
        if let Ok(mut counted) = self.counted.try_lock() {
            counted.period(now_ms).count(key);
        }
    }

    /// The keys with the most hits of the last minute, as far as an operator has watched. An operator counts as watching
    /// from now on.
    pub(crate) fn most(&self, limit: usize, now_ms: u64) -> PopularPages {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let until_ms = now_ms.saturating_add(WATCHED_MS);
        let was_until_ms = self.watched_until_ms.swap(until_ms, Ordering::Relaxed);
        if now_ms >= was_until_ms || now_ms < counted.since_ms {
            *counted = Counted {
                since_ms: now_ms,
                periods: VecDeque::new(),
            };
        }
        counted.forget(now_ms / PERIOD_MS);
        counted.most(limit, now_ms)
    }
}

impl Counted {
    /// The period of this moment.
    fn period(&mut self, now_ms: u64) -> &mut Period {
        let number = now_ms / PERIOD_MS;
        // A hit may come a moment late. A clock that was set back begins anew.
        let is_of = |last: &Period| number <= last.number && last.number - number < PERIODS;
        if !self.periods.back().is_some_and(is_of) {
            self.forget(number);
            self.periods.push_back(Period::new(number));
        }
        let last = self.periods.len() - 1;
        &mut self.periods[last]
    }

    /// Forgets what is older than a minute, and what a clock that was set back has left.
    fn forget(&mut self, now: u64) {
        let is_of_now = |period: &Period| period.number <= now && period.number + PERIODS > now;
        self.periods.retain(is_of_now);
    }

    fn most(&self, limit: usize, now_ms: u64) -> PopularPages {
        let mut all: HashMap<&str, u64> = HashMap::new();
        for (key, hits) in self.periods.iter().flat_map(|period| &period.hits) {
            *all.entry(key).or_default() += hits;
        }
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_unstable_by(|(one, hits), (other, others)| others.cmp(hits).then(one.cmp(other)));
        let has_all = all.len() <= limit && self.periods.iter().all(|period| period.has_all);
        let all = all.into_iter().take(limit);
        let first_ms = (now_ms / PERIOD_MS + 1).saturating_sub(PERIODS) * PERIOD_MS;
        PopularPages {
            pages: all.map(|(key, hits)| (key.to_owned(), hits)).collect(),
            counted_for: Duration::from_millis(now_ms - self.since_ms.max(first_ms)),
            has_all,
        }
    }
}

impl Period {
    fn new(number: u64) -> Self {
        Self {
            number,
            has_all: true,
            ..Self::default()
        }
    }

    fn count(&mut self, key: &str) {
        if let Some(count) = self.hits.get_mut(key) {
            *count += 1;
        } else if self.bytes < MOST_BYTES && key.len() <= LONGEST_KEY {
            self.bytes += key.len() + OVERHEAD;
            self.hits.insert(key.to_owned(), 1);
        } else {
            self.has_all = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    #[test]
    fn hits_are_counted_only_while_an_operator_watches_and_for_a_minute() {
        let (popular, key) = (Popular::default(), Key::plain("a"));
        popular.hit(&key, NOW);
        let first = popular.most(10, NOW);
        assert_eq!((first.pages, first.counted_for), (vec![], Duration::ZERO));
        for now_ms in [0, 9_000, 10_000, 9_999, 10_000, 9_000] {
            popular.hit(&key, NOW + now_ms);
        }
        for _ in 0..3 {
            popular.hit(&Key::plain("b"), NOW + 20_000);
        }
        let hits = |now| {
            let most = popular.most(10, now);
            assert!(most.has_all);
            let pages = most.pages.into_iter();
            let pages = pages.map(|(key, hits)| (key.chars().next().unwrap(), hits));
            (pages.collect::<Vec<_>>(), most.counted_for.as_secs())
        };
        assert_eq!(hits(NOW + 29_000), (vec![('a', 6), ('b', 3)], 29));
        assert_eq!(hits(NOW + 75_000), (vec![('b', 3)], 55));
        // What comes after the operator has left is not counted, and counting begins anew.
        popular.hit(&key, NOW + 75_000 + WATCHED_MS);
        assert_eq!(hits(NOW + 75_000 + WATCHED_MS), (vec![], 0));
        popular.hit(&key, NOW + 80_000 + WATCHED_MS);
        assert_eq!(hits(NOW + 80_000 + WATCHED_MS), (vec![('a', 1)], 5));
        // The clock is set back.
        assert_eq!(hits(NOW), (vec![], 0));
    }

    #[test]
    fn invented_keys_take_no_more_than_their_room() {
        let popular = Popular::default();
        popular.most(0, NOW);
        popular.hit(&Key::plain("0"), NOW);
        assert!(popular.most(1, NOW).has_all);
        assert!(!popular.most(0, NOW).has_all, "one is left out");
        popular.hit(&Key::plain("x".repeat(LONGEST_KEY)), NOW);
        let most = popular.most(1, NOW);
        assert!(!most.has_all && most.pages.len() == 1, "{most:?}");
        for number in 0..10_000 {
            popular.hit(&Key::plain(format!("{number:0500}")), NOW);
            popular.hit(&Key::plain("0"), NOW);
        }
        let most = popular.most(usize::MAX, NOW);
        let bytes = most.pages.iter().map(|(key, _)| key.len()).sum::<usize>();
        assert!(!most.has_all && bytes < MOST_BYTES, "{bytes}");
        assert_eq!(most.pages[0].1, 10_001);
    }
}
