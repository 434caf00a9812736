//! The command-line controller: words to an invocation, and its page or error back.
//!
//! The first and the last step of an invocation on the command line. `run.rs` runs one command: `words.rs` reads its words
//! as options (`command.rs`) and arguments, and `output.rs` writes the answer. `json.rs` breaks JSON
//! into lines, `terminal.rs` escapes control characters, and `fields.rs` has what takes the place of header fields.
//! `completion/` answers the scripts that complete words in a shell, and
//! `man/` is the manual page.

mod command;
mod completion;
mod fields;
mod json;
mod man;
mod output;
mod run;
mod terminal;
mod words;

pub(crate) use command::{MODEL_MOCK, Options, WORDS, options};
pub(crate) use completion::{Question, SHELLS, print_script};
pub(crate) use fields::{Fields, HEADER, remedy};
pub(crate) use man::man;
pub(crate) use output::{SUCCESS, ask, complain, fail, print_text, tell};
pub(crate) use run::run;
pub(crate) use words::is_name;
