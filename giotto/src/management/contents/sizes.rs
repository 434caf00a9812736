//! How much of the store each program takes, as far as a bounded walk sees.
//!
//! Part of `cache/top`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use giotto_cache::{Cache, Listing};
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// The keys that are looked at, and for how long: a command waits for it, and requests are hardly slower meanwhile.
const BUDGET: u64 = 50_000;
const TIME: Duration = Duration::from_millis(800);

/// What the entries of each program take.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::management) struct Sizes {
    pub(in crate::management) programs: BTreeMap<String, Size>,
    pub(in crate::management) looked_at: u64,
    /// Whether all keys were looked at.
    pub(in crate::management) is_complete: bool,
}

/// What entries take.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(in crate::management) struct Size {
    pub(in crate::management) entries: u64,
    pub(in crate::management) bytes: u64,
}

impl Sizes {
    /// Those of the last layer of `cache`, which has everything.
    pub(in crate::management) async fn of(cache: &Cache) -> Result<Self> {
        let walk = cache.walk(Listing::new(cache.store().place().keys_of_page()));
        let mut walk = walk.budget(BUDGET).until(Instant::now() + TIME);
        let mut sizes = Self::default();
        while let Some(page) = walk.next().await? {
            for entry in page.entries {
                let program = entry.program.unwrap_or_default();
                let size = sizes.programs.entry(program).or_default();
                size.entries += 1;
                size.bytes += entry.bytes.unwrap_or_default();
            }
        }
        sizes.looked_at = walk.looked_at();
        sizes.is_complete = walk.is_over();
        Ok(sizes)
    }

    /// Adds those of another process.
    pub(in crate::management) fn add(&mut self, other: &Self) {
        for (program, size) in &other.programs {
            let sum = self.programs.entry(program.clone()).or_default();
            sum.entries += size.entries;
            sum.bytes += size.bytes;
        }
        self.looked_at += other.looked_at;
        self.is_complete &= other.is_complete;
    }
}
