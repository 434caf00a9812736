//! The settings of the application itself: the table `[app]`, which serde reads into a struct of the application.
//!
//! Read before the application is made. `tree.rs` has what the file and flags give, `variables.rs` the variables,
//! and `place.rs` asks both for each field. `reading.rs` (with `variant.rs`) is the deserializer, and `problem.rs` its error.

mod place;
mod problem;
mod reading;
#[cfg(test)]
mod tests;
mod tree;
mod variables;
mod variant;

use serde::de::DeserializeOwned;

use self::place::At;
use self::problem::Problem;
use self::tree::Node;
use self::variables::Variables;
use super::setting::Setting;
use crate::error::{Error, Result};

/// The settings of the application, as they were given.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct AppSettings {
    /// Of the file and of flags, later ones after earlier ones.
    settings: Vec<Setting>,
    /// The variables with the prefix of these settings.
    variables: Vec<(String, String)>,
}

impl AppSettings {
    pub(super) fn add(&mut self, setting: Setting) {
        self.settings.push(setting);
    }

    pub(super) fn set_variables(&mut self, variables: Vec<(String, String)>) {
        self.variables = variables;
    }

    /// The settings as an `S`.
    ///
    /// # Errors
    ///
    /// The first mistake, its place, and the remedy.
    pub(super) fn read<S: DeserializeOwned>(&self) -> Result<S> {
        let tree = Node::of(&self.settings)?;
        let variables = Variables::new(&self.variables);
        let settings = S::deserialize(At::root(&tree, &variables));
        let settings = settings.map_err(|problem| match problem {
            Problem::Placed(error) => error,
            problem => Error::configuration(format!("[app]: {problem}")),
        })?;
        variables.check()?;
        Ok(settings)
    }

    /// Refuses settings that nobody reads.
    pub(super) fn check_unread(&self) -> Result<()> {
        let Some(setting) = self.settings.first() else {
            return Ok(());
        };
        Err(setting.wrong(
            "this application reads no settings of its own: run it by giotto::run_with, which reads them into a struct, or \
             leave the table [app] out",
        ))
    }

    /// Refuses settings that are not those that the application was made with.
    pub(super) fn check_same(&self, earlier: &Self) -> Result<()> {
        match self == earlier {
            true => Ok(()),
            false => Err(Error::configuration(
                "flags behind the program change the settings in [app], with which the application is made: give --config, \
                 --profile and --set before the program",
            )),
        }
    }
}
