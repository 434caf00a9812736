//! What the word at the cursor may become, by the manifest: names of programs, their parameters, and the values of these.
//!
//! Beside an invocation.

use std::collections::BTreeMap;

use super::candidates::{Candidate, Place, options, values};
use crate::app::App;
use crate::arguments::Parameter;
use crate::controller::cmd::command::{command, is_option_of, option};
use crate::controller::cmd::words;
use crate::manifest::Found;
use crate::negotiate;
use crate::program::Program;
use crate::request::{CMD, HTTP_GET, Request};

/// The programs of an application, on its command line.
pub(super) struct Programs<'a>(pub(super) &'a App);

impl Programs<'_> {
    /// The programs whose paths begin with `typed`, to the next slash.
    pub(super) fn names(&self, typed: &str) -> Vec<Candidate> {
        let programs = self.0.manifest().programs(CMD);
        match self.formats(typed) {
            formats if formats.is_empty() => segments(&programs, typed),
            formats => formats,
        }
    }

    /// The programs that the programs of the operator work on.
    fn others(&self, typed: &str) -> Vec<Candidate> {
        let mut programs = self.0.manifest().all();
        programs.retain(|program| program.answers(CMD) || program.answers(HTTP_GET));
        segments(&programs, typed)
    }

    /// `squared.html` and so on for `squared.h`.
    fn formats(&self, typed: &str) -> Vec<Candidate> {
        let Some((path, _)) = typed.rsplit_once('.') else {
            return Vec::new();
        };
        let request = Request::new(CMD, path);
        let found = self.0.manifest().find(request.path(), CMD);
        let mimes = found.map_or(&[][..], |found| found.program.mimes());
        let candidate = |mime| {
            let word = format!("{path}.{}", negotiate::name_of(mime));
            Candidate::new(word, mime.essence())
        };
        mimes.iter().map(candidate).collect()
    }

    /// What may stand where `current` stands, after the program at `path` and these `words`.
    pub(super) fn words(
        &self,
        path: &str,
        words: &[String],
        current: &str,
    ) -> Option<Vec<Candidate>> {
        let manifest = self.0.manifest();
        let request = Request::new(CMD, path.trim_matches('/'));
        let Ok(found) = manifest.find(request.path(), CMD) else {
            return Some(Vec::new());
        };
        let program = &**found.program;
        let parameters = words::parameters(program, &request, words, manifest);
        let others = parameters.iter().skip(program.parameters().len());
        let command = command(program, "").args(others.map(|one| option(one)));
        if let Place::Value(option) = Place::after(&command, words) {
            let parameter = parameters.iter().find(|one| option.get_id() == one.name);
            return match parameter {
                Some(parameter) => self.choices(program, parameter, ""),
                None => values(option, ""),
            };
        }
        if let Some((parameter, before)) = begun(&parameters, current) {
            return self.choices(program, parameter, &before);
        }
        if current.starts_with('-') {
            return options(&command, current);
        }
        let by_place = request.path().len().saturating_sub(found.consumed);
        let mut candidates = open(program, &parameters, words, by_place);
        if is_program_missing(&found, &request, words) {
            candidates.extend(self.others(current));
        }
        // Otherwise it is the value of a parameter, without its name.
        let is_known = current.is_empty() || candidates.iter().any(|one| one.is_after(current));
        is_known.then_some(candidates)
    }

    /// The values of `parameter` after `before`, if there are only some.
    fn choices(
        &self,
        program: &Program,
        parameter: &Parameter,
        before: &str,
    ) -> Option<Vec<Candidate>> {
        let choices = match parameter {
            one if one.is_switch => vec!["true", "false"],
            one if program.collector().is_some() && one.name == "program" => {
                let mut paths: Vec<_> = self.0.manifest().all();
                paths.retain(|program| program.cache_policy().is_some());
                paths.iter().map(|program| program.path()).collect()
            }
            one => one.variants.to_vec(),
        };
        let candidate = |choice| Candidate::new(format!("{before}{choice}"), "");
        (!choices.is_empty()).then(|| choices.into_iter().map(candidate).collect())
    }
}

/// The paths of `programs` that begin with `typed`, to the next slash.
fn segments(programs: &[&Program], typed: &str) -> Vec<Candidate> {
    let mut found = BTreeMap::new();
    for program in programs {
        let path = match program.path() {
            "" => "/",
            path => path,
        };
        let Some(rest) = path.strip_prefix(typed) else {
            continue;
        };
        let (end, about) = match rest.find('/') {
            Some(slash) if path != "/" => (typed.len() + slash + 1, "programs"),
            _ => (path.len(), program.about()),
        };
        found
            .entry(&path[..end])
            .or_insert_with(|| Candidate::new(&path[..end], about));
    }
    found.into_values().collect()
}

/// The parameter whose value `current` has begun, and what stands before the value: `x=` or `--x=`.
fn begun<'p>(parameters: &[&'p Parameter], current: &str) -> Option<(&'p Parameter, String)> {
    let (name, _) = current.split_once('=')?;
    let bare = name.strip_prefix("--").unwrap_or(name);
    let is_meant = |one: &&&Parameter| one.takes(bare) || is_option_of(one, bare);
    let parameter = parameters.iter().find(is_meant)?;
    Some((parameter, format!("{name}=")))
}

/// `x=` for each of the `parameters` that neither `words` give nor the segments of the path, of which `by_place` are arguments.
fn open(
    program: &Program,
    parameters: &[&Parameter],
    words: &[String],
    by_place: usize,
) -> Vec<Candidate> {
    let mut open = parameters.to_vec();
    open.retain(|one| program.collector() != Some(one.name));
    open.retain(|one| one.is_list || !words.iter().any(|word| gives(word, one)));
    let values = words.iter().filter(|word| is_value(word)).count();
    let by_place = match program.collector() {
        Some(_) => 0,
        None => by_place + values,
    };
    let candidate = |one: &&Parameter| {
        let help = option(one).get_help().map(ToString::to_string);
        Candidate::new(format!("{}=", one.name), &help.unwrap_or_default())
    };
    open.iter().skip(by_place).map(candidate).collect()
}

/// Whether `word` gives `parameter` by its name.
fn gives(word: &str, parameter: &Parameter) -> bool {
    let (name, has_value) = word
        .split_once('=')
        .map_or((word, false), |(name, _)| (name, true));
    match name.strip_prefix("--") {
        Some(name) => is_option_of(parameter, name),
        None => has_value && parameter.is_called(name),
    }
}

/// Whether `word` is an argument without a name.
fn is_value(word: &str) -> bool {
    !word.starts_with('-') && !word.contains('=')
}

/// Whether the program works on another one, which is not named yet.
fn is_program_missing(found: &Found<'_>, request: &Request<'_>, words: &[String]) -> bool {
    let is_named = words.iter().any(|word| is_value(word));
    found.program.collector().is_some() && found.consumed == request.path().len() && !is_named
}
