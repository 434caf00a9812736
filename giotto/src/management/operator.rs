//! The operator that the programs here work for.
//!
//! The second parameter of every model under `mgt/`.

use std::io::{self, IsTerminal};

use giotto_cache::Place;

use super::process::steering::{Administered, Steering};
use crate::app::App;
use crate::context::{Context, FromContext, sealed};
use crate::error::{Error, ErrorKind, Result};
use crate::request::{CMD, Controller};
use crate::socket::Sockets;

/// The application, and the controller that the operator uses.
#[derive(Clone)]
pub(super) struct Operator {
    pub(super) app: App,
    pub(super) controller: Controller,
    /// The only servers that are asked; `None` = all are.
    pub(super) only: Option<Vec<u32>>,
    /// What can be changed of this process, if it was asked through its socket.
    steering: Option<Steering>,
}

impl sealed::FromContext for Operator {}

impl FromContext for Operator {
    fn from_context(context: &Context) -> Result<Self> {
        let (app, steering) = match context.state::<Administered>("an operator") {
            Ok(administered) => (
                administered.app.clone(),
                Some(administered.steering.clone()),
            ),
            Err(_) => (context.app(), None),
        };
        Ok(Self {
            app,
            controller: context.controller,
            only: None,
            steering,
        })
    }
}

impl Operator {
    /// The same for these servers.
    pub(super) fn only(self, processes: Vec<u32>) -> Self {
        Self {
            only: Some(processes),
            ..self
        }
    }

    /// What can be changed of this process.
    pub(super) fn steering(&self) -> Result<&Steering> {
        self.steering.as_ref().ok_or_else(|| {
            Error::configuration("this is asked through the socket of a server alone")
        })
    }

    /// Whether a person at a terminal reads standard error. The terminal of a server does not count.
    pub(super) fn is_watched(&self) -> bool {
        self.controller == CMD && io::stderr().is_terminal()
    }

    /// Whether a person at the terminal can answer a question.
    pub(super) fn can_ask(&self) -> bool {
        self.is_watched() && io::stdin().is_terminal()
    }

    /// Whether this is a command, whose process has just started.
    pub(super) fn is_command(&self) -> bool {
        self.controller == CMD && *self.app.sockets() != Sockets::Unknown
    }

    /// Whether the cache is the memory of a command, which was empty when the command started and ends with it.
    pub(super) fn has_own_memory(&self) -> bool {
        let place = self.app.shared_cache().store().place();
        place == Place::InProcess && self.is_command()
    }

    /// Where a page may remain that was removed or made old in this process.
    pub(super) fn behind(&self) -> Option<&'static str> {
        match self.app.shared_cache().store().place() {
            Place::Layered => {
                Some("other processes may show what they have in their memory for a few seconds")
            }
            Place::InProcess => Some("this is the memory of one process: others have their own"),
            _ => None,
        }
    }

    /// Refuses to `change`, a word such as "purge", a cache that keeps nothing.
    pub(super) fn check_keeps(&self, change: &str) -> Result<()> {
        match self.app.shared_cache().store().place() {
            Place::Nowhere => {
                let message = format!(
                    "there is nothing to {change}: no cache is configured; set one, for example `cache = \"database\"` in giotto.toml"
                );
                Err(Error::new(ErrorKind::Configuration, message))
            }
            _ => Ok(()),
        }
    }
}
