//! This process's own memory as a store, bounded by bytes.
//!
//! The last step of a lookup: one lookup in a hash table, and a check of the expiry.

mod slice;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use quick_cache::sync::{Cache, EntryAction, EntryResult};
use quick_cache::{DefaultHashBuilder, OptionsBuilder};

use self::slice::Slice;
use super::{KeyValue, Place};
use crate::clock::{Clock, milliseconds};
use crate::error::{Error, ErrorKind, Result};
use crate::keyvalue::cells::{Cell, CellWeighter, Evictions};
use crate::keyvalue::changes::Changes;
use crate::keyvalue::measure::{Evicts, Measure};
use crate::keyvalue::scan::{Scan, Scanned, StoredValue, head_of};

const DEFAULT_MAX_BYTES: u64 = 64 << 20;

/// A shard is never smaller, so that an entry of 1 MiB, the largest that the engine stores, fits with
/// room to spare; more shards than this many bytes each allow would refuse large pages.
const SHARD_BYTES: u64 = 4 << 20;

/// More shards than this no longer reduce contention on the machines that run web servers.
const MAX_SHARDS: u64 = 64;

/// The keys that are cloned for a list before other tasks have their turn: some hundred microseconds.
const CLONED_AT_ONCE: usize = 1_000;

/// A [`KeyValue`] in this process's memory: fast, shared by all requests of one process, gone with it.
///
/// It holds at most 64 MiB (see [`max_bytes`](Self::max_bytes)), keys and overhead included. When it is
/// full, entries that were not asked for again leave first (S3-FIFO), so a crawler that asks for a million
/// different pages once does not push out those that many people read.
#[derive(Clone)]
pub struct LocMemKeyValue {
    cells: Arc<Cache<Box<str>, Cell, CellWeighter, DefaultHashBuilder, Evictions>>,
    evictions: Evictions,
    changes: Changes,
    clock: Clock,
}

impl LocMemKeyValue {
    /// A store of at most 64 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::with(DEFAULT_MAX_BYTES, Clock::system())
    }

    /// The same, empty, with room for `bytes` in all. Every value of up to 3.8 MiB fits if `bytes` are 4 MiB
    /// or more; one that is larger, or larger than 97 % of `bytes`, may be refused.
    #[must_use]
    pub fn max_bytes(self, bytes: u64) -> Self {
        Self::with(bytes, self.clock)
    }

    /// The same, empty, telling the time by `clock`.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self::with(self.cells.capacity(), clock)
    }

    /// Bytes in use, keys and overhead included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.cells.weight()
    }

    fn with(max_bytes: u64, clock: Clock) -> Self {
        let shards = (max_bytes / SHARD_BYTES).clamp(1, MAX_SHARDS);
        let options = OptionsBuilder::new()
            .shards(1 << shards.ilog2())
            .weight_capacity(max_bytes)
            .estimated_items_capacity(usize::try_from(max_bytes / 1024).unwrap_or(usize::MAX))
            .build()
            .expect("both capacities are set");
        let evictions = Evictions::default();
        let cells = Cache::with_options(
            options,
            CellWeighter,
            DefaultHashBuilder::default(),
            evictions.clone(),
        );
        Self {
            cells: Arc::new(cells),
            evictions,
            changes: Changes::default(),
            clock,
        }
    }

    fn cell(&self, value: Bytes, expire: Option<Duration>) -> Cell {
        let expires_ms = match expire {
            None => u64::MAX,
            Some(expire) => self.clock.now_ms().saturating_add(milliseconds(expire)),
        };
        Cell { value, expires_ms }
    }

    fn look(&self, key: &str) -> Option<Bytes> {
        self.cells
            .get(key)
            .filter(|cell| self.is_live(cell))
            .map(|cell| cell.value)
    }

    /// The expiry is checked here, not by a purge that may come late.
    fn is_live(&self, cell: &Cell) -> bool {
        cell.expires_ms == u64::MAX || self.clock.now_ms() < cell.expires_ms
    }

    /// The crate silently refuses a value that does not fit into the 97 % of a shard that it keeps for values that are read
    /// again.
    fn check_size(&self, key: &str, cell: &Cell) -> Result<()> {
        if cell.weight(key) <= self.cells.shard_capacity() / 100 * 97 {
            return Ok(());
        }
        let message = format!(
            "a value of {} bytes is too large for this store: raise max_bytes",
            cell.value.len()
        );
        Err(Error::new(ErrorKind::TooLarge, message))
    }
}

impl Default for LocMemKeyValue {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LocMemKeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocMemKeyValue")
            .field("entries", &self.cells.len())
            .field("bytes", &self.cells.weight())
            .field("max_bytes", &self.cells.capacity())
            .finish()
    }
}

#[async_trait]
impl KeyValue for LocMemKeyValue {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.look(key))
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        Ok(keys.iter().map(|key| self.look(key)).collect())
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        let _change = self.changes.begin();
        let cell = self.cell(value, expire);
        // The old value is removed: it is not the last one set.
        self.check_size(key, &cell)
            .inspect_err(|_| drop(self.cells.remove(key)))?;
        self.cells.insert(key.into(), cell);
        Ok(())
    }

    async fn add(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<bool> {
        let _change = self.changes.begin();
        let cell = self.cell(value, expire);
        self.check_size(key, &cell)?;
        let look = |_: &_, existing: &mut Cell| match self.is_live(existing) {
            true => EntryAction::Retain(()),
            false => EntryAction::ReplaceWithGuard,
        };
        Ok(match self.cells.entry(&Box::from(key), None, look) {
            EntryResult::Vacant(place) | EntryResult::Replaced(place, _) => {
                place.insert(cell).is_ok()
            }
            EntryResult::Retained(()) | EntryResult::Removed(..) | EntryResult::Timeout => false,
        })
    }

    async fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: Option<Bytes>,
        expire: Option<Duration>,
    ) -> Result<bool> {
        let _change = self.changes.begin();
        let new = new.map(|value| self.cell(value, expire));
        if let Some(cell) = &new {
            self.check_size(key, cell)?;
        }
        let swap = |_: &_, existing: &mut Cell| match &new {
            _ if !self.is_live(existing) || existing.value != old => EntryAction::Retain(false),
            None => EntryAction::Remove,
            Some(cell) if cell.value.len() <= old.len() => {
                *existing = cell.clone();
                EntryAction::Retain(true)
            }
            // Other values may have to be evicted for it, which only an insert does.
            Some(_) => EntryAction::ReplaceWithGuard,
        };
        let swapped = self.cells.entry(&Box::from(key), None, swap);
        Ok(match swapped {
            EntryResult::Retained(did) => did,
            EntryResult::Removed(..) => {
                self.evictions.tell(key);
                true
            }
            EntryResult::Replaced(place, _) => new.is_some_and(|cell| place.insert(cell).is_ok()),
            EntryResult::Vacant(_) | EntryResult::Timeout => false,
        })
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        let _change = self.changes.begin();
        self.evictions.tell(key);
        let removed = self.cells.remove(key);
        Ok(removed.is_some_and(|(_, cell)| self.is_live(&cell)))
    }

    async fn clear(&self) -> Result<()> {
        let _change = self.changes.begin();
        self.cells.clear();
        Ok(())
    }

    async fn delete_containing(&self, part: &str) -> Result<()> {
        let _change = self.changes.begin();
        self.cells.retain(|key, _| !key.contains(part));
        Ok(())
    }

    async fn scan(&self, scan: &Scan) -> Result<Scanned> {
        let slice = Slice::of(scan, self.cells.len())?;
        let mut page = Scanned::default();
        for (number, (key, cell)) in self.cells.iter().enumerate() {
            if number % CLONED_AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
            if !slice.has(&key) {
                continue;
            }
            page.looked_at += 1;
            if key.contains(&scan.part) && self.is_live(&cell) {
                let (length, head) = (cell.value.len(), head_of(key.len()));
                // Not the value itself, which would stay in memory for as long as the page does.
                let head = Bytes::copy_from_slice(&cell.value[..length.min(head)]);
                page.values.push(StoredValue::new(key, length as u64, head));
            }
        }
        page.next = slice.next();
        Ok(page)
    }

    async fn measure(&self) -> Result<Measure> {
        Ok(Measure {
            entries: Some(self.cells.len() as u64),
            bytes: Some(self.cells.weight()),
            max_bytes: Some(self.cells.capacity()),
            evicts: Some(Evicts::Any),
            ..Measure::new("the memory of this process")
        })
    }

    fn tell_evictions(&self, told: Arc<dyn Fn(&str) + Send + Sync>) -> bool {
        self.evictions.tell_to(told)
    }

    fn get_now(&self, key: &str) -> Option<Option<Bytes>> {
        Some(self.look(key))
    }

    fn changes(&self) -> Option<Changes> {
        Some(self.changes.clone())
    }

    fn set_max_bytes(&self, bytes: u64) -> bool {
        let _change = self.changes.begin();
        self.cells.set_capacity(bytes);
        true
    }

    fn is_atomic(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "locmem"
    }

    fn place(&self) -> Place {
        Place::InProcess
    }
}
