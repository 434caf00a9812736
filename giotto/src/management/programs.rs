//! The manifest of the programs.
//!
//! Before the first request.

use super::advice::{advise, doctor};
use super::contents::list;
use super::invalidation::{page, scope};
use super::moving::{copy, file};
use super::process::{drain, log};
use super::report::{explain, get, stats, top};
use super::store;
use super::warming::warm;
use crate::app::App;
use crate::manifest::Manifest;
use crate::program::Program;
use crate::request::{CMD, Controller, HTTP_GET};

/// The name of the manifest of these programs.
const NAME: &str = "mgt";

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
/// | Program | What it does |
/// |---|---|
/// | `cache/explain`, `cache/get`, `cache/list`, `cache/stats`, `cache/top` | show what is stored, and what was counted |
/// | `cache/doctor`, `cache/advise` | say what is wrong with the cache, and which programs it is worth it for |
/// | `cache/expire`, `cache/remove` | make the pages of one invocation old, or remove them |
/// | `cache/invalidate`, `cache/purge` | make the pages of a program, with a tag, or all pages old, or purge them: they are never served again |
/// | `cache/warm` | computes pages before the first request |
/// | `cache/copy`, `cache/export`, `cache/import` | copy everything to another store, or to a file and back; on the command line only |
/// | `syncdb`, `flush` | create the table of a database; empty the store |
/// | `log`, `drain` | set the log level of the running servers; have them stop as SIGTERM does |
///
/// [`run`](crate::run()) adds them under `mgt/`, unless the application's manifest has an item `mgt` of its own.
#[must_use]
pub fn management() -> Manifest {
    management_over([CMD])
}

/// The programs of [`management`] for these controllers.
///
/// A caller of these programs can read every stored page and empty the cache. Over HTTP every client can call them, unless
/// a check refuses it:
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
/// In an application with sessions, a check by a secret such as this one needs `management.csrf(false)` besides: a client that is
/// no browser has no token.
///
/// GET is safe: all programs but `explain`, `get`, `list`, `stats`, `top` and `advise` answer the other controllers only. They
/// are left out if there are no others. `log` and `drain` are for the command line alone.
#[must_use]
pub fn management_over(controllers: impl IntoIterator<Item = Controller>) -> Manifest {
    let all: Vec<Controller> = controllers.into_iter().collect();
    let writing: Vec<Controller> = all.iter().copied().filter(|c| *c != HTTP_GET).collect();
    let looks = [
        ("explain", explain::program()),
        ("get", get::program()),
        ("list", list::program()),
        ("stats", stats::program()),
        ("top", top::program()),
        ("advise", advise::program()),
    ];
    let changes = [
        ("expire", page::expire()),
        ("remove", page::remove()),
        ("invalidate", scope::invalidate()),
        ("purge", scope::purge()),
        ("warm", warm::program()),
        ("doctor", doctor::program()),
    ];
    // They name stores and files of this machine.
    let own: Vec<Controller> = all.iter().copied().filter(|c| *c == CMD).collect();
    let moves = [
        ("copy", copy::program()),
        ("export", file::export()),
        ("import", file::import()),
    ];
    let whole = [("syncdb", store::syncdb()), ("flush", store::flush())];
    let servers = [("log", log::program()), ("drain", drain::program())];
    let programs = over(&all, looks).chain(over(&writing, changes));
    let cache = Manifest::new(programs.chain(over(&own, moves)));
    Manifest::new(over(&writing, whole).chain(over(&own, servers))).with("cache", cache)
}

/// The `programs` for these controllers; none if there is no controller.
fn over<const N: usize>(
    controllers: &[Controller],
    programs: [(&'static str, Program); N],
) -> impl Iterator<Item = (&'static str, Program)> {
    let programs = programs.into_iter().filter(|_| !controllers.is_empty());
    programs.map(|(name, program)| (name, program.controllers(controllers.to_vec())))
}
