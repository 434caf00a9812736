//! The programs of the operator, `mgt/`: ordinary programs whose models work on the cache.
//!
//! Added to the manifest by `run.rs`, for the command line only.

use std::fmt;
use std::time::Duration;

use giotto_cache::{Cache, Place};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::program::Program;
use crate::request::CMD;
use crate::view::BasicView;

/// The name of the manifest of these programs.
pub(crate) const NAME: &str = "mgt";

/// Emptying a large store takes its time; one that does not answer at all must not keep the operator for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// The programs that manage `cache`: `syncdb` creates the table of a database, `flush` empties the store.
///
/// [`run`](crate::run()) has them under `mgt/`, for the command line. An application that gives its manifest an
/// entry `mgt` of its own decides for itself.
#[must_use]
pub fn management(cache: &Cache) -> Manifest {
    Manifest::new([
        (
            "syncdb",
            program(
                cache,
                "Creates the table of the cache, if it needs one",
                syncdb,
            ),
        ),
        (
            "flush",
            program(
                cache,
                "Empties the cache: this namespace of it, and nothing else",
                flush,
            ),
        ),
    ])
}

/// What was done.
#[derive(Serialize)]
struct Done {
    done: String,
}

impl Done {
    fn new(what: &str, cache: &Cache) -> Self {
        let store = cache.store();
        Self {
            done: format!("{what}: {store:?}"),
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.done)
    }
}

fn program<F>(cache: &Cache, description: &str, model: fn(Cache) -> F) -> Program
where
    F: Future<Output = Result<Done>> + Send + 'static,
{
    let cache = cache.clone();
    let patient = move |(): ()| {
        let done = model(cache.clone());
        async move {
            let late = || Error::other(format!("the cache did not answer within {PATIENCE:?}"));
            let in_time = tokio::time::timeout(PATIENCE, done).await;
            in_time.unwrap_or_else(|_| Err(late()))
        }
    };
    let view = BasicView::new().text(Done::to_string).cmd(Done::to_string);
    Program::new(patient)
        .description(description)
        .controllers([CMD])
        .view(view)
}

async fn syncdb(cache: Cache) -> Result<Done> {
    cache.store().syncdb().await?;
    Ok(Done::new("the cache is ready", &cache))
}

async fn flush(cache: Cache) -> Result<Done> {
    match cache.store().place() {
        // This process has just begun, so that its own is empty.
        Place::InProcess => Err(Error::other(
            "this cache lives in the memory of each process: restart the web server to empty it",
        )),
        Place::Layered => {
            cache.store().clear().await?;
            let done =
                "the cache is empty, but for what other processes keep in memory for a few seconds";
            Ok(Done::new(done, &cache))
        }
        _ => {
            cache.store().clear().await?;
            Ok(Done::new("the cache is empty", &cache))
        }
    }
}
