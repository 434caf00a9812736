//! The clocks of an entry: the moments that a policy gives it when it is stored, and allows it when it is read.
//!
//! A ground type. The envelope keeps the clocks (`entry/codec.rs`), and `entry/freshness.rs` judges by them.

use std::time::Duration;

use crate::policy::duration::{IntoDuration, SECOND_MS, whole_seconds};
use crate::policy::{FOREVER, Policy, THOUSANDTHS};

/// The moments that decide what may be done with an entry, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    pub(crate) created: u64,
    pub(crate) fresh_until: u64,
    pub(crate) stale_until: u64,
    /// Until when it is served in place of a computation that fails; never before `stale_until`.
    pub(crate) error_until: u64,
    /// Until when the store has it: after `error_until` no caller is served it, but a computation sees it.
    pub(crate) keep_until: u64,
}

impl Clocks {
    /// The clocks of a result that is fresh for `ms` and useless afterwards.
    pub(crate) const fn plain(now_ms: u64, ms: u64) -> Self {
        let until = now_ms.saturating_add(ms);
        Self {
            created: now_ms,
            fresh_until: until,
            stale_until: until,
            error_until: until,
            keep_until: until,
        }
    }

    /// Whether an old entry is served at `now_ms` by a time that ends at `until`. A computation that has left it no such time
    /// has done so for its fresh time as well, within which it may be invalidated.
    pub(crate) const fn serve_old_until(self, until: u64, now_ms: u64) -> bool {
        now_ms < until && (until > self.fresh_until || until == u64::MAX)
    }

    /// These clocks, but none later than that of `other`.
    pub(crate) fn no_later_than(self, other: Self) -> Self {
        Self {
            created: self.created,
            fresh_until: self.fresh_until.min(other.fresh_until),
            stale_until: self.stale_until.min(other.stale_until),
            error_until: self.error_until.min(other.error_until),
            keep_until: self.keep_until.min(other.keep_until),
        }
    }

    /// Whether no policy has ever allowed serving it.
    pub(crate) const fn are_of_no_cache(self) -> bool {
        self.stale_until <= self.created
    }

    /// These clocks, as they are written, but never later than `policy` allows at `now_ms`. `has_own_time` says whether the
    /// computation has set the time to live, and may do so.
    pub(crate) fn limited(
        self,
        policy: &Policy,
        is_negative: bool,
        has_own_time: bool,
        now_ms: u64,
    ) -> Self {
        let created = self.created.min(now_ms);
        let own_ms = has_own_time.then(|| self.fresh_until.saturating_sub(created));
        let longest = policy.longest_clocks(created, is_negative, own_ms);
        Self {
            created: self.created,
            fresh_until: self.fresh_until.min(longest.fresh_until),
            stale_until: self.stale_until.min(longest.stale_until),
            error_until: self.error_until.min(longest.error_until),
            keep_until: self.keep_until.min(longest.keep_until),
        }
    }
}

impl Policy {
    /// How long an entry stays in the store after it may be served no more, as the
    /// [old value](crate::CacheControl::old_value) of the next computation: one that asks its source whether the old result
    /// is still valid saves the work of a new one. It is rounded up to whole seconds. By default an entry is kept no longer
    /// than it may be served.
    #[must_use]
    pub fn keep(mut self, time: impl IntoDuration) -> Self {
        let ms = self.time(time);
        // In a half of the bits of the other times, so that a policy does not grow.
        self.keep = whole_seconds(ms);
        self
    }

    /// How long an entry is fresh; `None` = it never expires.
    #[must_use]
    pub fn fresh_time(&self) -> Option<Duration> {
        (self.fresh != FOREVER).then(|| Duration::from_millis(self.fresh))
    }

    /// The time of [`stale_while_revalidate`](Self::stale_while_revalidate); zero = it is off.
    #[must_use]
    pub const fn stale_time(&self) -> Duration {
        Duration::from_millis(self.stale)
    }

    /// The time of [`stale_if_error`](Self::stale_if_error); zero = it is off.
    #[must_use]
    pub const fn stale_if_error_time(&self) -> Duration {
        Duration::from_millis(self.stale_if_error)
    }

    /// The same policy for entries that are fresh for `time`.
    #[must_use]
    pub fn fresh_for(mut self, time: impl IntoDuration) -> Self {
        self.fresh = self.time(time);
        self
    }

    /// The clocks of an entry made at `now_ms`. `part`, from 0 to 1, is the draw that decides its jitter. A time that
    /// overflows is `u64::MAX`, which means never.
    pub(crate) fn clocks(&self, now_ms: u64, part: f64) -> Clocks {
        let fresh_ms = match self.fresh {
            FOREVER => u64::MAX,
            ms => ms - self.shortened(ms, part),
        };
        let fresh_until = now_ms.saturating_add(fresh_ms);
        let stale_until = fresh_until.saturating_add(self.stale);
        let error_until = stale_until.max(fresh_until.saturating_add(self.stale_if_error));
        Clocks {
            created: now_ms,
            fresh_until,
            stale_until,
            error_until,
            keep_until: error_until.saturating_add(u64::from(self.keep) * SECOND_MS),
        }
    }

    fn shortened(&self, ms: u64, part: f64) -> u64 {
        (ms as f64 * part * f64::from(self.jitter) / THOUSANDTHS) as u64
    }

    /// The clocks of a result that says "there is no such thing", if it is stored: for `ttl` milliseconds if the computation
    /// has set that. It is never served stale.
    pub(crate) fn negative_clocks(&self, now_ms: u64, ttl: Option<u64>) -> Option<Clocks> {
        (self.negative > 0).then(|| Clocks::plain(now_ms, ttl.unwrap_or(self.negative)))
    }

    /// Whether entries never expire.
    #[must_use]
    pub const fn never_expires(&self) -> bool {
        self.fresh == FOREVER
    }

    /// Whether an entry computed at `created` may be fresh until then.
    #[inline]
    pub(crate) const fn allows(&self, created: u64, fresh_until: u64) -> bool {
        fresh_until <= created.saturating_add(self.fresh)
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
        self.fresh = ms;
        self
    }

    /// The same with no more than these times, in milliseconds, where they are given.
    pub(crate) fn at_most(
        mut self,
        stale: Option<u64>,
        stale_if_error: Option<u64>,
        keep: Option<u64>,
    ) -> Self {
        self.stale = self.stale.min(stale.unwrap_or(u64::MAX));
        self.stale_if_error = self.stale_if_error.min(stale_if_error.unwrap_or(u64::MAX));
        self.keep = self.keep.min(keep.map_or(u32::MAX, whole_seconds));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;

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
    fn the_clocks_follow_each_other_and_jitter_moves_them_together() {
        let policy = Policy::seconds(60)
            .stale_while_revalidate(300)
            .stale_if_error(86_400)
            .jitter(0.1);
        let clocks = policy.clocks(1_000, 0.0);
        assert_eq!(clocks.fresh_until, 61_000);
        assert_eq!(clocks.stale_until, 361_000);
        assert_eq!(clocks.keep_until, 86_461_000);
        assert_eq!(clocks.error_until, 86_461_000);
        let kept = policy
            .keep(Duration::from_millis(600_001))
            .clocks(1_000, 0.0);
        assert_eq!(kept.error_until, 86_461_000);
        assert_eq!(kept.keep_until, 86_461_000 + 601_000);
        let shorter = policy.clocks(1_000, 0.5);
        assert_eq!(shorter.fresh_until, 58_000);
        assert_eq!(shorter.stale_until, 358_000);
        let plain = Policy::seconds(60).clocks(1_000, 0.5);
        assert_eq!((plain.fresh_until, plain.keep_until), (61_000, 61_000));
    }

    #[test]
    fn a_computation_shortens_the_times_of_the_policy_and_lengthens_none() {
        let policy = Policy::seconds(60)
            .stale_while_revalidate(300)
            .stale_if_error(3_600)
            .keep(86_400);
        let longest = policy.clocks(0, 0.0);
        let at_most = |stale, error, keep| {
            let clocks = policy.at_most(stale, error, keep).clocks(0, 0.0);
            [clocks.stale_until, clocks.error_until, clocks.keep_until]
        };
        let all = [longest.stale_until, longest.error_until, longest.keep_until];
        assert_eq!(at_most(None, None, None), all);
        let longer = Some(u64::MAX);
        assert_eq!(at_most(longer, longer, longer), all);
        assert_eq!(at_most(Some(0), Some(0), Some(0)), [60_000; 3]);
        let (short, shorter) = (Some(20_000), Some(10_000));
        assert_eq!(at_most(short, shorter, Some(1)), [80_000, 80_000, 81_000]);
        assert_eq!(at_most(None, Some(0), Some(0)), [360_000; 3]);
    }

    /// What a hostile client of the store has written, or a reader whose policy has become shorter.
    #[test]
    fn an_entry_is_kept_no_longer_than_its_readers_policy_says() {
        let (fresh, keep) = (Policy::seconds(60), Policy::seconds(60).keep(600));
        let for_ever = Clocks {
            created: 0,
            fresh_until: 60_000,
            stale_until: u64::MAX,
            error_until: u64::MAX,
            keep_until: u64::MAX,
        };
        let until = |policy| {
            let limited = for_ever.limited(policy, false, false, 0);
            [limited.stale_until, limited.error_until, limited.keep_until]
        };
        assert_eq!(until(&fresh), [60_000; 3]);
        assert_eq!(until(&keep), [60_000, 60_000, 660_000]);
        let negative = for_ever.limited(&keep.negative(5), true, false, 0);
        assert_eq!(negative.keep_until, 5_000);
    }
}
