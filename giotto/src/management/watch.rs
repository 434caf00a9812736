//! Showing a report again and again on the command line, until the operator interrupts it.
//!
//! Part of `cache/list` and `cache/top`.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use serde::Serialize;

use super::model::refused;
use super::operator::Operator;
use crate::controller::cmd::{SUCCESS, print_text};
use crate::error::Result;

/// The documentation of the parameter `watch`.
pub(super) const WATCH: &str = "On the command line: show it every two seconds until interrupted, as lines of JSON unless a terminal reads them.";
const EVERY: Duration = Duration::from_secs(2);
/// Clears a terminal, and begins at its top.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Refuses to watch where nobody can interrupt it.
pub(super) fn check(is_wanted: bool, operator: &Operator) -> Result<()> {
    match is_wanted && !operator.is_command() {
        true => Err(refused("watch", "true", "only a command can watch")),
        false => Ok(()),
    }
}

/// Shows `report` on standard output, and returns whether that is still open.
pub(super) fn print(report: &(impl Serialize + fmt::Display)) -> Result<bool> {
    let mut stdout = io::stdout();
    match stdout.is_terminal() {
        true => {
            stdout.write_all(CLEAR.as_bytes())?;
            Ok(print_text(&report.to_string()) == SUCCESS)
        }
        false => {
            let line = serde_json::to_string(report)? + "\n";
            let written = stdout
                .write_all(line.as_bytes())
                .and_then(|()| stdout.flush());
            Ok(written.is_ok())
        }
    }
}

/// The time between two reports.
pub(super) async fn rest() {
    tokio::time::sleep(EVERY).await;
}
