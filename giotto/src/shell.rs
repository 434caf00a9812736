//! What a shell asks of an application: what may come next, the script that asks so, and the manual page.
//!
//! In the place of an invocation.

use std::cell::OnceCell;
use std::path::PathBuf;

use clap::{ArgMatches, Command};

use crate::app::App;
use crate::commands::{FOLDER, SHELL, command};
use crate::config::{Config, configure};
use crate::controller::cmd::{self, Question};
use crate::error::Result;
use crate::management;

/// Reads the configuration, as far as it is known before the application is made.
pub(crate) type Read<'c> = &'c dyn Fn() -> Result<&'c Config>;

/// What may come next on a command line, for the script of a shell.
pub(crate) fn complete(
    make: impl FnOnce(Read<'_>) -> Result<App>,
    command: Command,
    question: &Question,
) -> Result<u8> {
    let typed = question.typed(command.clone());
    let flags = typed.as_ref().map(|typed| match typed.subcommand() {
        Some((_, flags)) => flags,
        None => typed,
    });
    let app = made(make, &Vec::from_iter(flags))?;
    Ok(question.answer(&app, command))
}

/// Prints or writes the manual page.
pub(crate) fn man(
    make: impl FnOnce(Read<'_>) -> Result<App>,
    name: &str,
    matches: &ArgMatches,
) -> Result<u8> {
    let app = made(make, &[])?;
    let folder = matches.get_one::<PathBuf>(FOLDER);
    let folder = folder.map(PathBuf::as_path);
    Ok(cmd::man(&app, command(name), folder))
}

/// The application with all its programs. It reads the configuration if it has settings of its own.
fn made(make: impl FnOnce(Read<'_>) -> Result<App>, flags: &[&ArgMatches]) -> Result<App> {
    let config = OnceCell::new();
    let read = || match config.get() {
        Some(config) => Ok(config),
        None => configure(flags).map(|read| config.get_or_init(|| read)),
    };
    make(&read).map(management::beside)
}

/// Prints the script of a shell, which asks [`complete`].
pub(crate) fn print_script(matches: &ArgMatches, name: &str) -> u8 {
    let shell = matches.get_one::<String>(SHELL);
    cmd::print_script(shell.map_or("bash", String::as_str), name)
}
