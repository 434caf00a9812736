//! The environment variables of the settings in `[app]`: `GIOTTO_APP_MAIL_HOST` is `app.mail.host`.
//!
//! Before the application is made. Which setting a variable is, is known only when the struct is read that has the field.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::arguments::nearest;
use crate::config::key::{PREFIX, variable_of};
use crate::config::secret::{FILE, in_file};
use crate::config::setting::Setting;
use crate::error::{Error, Result};

/// The variables with the prefix of the settings in `[app]`.
pub(super) struct Variables<'a> {
    given: &'a [(String, String)],
    /// Those that are settings.
    read: RefCell<BTreeSet<String>>,
    /// The names of all settings that were asked for.
    known: RefCell<BTreeSet<String>>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(given: &'a [(String, String)]) -> Self {
        Self {
            given,
            read: RefCell::default(),
            known: RefCell::default(),
        }
    }

    fn find(&self, name: &str) -> Option<&'a str> {
        let mut given = self.given.iter();
        let (_, value) = given.find(|(given, _)| given == name)?;
        Some(value)
    }

    /// The setting that a variable gives `key`, or a file that a variable names.
    pub(super) fn setting(&self, key: &str) -> Result<Option<Setting>> {
        let name = variable_of(key);
        let file = format!("{name}{FILE}");
        self.known.borrow_mut().insert(name.clone());
        let text = self.find(&name);
        // A field may have the name of the variable of the file.
        let path = self.find(&file);
        let path = path.filter(|_| !self.known.borrow().contains(&file));
        let mut read = self.read.borrow_mut();
        read.extend(text.map(|_| name.clone()));
        read.extend(path.map(|_| file.clone()));
        match (text, path) {
            (None, None) => Ok(None),
            (Some(text), None) => Ok(Some(Setting::text(key, text, &name))),
            (None, Some(path)) => in_file(key, path, &file).map(Some),
            (Some(_), Some(_)) => Err(Error::configuration(format!(
                "{name} and {file} are both set: unset one of them"
            ))),
        }
    }

    /// Notes the fields `names` of the table `key`, so that no variable of one is taken for another's.
    pub(super) fn know(&self, key: &str, names: &[&str]) {
        let names = names
            .iter()
            .map(|name| variable_of(&format!("{key}.{name}")));
        self.known.borrow_mut().extend(names);
    }

    /// Whether a variable is for the field `name` of the table `key`, or for a field of that.
    pub(super) fn has(&self, key: &str, name: &str) -> bool {
        let own = variable_of(&format!("{key}.{name}"));
        let known = self.known.borrow();
        // `GIOTTO_APP_MAIL_HOST` is for `mail_host` if there is such a field, and else for `mail`.
        let is_of_longer = |given: &str| {
            let mut longer = known.iter().filter(|other| other.len() > own.len());
            longer.any(|other| is_of(given, other))
        };
        let mut given = self.given.iter();
        given.any(|(given, _)| is_of(given, &own) && !is_of_longer(given))
    }

    /// The first variable of a member of `key`.
    pub(super) fn below(&self, key: &str) -> Option<&'a str> {
        let own = variable_of(key);
        let mut given = self.given.iter().map(|(name, _)| name.as_str());
        given.find(|given| is_of(given, &own))
    }

    /// The names of the members that variables give the table `key`, whose fields are not known.
    pub(super) fn members(&self, key: &str) -> Vec<String> {
        let table = format!("{}_", variable_of(key));
        let given = self.given.iter();
        let names = given.filter_map(|(given, _)| given.strip_prefix(&table));
        let names = names.map(|name| name.strip_suffix(FILE).unwrap_or(name));
        names.map(str::to_lowercase).collect()
    }

    /// Refuses a variable that is no setting.
    pub(super) fn check(&self) -> Result<()> {
        let read = self.read.borrow();
        let mut given = self.given.iter();
        let Some((name, _)) = given.find(|(name, _)| !read.contains(name)) else {
            return Ok(());
        };
        let known = self.known.borrow();
        let bare = |name: &'_ str| name.strip_prefix(PREFIX).unwrap_or_default().to_owned();
        let names: Vec<_> = known.iter().map(|name| bare(name)).collect();
        let near = nearest(&bare(name), names.iter().map(String::as_str));
        let hint = match near {
            Some(near) => format!("did you mean {PREFIX}{near}? Unset it if not"),
            None => "unset it, or add the field to the struct of the settings".to_owned(),
        };
        Err(Error::configuration(format!(
            "the environment variable {name} is not a setting of this application: {hint}"
        )))
    }
}

/// Whether the variable `given` is `name`, or one of a table of that name.
fn is_of(given: &str, name: &str) -> bool {
    let rest = given.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}
