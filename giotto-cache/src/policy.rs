//! How long an entry lives, and what may be served when it does not any more.
//!
//! The second argument of [`Cache::get_or_compute`](crate::Cache::get_or_compute).

use std::time::Duration;

use crate::clock::milliseconds;
use crate::error::{Error, ErrorKind, Result};

const DEFAULT_THROTTLE_MS: u64 = 30_000;
/// A thousand years: what is longer is a mistake.
const LONGEST_MS: u64 = 1_000 * 365 * 24 * 3_600_000;
const THOUSANDTHS: f64 = 1_000.0;

/// How long an entry is fresh, a time or for ever, and what happens then.
///
/// `Policy::seconds(60).stale(300).stale_if_error(86_400)` is fresh for a minute; for five more minutes the old
/// result is served while a new one is computed; and while the computation fails, the old one is served for
/// up to a day. Times are seconds or a [`Duration`]. Settings that contradict each other are an error when the policy
/// is [checked](Self::check), which a program of the framework does when the application starts.
///
/// "Off" is not a policy: whoever does not want a result stored does not ask the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    fresh: Lifetime,
    /// All times are in milliseconds; 0 = the setting is off.
    stale: u64,
    stale_if_error: u64,
    throttle: Option<u64>,
    soft_timeout: u64,
    hard_timeout: u64,
    negative: u64,
    /// The β of an early refresh, in thousandths.
    early: u32,
    /// The largest part of the life that jitter takes away, in thousandths.
    jitter: u16,
    version: u32,
    keeps_versions: bool,
    has_lease: bool,
    problem: Option<&'static str>,
}

/// The moments that decide what may be done with an entry, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    pub(crate) created: u64,
    pub(crate) fresh_until: u64,
    pub(crate) stale_until: u64,
    pub(crate) keep_until: u64,
}

impl Clocks {
    /// Of a result that is fresh for `ms` and of no use afterwards.
    pub(crate) const fn plain(now_ms: u64, ms: u64) -> Self {
        let until = now_ms.saturating_add(ms);
        Self {
            created: now_ms,
            fresh_until: until,
            stale_until: until,
            keep_until: until,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lifetime {
    Forever,
    Milliseconds(u64),
}

impl Policy {
    /// The entry never expires.
    #[must_use]
    pub const fn forever() -> Self {
        Self::fresh(Lifetime::Forever)
    }

    /// The entry is fresh for `seconds`; `0` means that it never expires, as in the original's documentation.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        match (seconds, seconds.checked_mul(1000)) {
            (0, _) | (_, None) => Self::forever(),
            (_, Some(ms)) => Self::fresh(Lifetime::Milliseconds(ms)),
        }
    }

    const fn fresh(fresh: Lifetime) -> Self {
        Self {
            fresh,
            stale: 0,
            stale_if_error: 0,
            throttle: None,
            soft_timeout: 0,
            hard_timeout: 0,
            negative: 0,
            early: 0,
            jitter: 0,
            version: 0,
            keeps_versions: false,
            has_lease: true,
            problem: None,
        }
    }

    /// For so long after it was fresh, an entry is served as it is while a new one is computed behind the scenes
    /// (`stale-while-revalidate` of RFC 5861).
    #[must_use]
    pub fn stale(mut self, time: impl Time) -> Self {
        self.stale = self.time(time);
        self
    }

    /// For so long after it was fresh, an entry is served when the computation of a new one fails
    /// (`stale-if-error` of RFC 5861). The next attempt waits for the [throttle](Self::throttle).
    #[must_use]
    pub fn stale_if_error(mut self, time: impl Time) -> Self {
        self.stale_if_error = self.time(time);
        self
    }

    /// How long no new attempt is made after a computation has failed and there is an old entry to serve;
    /// 30 seconds if not set.
    #[must_use]
    pub fn throttle(mut self, time: impl Time) -> Self {
        self.throttle = Some(self.time(time));
        self
    }

    /// Whoever has waited for so long gets the old entry, if one may be served; the computation goes on and its
    /// result is stored.
    #[must_use]
    pub fn soft_timeout(mut self, time: impl Time) -> Self {
        self.soft_timeout = self.time(time);
        self
    }

    /// Whoever has waited for so long gets an error ([`ErrorKind::Timeout`]), or the old entry where
    /// [`stale_if_error`](Self::stale_if_error) allows it; the computation goes on and its result is stored.
    #[must_use]
    pub fn hard_timeout(mut self, time: impl Time) -> Self {
        self.hard_timeout = self.time(time);
        self
    }

    /// Stores results that say "there is no such thing" too, for so long. Without it they are not stored.
    #[must_use]
    pub fn negative(mut self, time: impl Time) -> Self {
        self.negative = self.time(time);
        self
    }

    /// Computes a new entry shortly before the old one expires, behind the scenes, by the law of
    /// XFetch: a reader who comes `k` computing times before the end does so with probability `e^(-k / beta)`
    /// (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015). 1 is
    /// right for most; more is earlier; 0 is off.
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

    /// Shortens the life of each entry by a random part of it, up to `part`, so that what was stored at the
    /// same time does not expire at the same time. `0.1` is up to 10 %.
    #[must_use]
    pub fn jitter(mut self, part: f64) -> Self {
        if (0.001..=0.9).contains(&part) {
            self.jitter = (part * THOUSANDTHS).round() as u16;
        } else {
            self.fail("the jitter is a part of the life of an entry, from 0.001 to 0.9: 0.1 is up to 10 %");
        }
        self
    }

    /// The version of what is computed: entries of another one are not served as fresh. 0 if not set.
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Lets entries of another version be served where an old entry may be.
    #[must_use]
    pub const fn stale_versions(mut self) -> Self {
        self.keeps_versions = true;
        self
    }

    /// Lets several processes compute the same at the same time. Without this one of them has a lease and the
    /// others wait for its result.
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
        let is_forever = self.fresh == Lifetime::Forever;
        let has_old = self.stale > 0 || self.stale_if_error > 0;
        let problem = self.problem.or(match () {
            () if is_forever && self.stale > 0 => {
                Some("an entry that never expires is never stale: leave out `stale`, or give it a time")
            }
            () if is_forever && (self.early > 0 || self.jitter > 0) => Some(
                "an entry that never expires has no end that early refresh or jitter could move: leave them \
                 out, or give it a time",
            ),
            () if self.stale_if_error > 0 && self.stale_if_error < self.stale => Some(
                "`stale_if_error` is shorter than `stale`: what may be served for a while may be served for \
                 that while after an error, too",
            ),
            () if self.throttle.is_some() && !has_old => Some(
                "`throttle` says when to try again while an old entry is served: it needs `stale` or \
                 `stale_if_error`",
            ),
            () if self.soft_timeout > 0 && !has_old => Some(
                "`soft_timeout` serves the old entry instead of waiting: it needs `stale` or \
                 `stale_if_error`",
            ),
            () if self.hard_timeout > 0 && self.soft_timeout >= self.hard_timeout => {
                Some("`soft_timeout` must be shorter than `hard_timeout`, which ends the wait")
            }
            () if self.keeps_versions && !has_old => {
                Some("`stale_versions` lets old versions be served stale: it needs `stale` or `stale_if_error`")
            }
            () => None,
        });
        match problem {
            Some(problem) => Err(Error::new(ErrorKind::Policy, problem)),
            None => Ok(self),
        }
    }

    fn time(&mut self, time: impl Time) -> u64 {
        time.in_ms().unwrap_or_else(|problem| {
            self.fail(problem);
            0
        })
    }

    fn fail(&mut self, problem: &'static str) {
        self.problem.get_or_insert(problem);
    }

    /// The clocks of an entry made at `now_ms`; `part` of 0 to 1 is the draw that decides its jitter. A time
    /// that would reach past the end of time stands for never, which is `u64::MAX`.
    pub(crate) fn clocks(&self, now_ms: u64, part: f64) -> Clocks {
        let fresh_ms = match self.fresh {
            Lifetime::Forever => u64::MAX,
            Lifetime::Milliseconds(ms) => ms - self.shortened(ms, part),
        };
        let fresh_until = now_ms.saturating_add(fresh_ms);
        let stale_until = fresh_until.saturating_add(self.stale);
        Clocks {
            created: now_ms,
            fresh_until,
            stale_until,
            keep_until: stale_until.max(fresh_until.saturating_add(self.stale_if_error)),
        }
    }

    fn shortened(&self, ms: u64, part: f64) -> u64 {
        (ms as f64 * part * f64::from(self.jitter) / THOUSANDTHS) as u64
    }

    /// The clocks of a result that says "there is no such thing", if it is stored, for `ttl` milliseconds if the
    /// computation has said so: it is never served stale.
    pub(crate) fn negative_clocks(&self, now_ms: u64, ttl: Option<u64>) -> Option<Clocks> {
        (self.negative > 0).then(|| Clocks::plain(now_ms, ttl.unwrap_or(self.negative)))
    }

    /// Whether an entry computed at `created` may be fresh until then.
    pub(crate) fn allows(&self, created: u64, fresh_until: u64) -> bool {
        match self.fresh {
            Lifetime::Forever => true,
            Lifetime::Milliseconds(ms) => fresh_until <= created.saturating_add(ms),
        }
    }

    /// The latest clocks that an entry computed at `created` may have; `own_ms` is the time that its computation has set.
    pub(crate) fn longest_clocks(
        &self,
        created: u64,
        is_negative: bool,
        own_ms: Option<u64>,
    ) -> Clocks {
        match (is_negative, own_ms) {
            (true, own_ms) => {
                let clocks = self.negative_clocks(created, own_ms);
                clocks.unwrap_or(Clocks::plain(created, 0))
            }
            (false, None) => self.clocks(created, 0.0),
            (false, Some(ms)) => self.lasting(ms).clocks(created, 0.0),
        }
    }

    /// The same for a result that lives for `ms` instead.
    pub(crate) const fn lasting(mut self, ms: u64) -> Self {
        self.fresh = Lifetime::Milliseconds(ms);
        self
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
        self.throttle.unwrap_or(DEFAULT_THROTTLE_MS)
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

/// A time as settings take it: whole seconds, or a [`Duration`].
pub trait Time {
    /// The time in milliseconds, rounded up; or what is wrong with it: it is zero, negative, or longer than a
    /// thousand years.
    fn in_ms(self) -> Result<u64, &'static str>;
}

impl Time for Duration {
    fn in_ms(self) -> Result<u64, &'static str> {
        match rounded_up(self) {
            0 => Err("a time of zero means nothing here: leave the setting out to turn it off"),
            ms if ms > LONGEST_MS => {
                Err("a time of more than a thousand years is a mistake: give a shorter one")
            }
            ms => Ok(ms),
        }
    }
}

impl Time for u64 {
    fn in_ms(self) -> Result<u64, &'static str> {
        Duration::from_secs(self).in_ms()
    }
}

impl Time for i64 {
    fn in_ms(self) -> Result<u64, &'static str> {
        let seconds = u64::try_from(self)
            .map_err(|_| "a time is not negative: give the seconds that it lasts")?;
        seconds.in_ms()
    }
}

impl Time for i32 {
    fn in_ms(self) -> Result<u64, &'static str> {
        i64::from(self).in_ms()
    }
}

fn rounded_up(duration: Duration) -> u64 {
    milliseconds(duration.saturating_add(Duration::from_nanos(999_999)))
}

/// Exact to the millisecond, rounded up; an error for zero, which could be read as "off" or as "for ever".
impl TryFrom<Duration> for Policy {
    type Error = Error;

    fn try_from(duration: Duration) -> Result<Self> {
        if duration.is_zero() {
            let message = "a cache time of zero is ambiguous: use Policy::forever() for no expiry, \
                           or leave `cache` out to turn it off";
            return Err(Error::new(ErrorKind::Policy, message));
        }
        Ok(Self::fresh(Lifetime::Milliseconds(rounded_up(duration))))
    }
}

impl TryFrom<i64> for Policy {
    type Error = Error;

    fn try_from(seconds: i64) -> Result<Self> {
        let refused = |_| {
            let message =
                format!("a cache time of {seconds} seconds is negative: use 0 for no expiry");
            Error::new(ErrorKind::Policy, message)
        };
        u64::try_from(seconds).map(Self::seconds).map_err(refused)
    }
}

/// What a cache setting may be given as: seconds (`0` = never expires), a [`Duration`], a [`Policy`], or `None` = off.
pub trait IntoPolicy {
    /// The policy, `None` for "off", or an error for a time that no entry can have.
    fn into_policy(self) -> Result<Option<Policy>>;
}

impl IntoPolicy for Policy {
    fn into_policy(self) -> Result<Option<Policy>> {
        self.check().map(Some)
    }
}

impl IntoPolicy for Duration {
    fn into_policy(self) -> Result<Option<Policy>> {
        Policy::try_from(self).map(Some)
    }
}

impl IntoPolicy for i32 {
    fn into_policy(self) -> Result<Option<Policy>> {
        i64::from(self).into_policy()
    }
}

impl IntoPolicy for i64 {
    fn into_policy(self) -> Result<Option<Policy>> {
        Policy::try_from(self).map(Some)
    }
}

impl IntoPolicy for u64 {
    fn into_policy(self) -> Result<Option<Policy>> {
        Ok(Some(Policy::seconds(self)))
    }
}

/// The only implementation for an `Option`, so that a bare `None` needs no type.
impl IntoPolicy for Option<i64> {
    fn into_policy(self) -> Result<Option<Policy>> {
        self.map(Policy::try_from).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh_until(policy: Policy, now_ms: u64) -> u64 {
        policy.clocks(now_ms, 0.0).fresh_until
    }

    #[test]
    fn seconds_become_a_moment_and_zero_never_comes() {
        assert_eq!(fresh_until(Policy::seconds(2), 1_000), 3_000);
        assert_eq!(fresh_until(Policy::seconds(0), 1_000), u64::MAX);
        assert_eq!(fresh_until(Policy::seconds(u64::MAX), 1_000), u64::MAX);
        assert_eq!(
            fresh_until(Policy::seconds(u64::MAX / 1000), 1_000),
            u64::MAX
        );
    }

    #[test]
    fn a_duration_is_rounded_up_to_a_millisecond() -> Result<()> {
        let nanosecond = Policy::try_from(Duration::from_nanos(1))?;
        assert_eq!(fresh_until(nanosecond, 0), 1);
        let policy = Policy::try_from(Duration::from_millis(1500))?;
        assert_eq!(fresh_until(policy, 0), 1500);
        Ok(())
    }

    #[test]
    fn none_is_off_and_negative_or_zero_durations_are_refused() -> Result<()> {
        assert_eq!(None.into_policy()?, None);
        assert_eq!(Some(3600).into_policy()?, Some(Policy::seconds(3600)));
        assert!((-1).into_policy().is_err());
        assert!(Duration::ZERO.into_policy().is_err());
        Ok(())
    }

    #[test]
    fn the_clocks_follow_each_other_and_jitter_moves_them_together() {
        let policy = Policy::seconds(60)
            .stale(300)
            .stale_if_error(86_400)
            .jitter(0.1);
        let clocks = policy.clocks(1_000, 0.0);
        assert_eq!(clocks.fresh_until, 61_000);
        assert_eq!(clocks.stale_until, 361_000);
        assert_eq!(clocks.keep_until, 86_461_000);
        let shorter = policy.clocks(1_000, 0.5);
        assert_eq!(shorter.fresh_until, 58_000);
        assert_eq!(shorter.stale_until, 358_000);
        let plain = Policy::seconds(60).clocks(1_000, 0.5);
        assert_eq!((plain.fresh_until, plain.keep_until), (61_000, 61_000));
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let minute = Policy::seconds(60);
        let contradictory = [
            Policy::forever().stale(5),
            Policy::forever().early_refresh(1.0),
            Policy::forever().jitter(0.1),
            minute.stale(300).stale_if_error(60),
            minute.throttle(5),
            minute.soft_timeout(1),
            minute.stale(5).soft_timeout(2).hard_timeout(1),
            minute.stale_versions(),
            minute.stale(-1),
            minute.stale(0),
            minute.stale(u64::MAX),
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
        let sound = minute.stale(300).stale_if_error(86_400).throttle(5);
        let sound = sound
            .soft_timeout(Duration::from_millis(200))
            .hard_timeout(10);
        assert!(sound.negative(30).early_refresh(1.0).into_policy().is_ok());
    }
}
