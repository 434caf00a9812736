//! Layers: the contract, what lives above for how long, and which layer decides.

mod copies;
mod forgotten;
mod records;
mod stores;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use giotto_cache::{
    Clock, Entry, Error, ErrorKind, Key, KeyValue, LayeredKeyValue, LocMemKeyValue, Policy, Result,
    Scan, Scanned,
};

const START_MS: u64 = 1_700_000_000_000;

const NAME: &str = "{'x': 12}(squared)(text/html)";

/// A value that is no entry.
const RECORD: &[u8] = b"generation 1";

/// A store that all processes share, which can be made to fail.
#[derive(Clone, Debug)]
struct Shared {
    values: LocMemKeyValue,
    is_down: Arc<AtomicBool>,
}

impl Shared {
    fn reach(&self) -> Result<()> {
        match self.is_down.load(Ordering::SeqCst) {
            true => Err(Error::new(ErrorKind::Backend, "it is down")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl KeyValue for Shared {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.reach()?;
        self.values.get(key).await
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        self.reach()?;
        self.values.set(key, value, expire).await
    }

    async fn add(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<bool> {
        self.reach()?;
        self.values.add(key, value, expire).await
    }

    async fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: Option<Bytes>,
        expire: Option<Duration>,
    ) -> Result<bool> {
        self.reach()?;
        self.values.replace(key, old, new, expire).await
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        self.reach()?;
        self.values.delete(key).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Scanned> {
        self.reach()?;
        self.values.scan(scan).await
    }

    async fn clear(&self) -> Result<()> {
        self.reach()?;
        self.values.clear().await
    }
}

/// One process: memory in front of the shared store.
struct Staged {
    clock: Clock,
    above: LocMemKeyValue,
    below: Shared,
    layers: LayeredKeyValue,
}

impl Staged {
    fn new() -> Self {
        let clock = Clock::manual(START_MS);
        let above = LocMemKeyValue::new().clock(clock.clone());
        let below = Shared {
            values: LocMemKeyValue::new().clock(clock.clone()),
            is_down: Arc::default(),
        };
        let layers = vec![Arc::new(above.clone()) as _, Arc::new(below.clone()) as _];
        Self {
            layers: LayeredKeyValue::new(layers).clock(clock.clone()),
            clock,
            above,
            below,
        }
    }

    fn entry(&self, policy: Policy) -> Bytes {
        let key = Key::new("squared", "{'x': 12}", "text/html");
        let now_ms = self.clock.now_ms();
        Entry::seal(&key, policy, now_ms, Duration::ZERO, b"144").to_bytes()
    }

    fn pass(&self, milliseconds: u64) {
        self.clock.advance(Duration::from_millis(milliseconds));
    }
}
