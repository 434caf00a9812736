//! A store that keeps nothing.
//!
//! The last step of a lookup, for an application that runs without a cache.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{KeyValue, Place};
use crate::error::Result;
use crate::keyvalue::measure::Measure;
use crate::keyvalue::scan::{Scan, Scanned};

/// A [`KeyValue`] that always misses. Every operation succeeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct DummyKeyValue;

impl DummyKeyValue {
    /// A store that keeps nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl KeyValue for DummyKeyValue {
    async fn get(&self, _key: &str) -> Result<Option<Bytes>> {
        Ok(None)
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        Ok(vec![None; keys.len()])
    }

    async fn set(&self, _key: &str, _value: Bytes, _expire: Option<Duration>) -> Result<()> {
        Ok(())
    }

    async fn add(&self, _key: &str, _value: Bytes, _expire: Option<Duration>) -> Result<bool> {
        Ok(true)
    }

    async fn replace(
        &self,
        _key: &str,
        _old: &[u8],
        _new: Option<Bytes>,
        _expire: Option<Duration>,
    ) -> Result<bool> {
        Ok(false)
    }

    async fn delete(&self, _key: &str) -> Result<bool> {
        Ok(false)
    }

    async fn clear(&self) -> Result<()> {
        Ok(())
    }

    async fn scan(&self, _scan: &Scan) -> Result<Scanned> {
        Ok(Scanned::default())
    }

    async fn measure(&self) -> Result<Measure> {
        Ok(Measure {
            entries: Some(0),
            bytes: Some(0),
            ..Measure::new("no store: nothing is kept")
        })
    }

    fn name(&self) -> &'static str {
        "dummy"
    }

    fn place(&self) -> Place {
        Place::Nowhere
    }
}
