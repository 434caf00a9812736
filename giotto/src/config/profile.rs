//! Profiles: tables such as `[profile.production]`, whose settings override those outside of them.
//!
//! Before the first step of an invocation. `GIOTTO_PROFILE` or `--profile` chooses one.

use std::collections::BTreeMap;

use super::setting::Setting;
use crate::arguments::nearest;
use crate::error::{Error, Result, quoted};

/// The settings of a file, those of profiles apart.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    /// Those outside of profiles.
    pub(super) common: Vec<Setting>,
    by_name: BTreeMap<String, Vec<Setting>>,
}

impl Profiles {
    /// Those of the `settings` of a file.
    pub(super) fn of(settings: Vec<Setting>) -> Result<Self> {
        let mut profiles = Self::default();
        for setting in settings {
            let Some(path) = of_profile(&setting.key) else {
                profiles.common.push(setting);
                continue;
            };
            let (name, key) = match path.split_once('.') {
                Some((name, key)) => (name, Some(key.to_owned())),
                None => (path, None),
            };
            let own = profiles.by_name.entry(name.to_owned()).or_default();
            match key {
                Some(key) => own.push(Setting { key, ..setting }),
                None => setting.check_empty_table("settings")?,
            }
        }
        match profiles.by_name.remove("") {
            None => Ok(profiles),
            Some(_) => Err(Error::configuration(
                "a profile has a name, such as [profile.production]",
            )),
        }
    }

    /// Takes out the settings of the profile `name`, which `origin` chooses.
    pub(super) fn take(&mut self, name: &str, origin: &str) -> Result<Vec<Setting>> {
        if let Some(settings) = self.by_name.remove(name) {
            return Ok(settings);
        }
        let names = self.by_name.keys().map(String::as_str);
        let hint = match nearest(name, names.clone()) {
            Some(near) => format!("did you mean {near:?}?"),
            None if self.by_name.is_empty() => {
                format!("the file has none: write [profile.{name}] into it, or leave {origin} out")
            }
            None => format!("the file has {}", names.collect::<Vec<_>>().join(", ")),
        };
        let name = quoted(name);
        Err(Error::configuration(format!(
            "{origin}: unknown profile {name}: {hint}"
        )))
    }

    /// The settings of the other profiles, each after those that it overrides.
    pub(super) fn others(&self) -> impl Iterator<Item = Vec<Setting>> {
        let profiles = self.by_name.values();
        profiles.map(|own| [self.common.as_slice(), own].concat())
    }
}

/// What follows `profile.` in a key; empty for the table itself.
fn of_profile(key: &str) -> Option<&str> {
    match key.strip_prefix("profile")? {
        "" => Some(""),
        rest => rest.strip_prefix('.'),
    }
}
