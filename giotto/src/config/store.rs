//! The cache that the settings name: one store, or several in layers.
//!
//! Opened before the first step of an invocation. `cache = ..` is a name, a URL, a table or an array of these; keys such as
//! `cache.port` refine it.

use std::time::Duration;

use super::engine::{COMMON, ENGINES, LAYERS, MIGRATING, open};
use super::key::KEYS;
use super::setting::Setting;
use super::table::Table;
use crate::error::{Error, Result};
use giotto_cache::Cache;

/// Every key.
pub(super) fn keys() -> Vec<String> {
    let mut keys = KEYS.map(str::to_owned).to_vec();
    keys.extend(cache_keys());
    keys
}

fn cache_keys() -> Vec<String> {
    let members = ENGINES.iter().flat_map(|engine| engine.keys);
    let members = members
        .chain(LAYERS.keys)
        .chain(MIGRATING.keys)
        .chain(&COMMON);
    let mut keys: Vec<String> = members.map(|member| format!("cache.{member}")).collect();
    keys.push("cache".to_owned());
    keys.sort();
    keys.dedup();
    keys
}

/// The settings of the cache, later ones after earlier ones.
#[derive(Debug, Default)]
pub(super) struct CacheSettings(Vec<Setting>);

impl CacheSettings {
    /// `cache = ..` replaces earlier settings; `cache.port = ..` refines them.
    pub(super) fn apply(&mut self, setting: Setting) {
        if setting.key == "cache" {
            self.0.clear();
        }
        self.0.push(setting);
    }

    /// Whether `key` was set to `value`.
    #[cfg(all(test, feature = "redis"))]
    pub(super) fn has(&self, key: &str, value: &toml::Value) -> bool {
        let mut settings = self.0.iter();
        settings.any(|setting| setting.key == key && setting.value == *value)
    }

    /// How long one call to the store may take, if a setting says so.
    pub(super) fn deadline(&self) -> Result<Option<Duration>> {
        match self.0.last() {
            None => Ok(None),
            Some(last) => Table::of(&self.0, last, None)?.deadline(),
        }
    }

    /// How many bytes the store keeps at most, if a setting says so.
    pub(super) fn max_bytes(&self) -> Result<Option<u64>> {
        let Some(last) = self.0.last() else {
            return Ok(None);
        };
        let table = Table::of(&self.0, last, None)?;
        table.get("max_bytes").map(Setting::positive).transpose()
    }

    /// The cache; `None` if there is no setting for it.
    pub(super) fn open(
        &self,
        namespace: Option<&Setting>,
        signing_keys: &[String],
        compression: bool,
    ) -> Result<Option<Cache>> {
        let Some(last) = self.0.last() else {
            return Ok(None);
        };
        let table = Table::of(&self.0, last, namespace)?;
        let builder = Cache::builder(open(&table)?).signing_keys(signing_keys);
        let builder = builder.map_err(|error| Error::configuration(error.to_string()))?;
        let builder = builder.compress(compression);
        let builder = match table.deadline()? {
            None => builder,
            Some(deadline) => builder.deadline(deadline),
        };
        Ok(Some(builder.build()))
    }
}
