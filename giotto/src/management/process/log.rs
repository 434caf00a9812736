//! `mgt/log`: the level of the log lines of running servers.
//!
//! A command asks each server; `of_process` is what a server does.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::management::model::{Documented, refused, shown};
use crate::management::operator::Operator;
use crate::management::servers::Told;
use crate::program::Program;
use crate::socket::PATIENCE;
use crate::view::BasicView;

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

pub(in crate::management) fn program() -> Program {
    let model = Documented {
        model: change,
        parameters: &[(
            "level",
            "error, warn, info, debug or trace. A restart, or a change of `log` in the configuration and SIGHUP, ends it.",
        )],
    };
    Program::new(model)
        .description("Sets the log level of the running servers of this application: level=debug")
        .view(shown().fails_by(|changed: &Changed| changed.told.failure()))
}

pub(super) fn of_process() -> Program {
    Program::new(change_own)
        .description("Sets the log level of this process")
        .view(BasicView::new())
}

#[derive(Serialize, Deserialize)]
struct Level {
    level: String,
}

#[derive(Serialize)]
struct Changed {
    level: String,
    #[serde(flatten)]
    told: Told,
}

async fn change(wanted: Level, operator: Operator) -> Result<Changed> {
    let level = read(&wanted.level)?.to_string().to_lowercase();
    let wanted = Level { level };
    // Whatever store a server has, it is one of this application.
    let asked = operator
        .steer::<u32>("process/log", &wanted, PATIENCE)
        .await?;
    let told = asked.told();
    match told.is_nobody() {
        true => Err(Error::other(operator.where_servers_are())),
        false => Ok(Changed {
            level: wanted.level,
            told,
        }),
    }
}

/// Returns the process.
async fn change_own(wanted: Level, operator: Operator) -> Result<u32> {
    let level = read(&wanted.level)?;
    operator.steering()?.set_level(level)?;
    tracing::info!(%level, "log level changed by an operator");
    Ok(std::process::id())
}

fn read(level: &str) -> Result<tracing::Level> {
    // `parse` takes numbers, too.
    let known = LEVELS.contains(&level).then(|| level.parse().ok());
    known.flatten().ok_or_else(|| {
        let message = format!("it is one of {}", LEVELS.join(", "));
        refused("level", level, message)
    })
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, told } = self;
        writeln!(f, "the log level is {level} in {}", told.shown())
    }
}
