//! The servers of this application on this machine, which a command asks through their Unix sockets.
//!
//! Part of the programs under `mgt/`. A server that is asked answers as the operator's front end over HTTP does, about its
//! own memory.

use std::time::Duration;

use giotto_cache::{Cache, Place};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::process::figures::{Figures, Wanted};
use super::process::forget::Changed;
use super::text::count;
use crate::error::{Error, Result};
use crate::socket::{PATIENCE, Question, Silent, ask_all, digest};

/// How long a server may take for what has no bound of its own, such as computing pages.
pub(super) const LONG: Duration = Duration::from_secs(24 * 3_600);

/// What the servers said.
#[derive(Debug)]
pub(super) struct Asked<T> {
    /// Each answer, with its process.
    pub(super) answers: Vec<(u32, T)>,
    /// The servers that did not answer.
    pub(super) silent: Vec<Silent>,
    /// What the others refused.
    pub(super) refused: Vec<(u32, Error)>,
}

/// The servers that have just answered.
pub(super) struct Awake {
    /// It asks them alone.
    pub(super) operator: Operator,
    pub(super) silent: Vec<Silent>,
}

/// Which processes know of a change, and which do not.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Told {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) processes: Vec<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) silent: Vec<Silent>,
}

impl Operator {
    /// Asks each server for `program`, which is about its cache. There are none to ask unless this is a command.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        program: &str,
        arguments: &impl Serialize,
        patience: Duration,
    ) -> Result<Asked<T>> {
        let store = self.app.has_configured_store();
        let store = store.then(|| store_of(self.app.shared_cache()));
        let question = Question {
            program,
            arguments,
            store,
            processes: self.only.as_deref(),
        };
        self.answers(question, patience).await
    }

    /// The same for a `program` that is about the process, whatever cache it has.
    pub(super) async fn steer<T: DeserializeOwned>(
        &self,
        program: &str,
        arguments: &impl Serialize,
        patience: Duration,
    ) -> Result<Asked<T>> {
        let question = Question {
            program,
            arguments,
            store: None,
            processes: self.only.as_deref(),
        };
        self.answers(question, patience).await
    }

    async fn answers<T: DeserializeOwned>(
        &self,
        question: Question<'_, impl Serialize>,
        patience: Duration,
    ) -> Result<Asked<T>> {
        let mut asked = Asked {
            answers: Vec::new(),
            silent: Vec::new(),
            refused: Vec::new(),
        };
        if !self.is_command() {
            return Ok(asked);
        }
        let (answers, silent) = ask_all(self.app.sockets(), question, patience).await?;
        asked.silent = silent;
        for (process, answer) in answers {
            match answer.map(serde_json::from_value) {
                Ok(Ok(answer)) => asked.answers.push((process, answer)),
                Ok(Err(error)) => {
                    let error = format!("it answers as another version of giotto does: {error}");
                    asked.silent.push(Silent { process, error });
                }
                Err(error) => asked.refused.push((process, error)),
            }
        }
        Ok(asked)
    }

    /// Asks each server for `program`, to `change` what is in its memory, which is all that there is.
    ///
    /// # Errors
    ///
    /// If there is none, or if all that answer refuse it.
    pub(super) async fn ask_memories<T: DeserializeOwned>(
        &self,
        change: &str,
        program: &str,
        arguments: &impl Serialize,
        patience: Duration,
    ) -> Result<Asked<T>> {
        let mut asked: Asked<T> = self.ask(program, arguments, patience).await?;
        if asked.answers.is_empty() && !asked.refused.is_empty() {
            return Err(asked.refused.swap_remove(0).1);
        }
        match asked.answers.is_empty() && asked.silent.is_empty() {
            true => Err(self.no_server(change)),
            false => Ok(asked),
        }
    }

    /// The servers that answer, to be asked for what takes long: one that is stopped is not waited for.
    pub(super) async fn awake(&self, change: &str) -> Result<Awake> {
        let asked =
            self.ask_memories::<Figures>(change, "process/figures", &Wanted::NOTHING, PATIENCE);
        let told = asked.await?.told();
        if told.processes.is_empty() {
            return Err(told.failure().unwrap_or_else(|| self.no_server(change)));
        }
        Ok(Awake {
            operator: self.clone().only(told.processes),
            silent: told.silent,
        })
    }

    /// Has the servers see at once what this command has changed in the store that they share.
    pub(super) async fn tell(&self, changed: &Changed) -> Result<Told> {
        let asked: Asked<u32> = self.ask("process/forget", changed, PATIENCE).await?;
        Ok(asked.told())
    }

    /// Where a page of this cache may remain, of whose change these servers were `told`; they have no copy of it any more.
    pub(super) fn remains(&self, told: &Told) -> Option<String> {
        let place = self.app.shared_cache().store().place();
        let remains = match (told.processes.is_empty(), place) {
            (true, _) => self.behind().map(str::to_owned),
            (false, Place::Layered) => Some(format!(
                "{}; others may show what they have in their memory for a few seconds",
                told.know()
            )),
            (false, Place::InProcess) => Some(format!("in {}", told.shown())),
            (false, _) => None,
        };
        let silent = told.silent.iter().map(ToString::to_string);
        let silent = silent.collect::<Vec<_>>().join("; ");
        match (remains, silent.is_empty()) {
            (Some(remains), false) => Some(format!("{remains}; {silent}")),
            (None, false) => Some(silent),
            (remains, true) => remains,
        }
    }

    /// No server can be asked to `change` its memory.
    pub(super) fn no_server(&self, change: &str) -> Error {
        Error::other(format!(
            "there is nothing to {change}: this cache lives in the memory of each server, and {}; or use a cache that \
             processes share",
            self.where_servers_are()
        ))
    }

    /// That no server was found, and the remedy.
    pub(super) fn where_servers_are(&self) -> String {
        match self.app.sockets().directory() {
            Ok(Some(directory)) => format!(
                "no server of this application runs here (looked in {}): start one with the same program, in the same \
                 directory, with the same configuration file and as the same user, or name the directory of its socket in \
                 admin.socket",
                directory.display()
            ),
            _ => "its servers open no socket (admin.socket = \"off\"): remove that setting"
                .to_owned(),
        }
    }
}

impl<T> Asked<T> {
    /// Which servers have done what they were asked.
    pub(super) fn told(&self) -> Told {
        let refused = self.refused.iter().map(|(process, error)| Silent {
            process: *process,
            error: error.to_string(),
        });
        let mut silent = self.silent.clone();
        silent.extend(refused);
        Told {
            processes: self.answers.iter().map(|(process, _)| *process).collect(),
            silent,
        }
    }
}

impl Told {
    /// Whether there is no server.
    pub(super) const fn is_nobody(&self) -> bool {
        self.processes.is_empty() && self.silent.is_empty()
    }

    /// `4 processes of this machine`.
    pub(super) fn shown(&self) -> String {
        let processes = self.processes.len() as u64;
        let processes = match processes {
            1 => "1 process".to_owned(),
            number => format!("{number} processes"),
        };
        format!("{processes} of this machine")
    }

    /// `4 processes of this machine know`.
    pub(super) fn know(&self) -> String {
        match self.processes.len() {
            1 => format!("{} knows", self.shown()),
            _ => format!("{} know", self.shown()),
        }
    }

    /// The error of a change that some servers do not know of.
    pub(super) fn failure(&self) -> Option<Error> {
        let silent = self.silent.iter().map(ToString::to_string);
        let silent: Vec<_> = silent.collect();
        (!silent.is_empty()).then(|| {
            Error::other(format!(
                "{} did not do it: {}",
                count(silent.len() as u64, "server"),
                silent.join("; ")
            ))
        })
    }
}

/// What distinguishes the store of `cache` from others. A server that uses another one is not asked: the command would
/// change, or show, what its own configuration does not name.
pub(super) fn store_of(cache: &Cache) -> u64 {
    let store = cache.store();
    let layers = store.layers();
    let layers = if layers.is_empty() {
        vec![store]
    } else {
        layers
    };
    let layers = layers.iter().map(|layer| match layer.place() {
        Place::InProcess => "memory".to_owned(),
        _ => format!("{layer:?}"),
    });
    digest(layers.collect::<Vec<_>>().join(", ").as_bytes())
}
