//! What caching is worth for one program, and what to change.
//!
//! Part of `cache/advise`: figures and sentences, no step of a lookup.

use std::time::Duration;

use serde::Serialize;

use super::tally::{Tallies, Tally};
use crate::management::text::{count, grouped, time};

/// Fewer lookups or pages than this say nothing.
const ENOUGH: u64 = 100;
const ENOUGH_REFRESHES: u64 = 20;
/// From this part of its refreshes on, a program changes so seldom that a longer life suits it.
const UNCHANGED: f64 = 0.9;

/// What caching is worth for one program.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Worth {
    pub(super) program: String,
    pub(super) lookups: u64,
    /// The part of its lookups that the store answered.
    pub(super) hit_rate: f64,
    /// How long its model takes, on average.
    pub(super) model_ms: f64,
    /// The time of models that was saved, less that of the stores; negative if caching costs more than it saves.
    pub(super) saved_ms: f64,
    /// What to do, if there is something to do.
    pub(super) advice: Vec<String>,
}

impl Worth {
    /// That of each program, the one that saves most first.
    pub(super) fn ranked(tallies: &Tallies) -> Vec<Self> {
        let (read_ms, write_ms) = (tallies.read_ms(), tallies.write_ms());
        let programs = tallies.programs.iter();
        let mut ranked: Vec<_> = programs
            .map(|(program, tally)| Self::of(program, tally, read_ms, write_ms))
            .collect();
        ranked.sort_by(|one, other| other.saved_ms.total_cmp(&one.saved_ms));
        ranked
    }

    fn of(program: &str, tally: &Tally, read_ms: f64, write_ms: f64) -> Self {
        let answered = tally.lookups.saturating_sub(tally.misses);
        let spent_ms = read_ms * tally.lookups as f64 + write_ms * tally.stored as f64;
        let saved_ms = tally.saved_ms - spent_ms;
        Self {
            program: program.to_owned(),
            lookups: tally.lookups,
            hit_rate: answered as f64 / tally.lookups.max(1) as f64,
            model_ms: tally.mean_model_ms(),
            saved_ms,
            advice: advice(tally, read_ms, saved_ms),
        }
    }
}

fn advice(tally: &Tally, read_ms: f64, saved_ms: f64) -> Vec<String> {
    let mut advice = Vec::new();
    if tally.lookups >= ENOUGH && saved_ms < 0.0 {
        let [model, store] = [tally.mean_model_ms(), read_ms].map(shown);
        advice.push(format!(
            "not worth it: the model takes {model}, and the store {store} for each request: leave out .cache(..), or put \
             \"locmem\" before the store"
        ));
    }
    // At most as many pages were read as there were reads.
    if tally.stored >= ENOUGH && tally.read * 10 <= tally.stored {
        let [read, stored] = [tally.read, tally.stored].map(grouped);
        advice.push(format!(
            "at least 9 of 10 pages were never read again ({stored} stored, {read} read): add .cache_on_second_request(), or \
             leave out .cache(..)"
        ));
    }
    let unchanged = tally.unchanged as f64 / tally.replaced.max(1) as f64;
    if tally.replaced >= ENOUGH_REFRESHES && unchanged >= UNCHANGED {
        let refreshes = grouped(tally.replaced);
        let percent = (unchanged * 100.0).floor();
        advice.push(format!(
            "unchanged in {percent} % of {refreshes} refreshes: give .cache(..) a longer time, and invalidate by tags what does \
             change"
        ));
    }
    advice.extend(lost(tally));
    advice
}

/// Pages that were computed and could not be kept.
fn lost(tally: &Tally) -> impl Iterator<Item = String> {
    let reasons = [
        (
            tally.over_budget,
            "were over its budget: raise .max_entries(..) or .new_entries_per_second(..), or see what asks for them",
        ),
        (
            tally.too_large,
            "were too large: raise the limit of the cache or of its store, or make them smaller",
        ),
        (tally.bad_tag, "had an invalid tag: see the log"),
    ];
    let reasons = reasons.into_iter().filter(|(pages, _)| *pages > 0);
    reasons.map(|(pages, why)| format!("{} not stored: they {why}", count(pages, "page")))
}

/// Milliseconds for people.
pub(super) fn shown(ms: f64) -> String {
    time(Duration::from_secs_f64(ms.abs() / 1_000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the advice begins with these words, one each.
    fn assert_advice(tally: &Tally, saved_ms: f64, expected: &[&str]) {
        let advice = advice(tally, 0.4, saved_ms);
        assert_eq!(advice.len(), expected.len(), "{advice:?}");
        for (advice, begin) in advice.iter().zip(expected) {
            assert!(advice.starts_with(begin), "{advice}");
        }
    }

    #[test]
    fn a_program_is_told_what_its_counters_say() {
        let quick = |lookups| Tally {
            lookups,
            computed: 10,
            model_ms: 2.0,
            ..Tally::default()
        };
        let costly = "not worth it: the model takes 200 µs, and the store 400 µs for each request";
        assert_advice(&quick(100), -0.1, &[costly]);
        assert_advice(&quick(100), 0.1, &[]);
        assert_advice(&quick(99), -0.1, &[]);

        let crawled = |read| Tally {
            read,
            stored: 1_000,
            ..Tally::default()
        };
        let unread = "at least 9 of 10 pages were never read again (1,000 stored, 100 read)";
        assert_advice(&crawled(100), 1.0, &[unread]);
        assert_advice(&crawled(101), 1.0, &[]);

        let refreshed = |unchanged| Tally {
            replaced: 200,
            unchanged,
            ..Tally::default()
        };
        assert_advice(
            &refreshed(195),
            1.0,
            &["unchanged in 97 % of 200 refreshes"],
        );
        assert_advice(&refreshed(179), 1.0, &[]);

        let lost = Tally {
            over_budget: 2,
            too_large: 1,
            bad_tag: 1,
            ..Tally::default()
        };
        let pages = [
            "2 pages not stored: they were over",
            "1 page not stored: they were too",
            "1 page not",
        ];
        assert_advice(&lost, 1.0, &pages);
    }

    #[test]
    fn what_is_saved_is_less_what_the_store_takes() {
        let tally = Tally {
            lookups: 100,
            misses: 20,
            stored: 20,
            saved_ms: 800.0,
            ..Tally::default()
        };
        let worth = Worth::of("price", &tally, 0.5, 1.0);
        assert_eq!((worth.saved_ms, worth.hit_rate), (730.0, 0.8));
    }
}
