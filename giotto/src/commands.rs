//! What clap knows of an application: its sub-commands and their options.
//!
//! Before the first step of an invocation.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command, value_parser};

use crate::config::flags;
use crate::controller::cmd::{self, MODEL_MOCK, WORDS};

pub(crate) const COMPLETIONS: &str = "completions";
/// The shell that completes words.
pub(crate) const SHELL: &str = "shell";
pub(crate) const MAN: &str = "man";
/// Where the manual page is written.
pub(crate) const FOLDER: &str = "folder";
/// The flag of a server that runs no model.
pub(crate) const FROZEN: &str = "frozen";

/// The name under which the application was started.
pub(crate) fn own_name(path: Option<&OsString>) -> String {
    let name = path
        .map(Path::new)
        .and_then(Path::file_name)
        .map(OsStr::to_string_lossy);
    name.map_or_else(|| "app".to_owned(), Into::into)
}

/// The application `name`.
pub(crate) fn command(name: &str) -> Command {
    let http = Command::new("http")
        .about("Answer over HTTP until interrupted")
        .args(flags())
        .arg(mock())
        .arg(
            Arg::new(FROZEN)
                .long(FROZEN)
                .action(ArgAction::SetTrue)
                .conflicts_with(MODEL_MOCK)
                .help("Serve only what is stored: no model runs, and the rest is 504"),
        )
        .arg(
            Arg::new("host")
                .long("host")
                .value_name("ADDRESS")
                .help("Listen on this address [default: 127.0.0.1]"),
        )
        .arg(
            Arg::new("port")
                .long("port")
                .value_name("PORT")
                .allow_negative_numbers(true)
                .help("Listen on this port; 0 = any [default: 5000]"),
        );
    Command::new(name.to_owned())
        .about("Programs that answer over HTTP and on the command line")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(http)
        .subcommand(cmd_command("cmd".to_owned()))
        .subcommand(completions_command())
        .subcommand(man_command())
}

fn completions_command() -> Command {
    let shell = Arg::new(SHELL)
        .value_name("SHELL")
        .required(true)
        .value_parser(cmd::SHELLS)
        .help("The shell; the script says where to put it");
    Command::new(COMPLETIONS)
        .about("Print a script that completes programs and their parameters in a shell")
        .arg(shell)
}

fn man_command() -> Command {
    let folder = Arg::new(FOLDER)
        .value_name("FOLDER")
        .value_parser(value_parser!(PathBuf))
        .help("Write it into this folder, as NAME.1");
    Command::new(MAN)
        .about("Print the manual page of this application")
        .arg(folder)
}

/// The command-line controller alone.
pub(crate) fn cmd_command(name: String) -> Command {
    let words = Arg::new(WORDS)
        .value_name("PROGRAM")
        .help("A program and its arguments: squared x=12; 'PROGRAM --help' shows what it takes")
        .num_args(0..)
        .trailing_var_arg(true)
        .allow_hyphen_values(true)
        .value_parser(value_parser!(OsString));
    Command::new(name)
        .about("Run a program, or list them all")
        .args(flags())
        .arg(mock())
        .args(cmd::options())
        .arg(words)
}

/// An option of both front ends that does not belong to the configuration.
fn mock() -> Arg {
    Arg::new(MODEL_MOCK)
        .long(MODEL_MOCK)
        .action(ArgAction::SetTrue)
        .help("Show the programs' mocks instead of running their models")
}
