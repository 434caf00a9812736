//! The flags of the configuration, which every front end has.
//!
//! Read before the first step of an invocation. On the command line, they are given before the program or after it.

use std::ffi::OsString;
use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::settings::Config;
use crate::error::{Error, Result};

// No parameter of a program has such a name.
const PATH: &str = "--config";
const PROFILE: &str = "--profile";
const SETTING: &str = "--set";
/// The name of the flag that overrides a setting.
pub(crate) const SET: &str = "set";

/// `--config PATH`, `--profile NAME` and `--set KEY=VALUE`.
pub(crate) fn flags() -> [Arg; 3] {
    [
        Arg::new(PATH)
            .long("config")
            .value_name("PATH")
            .help("Read this file instead of giotto.toml"),
        Arg::new(PROFILE)
            .long("profile")
            .value_name("NAME")
            .help("Use the settings in [profile.NAME] of the file"),
        Arg::new(SETTING)
            .long(SET)
            .value_name("KEY=VALUE")
            .action(ArgAction::Append)
            .help("Override a setting of the file, for example cache=locmem"),
    ]
}

/// `given` as these flags, for an application that has a command line of its own.
pub(crate) fn flags_of(given: impl Iterator<Item = OsString>) -> Result<ArgMatches> {
    let command = Command::new("flags")
        .no_binary_name(true)
        .disable_help_flag(true)
        .args(flags());
    command.try_get_matches_from(given).map_err(|error| {
        let text = error.to_string();
        let problem = text.lines().next().unwrap_or_default();
        let problem = problem.trim_start_matches("error: ");
        Error::configuration(format!(
            "{problem}: App::configured_with takes --config PATH, --profile NAME and --set KEY=VALUE"
        ))
    })
}

/// The configuration with the flags in `matches`. Later flags override earlier ones.
pub(crate) fn configure(matches: &[&ArgMatches]) -> Result<Config> {
    let all = |flag| {
        let values = matches
            .iter()
            .filter_map(move |one| one.try_get_many::<String>(flag).ok().flatten());
        values.flatten().map(String::as_str)
    };
    let path = all(PATH).next_back().map(Path::new);
    let profile = all(PROFILE).next_back();
    Config::load(path, std::env::vars_os(), all(SETTING), profile)
}
