//! What caching is worth for one program, by what was counted of it.
//!
//! Part of `cache/advise`: figures and sentences, no step of a lookup.

use std::time::Duration;

use giotto_cache::{Counts, LayerCounts, ProgramCounts};
use serde::Serialize;

use crate::management::text::{count, grouped, time};

/// Fewer lookups, refreshes or pages than this say nothing.
const ENOUGH: u64 = 100;
const ENOUGH_REFRESHES: u64 = 20;
/// From this part of its refreshes on, a program changes so seldom that a longer life suits it.
const UNCHANGED: f64 = 0.9;

/// What one call to the stores takes, on average.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StoreTimes {
    lookup: Duration,
    write: Duration,
}

/// What caching is worth for one program.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Worth {
    pub(super) program: String,
    pub(super) lookups: u64,
    /// The part of its lookups that the store answered.
    pub(super) hit_rate: f64,
    /// How long its model takes, on average.
    #[serde(serialize_with = "milliseconds")]
    pub(super) model_ms: Duration,
    /// The time of models that was saved, less that of the stores; negative if caching costs more than it saves.
    pub(super) saved_ms: f64,
    /// What to do, if there is something to do.
    pub(super) advice: Vec<String>,
}

impl StoreTimes {
    /// What the `layers` took: a lookup as it is shared by all, of which the first layers answer most.
    pub(super) fn of(layers: &[LayerCounts], lookups: u64) -> Self {
        let of = |names: &[&str]| {
            let calls = layers.iter().flat_map(|layer| &layer.calls);
            let calls = calls.filter(|(operation, _)| names.contains(operation));
            calls.fold((Duration::ZERO, 0), |(sum, count), (_, times)| {
                (sum + times.sum, count + times.count())
            })
        };
        let (reads, _) = of(&["get", "get_many"]);
        let (writes, written) = of(&["set"]);
        Self {
            lookup: mean(reads, lookups),
            write: mean(writes, written),
        }
    }
}

impl Worth {
    pub(super) fn of(counted: ProgramCounts, store: StoreTimes) -> Self {
        let counts = counted.counts;
        let lookups = lookups(&counts);
        let model = mean(counted.model.sum, counted.model.count());
        let answered = lookups.saturating_sub(counts.misses);
        let spent =
            seconds(store.lookup) * lookups as f64 + seconds(store.write) * counts.stored as f64;
        let saved = seconds(counted.saved) - spent;
        Self {
            advice: advice(&counts, model, store, saved),
            program: counted.program,
            hit_rate: answered as f64 / lookups.max(1) as f64,
            lookups,
            model_ms: model,
            saved_ms: saved * 1_000.0,
        }
    }
}

/// How often the cache was asked. Stale answers after a failure, or because a model is late, are misses, too.
pub(super) const fn lookups(counts: &Counts) -> u64 {
    counts.hits + counts.stale_revalidating + counts.stale_throttled + counts.misses
}

fn advice(counts: &Counts, model: Duration, store: StoreTimes, saved: f64) -> Vec<String> {
    let lookups = lookups(counts);
    let read = counts.hits + counts.stale;
    let mut advice = Vec::new();
    if lookups >= ENOUGH && saved < 0.0 {
        let (model, store) = (time(model), time(store.lookup));
        advice.push(format!(
            "not worth it: the model takes {model}, and the store {store} for each request: leave out .cache(..), or put \
             \"locmem\" before the store"
        ));
    }
    // At most as many pages were read as there were reads.
    if counts.stored >= ENOUGH && read * 10 <= counts.stored {
        let [read, stored] = [read, counts.stored].map(grouped);
        advice.push(format!(
            "at least 9 of 10 pages were never read again ({stored} stored, {read} read): add .cache_on_second_request(), or \
             leave out .cache(..)"
        ));
    }
    let unchanged = counts.unchanged as f64 / counts.replaced.max(1) as f64;
    if counts.replaced >= ENOUGH_REFRESHES && unchanged >= UNCHANGED {
        let refreshes = grouped(counts.replaced);
        let percent = (unchanged * 100.0).floor();
        advice.push(format!(
            "unchanged in {percent} % of {refreshes} refreshes: give .cache(..) a longer time, and invalidate by tags what does change"
        ));
    }
    advice.extend(lost(counts));
    advice
}

/// Pages that were computed and could not be kept.
fn lost(counts: &Counts) -> impl Iterator<Item = String> {
    let reasons = [
        (
            counts.over_budget,
            "were over its budget: raise .max_entries(..) or .new_entries_per_second(..), or see what asks for them",
        ),
        (
            counts.too_large,
            "were too large: raise the limit of the cache or of its store, or make them smaller",
        ),
        (counts.bad_tag, "had an invalid tag: see the log"),
    ];
    let reasons = reasons.into_iter().filter(|(pages, _)| *pages > 0);
    reasons.map(|(pages, why)| format!("{} not stored: they {why}", count(pages, "page")))
}

fn mean(sum: Duration, count: u64) -> Duration {
    let nanoseconds = sum.as_nanos() / u128::from(count.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

const fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn milliseconds<S: serde::Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(seconds(*time) * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: StoreTimes = StoreTimes {
        lookup: Duration::from_micros(400),
        write: Duration::from_micros(600),
    };

    fn counts(set: impl FnOnce(&mut Counts)) -> Counts {
        let mut counts = Counts::default();
        set(&mut counts);
        counts
    }

    /// Whether the advice begins with these words, one each.
    fn assert_advice(counts: &Counts, saved: f64, expected: &[&str]) {
        let advice = advice(counts, Duration::from_micros(200), STORE, saved);
        assert_eq!(advice.len(), expected.len(), "{advice:?}");
        for (advice, begin) in advice.iter().zip(expected) {
            assert!(advice.starts_with(begin), "{advice}");
        }
    }

    #[test]
    fn a_program_is_told_what_its_counters_say() {
        let quick = counts(|counts| (counts.hits, counts.misses, counts.stored) = (90, 10, 10));
        let costly = "not worth it: the model takes 200 µs, and the store 400 µs for each request";
        assert_advice(&quick, -0.1, &[costly]);
        assert_advice(&quick, 0.1, &[]);
        let few = counts(|counts| counts.hits = 99);
        assert_advice(&few, -0.1, &[]);

        let crawled =
            counts(|counts| (counts.hits, counts.misses, counts.stored) = (100, 1_000, 1_000));
        let unread = "at least 9 of 10 pages were never read again (1,000 stored, 100 read)";
        assert_advice(&crawled, 1.0, &[unread]);
        let read =
            counts(|counts| (counts.hits, counts.misses, counts.stored) = (101, 1_000, 1_000));
        assert_advice(&read, 1.0, &[]);

        let steady = counts(|counts| (counts.replaced, counts.unchanged) = (200, 195));
        assert_advice(&steady, 1.0, &["unchanged in 97 % of 200 refreshes"]);
        let moving = counts(|counts| (counts.replaced, counts.unchanged) = (200, 179));
        assert_advice(&moving, 1.0, &[]);

        let lost =
            counts(|counts| (counts.over_budget, counts.too_large, counts.bad_tag) = (2, 1, 1));
        let pages = [
            "2 pages not stored: they were over",
            "1 page not stored: they were too",
            "1 page not",
        ];
        assert_advice(&lost, 1.0, &pages);
    }
}
