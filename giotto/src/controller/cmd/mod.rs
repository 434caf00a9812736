//! The command-line controller: words to an invocation, and its page or error back.
//!
//! The first and the last step of an invocation on the command line. `run.rs` runs one command: `words.rs` reads its words
//! as options (`command.rs`) and arguments, and `output.rs` writes the answer. `terminal.rs` escapes control characters.

mod command;
mod json;
mod output;
mod run;
mod terminal;
mod words;

pub(crate) use command::{MODEL_MOCK, Options, options};
pub(crate) use output::{SUCCESS, ask, complain, fail, tell};
pub(crate) use run::run;
pub(crate) use words::is_name;
