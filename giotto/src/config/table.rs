//! The settings of one store: `cache = ..` as the members of a table.
//!
//! Read before the first step of an invocation.

use std::time::Duration;

use toml::Value;

use super::setting::Setting;
use crate::error::Result;

/// A value of `cache` as members of a table: `"redis"` is `engine = "redis"`.
fn members_of(setting: &Setting) -> Result<Vec<Setting>> {
    let member = |key: &str, value: &Value| Setting {
        key: format!("cache.{key}"),
        value: value.clone(),
        origin: setting.origin.clone(),
        is_hidden: setting.is_hidden,
    };
    match &setting.value {
        _ if setting.key != "cache" => Ok(vec![setting.clone()]),
        Value::String(url) if url.contains("://") => Ok(vec![member("url", &setting.value)]),
        Value::String(_) => Ok(vec![member("engine", &setting.value)]),
        Value::Array(_) => Ok(vec![member("layers", &setting.value)]),
        Value::Table(table) if !table.is_empty() => Ok(table
            .iter()
            .flat_map(|(key, value)| match value {
                // As a file has it: `cache.migrating.from`.
                Value::Table(inner) => {
                    let inner = inner.iter();
                    let inner = inner.map(|(name, value)| member(&format!("{key}.{name}"), value));
                    inner.collect()
                }
                value => vec![member(key, value)],
            })
            .collect()),
        _ => Err(setting.refused(
            "a name such as \"redis\", a URL, a table with an engine, or an array of these",
        )),
    }
}

/// The settings of one store.
pub(super) struct Table<'s> {
    pub(super) members: Vec<Setting>,
    /// The setting that an error names if it is not about one member.
    pub(super) origin: &'s Setting,
    pub(super) namespace: Option<&'s Setting>,
}

impl<'s> Table<'s> {
    /// The members that `settings` name. Errors that are not about one of them name `origin`.
    pub(super) fn of(
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

    /// The elements of the array `layers`.
    pub(super) fn layers(&self) -> Result<&[Value]> {
        let setting = self.get("layers").unwrap_or(self.origin);
        match &setting.value {
            Value::Array(layers) if !layers.is_empty() => Ok(layers),
            _ => Err(setting.refused("an array of at least one engine, the fastest first")),
        }
    }

    /// One layer: an element of the array `layers`, with the deadline of all layers.
    pub(super) fn layer(&self, value: &Value) -> Result<Self> {
        let setting = Setting {
            key: "cache".to_owned(),
            value: value.clone(),
            origin: self.origin.origin.clone(),
            is_hidden: self.origin.is_hidden,
        };
        let mut layer = Self::of(&[setting], self.origin, self.namespace)?;
        if let Some(deadline) = layer.get("deadline_ms") {
            return Err(deadline.wrong("it belongs to all layers: set it beside cache.layers"));
        }
        layer.members.extend(self.get("deadline_ms").cloned());
        Ok(layer)
    }

    /// How long one call to the store may take.
    pub(super) fn deadline(&self) -> Result<Option<Duration>> {
        let milliseconds = self.get("deadline_ms").map(Setting::positive::<u32>);
        Ok(milliseconds
            .transpose()?
            .map(|ms| Duration::from_millis(ms.into())))
    }

    /// The last setting of the member `name`.
    pub(super) fn get(&self, name: &str) -> Option<&Setting> {
        let is_it = |setting: &&Setting| setting.member() == name;
        self.members.iter().rev().find(is_it)
    }

    /// Refuses members of two of the `groups`, which are different ways to say the same.
    pub(super) fn check_one_of(&self, groups: &[&[&str]]) -> Result<()> {
        let mut given = groups
            .iter()
            .filter_map(|group| group.iter().find_map(|name| self.get(name)));
        match (given.next(), given.next()) {
            (Some(one), Some(other)) => {
                Err(other.wrong(&format!("{} says the same: keep one of them", one.key)))
            }
            _ => Ok(()),
        }
    }

    /// The error of an engine whose `feature` is not compiled in.
    #[cfg(not(all(feature = "redis", feature = "memcache", feature = "sqlite")))]
    pub(super) fn absent(&self, feature: &str) -> crate::error::Error {
        let setting = self.get("engine").or(self.get("url"));
        setting.unwrap_or(self.origin).wrong(&format!(
            "this engine is not built in: enable the feature \"{feature}\" of the crate giotto, or use \"locmem\""
        ))
    }
}
