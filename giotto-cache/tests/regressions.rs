//! Faults that were found once and have no better place, each named by what went wrong.

use std::time::Duration;

use giotto_cache::Clock;

#[test]
fn a_manual_clock_advanced_beyond_the_end_of_time_overflowed() {
    let clock = Clock::manual(1_000);
    let same = clock.clone();
    same.advance(Duration::MAX);
    assert_eq!(clock.now_ms(), u64::MAX);
    clock.advance(Duration::from_secs(1));
    assert_eq!(clock.now_ms(), u64::MAX);
}
