//! The clocks of an entry: the moments that a policy gives it when it is stored, and allows it when it is read.
//!
//! A ground type. The envelope keeps the clocks (`entry/codec.rs`), and `entry/freshness.rs` judges by them.

use crate::policy::{FOREVER, Policy, THOUSANDTHS};

/// The moments that decide what may be done with an entry, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    pub(crate) created: u64,
    pub(crate) fresh_until: u64,
    pub(crate) stale_until: u64,
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
            keep_until: until,
        }
    }

    /// These clocks, but none later than that of `other`.
    pub(crate) fn no_later_than(self, other: Self) -> Self {
        Self {
            created: self.created,
            fresh_until: self.fresh_until.min(other.fresh_until),
            stale_until: self.stale_until.min(other.stale_until),
            keep_until: self.keep_until.min(other.keep_until),
        }
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
            keep_until: self.keep_until.min(longest.keep_until),
        }
    }
}

impl Policy {
    /// The clocks of an entry made at `now_ms`. `part`, from 0 to 1, is the draw that decides its jitter. A time that
    /// overflows is `u64::MAX`, which means never.
    pub(crate) fn clocks(&self, now_ms: u64, part: f64) -> Clocks {
        let fresh_ms = match self.fresh {
            FOREVER => u64::MAX,
            ms => ms - self.shortened(ms, part),
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
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        let shorter = policy.clocks(1_000, 0.5);
        assert_eq!(shorter.fresh_until, 58_000);
        assert_eq!(shorter.stale_until, 358_000);
        let plain = Policy::seconds(60).clocks(1_000, 0.5);
        assert_eq!((plain.fresh_until, plain.keep_until), (61_000, 61_000));
    }
}
