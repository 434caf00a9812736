//! How long things took, as a histogram.
//!
//! A ground type: steps 1, 4, 5 and 6 of a lookup observe what they waited for.

use std::time::Duration;

use serde::Serialize;

use super::Counter;

/// How many bounds a histogram has.
const BOUNDS: usize = 15;

/// Upper bounds in seconds for computations.
const MODEL: [f64; BOUNDS] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
/// Upper bounds in seconds for calls to a store.
const STORE: [f64; BOUNDS] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5,
];

/// How long things took: a histogram with fixed bounds, and the sum.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Times {
    /// The upper bounds of the buckets in seconds, inclusive and ascending. The last bucket has none.
    pub bounds: &'static [f64],
    /// How many fall into each bucket and into none before it: one more than there are bounds.
    pub counts: Vec<u64>,
    /// The sum of all of them.
    #[serde(rename = "sum_ms", serialize_with = "milliseconds")]
    pub sum: Duration,
}

impl Times {
    /// How many they are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The upper bound of the bucket that has the value of this rank, from 0 (the shortest) to 1 (the longest): `0.5` is the
    /// median. `None` if there is no value, or if it is above all bounds.
    #[must_use]
    pub fn quantile(&self, rank: f64) -> Option<Duration> {
        let wanted = self.count() as f64 * rank.clamp(0.0, 1.0);
        let mut counted = 0;
        let bucket = self.counts.iter().position(|count| {
            counted += count;
            counted > 0 && counted as f64 >= wanted
        })?;
        let bound = self.bounds.get(bucket)?;
        Some(Duration::from_secs_f64(*bound))
    }
}

/// What [`Times`] are counted in.
#[derive(Debug)]
pub(crate) struct Histogram {
    bounds: &'static [f64; BOUNDS],
    counts: [Counter; BOUNDS + 1],
    sum_ns: Counter,
}

impl Histogram {
    pub(super) fn of_models() -> Self {
        Self::new(&MODEL)
    }

    pub(super) fn of_store() -> Self {
        Self::new(&STORE)
    }

    fn new(bounds: &'static [f64; BOUNDS]) -> Self {
        Self {
            bounds,
            counts: Default::default(),
            sum_ns: Counter::default(),
        }
    }

    pub(crate) fn observe(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        let bucket = self.bounds.partition_point(|bound| *bound < seconds);
        self.counts[bucket].increase();
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.sum_ns.add(ns);
    }

    pub(super) fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns.value())
    }

    pub(super) fn snapshot(&self) -> Times {
        Times {
            bounds: self.bounds,
            counts: self.counts.iter().map(Counter::value).collect(),
            sum: self.sum(),
        }
    }
}

/// Milliseconds with their fraction.
pub(super) fn milliseconds<S: serde::Serializer>(
    time: &Duration,
    to: S,
) -> Result<S::Ok, S::Error> {
    (time.as_secs_f64() * 1_000.0).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_counted_once_in_the_first_bucket_that_it_does_not_exceed() {
        let histogram = Histogram::of_models();
        let ms = Duration::from_millis;
        for time in [
            Duration::ZERO,
            ms(1),
            ms(2),
            ms(60_000),
            ms(60_001),
            ms(99_999),
        ] {
            histogram.observe(time);
        }
        let times = histogram.snapshot();
        assert_eq!(times.counts[..3], [2, 1, 0]);
        assert_eq!(times.counts[BOUNDS - 1..], [1, 2]);
        assert_eq!((times.count(), times.sum), (6, ms(220_003)));
        assert_eq!(times.quantile(0.0), Some(ms(1)));
        assert_eq!(times.quantile(0.5), Some(Duration::from_micros(2_500)));
        assert_eq!(times.quantile(1.0), None);
        assert_eq!(Histogram::of_store().snapshot().quantile(0.5), None);
    }

    #[test]
    fn bounds_ascend() {
        assert!(MODEL.is_sorted() && STORE.is_sorted());
    }
}
