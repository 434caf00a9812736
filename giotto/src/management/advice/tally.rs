//! What was counted, as far as it says whether caching is worth it; figures of several processes add up.
//!
//! Part of `cache/advise`.

use std::collections::BTreeMap;
use std::time::Duration;

use giotto_cache::{Cache, Counts, ProgramCounts, Times};
use serde::{Deserialize, Serialize};

/// What one process, or several, have counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tallies {
    /// How long all reads of the stores took.
    reads_ms: f64,
    /// How long all writes of entries took, and how many they were.
    writes_ms: f64,
    writes: u64,
    pub(super) programs: BTreeMap<String, Tally>,
}

/// What was counted of one program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Tally {
    pub(super) lookups: u64,
    pub(super) misses: u64,
    /// Answers from the store, fresh or stale.
    pub(super) read: u64,
    pub(super) computed: u64,
    pub(super) stored: u64,
    pub(super) replaced: u64,
    pub(super) unchanged: u64,
    pub(super) over_budget: u64,
    pub(super) too_large: u64,
    pub(super) bad_tag: u64,
    pub(super) model_ms: f64,
    pub(super) saved_ms: f64,
}

impl Tallies {
    /// Those of this process.
    pub(super) fn of(cache: &Cache) -> Self {
        let layers = cache.layers();
        let calls = || layers.iter().flat_map(|layer| &layer.calls);
        let of = |names: &'static [&str]| {
            let calls = calls().filter(move |(operation, _)| names.contains(operation));
            calls.map(|(_, times)| times)
        };
        let programs = cache.programs().into_iter();
        Self {
            reads_ms: of(&["get", "get_many"]).map(|times| ms(times.sum)).sum(),
            writes_ms: of(&["set"]).map(|times| ms(times.sum)).sum(),
            writes: of(&["set"]).map(Times::count).sum(),
            programs: programs
                .map(|counted| (counted.program.clone(), Tally::of(&counted)))
                .collect(),
        }
    }

    /// Adds those of another process.
    pub(super) fn add(&mut self, other: Self) {
        self.reads_ms += other.reads_ms;
        self.writes_ms += other.writes_ms;
        self.writes += other.writes;
        for (program, tally) in other.programs {
            self.programs.entry(program).or_default().add(&tally);
        }
    }

    /// What the stores take for a lookup on average, in milliseconds. The first layers answer most.
    pub(super) fn read_ms(&self) -> f64 {
        let lookups: u64 = self.programs.values().map(|tally| tally.lookups).sum();
        mean(self.reads_ms, lookups)
    }

    /// What they take for an entry that is stored.
    pub(super) fn write_ms(&self) -> f64 {
        mean(self.writes_ms, self.writes)
    }
}

impl Tally {
    fn of(counted: &ProgramCounts) -> Self {
        let counts = &counted.counts;
        Self {
            lookups: lookups(counts),
            misses: counts.misses,
            read: counts.hits + counts.stale,
            computed: counted.model.count(),
            stored: counts.stored,
            replaced: counts.replaced,
            unchanged: counts.unchanged,
            over_budget: counts.over_budget,
            too_large: counts.too_large,
            bad_tag: counts.bad_tag,
            model_ms: ms(counted.model.sum),
            saved_ms: ms(counted.saved),
        }
    }

    fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.lookups, other.lookups),
            (&mut self.misses, other.misses),
            (&mut self.read, other.read),
            (&mut self.computed, other.computed),
            (&mut self.stored, other.stored),
            (&mut self.replaced, other.replaced),
            (&mut self.unchanged, other.unchanged),
            (&mut self.over_budget, other.over_budget),
            (&mut self.too_large, other.too_large),
            (&mut self.bad_tag, other.bad_tag),
        ];
        for (own, other) in pairs {
            *own += other;
        }
        self.model_ms += other.model_ms;
        self.saved_ms += other.saved_ms;
    }

    /// What its model takes on average, in milliseconds.
    pub(super) fn mean_model_ms(&self) -> f64 {
        mean(self.model_ms, self.computed)
    }
}

/// How often the cache was asked. Stale answers after a failure, or because a model is late, are misses, too.
const fn lookups(counts: &Counts) -> u64 {
    let stale = counts.stale_revalidating + counts.stale_throttled + counts.stale_accepted;
    counts.hits + stale + counts.misses
}

fn mean(sum: f64, count: u64) -> f64 {
    sum / count.max(1) as f64
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_processes_add_up() {
        let one = |lookups, reads_ms| Tallies {
            reads_ms,
            writes_ms: 4.0,
            writes: 2,
            programs: BTreeMap::from([(
                "price".to_owned(),
                Tally {
                    lookups,
                    computed: 1,
                    model_ms: 10.0,
                    ..Tally::default()
                },
            )]),
        };
        let mut sum = Tallies::default();
        sum.add(one(10, 5.0));
        sum.add(one(30, 15.0));
        assert_eq!((sum.read_ms(), sum.write_ms()), (0.5, 2.0));
        let price = &sum.programs["price"];
        assert_eq!((price.lookups, price.mean_model_ms()), (40, 10.0));
    }
}
