//! Which requests of a run were hits, and when they were hits again after a failure.

use std::time::Duration;

use crate::load::{EVERY, Outcome, Sample};

/// So many requests, 100 ms of them, tell whether hits are back.
const WINDOW: usize = 50;

/// The share of them that must be hits.
pub(crate) const BACK: f64 = 0.9;

/// How long after `since` the share [`BACK`] of 100 ms of requests for known pages were hits, until their last one was due.
pub(crate) fn hits_back(samples: &[Sample], since: Duration) -> Option<Duration> {
    let start = samples.partition_point(|sample| sample.due() < since);
    let mut windows = samples[start..].windows(WINDOW);
    // One that is not answered yet would be missing.
    let whole = |window: &&[Sample]| {
        window[WINDOW - 1].number - window[0].number == WINDOW as u64 - 1
            && share_of_hits(window.iter()) >= BACK
    };
    let window = windows.find(whole)?;
    Some((window[WINDOW - 1].due() + EVERY).saturating_sub(since))
}

pub(crate) fn share_of_hits<'s>(samples: impl Iterator<Item = &'s Sample>) -> f64 {
    let known = samples.filter(|s| s.is_known() && s.outcome != Outcome::Abandoned);
    let (mut hits, mut all) = (0.0, 0.0);
    for sample in known {
        all += 1.0;
        hits += f64::from(u8::from(sample.outcome == Outcome::Hit));
    }
    if all > 0.0 { hits / all } else { 0.0 }
}
