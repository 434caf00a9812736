//! Which pages are asked for most, while an operator watches.
//!
//! Beside step 2 of a lookup: a hit. While none watches, it compares two numbers.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::key::Key;

/// How long hits are counted after the last question.
const WATCHED_MS: u64 = 30_000;
/// The hits of a minute are counted in these periods.
const PERIODS: u64 = 6;
const PERIOD_MS: u64 = 10_000;
/// The most keys that are told apart in a period: a page that many ask for is among the first.
const MOST_KEYS: usize = 1_000;
/// A longer key, in bytes, is not counted.
const LONGEST_KEY: usize = 2_000;

/// The hits of pages in the last minute.
#[derive(Debug, Default)]
pub(crate) struct Popular {
    watched_until_ms: AtomicU64,
    periods: Mutex<VecDeque<Period>>,
}

#[derive(Debug)]
struct Period {
    number: u64,
    hits: HashMap<String, u64>,
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
        let Ok(mut periods) = self.periods.try_lock() else {
            return;
        };
        let number = now_ms / PERIOD_MS;
        // A hit may come a moment late. A clock that was set back begins anew.
        let is_of = |last: &Period| number <= last.number && last.number - number < PERIODS;
        if !periods.back().is_some_and(is_of) {
            let hits = HashMap::new();
            periods.push_back(Period { number, hits });
            forget(&mut periods, number);
        }
        let Some(Period { hits, .. }) = periods.back_mut() else {
            return;
        };
        if let Some(count) = hits.get_mut(key) {
            *count += 1;
        } else if hits.len() < MOST_KEYS && key.len() <= LONGEST_KEY {
            hits.insert(key.to_owned(), 1);
        }
    }

    /// The keys with the most hits of the last minute, as far as an operator has watched, with their hits. An
    /// operator counts as watching from now on.
    pub(crate) fn most(&self, limit: usize, now_ms: u64) -> Vec<(String, u64)> {
        let until_ms = now_ms.saturating_add(WATCHED_MS);
        self.watched_until_ms.store(until_ms, Ordering::Relaxed);
        let mut periods = self.periods.lock().unwrap_or_else(PoisonError::into_inner);
        forget(&mut periods, now_ms / PERIOD_MS);
        let mut all: HashMap<&str, u64> = HashMap::new();
        for (key, hits) in periods.iter().flat_map(|period| &period.hits) {
            *all.entry(key).or_default() += hits;
        }
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_unstable_by(|(one, hits), (other, others)| others.cmp(hits).then(one.cmp(other)));
        let all = all.into_iter().take(limit);
        all.map(|(key, hits)| (key.to_owned(), hits)).collect()
    }
}

/// Forgets what is older than a minute, and what a clock that was set back has left.
fn forget(periods: &mut VecDeque<Period>, now: u64) {
    periods.retain(|period| period.number <= now && period.number + PERIODS > now);
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    #[test]
    fn hits_are_counted_only_while_an_operator_watches_and_for_a_minute() {
        let (popular, key) = (Popular::default(), Key::plain("a"));
        popular.hit(&key, NOW);
        assert_eq!(popular.most(10, NOW), []);
        for now_ms in [0, 9_000, 10_000, 9_999, 10_000, 9_000] {
            popular.hit(&key, NOW + now_ms);
        }
        for _ in 0..3 {
            popular.hit(&Key::plain("b"), NOW + 20_000);
        }
        let hits = |now| {
            let most = popular.most(10, now).into_iter();
            most.map(|(key, hits)| (key.chars().next().unwrap(), hits))
                .collect::<Vec<_>>()
        };
        assert_eq!(hits(NOW + 29_000), [('a', 6), ('b', 3)]);
        assert_eq!(hits(NOW + 75_000), [('b', 3)]);
        popular.hit(&key, NOW + 75_000 + WATCHED_MS);
        assert_eq!(hits(NOW + 75_000 + WATCHED_MS), []);
        // The clock is set back.
        popular.hit(&key, NOW + 80_000 + WATCHED_MS);
        assert_eq!(hits(NOW), []);
    }

    #[test]
    fn invented_keys_take_no_more_than_their_room() {
        let popular = Popular::default();
        popular.most(0, NOW);
        popular.hit(&Key::plain("x".repeat(LONGEST_KEY)), NOW);
        for number in 0..10 * MOST_KEYS {
            popular.hit(&Key::plain(number.to_string()), NOW);
            popular.hit(&Key::plain("0"), NOW);
        }
        assert_eq!(popular.most(usize::MAX, NOW).len(), MOST_KEYS);
        let most = popular.most(1, NOW);
        assert_eq!(most[0].1, 10 * MOST_KEYS as u64 + 1);
    }
}
