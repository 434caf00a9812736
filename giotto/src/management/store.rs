//! `syncdb` and `flush`: they work on the store as a whole.
//!
//! Programs under `mgt/`.

use std::fmt;
use std::time::Duration;

use giotto_cache::{Cache, Place};
use serde::{Deserialize, Serialize};

use super::model::{Nothing, shown};
use super::operator::Operator;
use super::process::forget::Changed;
use crate::error::{Error, Result};
use crate::program::Program;
use crate::socket;

/// Emptying a large store takes a while, but a store that does not answer must not block the operator for ever.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn syncdb() -> Program {
    Program::new(create_table)
        .description("Creates the table of the cache, if it needs one")
        .view(shown())
}

pub(super) fn flush() -> Program {
    Program::new(empty)
        .description("Empties the cache: this namespace of it, and nothing else")
        .view(shown())
}

/// What was done.
#[derive(Serialize, Deserialize)]
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
        writeln!(f, "{}", self.done)
    }
}

async fn create_table(_: Nothing, operator: Operator) -> Result<Done> {
    let cache = operator.app.shared_cache();
    in_time(cache.store().syncdb()).await?;
    Ok(Done::new("the cache is ready", cache))
}

async fn empty(_: Nothing, operator: Operator) -> Result<Done> {
    let cache = operator.app.shared_cache();
    if operator.has_own_memory() {
        let asked = operator
            .ask_memories::<Done>("empty", "flush", &Nothing {}, socket::PATIENCE)
            .await?;
        let told = asked.told();
        return match told.failure() {
            Some(error) => Err(error),
            None => Ok(Done {
                done: format!("the cache is empty, in {}", told.shown()),
            }),
        };
    }
    let emptied = cache.clone();
    // In a task of its own: the caches downstream are told also if the store is late.
    let emptied = tokio::spawn(async move { emptied.clear().await });
    in_time(async { emptied.await.unwrap_or(Ok(())) }).await?;
    let told = operator.tell(&Changed::everything()).await?;
    let done = match (cache.store().place(), told.processes.is_empty()) {
        (Place::Layered, true) => {
            "the cache is empty, except for pages that other processes keep in memory for a few seconds".to_owned()
        }
        (Place::Layered, false) => format!(
            "the cache is empty, and so is the memory of {}; others keep pages there for a few seconds",
            told.shown()
        ),
        _ => "the cache is empty".to_owned(),
    };
    let silent = told
        .silent
        .iter()
        .map(|silent| format!(" (no answer: {silent})"));
    Ok(Done::new(&(done + &silent.collect::<String>()), cache))
}

async fn in_time(done: impl Future<Output = giotto_cache::Result<()>>) -> Result<()> {
    let late = || Error::other(format!("the cache did not answer within {PATIENCE:?}"));
    let in_time = tokio::time::timeout(PATIENCE, done).await;
    Ok(in_time.map_err(|_| late())??)
}
