//! The sweep: removes expired rows and rows beyond the bounds, without counting the whole table.
//!
//! No step of a lookup: it runs after writes, in the background, in batches that block other statements only briefly.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::call::{Call, Reply, Slice};
use super::engine::Engine;
use crate::error::Result;
use crate::keyvalue::measure::{Evicts, Measure};
use crate::log::Limiter;

const DEFAULT_MAX_ROWS: u64 = 1_000_000;
const DEFAULT_MAX_BYTES: u64 = 256 << 20;

/// A process that writes sweeps this often, and more often if it writes much.
const EVERY: Duration = Duration::from_secs(60);
/// Rows written by this process that make a sweep due; fewer in a small table.
const ROWS_BETWEEN: u64 = 10_000;

const BATCH: u32 = 500;

/// A table of fewer rows is counted exactly. Of a larger table a slice of at least this many rows is counted, which gives
/// its size to 1.4 % (one in the square root).
const SAMPLE: u64 = 5_000;
/// The first slice is one of 2^12; it grows by 2^2 until it has enough rows.
const SMALLEST_SLICE_BITS: u32 = 12;
const GROWTH_BITS: u32 = 2;

pub(super) struct Sweeper {
    pub(super) max_rows: u64,
    pub(super) max_bytes: u64,
    since: Mutex<Since>,
    running: tokio::sync::Mutex<()>,
    last: Mutex<Option<JoinHandle<()>>>,
    /// Limits the log lines of sweeps that fail.
    pub(super) log: Limiter,
}

/// How large a table is.
#[derive(Debug)]
pub(super) struct Size {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// Whether only a part was counted.
    pub(super) is_estimate: bool,
}

/// What was written since the last sweep, and when that was.
#[derive(Default)]
struct Since {
    swept: Option<Instant>,
    rows: u64,
    bytes: u64,
}

impl Sweeper {
    /// What the table holds, and the clock of its server.
    pub(super) async fn figures(&self, engine: &dyn Engine) -> Result<Measure> {
        let size = measure(engine).await?;
        let clock_ms = engine.run(Call::Now).await?.rows;
        Ok(Measure {
            entries: Some(size.rows),
            bytes: Some(size.bytes),
            is_estimate: size.is_estimate,
            max_entries: Some(self.max_rows),
            max_bytes: Some(self.max_bytes),
            evicts: Some(Evicts::Any),
            // A file has none.
            clock_ms: Some(clock_ms).filter(|clock_ms| *clock_ms > 0),
            ..Measure::new(
                "the whole table: every namespace, and what has expired and was not swept yet",
            )
        })
    }

    pub(super) fn new(max_rows: u64, max_bytes: u64) -> Self {
        Self {
            max_rows,
            max_bytes,
            since: Mutex::default(),
            running: tokio::sync::Mutex::default(),
            last: Mutex::default(),
            log: Limiter::default(),
        }
    }

    /// Remembers a sweep, for [`settle`](Self::settle).
    pub(super) fn in_background(&self, sweep: JoinHandle<()>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(sweep);
    }

    /// Returns once the sweep that was begun last has ended.
    pub(super) async fn settle(&self) {
        let last = self
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(sweep) = last {
            // It was not cancelled, and it has logged its error.
            let _ = sweep.await;
        }
    }

    /// Counts a row of `bytes` as written, and returns whether a sweep is due, which then counts as done. The first write
    /// of a process makes one due, so that a table that only short-lived commands write to is swept too.
    pub(super) fn is_due(&self, bytes: u64) -> bool {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.rows += 1;
        since.bytes = since.bytes.saturating_add(bytes);
        let is_due = since.rows >= (self.max_rows / 8).clamp(1, ROWS_BETWEEN)
            || since.bytes >= self.max_bytes / 8
            || since.swept.is_none_or(|swept| swept.elapsed() >= EVERY);
        if is_due {
            *since = Since {
                swept: Some(Instant::now()),
                ..Since::default()
            };
        }
        is_due
    }

    pub(super) async fn sweep(&self, engine: &dyn Engine) -> Result<()> {
        let _running = self.running.lock().await;
        self.delete(engine).await
    }

    pub(super) async fn sweep_unless_running(&self, engine: &dyn Engine) -> Result<()> {
        match self.running.try_lock() {
            Ok(_running) => self.delete(engine).await,
            Err(_) => Ok(()),
        }
    }

    async fn delete(&self, engine: &dyn Engine) -> Result<()> {
        while engine.run(Call::DeleteExpired(BATCH)).await?.rows == u64::from(BATCH) {}
        loop {
            let mut excess = self.excess(&measure(engine).await?);
            if excess == 0 {
                return Ok(());
            }
            while excess > 0 {
                let batch = u32::try_from(excess).unwrap_or(BATCH).min(BATCH);
                let deleted = engine.run(Call::DeleteOldest(batch)).await?.rows;
                if deleted == 0 {
                    // Another process is deleting them.
                    return Ok(());
                }
                excess = excess.saturating_sub(deleted);
            }
        }
    }

    /// How many rows are beyond the bounds, if each is as large as the others.
    fn excess(&self, size: &Size) -> u64 {
        let rows = size.rows.saturating_sub(self.max_rows);
        let bytes = size.bytes.saturating_sub(self.max_bytes);
        let average = (size.bytes / size.rows.max(1)).max(1);
        rows.max(bytes.div_ceil(average)).min(size.rows)
    }
}

impl Default for Sweeper {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_ROWS, DEFAULT_MAX_BYTES)
    }
}

/// How many rows and bytes the table has: those of a slice that is large enough, times the slices.
pub(super) async fn measure(engine: &dyn Engine) -> Result<Size> {
    let mut bits = SMALLEST_SLICE_BITS;
    loop {
        let number = RandomState::new().build_hasher().finish() & ((1 << bits) - 1);
        let Reply { rows, bytes, .. } = engine.run(Call::Measure(Slice::new(number, bits))).await?;
        if rows >= SAMPLE || bits == 0 {
            return Ok(Size {
                rows: rows << bits,
                bytes: bytes << bits,
                is_estimate: bits > 0,
            });
        }
        bits -= GROWTH_BITS;
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    /// A table with this number of rows of 1,000 bytes, spread as evenly as digests are.
    struct Rows(Mutex<u64>);

    #[async_trait]
    impl Engine for Rows {
        async fn run(&self, call: Call) -> Result<Reply> {
            let mut rows = self.0.lock().unwrap();
            Ok(match call {
                Call::Measure(slice) => {
                    let [low, high] = [slice.low, slice.high].map(u128::from_be_bytes);
                    let share = ((high - low) >> 64) as f64 / u64::MAX as f64;
                    let here = (*rows as f64 * share).round() as u64;
                    assert!(here <= 4 * SAMPLE + 1, "{here} rows were looked at");
                    let here = i64::try_from(here).unwrap();
                    Reply::size(here, here * 1000)
                }
                Call::DeleteOldest(count) => {
                    let deleted = u64::from(count).min(*rows);
                    *rows -= deleted;
                    Reply::rows(deleted)
                }
                _ => Reply::default(),
            })
        }
    }

    #[tokio::test]
    async fn a_large_table_is_measured_by_a_small_part() {
        for rows in [0, 1, 4_999, 20_000, 1_000_000, 10_000_000] {
            let size = measure(&Rows(Mutex::new(rows))).await.unwrap();
            assert!(size.rows.abs_diff(rows) <= rows / 50, "{rows}: {size:?}");
            assert_eq!(size.is_estimate, rows >= 20_000, "{rows}: {size:?}");
        }
    }

    #[tokio::test]
    async fn what_is_too_much_leaves_by_rows_and_by_bytes() {
        for (max_rows, max_bytes, left) in [(30, u64::MAX, 30), (u64::MAX, 30_500, 30), (0, 0, 0)] {
            let rows = Rows(Mutex::new(50));
            let sweeper = Sweeper::new(max_rows, max_bytes);
            sweeper.sweep(&rows).await.unwrap();
            assert_eq!(*rows.0.lock().unwrap(), left);
        }
    }

    #[test]
    fn the_first_write_and_every_so_many_make_a_sweep_due() {
        let sweeper = Sweeper::new(80, 8_000);
        assert!(sweeper.is_due(1));
        for _ in 0..9 {
            assert!(!sweeper.is_due(1));
        }
        assert!(sweeper.is_due(1), "an eighth of the rows was written");
        assert!(sweeper.is_due(1_000), "an eighth of the bytes was written");
    }
}
