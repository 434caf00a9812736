//! The options of the command line, and help.
//!
//! The first step of an invocation on the command line.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command};
use giotto_cache::Mode;

use super::fields::HEADER;
use crate::arguments::Parameter;
use crate::config::flags;
use crate::manifest::Manifest;
use crate::negotiate;
use crate::program::Program;
use crate::request::{CMD, Request, Value};

/// The kind of parameters whose option without a value means true.
const SWITCH: &str = "true or false";
pub(crate) const MODEL_MOCK: &str = "model-mock";
/// The words of a program, in a command that does not know it.
pub(crate) const WORDS: &str = "words";
pub(super) const GIVEN: &str = "NAME=VALUE";
pub(super) const CACHE: &str = "cache";
pub(super) const STALE_OK: &str = "stale-ok";
pub(super) const VERBOSE: &str = "verbose";
/// Not [`HEADER`], which may be a parameter of the program.
const FIELD: &str = "NAME: VALUE";

/// How a command uses the cache, and whether it reports that. Given before the program's name or after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(super) mode: Option<Mode>,
    pub(super) stale_ok: bool,
    pub(super) verbose: bool,
    /// Header fields for middleware.
    pub(super) fields: Vec<String>,
}

impl Options {
    /// The options in `matches`.
    pub(crate) fn read(matches: &ArgMatches) -> Self {
        let flag = |name| matches!(matches.try_get_one::<bool>(name), Ok(Some(true)));
        let mode = matches.try_get_one::<Mode>(CACHE);
        let fields = matches.try_get_many::<String>(FIELD);
        Self {
            mode: mode.ok().flatten().copied(),
            stale_ok: flag(STALE_OK),
            verbose: flag(VERBOSE),
            fields: fields
                .ok()
                .flatten()
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
        }
    }

    /// The `request` for `program` with these options, without the fields. A program of the operator takes the fields for the
    /// invocation that it works on, wherever they are given.
    pub(super) fn of<'o>(&'o self, program: &Program, mut request: Request<'o>) -> Request<'o> {
        if program.collector().is_some() {
            let fields = self.fields.iter();
            let fields = fields.map(|field| (HEADER.into(), Value::text(field.as_str())));
            request.data.extend(fields);
        }
        request
            .mode(self.mode.unwrap_or_default())
            .take_stale(self.stale_ok)
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            mode: self.mode.or(other.mode),
            stale_ok: self.stale_ok || other.stale_ok,
            verbose: self.verbose || other.verbose,
            fields: [self.fields, other.fields].concat(),
        }
    }
}

/// The options about the cache and about middleware, which every command has.
pub(crate) fn options() -> [Arg; 4] {
    let modes = PossibleValuesParser::new(["prefer", "only", "refresh", "bypass"]);
    let modes = modes.map(|name| match name.as_str() {
        "only" => Mode::Only,
        "refresh" => Mode::Refresh,
        "bypass" => Mode::Bypass,
        _ => Mode::Prefer,
    });
    [
        Arg::new(CACHE)
            .long(CACHE)
            .value_name("MODE")
            .value_parser(modes)
            .hide_possible_values(true)
            .help(
                "prefer a stored page, take only a stored one (exit code 3 if there is none), refresh it, or bypass \
                 the cache [default: prefer]",
            ),
        Arg::new(STALE_OK)
            .long(STALE_OK)
            .action(ArgAction::SetTrue)
            .help("Print an old page at once where one may be served, then compute a fresh one and exit"),
        Arg::new(VERBOSE)
            .long(VERBOSE)
            .short('v')
            .action(ArgAction::SetTrue)
            .help("Report on standard error what the cache did"),
        Arg::new(FIELD)
            .long(HEADER)
            .value_name(FIELD)
            .action(ArgAction::Append)
            .help("A header field for middleware, which the command line does not have otherwise [may be repeated]"),
    ]
}

/// The options of one program, made from its parameters.
pub(super) fn command(program: &Program, name: &str) -> Command {
    let parameters = program.parameters();
    let is_collector = |parameter: &Parameter| program.collector() == Some(parameter.name);
    let help = parameters.iter().find(|one| is_collector(one)).map_or(
        "An argument by name; without NAME=, arguments are taken in the order above",
        |collector| collector.doc,
    );
    let given = Arg::new(GIVEN)
        .help(help)
        .num_args(0..)
        .allow_negative_numbers(true);
    let own = parameters
        .iter()
        .map(|one| option(one).hide(is_collector(one)));
    let is_free = |option: &str| parameters.iter().all(|one| !is_option_of(one, option));
    let common = [help_flag(), mock_flag()]
        .into_iter()
        .chain(options())
        .chain(flags());
    Command::new(shown(program).to_owned())
        .no_binary_name(true)
        .disable_help_flag(true)
        .about(program.about().to_owned())
        .override_usage(usage(program, name))
        .args(own)
        .arg(given)
        .after_help(format!("Formats: {}", formats(program)))
        .args(common.filter(|option| option.get_long().is_none_or(is_free)))
}

/// `app cmd squared[.FORMAT] x=VALUE`
pub(super) fn usage(program: &Program, name: &str) -> String {
    let usage = program.parameters().iter().map(|one| match one.required {
        _ if program.collector() == Some(one.name) => " [PROGRAM[.FORMAT] NAME=VALUE..]".to_owned(),
        true => format!(" {}=VALUE", one.name),
        false => format!(" [{}=VALUE]", one.name),
    });
    let usage: String = usage.collect();
    format!("{name} {}[.FORMAT]{usage}", shown(program))
}

fn help_flag() -> Arg {
    Arg::new("help")
        .long("help")
        .short('h')
        .action(ArgAction::Help)
        .help("Print this")
}

fn mock_flag() -> Arg {
    Arg::new(MODEL_MOCK)
        .long(MODEL_MOCK)
        .action(ArgAction::SetTrue)
        .help("Show the program's mock instead of running its model")
}

/// `html, json, txt, cmd`
pub(super) fn formats(program: &Program) -> String {
    let names: Vec<_> = program.mimes().iter().map(negotiate::name_of).collect();
    names.join(", ")
}

pub(super) fn option(parameter: &Parameter) -> Arg {
    let mut help = parameter.doc.to_owned();
    let note = match (&parameter.default, parameter.required) {
        (Some(default), _) => format!("[default: {default}]"),
        (None, true) => "[required]".to_owned(),
        (None, false) => "[optional]".to_owned(),
    };
    help.push_str(if help.is_empty() { "" } else { " " });
    help.push_str(&note);
    if parameter.is_list {
        help.push_str(" [may be repeated, or is one JSON array]");
    }
    if !parameter.aliases.is_empty() {
        help.push_str(&format!(" [aliases: {}]", parameter.aliases.join(", ")));
    }
    let option = Arg::new(parameter.name)
        .long(parameter.name)
        .aliases(options_of(parameter).skip(1))
        .value_name(parameter.kind.to_uppercase())
        .help(help)
        .action(ArgAction::Append)
        .allow_negative_numbers(true);
    match parameter.kind.as_str() {
        SWITCH => option
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        _ => option.num_args(1),
    }
}

/// The names of the option of `parameter`, without dashes, its own name first.
fn options_of(parameter: &Parameter) -> impl Iterator<Item = String> {
    let names = std::iter::once(&parameter.name).chain(&parameter.aliases);
    let names: Vec<_> = names.map(|name| (*name).to_owned()).collect();
    let dashed: Vec<_> = names.iter().map(|name| name.replace('_', "-")).collect();
    names.into_iter().chain(dashed)
}

pub(super) fn is_option_of(parameter: &Parameter, name: &str) -> bool {
    options_of(parameter).any(|option| option == name)
}

/// Whether `word` is the option of `parameter` without a value, and needs none.
pub(super) fn is_switch(parameter: &Parameter, word: &str) -> bool {
    let name = word.strip_prefix("--").unwrap_or_default();
    parameter.kind == SWITCH && is_option_of(parameter, name)
}

/// The programs of the command line with their descriptions, one a line.
pub(super) fn list(manifest: &Manifest, name: &str) -> String {
    let programs = manifest.programs(CMD);
    let width = programs
        .iter()
        .map(|program| shown(program).len())
        .max()
        .unwrap_or(0);
    let mut list = format!("Usage: {name} PROGRAM[.FORMAT] [NAME=VALUE]..\n\nPrograms:\n");
    for program in programs {
        let about = program.about().lines().next().unwrap_or_default();
        let line = format!("  {:width$}  {about}", shown(program));
        list.push_str(line.trim_end());
        list.push('\n');
    }
    list.push_str(&format!(
        "\n'{name} PROGRAM --help' shows what a program takes.\n"
    ));
    list
}

/// The program's path as a user writes it.
pub(super) fn shown(program: &Program) -> &str {
    match program.path() {
        "" => "/",
        path => path,
    }
}
