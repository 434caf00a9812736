//! The cache that the settings name: one store, or several in layers.
//!
//! `cache = ..` is a name, a URL, a table or an array of these; `cache.port` and so on refine it.

use std::sync::Arc;
use std::time::Duration;

use giotto_cache::{Cache, DummyKeyValue, KeyValue};
use toml::Value;

use super::engine::{ENGINES, Engine, LAYERS};
use super::setting::Setting;
#[cfg(not(all(feature = "redis", feature = "memcache", feature = "sqlite")))]
use crate::error::Error;
use crate::error::Result;

/// Keys of every table.
const COMMON: [&str; 2] = ["engine", "deadline_ms"];

/// Every key of the cache.
pub(super) fn keys() -> Vec<String> {
    let members = ENGINES.iter().flat_map(|engine| engine.keys);
    let members = members.chain(LAYERS.keys).chain(&COMMON);
    let mut keys: Vec<String> = members.map(|member| format!("cache.{member}")).collect();
    keys.push("cache".to_owned());
    keys.sort();
    keys.dedup();
    keys
}

/// What was said of the cache, later settings after earlier ones.
#[derive(Debug, Default)]
pub(super) struct CacheSettings(Vec<Setting>);

impl CacheSettings {
    /// `cache = ..` replaces what was said before; `cache.port = ..` refines it.
    pub(super) fn apply(&mut self, setting: Setting) {
        if setting.key == "cache" {
            self.0.clear();
        }
        self.0.push(setting);
    }

    /// The cache: without a word of it, one that keeps nothing.
    pub(super) fn open(&self, namespace: Option<&Setting>) -> Result<Cache> {
        let Some(last) = self.0.last() else {
            return Ok(Cache::new(DummyKeyValue::new()));
        };
        let table = Table::of(&self.0, last, namespace)?;
        let builder = Cache::builder(table.open()?);
        let builder = match table.deadline()? {
            None => builder,
            Some(deadline) => builder.deadline(deadline),
        };
        Ok(builder.build())
    }
}

/// A value of `cache` as members of a table: `"redis"` is `engine = "redis"`.
fn members_of(setting: &Setting) -> Result<Vec<Setting>> {
    let member = |key: &str, value: &Value| Setting {
        key: format!("cache.{key}"),
        value: value.clone(),
        origin: setting.origin.clone(),
    };
    match &setting.value {
        _ if setting.key != "cache" => Ok(vec![setting.clone()]),
        Value::String(url) if url.contains("://") => Ok(vec![member("url", &setting.value)]),
        Value::String(_) => Ok(vec![member("engine", &setting.value)]),
        Value::Array(_) => Ok(vec![member("layers", &setting.value)]),
        Value::Table(table) if !table.is_empty() => Ok(table
            .iter()
            .map(|(key, value)| member(key, value))
            .collect()),
        _ => Err(setting.refused(
            "a name such as \"redis\", a URL, a table with an engine, or an array of these",
        )),
    }
}

/// What was said of one store.
pub(super) struct Table<'s> {
    members: Vec<Setting>,
    /// What to name in an error that is not of one member.
    origin: &'s Setting,
    pub(super) namespace: Option<&'s Setting>,
}

impl<'s> Table<'s> {
    /// The members that `settings` name; errors that are of none of them name `origin`.
    fn of(
        settings: &[Setting],
        origin: &'s Setting,
        namespace: Option<&'s Setting>,
    ) -> Result<Self> {
        let mut members = Vec::new();
        for setting in settings {
            members.extend(members_of(setting)?);
        }
        Ok(Self {
            members,
            origin,
            namespace,
        })
    }

    /// One layer: what an element of the array `layers` says.
    pub(super) fn layer(&self, value: &Value) -> Result<Self> {
        let setting = Setting {
            key: "cache".to_owned(),
            value: value.clone(),
            origin: self.origin.origin.clone(),
        };
        Self::of(&[setting], self.origin, self.namespace)
    }

    pub(super) fn open(&self) -> Result<Arc<dyn KeyValue>> {
        let engine = self.engine()?;
        let known = || COMMON.iter().chain(engine.keys).copied();
        for setting in &self.members {
            let name = setting.key.trim_start_matches("cache.");
            if !known().any(|key| key == name) {
                let what = format!("key of the engine {}", engine.name);
                return Err(setting.unlike(&what, name, engine.keys.iter().copied()));
            }
        }
        (engine.open)(self)
    }

    fn engine(&self) -> Result<&'static Engine> {
        if self.get("layers").is_some() {
            return Ok(&LAYERS);
        }
        if let Some(setting) = self.get("engine") {
            let name = setting.string()?;
            let found = ENGINES.iter().find(|engine| engine.name == name);
            let names = ENGINES.iter().map(|engine| engine.name);
            return found.ok_or_else(|| setting.unlike("cache engine", name, names));
        }
        let Some(setting) = self.get("url") else {
            let example = "an engine beside it, such as cache.engine = \"redis\"";
            return Err(self.origin.refused(example));
        };
        let scheme = setting.string()?.split("://").next().unwrap_or_default();
        let found = ENGINES
            .iter()
            .find(|engine| engine.schemes.contains(&scheme));
        let schemes = ENGINES.iter().flat_map(|engine| engine.schemes);
        found.ok_or_else(|| setting.unlike("URL scheme", scheme, schemes.copied()))
    }

    /// How long one call to the store may take.
    pub(super) fn deadline(&self) -> Result<Option<Duration>> {
        let milliseconds = self.get("deadline_ms").map(Setting::integer::<u32>);
        Ok(milliseconds
            .transpose()?
            .map(|ms| Duration::from_millis(ms.into())))
    }

    /// What was said last of the member `name`.
    pub(super) fn get(&self, name: &str) -> Option<&Setting> {
        let is_it = |setting: &&Setting| setting.key.strip_prefix("cache.") == Some(name);
        self.members.iter().rev().find(is_it)
    }

    /// Refuses the member `name` beside others than those in `beside`, which it would silently override.
    #[cfg(any(feature = "redis", feature = "memcache"))]
    pub(super) fn check_alone(&self, name: &str, beside: &[&str]) -> Result<()> {
        fn member(setting: &Setting) -> &str {
            setting.key.trim_start_matches("cache.")
        }
        let Some(setting) = self.get(name) else {
            return Ok(());
        };
        let is_other = |key: &&str| *key != name && !COMMON.contains(key) && !beside.contains(key);
        match self.members.iter().map(member).find(is_other) {
            None => Ok(()),
            Some(other) => Err(setting.wrong(&format!(
                "cache.{other} stands beside it: say both in cache.{name}"
            ))),
        }
    }

    /// The error of an engine whose `feature` is not compiled in.
    #[cfg(not(all(feature = "redis", feature = "memcache", feature = "sqlite")))]
    pub(super) fn absent(&self, feature: &str) -> Error {
        let setting = self.get("engine").or(self.get("url"));
        setting.unwrap_or(self.origin).wrong(&format!(
            "this engine is not built in: enable the feature \"{feature}\" of the crate giotto, or use \"locmem\""
        ))
    }
}
