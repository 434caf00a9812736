//! The programs of the operator, `mgt/`: ordinary programs whose models work on the cache.
//!
//! Added to the manifest by `run.rs`, for the command line only. `invocation.rs` reads the invocation that a program is
//! told about, `expire.rs` and `purge.rs` make entries old, `warm.rs` computes them (`range.rs`: several at once;
//! `warmed.rs`: what became of them), and `explain.rs` (`entry.rs`, `next.rs`), `get.rs` and `stats.rs` (`holdings.rs`)
//! only look.

use std::fmt;
use std::io::{self, IsTerminal};

use giotto_cache::Place;
use serde::{Deserialize, Serialize};

use super::invalidation::{expire, purge};
use super::report::{explain, get, stats};
use super::store;
use super::warming::warm;
use crate::app::App;
use crate::error::{Error, ErrorKind, InvalidInput, Result};
use crate::manifest::Manifest;
use crate::mime::TEXT_CMD;
use crate::program::Program;
use crate::program::model::{Call, Context, Documentation, FromContext, Model, sealed};
use crate::request::{CMD, Controller, HTTP_GET};
use crate::view::{BasicView, View};

/// The name of the manifest of these programs.
const NAME: &str = "mgt";

/// The parameter of those programs that are told about an invocation.
pub(super) const INVOCATION: &str = "invocation";
pub(super) const WORDS: (&str, &str) = (
    INVOCATION,
    "A program and its arguments, as on the command line itself: squared.html x=12, squared/12, or 'squared?x=12'. \
     Without a format it is what the command line shows.",
);

/// The same `app` with the programs that manage its cache, unless its manifest has the name already.
pub(crate) fn beside(app: App) -> App {
    match app.manifest().has(NAME) {
        true => app,
        false => {
            let manifest = app.manifest().clone().with(NAME, management());
            app.with_manifest(manifest)
        }
    }
}

/// The programs that manage the cache of the application that they are in, for the command line only.
///
/// `syncdb` creates the table of a database, `flush` empties the store; `cache/explain`, `cache/get` and `cache/stats`
/// look, `cache/expire` and `cache/purge` make pages old, `cache/warm` computes them ahead. [`run`](crate::run()) has
/// them under `mgt/`. An application that gives its manifest an entry `mgt` of its own decides for itself.
#[must_use]
pub fn management() -> Manifest {
    management_over([CMD])
}

/// The programs of [`management`] for these controllers.
///
/// Whoever may ask them may read every stored page and empty the cache, and over HTTP that is everybody unless a check
/// says otherwise:
///
/// ```
/// use giotto::{Manifest, management_over};
/// use giotto::prelude::*;
///
/// let operators_only = |request: &mut giotto::Request<'_>| match request.controller() {
///     CMD => Ok(()),
///     _ if request.header("x-operator") == Some("the secret") => Ok(()),
///     _ => Err(Error::not_authorized("for operators")),
/// };
/// let management = management_over([HTTP_GET, HTTP_POST, CMD]).input_middleware(operators_only);
/// let manifest = Manifest::new([("admin", management)]);
/// ```
///
/// A GET changes nothing: the programs that do, all but `explain`, `get` and `stats`, answer the other controllers
/// only, and are left out if there are none.
#[must_use]
pub fn management_over(controllers: impl IntoIterator<Item = Controller>) -> Manifest {
    let all: Vec<Controller> = controllers.into_iter().collect();
    let writing: Vec<Controller> = all.iter().copied().filter(|c| *c != HTTP_GET).collect();
    let looks = [
        ("explain", explain::program()),
        ("get", get::program()),
        ("stats", stats::program()),
    ];
    let changes = [
        ("expire", expire::program()),
        ("purge", purge::program()),
        ("warm", warm::program()),
    ];
    let whole = [
        (
            "syncdb",
            Program::new(store::syncdb)
                .description("Creates the table of the cache, if it needs one")
                .view(shown()),
        ),
        (
            "flush",
            Program::new(store::flush)
                .description("Empties the cache: this namespace of it, and nothing else")
                .view(shown()),
        ),
    ];
    let cache = Manifest::new(over(&all, looks).chain(over(&writing, changes)));
    Manifest::new(over(&writing, whole)).with("cache", cache)
}

/// The `programs` for these controllers; none if there is no controller.
fn over<const N: usize>(
    controllers: &[Controller],
    programs: [(&'static str, Program); N],
) -> impl Iterator<Item = (&'static str, Program)> {
    let programs = programs.into_iter().filter(|_| !controllers.is_empty());
    programs.map(|(name, program)| (name, program.controllers(controllers.to_vec())))
}

/// Refuses the parameter `name`, which was given as `given`.
pub(super) fn refused(name: &str, given: impl Into<String>, message: impl Into<String>) -> Error {
    InvalidInput::new().field(name, given, message).into()
}

/// Shows what displays itself as whole lines of text.
pub(super) fn shown<T: Serialize + fmt::Display + 'static>() -> View<T> {
    let view = BasicView::new().text(T::to_string);
    view.shows(TEXT_CMD, T::to_string)
}

/// What a program takes that takes nothing.
#[derive(Serialize, Deserialize)]
pub(super) struct Nothing {}

/// What a program takes that is told about an invocation and nothing else.
#[derive(Serialize, Deserialize)]
pub(super) struct Words {
    #[serde(default)]
    pub(super) invocation: Vec<String>,
}

/// Whom the programs here work for: the application, and the front end that was asked.
pub(super) struct Operator {
    pub(super) app: App,
    pub(super) controller: Controller,
}

impl sealed::FromContext for Operator {}

impl FromContext for Operator {
    fn from_context(context: &Context) -> Self {
        Self {
            app: context.app(),
            controller: context.controller,
        }
    }
}

impl Operator {
    /// Whether somebody at a terminal sees what standard error is told. A server's own terminal is nobody's.
    pub(super) fn is_watched(&self) -> bool {
        self.controller == CMD && io::stderr().is_terminal()
    }

    /// Whether whoever sits at the terminal can be asked.
    pub(super) fn can_ask(&self) -> bool {
        self.is_watched() && io::stdin().is_terminal()
    }

    /// Whether the cache is the memory of a command, which has just begun and is about to end.
    pub(super) fn has_own_memory(&self) -> bool {
        let place = self.app.shared_cache().store().place();
        place == Place::InProcess && self.controller == CMD
    }

    /// Who may still have a page that was removed or made old here, if somebody may.
    pub(super) fn behind(&self) -> Option<&'static str> {
        match self.app.shared_cache().store().place() {
            Place::Layered => {
                Some("other processes may show what they have in their memory for a few seconds")
            }
            Place::InProcess => Some("this is the memory of one process: others have their own"),
            _ => None,
        }
    }

    /// Refuses to `change`, a word such as "purge", a cache that keeps nothing, or nothing beyond this command.
    pub(super) fn check_keeps(&self, change: &str) -> Result<()> {
        let message = match self.app.shared_cache().store().place() {
            Place::Nowhere => format!(
                "there is nothing to {change}: no cache is configured; set one, for example `cache = \"database\"` in giotto.toml"
            ),
            Place::InProcess if self.controller == CMD => format!(
                "there is nothing to {change}: this cache lives in the memory of each process, and a command has its own; \
                 list these programs over HTTP to reach a server's, or use a cache that processes share"
            ),
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::Configuration, message))
    }
}

/// A model with the documentation of its parameters, as `#[model]` would have it.
pub(super) struct Documented<F> {
    pub(super) model: F,
    pub(super) parameters: &'static [(&'static str, &'static str)],
}

impl<F: Model<M>, M> Model<M> for Documented<F> {
    type Arguments = F::Arguments;
    type Output = F::Output;

    fn call(&self, arguments: F::Arguments, context: &Context) -> Call<F::Output> {
        self.model.call(arguments, context)
    }

    fn documentation(&self) -> Documentation {
        Documentation {
            model: "",
            parameters: self.parameters,
        }
    }
}
