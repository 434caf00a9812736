//! What happens to the processes and to Redis, one thing after the other.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::site::{PROCESSES, Site};
use super::tally::Tally;

/// The time between two disasters, in which all is well.
const CALM: Duration = Duration::from_secs(4);
const AWAY: Duration = Duration::from_secs(1);
/// Long enough for breakers, and for writes that their store does not accept.
const LONG: Duration = Duration::from_secs(3);

/// Kills in turns until `end`.
pub(super) fn strike(site: &Site, tally: &Tally, end: Instant) {
    for number in 0.. {
        std::thread::sleep(CALM.min(end.saturating_duration_since(Instant::now())));
        if Instant::now() >= end {
            return;
        }
        let struck = match number % 4 {
            0 => site.kill_process(number / 4 % PROCESSES, AWAY),
            1 => site.kill_redis(LONG, true),
            2 => both(site, number / 4 % PROCESSES),
            _ => site.kill_redis(LONG, false),
        };
        struck.expect("what was killed can be started again");
        tally
            .kills
            .fetch_add(if number % 4 == 2 { 2 } else { 1 }, Ordering::Relaxed);
    }
}

/// A process and Redis at the same time, which is empty afterwards.
fn both(site: &Site, process: usize) -> std::io::Result<()> {
    std::thread::scope(|scope| {
        let redis = scope.spawn(|| site.kill_redis(AWAY, true));
        site.kill_process(process, AWAY)?;
        redis.join().expect("it does not panic")
    })
}
