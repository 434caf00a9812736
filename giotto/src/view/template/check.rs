//! Finds mistakes in templates when the application starts: what is missing, and what is no template.
//!
//! Before the first request.

use std::collections::BTreeSet;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment};

use super::explain::Explainer;
use super::functions::Function;
use super::scan::{Call, Scan};
use super::templates::Templates;
use crate::address::Addresses;
use crate::error::{Error, Result};
use crate::state::Startup;

impl Templates {
    /// Compiles the template `name` and all that it names by constants, and checks the constants in calls.
    pub(super) fn check(
        &self,
        name: &str,
        escaping: &AutoEscape,
        startup: &Startup<'_>,
    ) -> Result<()> {
        self.check_names()?;
        let environment = self.environment(escaping);
        let mut known = BTreeSet::from([name.to_owned()]);
        let mut waiting = vec![name.to_owned()];
        while let Some(name) = waiting.pop() {
            let names = self.check_one(&name, environment, startup)?;
            waiting.extend(names.into_iter().filter(|name| known.insert(name.clone())));
        }
        Ok(())
    }

    /// The names of the templates that the template `name` uses.
    fn check_one(
        &self,
        name: &str,
        environment: &Environment<'static>,
        startup: &Startup<'_>,
    ) -> Result<Vec<String>> {
        let explainer = Explainer {
            templates: self,
            environment,
            variables: Value::UNDEFINED,
        };
        let explained = |error: minijinja::Error| Error::configuration(explainer.explain(&error));
        let read = self.sources().read(name).map_err(explained)?;
        let Some((path, text)) = read else {
            return Err(Error::configuration(self.sources().missing(name)));
        };
        environment.get_template(name).map_err(explained)?;
        let scan = Scan::of(&text);
        let at = |line: usize, problem: &str| {
            Error::configuration(format!("{}:{line}: {problem}", path.display()))
        };
        for (filter, line) in scan.filters() {
            let is_filter = environment
                .empty_state()
                .perform_test("filter", &[Value::from(filter)]);
            if is_filter.is_ok_and(|is_filter| !is_filter) {
                return Err(at(line, &explainer.no_filter(filter)));
            }
        }
        for call in scan.calls(&Function::CHECKED) {
            self.check_call(&call, startup)
                .map_err(|error| at(call.line, &error.to_string()))?;
        }
        let mut used = Vec::new();
        for reference in scan.references() {
            let exists = |name: &&String| matches!(self.sources().read(name), Ok(Some(_)));
            match reference.names.iter().find(exists) {
                Some(name) => used.push(name.clone()),
                None => {
                    let missing = reference
                        .names
                        .iter()
                        .map(|name| self.sources().missing(name));
                    let missing = missing.collect::<Vec<_>>().join("; ");
                    return Err(at(reference.line, &missing));
                }
            }
        }
        Ok(used)
    }

    fn check_call(&self, call: &Call, startup: &Startup<'_>) -> Result<()> {
        match call.function.as_str() {
            "url_for" => startup
                .find::<Addresses>()
                .map_or(Ok(()), |addresses| addresses.check(&call.argument)),
            "t" => match self.messages()? {
                Some(translations) => translations.check(&call.argument),
                // The call itself names the remedy, if it is reached.
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}
