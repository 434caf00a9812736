//! The tree of programs, as an author writes it.
//!
//! Before the first request; see [`Manifest`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Error;
use crate::program::{Complete, InputMiddleware, Program};
use crate::request::Controller;

/// A tree of programs by name.
///
/// The program under the name `""` answers at the root of its manifest. A name is part of URLs and commands; it has no `/`,
/// `.`, `(`, `)`, white space or control characters.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    pub(super) entries: BTreeMap<String, Item>,
    pub(super) error: Option<Error>,
}

/// What a name of a [`Manifest`] stands for.
#[derive(Clone, Debug)]
pub struct Item(pub(super) Kind);

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Programs for different controllers.
    Programs(Vec<Arc<Program>>),
    Manifest(Manifest),
    /// The path, from the root, of the program to use instead.
    Alias(String),
}

impl<S: Complete> From<Program<S>> for Item {
    fn from(program: Program<S>) -> Self {
        Self::from([program])
    }
}

impl<S: Complete, const N: usize> From<[Program<S>; N]> for Item {
    fn from(programs: [Program<S>; N]) -> Self {
        Self::from(Vec::from(programs))
    }
}

impl<S: Complete> From<Vec<Program<S>>> for Item {
    fn from(programs: Vec<Program<S>>) -> Self {
        let programs = programs.into_iter().map(S::program);
        Self(Kind::Programs(programs.map(Arc::new).collect()))
    }
}

impl From<Manifest> for Item {
    fn from(manifest: Manifest) -> Self {
        Self(Kind::Manifest(manifest))
    }
}

impl From<&str> for Item {
    fn from(path: &str) -> Self {
        Self(Kind::Alias(path.to_owned()))
    }
}

impl Manifest {
    /// A manifest of `entries`: names and what they stand for, all of one kind. If they are not, the compiler says
    /// "mismatched types": entries of another kind are added [`with`](Self::with) it, and every program ends with
    /// [`.view(..)`](Program::view).
    ///
    /// Mistakes are errors when the application starts.
    #[must_use]
    pub fn new<N, E>(entries: impl IntoIterator<Item = (N, E)>) -> Self
    where
        N: Into<String>,
        E: Into<Item>,
    {
        entries
            .into_iter()
            .fold(Self::default(), |manifest, (name, entry)| {
                manifest.with(name, entry)
            })
    }

    /// The same manifest with `entry` under `name`: a program, several programs for different controllers, another
    /// manifest, or the path of a program to use instead.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, entry: impl Into<Item>) -> Self {
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

    /// Runs `check` before every program that is in this manifest now: one guard for all of them. It runs before the
    /// program's own [`input_middleware`](Program::input_middleware).
    #[must_use]
    pub fn input_middleware<M>(mut self, check: impl InputMiddleware<M>) -> Self {
        let check = check.into_check();
        let guarded = self.change(&|program| program.guard(check.clone()));
        if !guarded {
            let message = "a manifest that was cloned cannot be given middleware, which its copy would not \
                           have: give it the middleware first";
            self.fail(Error::configuration(message));
        }
        self
    }

    /// Sets [`csrf`](Program::csrf) of every program that is in this manifest now and does not say it itself.
    #[cfg(feature = "session")]
    #[must_use]
    pub fn csrf(mut self, wants_token: bool) -> Self {
        if !self.change(&|program| program.want_token(wants_token)) {
            let message = "a manifest that was cloned cannot be given .csrf(..), which its copy would not have: give it first";
            self.fail(Error::configuration(message));
        }
        self
    }

    /// Applies `change` to all programs; `false` if a clone shares one of them, which is not changed then.
    fn change(&mut self, change: &dyn Fn(&mut Program)) -> bool {
        let mut entries = self.entries.values_mut();
        entries.all(|entry| entry.change(change))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Keeps only the first error: the others often follow from it.
    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }
}

impl Item {
    /// Applies `change` to all its programs; see [`Manifest::change`].
    fn change(&mut self, change: &dyn Fn(&mut Program)) -> bool {
        match &mut self.0 {
            Kind::Programs(programs) => programs
                .iter_mut()
                .all(|program| Arc::get_mut(program).map(change).is_some()),
            Kind::Manifest(manifest) => manifest.change(change),
            Kind::Alias(_) => true,
        }
    }

    /// The mistake in it, `name` being its name.
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
            Kind::Programs(programs) => contested(name, programs),
        }
    }
}

fn check_name(name: &str) -> Option<String> {
    let is_bad = |character: char| {
        "/.()%?#&=\"'\\".contains(character) || character.is_whitespace() || character.is_control()
    };
    name.contains(is_bad).then(|| {
        format!("the name {name:?} cannot be part of a path: use letters, digits, '-' and '_'")
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
