//! The command-line controller: words to an invocation, and its page or error back.
//!
//! The first and the last step of an invocation on the command line. `run.rs` runs one command: `words.rs` reads its words
//! as options (`command.rs`) and arguments, and `output.rs` writes the answer. `json.rs` breaks JSON
//! into lines, `terminal.rs` escapes control characters, and `fields.rs` has what takes the place of header fields.

mod command;
mod fields;
mod json;
mod output;
mod run;
mod terminal;
mod words;

pub(crate) use command::{MODEL_MOCK, Options, options};
pub(crate) use fields::{Fields, HEADER, remedy};
pub(crate) use output::{SUCCESS, ask, complain, fail, print_text, tell};
pub(crate) use run::run;
pub(crate) use words::is_name;
