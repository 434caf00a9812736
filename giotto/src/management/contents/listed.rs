//! A list of a store that this process sees, or lists of what each server has in its memory.
//!
//! Part of `cache/list`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::view::{Report, lines};
use crate::error::Result;
use crate::management::servers::Asked;
use crate::socket::Silent;

/// What is listed.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Listed {
    Here(Report),
    Servers(Servers),
}

/// What a server answers to a command.
#[derive(Serialize, Deserialize)]
pub(super) struct OfProcess {
    report: Value,
    /// The same for people.
    text: String,
}

/// The lists of the servers.
#[derive(Serialize)]
pub(super) struct Servers {
    processes: Vec<OfServer>,
    silent: Vec<Silent>,
}

#[derive(Serialize)]
struct OfServer {
    process: u32,
    #[serde(flatten)]
    report: Value,
    #[serde(skip)]
    text: String,
}

impl OfProcess {
    pub(super) fn new(report: &Report) -> Result<Self> {
        Ok(Self {
            report: serde_json::to_value(report)?,
            text: report.to_string(),
        })
    }
}

impl From<Asked<OfProcess>> for Servers {
    fn from(asked: Asked<OfProcess>) -> Self {
        let silent = asked.told().silent;
        let processes = asked.answers.into_iter().map(|(process, answer)| OfServer {
            process,
            report: answer.report,
            text: answer.text,
        });
        Self {
            processes: processes.collect(),
            silent,
        }
    }
}

impl Listed {
    /// One entry a line, in JSON; of servers, each with its process.
    pub(super) fn lines(&self) -> Result<String> {
        let servers = match self {
            Self::Here(report) => return lines(report),
            Self::Servers(servers) => servers,
        };
        let mut lines = String::new();
        for server in &servers.processes {
            let entries = server.report["entries"].as_array();
            for mut entry in entries.into_iter().flatten().cloned() {
                entry["process"] = server.process.into();
                lines.push_str(&serde_json::to_string(&entry)?);
                lines.push('\n');
            }
        }
        Ok(lines)
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers = match self {
            Self::Here(report) => return report.fmt(f),
            Self::Servers(servers) => servers,
        };
        for server in &servers.processes {
            writeln!(f, "process {}", server.process)?;
            f.write_str(&server.text)?;
        }
        if servers.processes.len() > 1 {
            writeln!(f, "to go on, or for one of them, add --process=NUMBER")?;
        }
        let mut silent = servers.silent.iter();
        silent.try_for_each(|silent| writeln!(f, "no answer: {silent}"))
    }
}
