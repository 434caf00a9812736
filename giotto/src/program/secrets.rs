//! The parameters whose values nobody is shown again, such as a password.
//!
//! Declared before the first request; after step 3 of an invocation that is refused, their values are left out.

use super::definition::Program;
use crate::error::Error;

/// What makes a parameter secret that has it in its name.
const WORDS: [&str; 3] = ["password", "passphrase", "secret"];

impl<S> Program<S> {
    /// Never shows what was given for these parameters again: not in the page of a refused form, and not in an error. A parameter
    /// is secret without this if its name has the word `password`, `passphrase` or `secret` in it.
    ///
    /// ```
    /// # use giotto::prelude::*;
    /// #[model]
    /// fn pay(amount: u32, card: String, pin: u16) {}
    ///
    /// let program = Program::new(pay).secret(["card", "pin"]).view(BasicView::new());
    /// ```
    #[must_use]
    pub fn secret<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let names = names.into_iter().map(Into::into);
        self.settings.secrets.extend(names);
        self
    }
}

impl Program {
    /// Whether nobody is shown again what was given for the field `name`.
    pub(crate) fn is_secret(&self, name: &str) -> bool {
        let is_of = |secret: &String| {
            let rest = name.strip_prefix(secret.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let lower = name.to_ascii_lowercase();
        WORDS.iter().any(|word| lower.contains(word)) || self.settings.secrets.iter().any(is_of)
    }

    /// The mistake in what is declared secret.
    pub(super) fn unknown_secret(&self) -> Option<Error> {
        let is_known = |name: &str| self.parameters().iter().any(|own| own.name == name);
        let mut secrets = self.settings.secrets.iter();
        let unknown = secrets.find(|secret| !is_known(secret))?;
        let message =
            format!("it has no parameter '{unknown}' that could be secret: correct .secret(..)");
        Some(Error::configuration(message))
    }
}
