//! The other servers of this application on this machine, which a server has changed something for.
//!
//! Part of a change by the live page: a server has changed its own memory, and theirs are to follow.

use serde::Serialize;

use super::servers::{Told, store_of};
use crate::app::App;
use crate::error::{ErrorKind, Result};
use crate::socket::{PATIENCE, Question, Silent, ask_all};

/// Asks the other servers of this machine that have the same store for `program`, which has something done to their memory:
/// what became of it, for people. Nothing if there are none.
pub(crate) async fn tell_others(
    app: &App,
    program: &str,
    arguments: &impl Serialize,
) -> Result<Option<String>> {
    let servers = app.sockets().servers().unwrap_or_default();
    let processes = servers.iter().map(|server| server.process);
    let own = std::process::id();
    let others: Vec<u32> = processes.filter(|process| *process != own).collect();
    if others.is_empty() || !app.has_configured_store() {
        return Ok(None);
    }
    let question = Question {
        program,
        arguments,
        store: Some(store_of(app.shared_cache())),
        processes: Some(&others),
    };
    let (answers, silent) = ask_all(app.sockets(), question, PATIENCE).await?;
    let mut told = Told {
        processes: Vec::new(),
        silent,
    };
    for (process, answer) in answers {
        match answer {
            // A server in whose memory no page has the tag has nothing to do.
            Err(error) if *error.kind() != ErrorKind::InvalidInput => told.silent.push(Silent {
                process,
                error: error.to_string(),
            }),
            _ => told.processes.push(process),
        }
    }
    Ok(match told.failure() {
        None if told.is_nobody() => None,
        None => Some(format!("{}, too", told.know())),
        Some(failure) => Some(format!("{}, too; {failure}", told.know())),
    })
}
