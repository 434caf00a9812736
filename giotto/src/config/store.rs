//! The cache that the settings name: one store, or several in layers.
//!
//! `cache = ..` is a name, a URL, a table or an array of these; `cache.port` and so on refine it.

use std::sync::Arc;
use std::time::Duration;

use giotto_cache::{Cache, KeyValue};
use toml::Value;

use super::engine::{ENGINES, Engine, LAYERS};
use super::setting::Setting;
use crate::error::{Error, Result};

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

    /// Whether `key` was set to `value`.
    #[cfg(all(test, feature = "redis"))]
    pub(super) fn has(&self, key: &str, value: &Value) -> bool {
        let mut settings = self.0.iter();
        settings.any(|setting| setting.key == key && setting.value == *value)
    }

    /// The cache; `None` if nothing was said of it.
    pub(super) fn open(
        &self,
        namespace: Option<&Setting>,
        signing_keys: &[String],
    ) -> Result<Option<Cache>> {
        let Some(last) = self.0.last() else {
            return Ok(None);
        };
        let table = Table::of(&self.0, last, namespace)?;
        let builder = Cache::builder(table.open()?).signing_keys(signing_keys);
        let builder = builder.map_err(|error| Error::configuration(error.to_string()))?;
        let builder = match table.deadline()? {
            None => builder,
            Some(deadline) => builder.deadline(deadline),
        };
        Ok(Some(builder.build()))
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

    /// What stands in the array `layers`.
    pub(super) fn layers(&self) -> Result<&[Value]> {
        let setting = self.get("layers").unwrap_or(self.origin);
        match &setting.value {
            Value::Array(layers) if !layers.is_empty() => Ok(layers),
            _ => Err(setting.refused("an array of at least one engine, the fastest first")),
        }
    }

    /// One layer: what an element of the array `layers` says, and the deadline of all.
    pub(super) fn layer(&self, value: &Value) -> Result<Self> {
        let setting = Setting {
            key: "cache".to_owned(),
            value: value.clone(),
            origin: self.origin.origin.clone(),
        };
        let mut layer = Self::of(&[setting], self.origin, self.namespace)?;
        if let Some(deadline) = layer.get("deadline_ms") {
            return Err(deadline.wrong("it is of all layers: say it beside cache.layers"));
        }
        layer.members.extend(self.get("deadline_ms").cloned());
        Ok(layer)
    }

    pub(super) fn open(&self) -> Result<Arc<dyn KeyValue>> {
        let engine = self.engine()?;
        let known = || COMMON.iter().chain(engine.keys).copied();
        for setting in &self.members {
            let name = setting.member();
            if !known().any(|key| key == name) {
                let what = format!("key of the engine {}", engine.name);
                return Err(setting.unlike(&what, name, engine.keys.iter().copied()));
            }
        }
        (engine.open)(self)
    }

    fn engine(&self) -> Result<&'static Engine> {
        self.check_one_of(&[&["layers"], &["engine"]])?;
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
        let milliseconds = self.get("deadline_ms").map(Setting::positive::<u32>);
        Ok(milliseconds
            .transpose()?
            .map(|ms| Duration::from_millis(ms.into())))
    }

    /// What was said last of the member `name`.
    pub(super) fn get(&self, name: &str) -> Option<&Setting> {
        let is_it = |setting: &&Setting| setting.member() == name;
        self.members.iter().rev().find(is_it)
    }

    /// Refuses members of two of the `groups`, each of which says the same in another way.
    pub(super) fn check_one_of(&self, groups: &[&[&str]]) -> Result<()> {
        let mut given = groups
            .iter()
            .filter_map(|group| group.iter().find_map(|name| self.get(name)));
        match (given.next(), given.next()) {
            (Some(one), Some(other)) => Err(other.wrong(&format!(
                "{} stands beside it: say it in one of them alone",
                one.key
            ))),
            _ => Ok(()),
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
