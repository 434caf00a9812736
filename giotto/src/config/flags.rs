//! The flags of the configuration, which every front end has.
//!
//! Read before the first step of an invocation. On the command line, they are given before the program or after it.

use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches};

use super::settings::Config;
use crate::error::Result;

// No parameter of a program has such a name.
const PATH: &str = "--config";
const SET: &str = "--set";

/// `--config PATH` and `--set KEY=VALUE`.
pub(crate) fn flags() -> [Arg; 2] {
    [
        Arg::new(PATH)
            .long("config")
            .value_name("PATH")
            .help("Read this file instead of giotto.toml"),
        Arg::new(SET)
            .long("set")
            .value_name("KEY=VALUE")
            .action(ArgAction::Append)
            .help("Override a setting of the file, for example cache=locmem"),
    ]
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
    Config::load(path, std::env::vars_os(), all(SET))
}
