//! The settings of the file and of flags, as the tables that they are in.
//!
//! Before the application is made.

use std::collections::BTreeMap;

use toml::Value;

use crate::config::setting::Setting;
use crate::error::Result;

/// A setting, or a table of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// `None` = it is a table, or not there.
    pub(super) setting: Option<Setting>,
    pub(super) members: BTreeMap<String, Self>,
}

impl Node {
    /// The tables of `settings`, later ones after earlier ones.
    pub(super) fn of(settings: &[Setting]) -> Result<Self> {
        let mut root = Self::default();
        for setting in settings {
            let path: Vec<_> = setting.key.split('.').skip(1).collect();
            match path.is_empty() {
                true => setting.check_empty_table("the settings of the application")?,
                false => root.put(&path, setting),
            }
        }
        Ok(root)
    }

    /// What `setting` is: a table, if its value is one.
    pub(super) fn of_one(setting: &Setting) -> Self {
        let mut node = Self::default();
        node.put(&[], setting);
        node
    }

    fn put(&mut self, path: &[&str], setting: &Setting) {
        // A table replaces a value, and a value what was there.
        self.setting = None;
        if let [name, path @ ..] = path {
            let member = self.members.entry((*name).to_owned()).or_default();
            return member.put(path, setting);
        }
        self.members.clear();
        match &setting.value {
            Value::Table(table) => {
                for (name, value) in table {
                    let member = Setting {
                        key: format!("{}.{name}", setting.key),
                        value: value.clone(),
                        ..setting.clone()
                    };
                    self.members.insert(name.clone(), Self::of_one(&member));
                }
            }
            _ => self.setting = Some(setting.clone()),
        }
    }

    /// The first setting in it.
    pub(super) fn first(&self) -> Option<&Setting> {
        let mut members = self.members.values();
        let inside = || members.find_map(Self::first);
        self.setting.as_ref().or_else(inside)
    }

    /// As a value of TOML.
    pub(super) fn value(&self) -> Value {
        match &self.setting {
            Some(setting) => setting.value.clone(),
            None => {
                let members = self.members.iter();
                let members = members.map(|(name, member)| (name.clone(), member.value()));
                Value::Table(members.collect())
            }
        }
    }
}
