//! Finds a program under its path.
//!
//! Step 2 of an invocation.

use std::borrow::Cow;
use std::sync::Arc;

use giotto_cache::Budget;

use super::tree::{Kind, Manifest};
use crate::arguments::nearest;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::negotiate;
use crate::program::Program;
use crate::request::{Controller, HTTP_GET, HTTP_POST};

/// The longest chain of aliases that is followed, so that a circle of them ends.
const MAX_ALIASES: usize = 16;

/// A program found under a path.
#[derive(Debug)]
pub(crate) struct Found<'m> {
    pub(crate) program: &'m Arc<Program>,
    /// `json` of `/squared.json/12`.
    pub(crate) superformat: Option<String>,
    /// The number of segments that name the program. The others are its positional arguments.
    pub(crate) consumed: usize,
}

/// The programs that a path names, for different controllers.
struct Named<'m, 'p> {
    programs: &'m [Arc<Program>],
    superformat: Option<&'p str>,
    consumed: usize,
}

impl Manifest {
    /// Finds mistakes in the programs, in the names, and in aliases.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        self.check_items(self)
    }

    fn check_items(&self, root: &Self) -> Result<()> {
        self.entries
            .iter()
            .try_for_each(|(name, entry)| match &entry.0 {
                Kind::Manifest(manifest) => manifest.check_items(root),
                Kind::Alias(path) if root.at(root, path, 0).is_none() => {
                    let message =
                        format!("the alias '{name}' leads to '{path}', where there is no program");
                    Err(Error::configuration(message))
                }
                Kind::Alias(_) => Ok(()),
                Kind::Programs(programs) => match programs.iter().find_map(|one| one.error()) {
                    None => Ok(()),
                    Some(error) => Err(Error::configuration(format!("program '{name}': {error}"))),
                },
            })
    }

    /// The program at `path` that answers `controller`.
    pub(crate) fn find(&self, path: &[Cow<'_, str>], controller: Controller) -> Result<Found<'_>> {
        let unknown = |consumed: usize| self.unknown(&path[..consumed.min(path.len())], controller);
        let named = self.walk(path).map_err(unknown)?;
        Ok(Found {
            program: choose(named.programs, controller)?,
            superformat: named.superformat.map(str::to_owned),
            consumed: named.consumed.min(path.len()),
        })
    }

    /// Whether a program answers at `path` over HTTP.
    #[cfg(any(feature = "axum", feature = "static"))]
    pub(crate) fn knows(&self, path: &[Cow<'_, str>]) -> bool {
        self.walk(path)
            .is_ok_and(|named| answer_http(named.programs))
    }

    /// Whether the first segment of `path`, which stands as in an address, is the name of a program that answers over HTTP. It
    /// is a quick answer to most requests that [`knows`](Self::knows) says yes to.
    #[cfg(any(feature = "axum", feature = "static"))]
    pub(crate) fn knows_first(&self, path: &str) -> bool {
        self.at_first(path).is_some_and(answer_http)
    }

    /// The program that the first segment of `path` names, which stands as in an address: a quick answer to most requests that
    /// [`named`](Self::named) has one to.
    pub(crate) fn first(&self, path: &str, controller: Controller) -> Option<&Program> {
        answering(self.at_first(path)?, controller)
    }

    /// The program at `path` that answers `controller`; unlike [`find`](Self::find), without a reason if there is none.
    pub(crate) fn named(&self, path: &[Cow<'_, str>], controller: Controller) -> Option<&Program> {
        answering(self.walk(path).ok()?.programs, controller)
    }

    fn at_first(&self, path: &str) -> Option<&[Arc<Program>]> {
        let path = path.strip_prefix('/').unwrap_or_default();
        let end = path.bytes().position(|byte| matches!(byte, b'/' | b'.'));
        let name = &path[..end.unwrap_or(path.len())];
        match &self.entries.get(name).filter(|_| !name.is_empty())?.0 {
            Kind::Programs(programs) => Some(programs),
            Kind::Manifest(_) | Kind::Alias(_) => None,
        }
    }

    /// The programs that `path` names, or how many of its segments name none.
    fn walk<'m, 'p>(&'m self, path: &'p [Cow<'_, str>]) -> Result<Named<'m, 'p>, usize> {
        let mut manifest = self;
        for consumed in 1.. {
            let segment = path.get(consumed - 1).map(AsRef::as_ref);
            if segment == Some("") {
                return Err(consumed);
            }
            let (name, superformat) = split(segment.unwrap_or_default());
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
            let programs = programs.ok_or(consumed)?;
            // `/.json` is the program '' as JSON. Everything else that begins with a dot (`/.git/config`,
            // `/.well-known/..`) names no program.
            let is_hidden = |format| consumed < path.len() || !renders(programs, format);
            if name.is_empty() && superformat.is_some_and(is_hidden) {
                return Err(path.len());
            }
            return Ok(Named {
                programs,
                superformat,
                consumed,
            });
        }
        Err(path.len())
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
        let mut programs = self.all();
        programs.retain(|program| program.answers(controller));
        programs
    }

    /// The paths of the programs whose pages are cached, with their budgets.
    pub(crate) fn budgets(&self) -> Vec<(&str, Budget)> {
        let mut budgets: Vec<_> = Vec::new();
        for program in self.all() {
            let is_cached = program.cache_policy().is_some();
            match budgets.last_mut() {
                _ if !is_cached => {}
                // One for each controller: what one of them says is for the pages of all.
                Some((path, budget)) if *path == program.path() => {
                    if program.budget() != Budget::new() {
                        *budget = program.budget();
                    }
                }
                _ => budgets.push((program.path(), program.budget())),
            }
        }
        budgets
    }

    /// All programs, sorted by path.
    pub(crate) fn all(&self) -> Vec<&Program> {
        let mut found = Vec::new();
        for entry in self.entries.values() {
            match &entry.0 {
                Kind::Programs(programs) => found.extend(programs.iter().map(AsRef::as_ref)),
                Kind::Manifest(manifest) => found.extend(manifest.all()),
                Kind::Alias(_) => {}
            }
        }
        found
    }

    /// The programs whose whole path is `path`.
    pub(super) fn at<'m>(
        &'m self,
        root: &'m Self,
        path: &str,
        aliases: usize,
    ) -> Option<&'m [Arc<Program>]> {
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

fn answering(programs: &[Arc<Program>], controller: Controller) -> Option<&Program> {
    let mut programs = programs.iter().map(AsRef::as_ref);
    programs.find(|program| program.answers(controller))
}

#[cfg(any(feature = "axum", feature = "static"))]
fn answer_http(programs: &[Arc<Program>]) -> bool {
    let mut programs = programs.iter();
    programs.any(|program| program.answers(HTTP_GET) || program.answers(HTTP_POST))
}

/// The name and the superformat in a segment: `squared.json` is `squared` and `json`.
fn split(segment: &str) -> (&str, Option<&str>) {
    // Most segments have no dot. A search for one byte is faster than `split_once` on a few of them.
    match segment.as_bytes().contains(&b'.') {
        true => segment
            .split_once('.')
            .map_or((segment, None), |(name, rest)| (name, Some(rest))),
        false => (segment, None),
    }
}

/// Whether one of `programs` has a renderer that `superformat` names.
fn renders(programs: &[Arc<Program>], superformat: &str) -> bool {
    let mut mimes = programs.iter().flat_map(|program| program.mimes());
    mimes.any(|mime| negotiate::answers(superformat, mime))
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
