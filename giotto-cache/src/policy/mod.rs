//! How long an entry is fresh, and what may be served after that.
//!
//! A ground type: part of every lookup.

pub(crate) mod budget;
pub(crate) mod clocks;
pub(crate) mod duration;
pub(crate) mod into;

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::policy::duration::IntoDuration;

const DEFAULT_THROTTLE_MS: u64 = 30_000;
/// The fresh time of an entry that never expires.
const FOREVER: u64 = u64::MAX;
const THOUSANDTHS: f64 = 1_000.0;

/// How long an entry is fresh (its time to live), and what is served after that.
///
/// `Policy::seconds(60).stale_while_revalidate(300).stale_if_error(86_400)` is fresh for a minute. For five more minutes
/// the old result is served while a new one is computed in the background. While the computation fails, the old result is
/// served for up to a day. Times are seconds or a [`Duration`]. Settings that contradict each other are an error when the
/// policy is [checked](Self::check), which a program of the framework does when the application starts.
///
/// "Off" is not a policy: a caller that wants nothing stored does not ask the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// All times but `keep` are in milliseconds; `FOREVER` = the entry never expires.
    fresh: u64,
    /// Here and below, 0 = the setting is off.
    stale: u64,
    stale_if_error: u64,
    throttle: u64,
    soft_timeout: u64,
    hard_timeout: u64,
    negative: u64,
    /// The β of an early refresh, in thousandths.
    early: u32,
    /// The largest part of the life that jitter takes away, in thousandths.
    jitter: u16,
    version: u32,
    keep: u32,
    keeps_versions: bool,
    has_lease: bool,
    problem: Option<&'static str>,
}

impl Policy {
    /// The entry never expires.
    #[must_use]
    pub const fn forever() -> Self {
        Self::milliseconds(FOREVER)
    }

    /// The entry is fresh for `seconds`. `0` means that it never expires, as in the Python original.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        match (seconds, seconds.checked_mul(1000)) {
            (0, _) | (_, None) => Self::forever(),
            (_, Some(ms)) => Self::milliseconds(ms),
        }
    }

    pub(crate) const fn milliseconds(fresh: u64) -> Self {
        Self {
            fresh,
            stale: 0,
            stale_if_error: 0,
            throttle: 0,
            soft_timeout: 0,
            hard_timeout: 0,
            negative: 0,
            early: 0,
            jitter: 0,
            version: 0,
            keep: 0,
            keeps_versions: false,
            has_lease: true,
            problem: None,
        }
    }

    /// How long after its fresh time an entry is still served, while a new one is computed in the background
    /// (`stale-while-revalidate` of RFC 5861).
    #[must_use]
    pub fn stale_while_revalidate(mut self, time: impl IntoDuration) -> Self {
        self.stale = self.time(time);
        self
    }

    /// How long after its fresh time an entry is still served if the computation of a new one fails
    /// (`stale-if-error` of RFC 5861). The next attempt waits for the [throttle](Self::throttle).
    #[must_use]
    pub fn stale_if_error(mut self, time: impl IntoDuration) -> Self {
        self.stale_if_error = self.time(time);
        self
    }

    /// How long no new attempt is made after a computation has failed, while there is an old entry to serve; 30 seconds by
    /// default.
    #[must_use]
    pub fn throttle(mut self, time: impl IntoDuration) -> Self {
        self.throttle = self.time(time);
        self
    }

    /// How long a caller waits before it gets the old entry instead, if one may be served. The computation continues, and
    /// its result is stored.
    #[must_use]
    pub fn soft_timeout(mut self, time: impl IntoDuration) -> Self {
        self.soft_timeout = self.time(time);
        self
    }

    /// How long a caller waits before it gets an error ([`ErrorKind::Timeout`]), or the old entry where
    /// [`stale_if_error`](Self::stale_if_error) allows it. The computation continues, and its result is stored.
    #[must_use]
    pub fn hard_timeout(mut self, time: impl IntoDuration) -> Self {
        self.hard_timeout = self.time(time);
        self
    }

    /// Negative caching: how long a result that says "there is no such thing" is stored. By default it is not stored.
    #[must_use]
    pub fn negative(mut self, time: impl IntoDuration) -> Self {
        self.negative = self.time(time);
        self
    }

    /// Early refresh: computes a new entry in the background shortly before the old one expires. This is XFetch: a request
    /// that comes `k` computing times before the end starts a refresh with probability `e^(-k / beta)` (Vattani,
    /// Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015). 1 suits most programs, a
    /// larger value refreshes earlier, 0 is off.
    #[must_use]
    pub fn early_refresh(mut self, beta: f64) -> Self {
        if (0.0..=1_000.0).contains(&beta) {
            self.early = (beta * THOUSANDTHS).ceil() as u32;
        } else {
            self.fail(
                "the beta of an early refresh is a number from 0 to 1000; 1 is right for most",
            );
        }
        self
    }

    /// Jitter: shortens the fresh time of each entry by a random part of it, up to `part`, so that entries that were stored
    /// at the same time do not expire at the same time. `0.1` is up to 10 %.
    #[must_use]
    pub fn jitter(mut self, part: f64) -> Self {
        if (0.001..=0.9).contains(&part) {
            self.jitter = (part * THOUSANDTHS).round() as u16;
        } else {
            self.fail("the jitter is a part of the life of an entry, from 0.001 to 0.9: 0.1 is up to 10 %");
        }
        self
    }

    /// The version of what is computed. Entries of another version are not served as fresh. 0 by default.
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Serves entries of another version where an old entry may be served.
    #[must_use]
    pub const fn stale_versions(mut self) -> Self {
        self.keeps_versions = true;
        self
    }

    /// Lets several processes compute the same entry at the same time. By default one of them holds a lease, and the others
    /// wait for its result.
    #[must_use]
    pub const fn without_lease(mut self) -> Self {
        self.has_lease = false;
        self
    }

    /// Whether the settings make sense together.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Policy`] with the first contradiction.
    pub fn check(self) -> Result<Self> {
        let is_forever = self.fresh == FOREVER;
        let has_old = self.stale > 0 || self.stale_if_error > 0;
        let problem = self.problem.or(match () {
            () if is_forever && self.stale > 0 => {
                Some("an entry that never expires is never stale: leave out `stale_while_revalidate`, or give it a time")
            }
            () if is_forever && (self.early > 0 || self.jitter > 0) => Some(
                "an entry that never expires has no end that early refresh or jitter could move: leave them \
                 out, or give it a time",
            ),
            () if self.stale_if_error > 0 && self.stale_if_error < self.stale => Some(
                "`stale_if_error` is shorter than `stale_while_revalidate`: an entry that may be served while a new one is \
                 computed may be served after an error, too",
            ),
            () if self.throttle > 0 && !has_old => Some(
                "`throttle` says when to try again while an old entry is served: it needs `stale_while_revalidate` or \
                 `stale_if_error`",
            ),
            () if self.soft_timeout > 0 && !has_old => Some(
                "`soft_timeout` serves the old entry instead of waiting: it needs `stale_while_revalidate` or \
                 `stale_if_error`",
            ),
            () if self.hard_timeout > 0 && self.soft_timeout >= self.hard_timeout => {
                Some("`soft_timeout` must be shorter than `hard_timeout`, which ends the wait")
            }
            () if self.keeps_versions && !has_old => {
                Some("`stale_versions` lets old versions be served stale: it needs `stale_while_revalidate` or `stale_if_error`")
            }
            () => None,
        });
        match problem {
            Some(problem) => Err(Error::new(ErrorKind::Policy, problem)),
            None => Ok(self),
        }
    }

    fn time(&mut self, time: impl IntoDuration) -> u64 {
        time.in_ms().unwrap_or_else(|problem| {
            self.fail(problem);
            0
        })
    }

    fn fail(&mut self, problem: &'static str) {
        self.problem.get_or_insert(problem);
    }

    /// Whether results that say "there is no such thing" are stored.
    #[must_use]
    pub const fn keeps_negative(&self) -> bool {
        self.negative > 0
    }

    pub(crate) const fn serves_stale(&self) -> bool {
        self.stale > 0
    }

    pub(crate) const fn serves_after_error(&self) -> bool {
        self.stale_if_error > 0
    }

    pub(crate) fn throttle_ms(&self) -> u64 {
        match self.throttle {
            0 => DEFAULT_THROTTLE_MS,
            ms => ms,
        }
    }

    pub(crate) fn patience(&self) -> Patience {
        let time = |ms| (ms > 0).then(|| Duration::from_millis(ms));
        Patience {
            soft: time(self.soft_timeout),
            hard: time(self.hard_timeout),
        }
    }

    pub(crate) fn beta(&self) -> f64 {
        f64::from(self.early) / THOUSANDTHS
    }

    pub(crate) const fn refreshes_early(&self) -> bool {
        self.early > 0
    }

    pub(crate) const fn has_jitter(&self) -> bool {
        self.jitter > 0
    }

    pub(crate) const fn version_number(&self) -> u32 {
        self.version
    }

    pub(crate) const fn keeps_versions(&self) -> bool {
        self.keeps_versions
    }

    pub(crate) const fn has_lease(&self) -> bool {
        self.has_lease
    }
}

/// How long a caller waits for a computation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) soft: Option<Duration>,
    pub(crate) hard: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::into::IntoPolicy;

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let minute = Policy::seconds(60);
        let contradictory = [
            Policy::forever().stale_while_revalidate(5),
            Policy::forever().early_refresh(1.0),
            Policy::forever().jitter(0.1),
            minute.stale_while_revalidate(300).stale_if_error(60),
            minute.throttle(5),
            minute.soft_timeout(1),
            minute
                .stale_while_revalidate(5)
                .soft_timeout(2)
                .hard_timeout(1),
            minute.stale_versions(),
            minute.stale_while_revalidate(-1),
            minute.stale_while_revalidate(0),
            minute.stale_while_revalidate(u64::MAX),
            minute.stale_if_error(Duration::ZERO),
            minute.hard_timeout(i64::MIN),
            minute.early_refresh(f64::NAN),
            minute.early_refresh(-1.0),
            minute.jitter(1.5),
            minute.jitter(0.0),
        ];
        for policy in contradictory {
            let error = policy.into_policy().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Policy, "{policy:?}");
        }
        let sound = minute
            .stale_while_revalidate(300)
            .stale_if_error(86_400)
            .throttle(5);
        let sound = sound
            .soft_timeout(Duration::from_millis(200))
            .hard_timeout(10);
        assert!(sound.negative(30).early_refresh(1.0).into_policy().is_ok());
    }
}
