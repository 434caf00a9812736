//! The time by the ticks of the machine's clock, which are read in a third of the time that the clock takes.
//!
//! Step 2 of a lookup of a function's result: its caller is not told the time, and learns only that the result is fresh.

#[cfg(not(target_os = "linux"))]
use std::time::Instant as Tick;

#[cfg(target_os = "linux")]
use coarsetime::Instant as Tick;

use crate::clock::Clock;

/// No tick is farther behind than this. A kernel ticks 100 to 1,000 times a second, if the processor that counts its ticks is
/// not stopped.
const FAR_MS: u64 = 1_000;
/// The longest time between two ticks.
const TICK_MS: u64 = 10;

/// A clock, and its time at a tick.
#[derive(Debug)]
pub(crate) struct Ticks {
    clock: Clock,
    /// `None` if the clock is set by hand.
    begun: Option<(Tick, u64)>,
}

impl Ticks {
    pub(crate) fn of(clock: Clock) -> Self {
        // So long ago the tick may have been: what is counted from it is never ahead.
        let begun = || (last_tick(), clock.now_ms().saturating_sub(TICK_MS));
        let begun = clock.is_system().then(begun);
        Self { clock, begun }
    }

    /// The time in milliseconds since 1970, as exactly as it takes to tell whether it is before `moment`: for one that is far
    /// away, by the last tick.
    #[inline]
    pub(crate) fn now_before(&self, moment: u64) -> u64 {
        let last = self
            .begun
            .map(|(tick, unix_ms)| unix_ms.saturating_add(milliseconds_since(tick)));
        match last {
            Some(last) if last.saturating_add(FAR_MS) < moment => last,
            _ => self.clock.now_ms(),
        }
    }
}

/// The last tick of the clock that [`std::time::Instant`] reads (`CLOCK_MONOTONIC_COARSE`, clock_gettime(2)).
#[cfg(target_os = "linux")]
#[inline]
fn last_tick() -> Tick {
    Tick::now_without_cache_update()
}

/// The time of that clock.
#[cfg(not(target_os = "linux"))]
fn last_tick() -> Tick {
    Tick::now()
}

#[cfg(target_os = "linux")]
#[inline]
fn milliseconds_since(tick: Tick) -> u64 {
    last_tick().duration_since(tick).as_millis()
}

#[cfg(not(target_os = "linux"))]
fn milliseconds_since(tick: Tick) -> u64 {
    crate::clock::milliseconds(tick.elapsed())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_time_is_exact_where_a_moment_is_near() {
        let system = Clock::system();
        let ticks = Ticks::of(system.clone());
        for ahead in [0, FAR_MS / 2] {
            let before = system.now_ms();
            let now = ticks.now_before(before + ahead);
            assert!((before..=system.now_ms()).contains(&now));
        }
        let (now, far) = (system.now_ms(), ticks.now_before(u64::MAX));
        assert!(
            far <= system.now_ms() && now.saturating_sub(far) <= FAR_MS,
            "{far}, {now}"
        );
    }

    #[test]
    fn a_clock_that_is_set_by_hand_has_no_ticks() {
        let manual = Clock::manual(5_000);
        let ticks = Ticks::of(manual.clone());
        manual.advance(Duration::from_secs(3_600));
        for moment in [0, 3_605_000, 3_606_001, u64::MAX] {
            assert_eq!(ticks.now_before(moment), 3_605_000);
        }
    }
}
