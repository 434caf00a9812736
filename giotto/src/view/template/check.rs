//! Finds mistakes in templates when the application starts: what is missing, and what is no template.
//!
//! Before the first request.

use std::collections::BTreeSet;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment};

use super::functions::{self, Function};
use super::scan::{Call, Reference, Scan};
use super::stored::{Found, Search};
use super::templates::Templates;
use crate::address::Addresses;
use crate::context::of_one_reader;
use crate::error::{Error, Result};
use crate::site::Site;
use crate::state::Startup;

impl Templates {
    /// Compiles the template `name` and all that it names by constants, and checks the constants in calls. Whether they have
    /// fragments.
    pub(super) fn check(
        &self,
        name: &str,
        escaping: &AutoEscape,
        startup: &Startup<'_>,
    ) -> Result<bool> {
        self.check_names()?;
        let environment = self.environment(escaping);
        let mut known = BTreeSet::from([name.to_owned()]);
        let mut waiting = vec![name.to_owned()];
        let mut has_fragments = false;
        while let Some(name) = waiting.pop() {
            let (names, fragments) = self.check_one(&name, environment, startup)?;
            has_fragments |= fragments;
            waiting.extend(names.into_iter().filter(|name| known.insert(name.clone())));
        }
        if startup.is_stored() {
            self.check_stored(name)?;
        }
        Ok(has_fragments)
    }

    /// Refuses what belongs to one reader on a page of the template `name`, which is stored.
    fn check_stored(&self, name: &str) -> Result<()> {
        let Some(found) = Search::new(self).find(name) else {
            return Ok(());
        };
        let Found {
            function,
            template,
            line,
        } = found;
        let why = of_one_reader(&format!("{function}()"));
        let block = match template == name {
            true => String::new(),
            false => format!(
                "; or give {name:?} a block of its own in place of the one with {function}()"
            ),
        };
        let path = self.sources().path(&template);
        Err(Error::configuration(format!("{path}:{line}: {why}{block}")))
    }

    /// The names of the templates that the template `name` uses, and whether it has fragments.
    fn check_one(
        &self,
        name: &str,
        environment: &Environment<'static>,
        startup: &Startup<'_>,
    ) -> Result<(Vec<String>, bool)> {
        let explainer = self.explainer(environment, Value::UNDEFINED);
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
            if !has_filter(environment, filter) {
                return Err(at(line, &explainer.no_filter(filter)));
            }
        }
        for call in scan.calls(&Function::CHECKED) {
            self.check_call(&call, startup)
                .map_err(|error| at(call.line, &error.to_string()))?;
        }
        let fragments = scan.calls(&[Function::Cache.name()]);
        check_fragments(&fragments).map_err(|(line, problem)| at(line, &problem))?;
        let references = scan.references().into_iter();
        let used = references.map(|Reference { names, line }| {
            self.existing(&names).map_err(|missing| at(line, &missing))
        });
        Ok((used.collect::<Result<_>>()?, !fragments.is_empty()))
    }

    /// The first of the templates `names` that exists.
    pub(super) fn existing(&self, names: &[String]) -> Result<String, String> {
        let exists = |name: &&String| matches!(self.sources().read(name), Ok(Some(_)));
        let missing = |name: &String| self.sources().missing(name);
        names.iter().find(exists).cloned().ok_or_else(|| {
            let missing: Vec<_> = names.iter().map(missing).collect();
            missing.join("; ")
        })
    }

    fn check_call(&self, call: &Call, startup: &Startup<'_>) -> Result<()> {
        let function = Function::named(&call.function);
        if let Some(Function::AbsoluteUrlFor | Function::AbsoluteUrl) = function {
            let site = startup.states().find::<Site>();
            site.map_or(Ok(()), |site| site.check_origin())?;
        }
        match (function, call.argument.as_deref()) {
            (Some(Function::UrlFor | Function::AbsoluteUrlFor), Some(path)) => {
                let addresses = startup.states().find::<Addresses>();
                addresses.map_or(Ok(()), |addresses| {
                    addresses.check(path, call.named.as_deref())
                })
            }
            (Some(Function::Url | Function::AbsoluteUrl), Some(path)) => {
                Site::default().url(path).map(drop)
            }
            (Some(Function::Asset), Some(name)) => {
                let url = functions::asset_url(startup.states(), name);
                url.map(drop).map_err(Error::configuration)
            }
            (Some(Function::T), Some(key)) => match self.messages()? {
                Some(translations) => translations.check(key),
                None => Err(Error::configuration(functions::no_translations(key))),
            },
            _ => Ok(()),
        }
    }
}

/// Refuses two fragments of one name in one template: the cache would have one for both.
fn check_fragments(fragments: &[Call]) -> Result<(), (usize, String)> {
    let mut names = BTreeSet::new();
    for call in fragments {
        let name = call.argument.as_deref().unwrap_or_default();
        if !names.insert(name) {
            let problem = format!(
                "a second fragment cache({name:?}, ..): the cache would have one for both; give each a name of its own"
            );
            return Err((call.line, problem));
        }
    }
    Ok(())
}

fn has_filter(environment: &Environment<'static>, name: &str) -> bool {
    let name = [Value::from(name)];
    let is_filter = environment.empty_state().perform_test("filter", &name);
    is_filter.unwrap_or(true)
}
