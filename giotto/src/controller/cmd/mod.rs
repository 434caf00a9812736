//! The command-line controller: arguments to an invocation, and its page or error back.
//!
//! The first and the last step of an invocation on the command line.

mod command;
mod output;
mod run;
mod terminal;

pub(crate) use command::{MODEL_MOCK, Options, options};
pub(crate) use output::{SUCCESS, ask, complain, fail, tell};
pub(crate) use run::{is_name, run};
