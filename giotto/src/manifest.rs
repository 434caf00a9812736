//! The tree of programs, and how one is found.
//!
//! Step 2 of an invocation.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::arguments::nearest;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::negotiate;
use crate::program::Program;
use crate::request::{Controller, HTTP_GET, HTTP_POST, Request};

/// An alias may lead to an alias, but not without end.
const MAX_ALIASES: usize = 16;

/// A tree of programs by name.
///
/// The program under the name `""` answers at the root of its manifest. A name is written as it stands in
/// a URL or on the command line; it has no `/`, `.`, `(`, `)`, white space or control characters.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    entries: BTreeMap<String, Entry>,
    error: Option<Error>,
}

/// What a name of a [`Manifest`] stands for.
#[derive(Clone, Debug)]
pub struct Entry(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// Programs told apart by controller.
    Programs(Vec<Arc<Program>>),
    Manifest(Manifest),
    /// The path, from the root, of the program to use instead.
    Alias(String),
}

/// A program found under a path.
#[derive(Debug)]
pub(crate) struct Found<'m> {
    pub(crate) program: &'m Arc<Program>,
    /// `json` of `/squared.json/12`.
    pub(crate) superformat: Option<String>,
    /// How many segments of the path name the program; the others are its positional arguments.
    pub(crate) consumed: usize,
}

impl From<Program> for Entry {
    fn from(program: Program) -> Self {
        Self::from([program])
    }
}

impl<const N: usize> From<[Program; N]> for Entry {
    fn from(programs: [Program; N]) -> Self {
        Self::from(Vec::from(programs))
    }
}

impl From<Vec<Program>> for Entry {
    fn from(programs: Vec<Program>) -> Self {
        Self(Kind::Programs(programs.into_iter().map(Arc::new).collect()))
    }
}

impl From<Manifest> for Entry {
    fn from(manifest: Manifest) -> Self {
        Self(Kind::Manifest(manifest))
    }
}

impl From<&str> for Entry {
    fn from(path: &str) -> Self {
        Self(Kind::Alias(path.to_owned()))
    }
}

impl Manifest {
    /// A manifest of `entries`: names and what they stand for. Entries of another kind are added
    /// [`with`](Self::with) it.
    ///
    /// What is wrong with it is told when the application starts.
    #[must_use]
    pub fn new<N, E>(entries: impl IntoIterator<Item = (N, E)>) -> Self
    where
        N: Into<String>,
        E: Into<Entry>,
    {
        entries
            .into_iter()
            .fold(Self::default(), |manifest, (name, entry)| {
                manifest.with(name, entry)
            })
    }

    /// The same manifest with `name` standing for `entry`: a program, several programs told apart by
    /// controller, another manifest, or the path of a program to use instead.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, entry: impl Into<Entry>) -> Self {
        let (name, mut entry) = (name.into(), entry.into());
        let problem = check_name(&name).or_else(|| entry.problem(&name));
        if let Some(message) = problem {
            self.fail(Error::configuration(message));
        }
        if !entry.change(&|program| program.enter(&name)) {
            let message = format!(
                "'{name}' was cloned, and its programs cannot have two paths, which are in the keys of their pages: \
                 build it twice, in a function for example"
            );
            self.fail(Error::configuration(message));
        }
        if self.entries.insert(name.clone(), entry).is_some() {
            let message = format!("the manifest has '{name}' twice: rename one of them");
            self.fail(Error::configuration(message));
        }
        self
    }

    /// Runs `check` before every program that is in this manifest by now, before the program's own
    /// [`input_middleware`](Program::input_middleware): one guard for all of them.
    #[must_use]
    pub fn input_middleware<F>(mut self, check: F) -> Self
    where
        F: Fn(&mut Request<'_>) -> Result<()> + Send + Sync + 'static,
    {
        let check = Arc::new(check);
        let guarded = self.change(&|program| {
            let check = Arc::clone(&check);
            program.guard(Box::new(move |request| check(request)));
        });
        if !guarded {
            let message = "a manifest that was cloned cannot be given middleware, which its copy would not \
                           have: give it the middleware first";
            self.fail(Error::configuration(message));
        }
        self
    }

    /// Whether `change` was made to all programs: it is not to those that a clone has, too.
    fn change(&mut self, change: &dyn Fn(&mut Program)) -> bool {
        let mut entries = self.entries.values_mut();
        entries.all(|entry| entry.change(change))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Keeps the first error only: the others often follow from it.
    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// Looks for what is wrong: in the programs, in the names, and with aliases that lead nowhere.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        self.check_aliases(self)
    }

    fn check_aliases(&self, root: &Self) -> Result<()> {
        self.entries
            .iter()
            .try_for_each(|(name, entry)| match &entry.0 {
                Kind::Manifest(manifest) => manifest.check_aliases(root),
                Kind::Alias(path) if root.at(root, path, 0).is_none() => {
                    let message =
                        format!("the alias '{name}' leads to '{path}', where there is no program");
                    Err(Error::configuration(message))
                }
                Kind::Programs(_) | Kind::Alias(_) => Ok(()),
            })
    }

    /// The program at `path` that answers `controller`.
    pub(crate) fn find(&self, path: &[Cow<'_, str>], controller: Controller) -> Result<Found<'_>> {
        let unknown = |consumed: usize| self.unknown(&path[..consumed.min(path.len())], controller);
        let mut manifest = self;
        for consumed in 1.. {
            let (name, superformat) = match path.get(consumed - 1).map(AsRef::as_ref) {
                Some("") => return Err(unknown(consumed)),
                Some(segment) if segment.as_bytes().contains(&b'.') => segment
                    .split_once('.')
                    .map_or((segment, None), |(name, rest)| (name, Some(rest))),
                Some(segment) => (segment, None),
                None => ("", None),
            };
            let programs = match manifest.entries.get(name).map(|entry| &entry.0) {
                Some(Kind::Manifest(inner)) if superformat.is_none() => {
                    manifest = inner;
                    continue;
                }
                // `/blog.json` is the program '' of the manifest `blog`, as JSON.
                Some(Kind::Manifest(inner)) => inner.at(self, "", 0),
                Some(Kind::Programs(programs)) => Some(programs.as_slice()),
                Some(Kind::Alias(target)) => self.at(self, target, 0),
                None => None,
            };
            let programs = programs.ok_or_else(|| unknown(consumed))?;
            // `/.json` is the program '' as JSON. Everything else that begins with a dot (`/.git/config`,
            // `/.well-known/..`) names no program.
            if name.is_empty()
                && superformat
                    .is_some_and(|format| consumed < path.len() || !renders(programs, format))
            {
                return Err(unknown(path.len()));
            }
            let program = choose(programs, controller)?;
            let superformat = superformat.map(str::to_owned);
            return Ok(Found {
                program,
                superformat,
                consumed: consumed.min(path.len()),
            });
        }
        Err(unknown(path.len()))
    }

    /// The name of the parameter for which a segment after `before` would be the positional argument.
    pub(crate) fn parameter_after(
        &self,
        before: &[Cow<'_, str>],
        controller: Controller,
    ) -> Option<&'static str> {
        let found = self.find(before, controller).ok()?;
        let parameter = found
            .program
            .parameters()
            .get(before.len() - found.consumed)?;
        Some(parameter.name)
    }

    /// All programs that answer `controller`, sorted by path.
    pub(crate) fn programs(&self, controller: Controller) -> Vec<&Program> {
        let mut found = Vec::new();
        for entry in self.entries.values() {
            match &entry.0 {
                Kind::Programs(programs) => {
                    let answering = programs
                        .iter()
                        .filter(|program| program.answers(controller));
                    found.extend(answering.map(AsRef::as_ref));
                }
                Kind::Manifest(manifest) => found.extend(manifest.programs(controller)),
                Kind::Alias(_) => {}
            }
        }
        found
    }

    /// The programs whose whole path is `path`.
    fn at<'m>(&'m self, root: &'m Self, path: &str, aliases: usize) -> Option<&'m [Arc<Program>]> {
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        match &self.entries.get(name)?.0 {
            Kind::Programs(programs) => rest.is_empty().then_some(programs),
            Kind::Manifest(inner) => inner.at(root, rest, aliases),
            Kind::Alias(target) if rest.is_empty() && aliases < MAX_ALIASES => {
                root.at(root, target, aliases + 1)
            }
            Kind::Alias(_) => None,
        }
    }

    fn unknown(&self, path: &[Cow<'_, str>], controller: Controller) -> Error {
        let path = path.join("/");
        let programs = self.programs(controller);
        let message = match nearest(&path, programs.iter().map(|program| program.path())) {
            _ if path.is_empty() => "there is no program at the root".to_owned(),
            Some(near) => format!(
                "there is no program {}; did you mean '{near}'?",
                quoted(&path)
            ),
            None => format!("there is no program {}", quoted(&path)),
        };
        Error::new(ErrorKind::NoProgram, message)
    }
}

impl Entry {
    /// Whether `change` was made to all programs of it.
    fn change(&mut self, change: &dyn Fn(&mut Program)) -> bool {
        match &mut self.0 {
            Kind::Programs(programs) => programs
                .iter_mut()
                .all(|program| Arc::get_mut(program).map(change).is_some()),
            Kind::Manifest(manifest) => manifest.change(change),
            Kind::Alias(_) => true,
        }
    }

    /// What is wrong with it, `name` being its name.
    fn problem(&self, name: &str) -> Option<String> {
        match &self.0 {
            Kind::Alias(_) => None,
            Kind::Manifest(_) if name.is_empty() => Some(
                "'' is the root itself and cannot be a manifest: put its programs beside the others, or name it"
                    .to_owned(),
            ),
            Kind::Manifest(manifest) => manifest.error.as_ref().map(ToString::to_string),
            Kind::Programs(programs) if programs.is_empty() => Some(format!(
                "'{name}' is an empty list of programs: put one in, or remove the name"
            )),
            Kind::Programs(programs) => {
                let error = programs.iter().find_map(|program| program.error());
                error
                    .map(|error| format!("program '{name}': {error}"))
                    .or_else(|| contested(name, programs))
            }
        }
    }
}

/// Whether one of `programs` has a renderer that `superformat` names.
fn renders(programs: &[Arc<Program>], superformat: &str) -> bool {
    let mut mimes = programs.iter().flat_map(|program| program.mimes());
    mimes.any(|mime| negotiate::answers(superformat, mime))
}

fn check_name(name: &str) -> Option<String> {
    let is_bad = |character: char| {
        "/.()%?#&=\"'\\".contains(character) || character.is_whitespace() || character.is_control()
    };
    name.contains(is_bad).then(|| {
        format!("the name {name:?} cannot stand in a path: use letters, digits, '-' and '_'")
    })
}

/// Two programs of one list that answer the same controller.
fn contested(name: &str, programs: &[Arc<Program>]) -> Option<String> {
    let is_contested = |controller: &Controller| {
        programs
            .iter()
            .filter(|program| program.answers(*controller))
            .count()
            > 1
    };
    let controller = Controller::ALL.into_iter().find(is_contested)?;
    Some(format!(
        "'{name}' has two programs for {controller}: give each its own .controllers([..])"
    ))
}

/// The program of a list that answers `controller`.
fn choose(programs: &[Arc<Program>], controller: Controller) -> Result<&Arc<Program>> {
    programs
        .iter()
        .find(|program| program.answers(controller))
        .ok_or_else(|| {
            let answered = |controller| programs.iter().any(|program| program.answers(controller));
            let path = programs.first().map_or("", |program| program.path());
            let names: Vec<_> = Controller::ALL
                .into_iter()
                .filter(|&c| answered(c))
                .map(|c| c.to_string())
                .collect();
            let mut methods = Vec::new();
            if answered(HTTP_GET) {
                methods.extend(["GET", "HEAD"]);
            }
            if answered(HTTP_POST) {
                methods.push("POST");
            }
            let message = format!(
                "'{path}' is not available over {controller}, only over {}",
                names.join(", ")
            );
            Error::new(ErrorKind::WrongController(methods), message)
        })
}
