//! What a run says: the figures, which promise they break, and the table.

use std::fmt;
use std::time::Duration;

use crate::drill::{Promise, Run, Since, Start};
use crate::hits::{BACK, hits_back, share_of_hits};
use crate::load::{Outcome, Sample};
use crate::page::COMPUTING;

/// After this time of failure the breaker is open.
const OPEN_AFTER: Duration = Duration::from_millis(1500);

/// Hits are counted when so much of the failure has passed: requests that came just before are over.
const SETTLED_AFTER: Duration = Duration::from_millis(500);

/// What the open breaker may add, as the 99th percentile.
const OPEN: Duration = Duration::from_millis(2);

/// A server listens within this time, whatever its store does.
const STARTS_WITHIN: Duration = Duration::from_secs(1);

/// What a page takes without a cache, as its visitors see it: the computing time of this machine.
#[derive(Clone, Copy)]
pub(crate) struct Uncached {
    median: Duration,
    /// The 99th percentile of what is added to it although there is no cache: the noise of the machine.
    p99: Duration,
}

/// One row of the table.
pub(crate) struct Report {
    name: &'static str,
    requests: usize,
    abandoned: usize,
    failed: usize,
    wrong: usize,
    hits: f64,
    p99: Duration,
    max: Duration,
    /// `None` of a store that is not left alone.
    open: Option<Duration>,
    back: Option<Duration>,
    /// The 99th percentile of how late the load itself was.
    late: Duration,
    broken: Vec<&'static str>,
}

impl Uncached {
    pub(crate) fn of(samples: &[Sample]) -> Self {
        let computed = samples.iter().filter(|s| s.outcome == Outcome::Computed);
        let mut latencies: Vec<_> = computed.map(|sample| sample.latency).collect();
        let median = percentile(&mut latencies, 0.5).max(COMPUTING);
        Self {
            median,
            p99: percentile(&mut latencies, 0.99).saturating_sub(median),
        }
    }

    /// What an open breaker may add: a noise that is larger than that itself would hide what it does.
    fn limit(self) -> Duration {
        OPEN + self.p99.min(OPEN)
    }

    /// What a visitor waited besides the computing: all of it, if nothing was computed.
    fn added(self, sample: &Sample) -> Duration {
        match sample.outcome {
            Outcome::Computed => sample.latency.saturating_sub(self.median),
            _ => sample.latency,
        }
    }
}

impl fmt::Display for Uncached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, p99) = (milliseconds(self.median), milliseconds(self.p99));
        let limit = milliseconds(self.limit());
        let seconds = OPEN_AFTER.as_secs_f64();
        write!(
            f,
            "500 requests a second, one of 20 for a page that is new. A page that sleeps for {COMPUTING:?} takes \
             {median:.1} ms\nwithout a cache (the median: the computing time), and {p99:.1} ms more as the 99th \
             percentile.\n\n\
             hits      of known pages, while the store fails\n\
             p99, max  ms over the computing time, all of a hit's, from the failure until hits are back\n\
             open      p99 from {seconds} s after the failure until it is being healed, where a breaker leaves it\n          \
             alone: at most {limit:.1} is promised, 2 ms more than without a cache\n\
             back      until 90 % of 100 ms of known pages are hits, after the store is whole (or, where nobody\n          \
             repairs it, after the failure)\n\
             late      p99 in ms of how late the load itself came to send, which is part of every latency: the\n          \
             machine was busy with something else"
        )
    }
}

impl Report {
    pub(crate) const HEAD: &str = "                               requests  left non-200 wrong  \
        hits    p99     max   open    back  late";

    pub(crate) fn new(
        name: &'static str,
        promise: &Promise,
        run: &Run,
        uncached: Uncached,
    ) -> Self {
        let &Run {
            failed,
            healing,
            healed,
            ..
        } = run;
        let since = match promise.since {
            Since::Healing => healed,
            Since::Failing => failed,
        };
        let back = hits_back(&run.samples, since);
        let over = healed.max(since + back.unwrap_or_default());
        let added = |from, until| {
            let answered = between(&run.samples, from, until)
                .filter(|sample| sample.outcome != Outcome::Abandoned);
            answered.map(|sample| uncached.added(sample)).collect()
        };
        let mut of_fault: Vec<_> = added(failed, over);
        let mut of_open: Vec<_> = added(failed + OPEN_AFTER, healing);
        let mut late: Vec<_> = run.samples.iter().map(|sample| sample.late).collect();
        let count = |is: fn(&Outcome) -> bool| {
            let samples = run.samples.iter();
            samples.filter(|sample| is(&sample.outcome)).count()
        };
        let mut report = Self {
            name,
            requests: run.samples.len(),
            abandoned: count(|outcome| *outcome == Outcome::Abandoned),
            failed: count(|outcome| matches!(outcome, Outcome::Failed(_))),
            wrong: count(|outcome| matches!(outcome, Outcome::Wrong(_))),
            hits: share_of_hits(between(&run.samples, failed + SETTLED_AFTER, healing)),
            p99: percentile(&mut of_fault, 0.99),
            max: percentile(&mut of_fault, 1.0),
            open: promise.left_alone.then(|| percentile(&mut of_open, 0.99)),
            back,
            late: percentile(&mut late, 0.99),
            broken: Vec::new(),
        };
        report.broken = report.judge(promise, run, uncached);
        report
    }

    fn judge(&self, promise: &Promise, run: &Run, uncached: Uncached) -> Vec<&'static str> {
        let settled = run.failed.saturating_sub(SETTLED_AFTER);
        let warm = share_of_hits(between(&run.samples, settled, run.failed));
        let promises = [
            ("non-200", self.failed == 0),
            ("wrong bodies", self.wrong == 0),
            ("p99", self.p99 <= promise.added),
            (
                "open",
                self.open.is_none_or(|open| open <= uncached.limit()),
            ),
            ("hits", self.hits >= promise.hits),
            ("back", self.back.is_some_and(|back| back <= promise.back)),
            ("start", run.starting <= STARTS_WITHIN),
            // A drill whose store did not work in the first place shows nothing.
            ("warm", promise.start == Start::Failed || warm >= BACK),
        ];
        let broken = promises.into_iter().filter(|(_, kept)| !kept);
        broken.map(|(name, _)| name).collect()
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.broken.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let back = self.back.map_or("never".to_owned(), |back| {
            format!("{:.2} s", back.as_secs_f64())
        });
        let open = self
            .open
            .map_or("-".to_owned(), |open| format!("{:.1}", milliseconds(open)));
        write!(
            f,
            "{:<30} {:>8} {:>5} {:>7} {:>5} {:>4.0}% {:>6.1} {:>7.1} {:>6} {:>7} {:>5.1}  ",
            self.name,
            self.requests,
            self.abandoned,
            self.failed,
            self.wrong,
            self.hits * 100.0,
            milliseconds(self.p99),
            milliseconds(self.max),
            open,
            back,
            milliseconds(self.late),
        )?;
        let broken = self.broken.join(", ");
        match self.is_kept() {
            true => f.write_str("kept"),
            false if self.late > OPEN => write!(f, "NOT VALID, the machine was busy: {broken}"),
            false => write!(f, "BROKEN: {broken}"),
        }
    }
}

/// What went wrong first, and what the server logged.
pub(crate) fn details(run: &Run) -> impl Iterator<Item = String> {
    let failures = run.samples.iter().filter_map(|sample| {
        let after = sample.due().as_secs_f64();
        match &sample.outcome {
            Outcome::Failed(error) => Some(format!("after {after:.3} s: {error}")),
            Outcome::Wrong(body) => Some(format!("after {after:.3} s, a wrong body: {body}")),
            _ => None,
        }
    });
    let log = run
        .log
        .iter()
        .map(|line| format!("the server's log: {line}"));
    failures.take(3).chain(log.take(10))
}

fn between(samples: &[Sample], from: Duration, until: Duration) -> impl Iterator<Item = &Sample> {
    let samples = samples.iter();
    samples.filter(move |sample| (from..until).contains(&sample.due()))
}

/// Zero of nothing.
fn percentile(durations: &mut [Duration], share: f64) -> Duration {
    durations.sort_unstable();
    let rank = (durations.len() as f64 * share).ceil() as usize;
    let found = durations.get(rank.saturating_sub(1));
    found.copied().unwrap_or_default()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
