//! `mgt/drain`: running servers stop, as after SIGTERM.
//!
//! A command asks each server; `of_process` is what a server does.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::management::invalidation::consent::{YES, consent};
use crate::management::model::{Documented, Nothing, shown};
use crate::management::operator::Operator;
use crate::management::servers::Told;
use crate::program::Program;
use crate::socket::PATIENCE;
use crate::view::BasicView;

pub(in crate::management) fn program() -> Program {
    let model = Documented {
        model: drain,
        parameters: &[("process", "Only the server with this process id."), YES],
    };
    Program::new(model)
        .description(
            "Has the running servers of this application stop, as SIGTERM does\n\n\
             They finish the responses under way, and end. It says what it will do and asks; without a terminal it needs \
             --yes.",
        )
        .view(shown().fails_by(|drained: &Drained| drained.told.failure()))
}

pub(super) fn of_process() -> Program {
    Program::new(drain_own)
        .description("Has this process stop")
        .view(BasicView::new())
}

#[derive(Serialize, Deserialize)]
struct Which {
    #[serde(default)]
    process: Option<u32>,
    #[serde(default)]
    yes: bool,
}

#[derive(Serialize)]
struct Drained {
    #[serde(flatten)]
    told: Told,
}

async fn drain(which: Which, operator: Operator) -> Result<Drained> {
    if !which.yes {
        let servers = match which.process {
            Some(process) => format!("the server with the process id {process}"),
            None => "all running servers of this application".to_owned(),
        };
        let plan = format!("this has {servers} finish what is under way, and stop");
        consent(&operator, plan, "drained").await?;
    }
    let operator = match which.process {
        Some(process) => operator.only(vec![process]),
        None => operator,
    };
    let asked = operator
        .steer::<u32>("process/drain", &Nothing {}, PATIENCE)
        .await?;
    let told = asked.told();
    match (told.is_nobody(), which.process) {
        (true, Some(process)) => Err(Error::other(format!(
            "no running server of this application has the process id {process}: mgt/cache/stats names them"
        ))),
        (true, None) => Err(Error::other(operator.where_servers_are())),
        (false, _) => Ok(Drained { told }),
    }
}

/// Returns the process.
async fn drain_own(_: Nothing, operator: Operator) -> Result<u32> {
    tracing::info!("an operator has this process drain");
    operator.steering()?.stop();
    Ok(std::process::id())
}

impl fmt::Display for Drained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processes = self.told.processes.iter().map(u32::to_string);
        let processes = processes.collect::<Vec<_>>().join(", ");
        writeln!(f, "draining {}: {processes}", self.told.shown())
    }
}
