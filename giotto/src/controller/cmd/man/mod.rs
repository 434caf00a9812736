//! The manual page of an application: `app man`.
//!
//! Beside an invocation. It has what `--help` says of the application and of each program, and what stands around them: the
//! settings (`settings.rs`), the environment, and the exit codes.

mod settings;

use std::path::Path;

use clap::{Arg, Command};
use roff::{Inline, Roff, bold, italic, roman};

pub(super) use self::settings::SETTINGS;
use super::command::{formats, option, shown, usage};
use super::output::{EXIT_CODES, fail, print_text};
use crate::app::App;
use crate::error::Error;
use crate::program::Program;
use crate::request::CMD;

/// What the environment says besides settings.
const ENVIRONMENT: [(&str, &str); 5] = [
    (
        "GIOTTO_CONFIG",
        "The path of the configuration, instead of giotto.toml.",
    ),
    (
        "GIOTTO_PROFILE",
        "Uses the settings in the table profile.NAME of the configuration.",
    ),
    (
        "GIOTTO_KEY",
        "Overrides the setting KEY, in capitals, with an underscore in place of each dot: GIOTTO_HTTP_PORT for http.port. An \
         empty variable counts as not set.",
    ),
    (
        "GIOTTO_KEY_FILE",
        "Overrides the setting KEY by what is in this file: for secrets.",
    ),
    ("NO_COLOR", "If it is set, nothing has colours."),
];

/// Prints the manual page of `app`, which clap knows as `command`, or writes it into `folder`. The exit code.
pub(crate) fn man(app: &App, mut command: Command, folder: Option<&Path>) -> u8 {
    command.build();
    let name = command.get_name().to_owned();
    let page = page(app, &command, &name);
    let Some(folder) = folder else {
        return print_text(&page);
    };
    let path = folder.join(format!("{name}.1"));
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, page));
    match written {
        Ok(()) => print_text(&format!("{}\n", path.display())),
        Err(error) => fail(&Error::other(format!(
            "the manual page could not be written to {}: {error}; name a folder that you may write to",
            path.display()
        ))),
    }
}

fn page(app: &App, command: &Command, name: &str) -> String {
    let mut page = Roff::new();
    page.control("TH", [&*name.to_uppercase(), "1"]);
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{name} - {}", about(command)))]);
    synopsis(&mut page, command, name);
    page.control("SH", ["COMMANDS"]);
    for command in command.get_subcommands() {
        page.control("SS", [command.get_name()]);
        page.text([roman(format!("{}.", about(command)))]);
        let shown = command.get_arguments().filter(|one| !one.is_hide_set());
        shown.for_each(|argument| describe(&mut page, argument));
    }
    programs(&mut page, app, &format!("{name} cmd"));
    page.control("SH", ["SETTINGS"]);
    page.text([roman(
        "They are read from giotto.toml in the working directory; a variable overrides the file, and a flag overrides both.",
    )]);
    for (key, what) in SETTINGS {
        item(&mut page, [bold(key)], what);
    }
    page.control("SH", ["ENVIRONMENT"]);
    for (variable, what) in ENVIRONMENT {
        item(&mut page, [bold(variable)], what);
    }
    page.control("SH", ["EXIT STATUS"]);
    for (code, what) in EXIT_CODES {
        item(&mut page, [bold(code.to_string())], what);
    }
    page.render()
}

fn synopsis(page: &mut Roff, command: &Command, name: &str) {
    page.control("SH", ["SYNOPSIS"]);
    for (at, command) in command.get_subcommands().enumerate() {
        if at > 0 {
            page.control("br", []);
        }
        let positionals = command.get_positionals();
        let words = positionals.map(|argument| match argument.is_required_set() {
            true => format!(" {}", value_name(argument)),
            false => format!(" [{}]", value_name(argument)),
        });
        let words: String = words.collect();
        page.text([
            bold(format!("{name} {}", command.get_name())),
            roman(format!(" [OPTION]...{words}")),
        ]);
    }
}

/// Every program of the command line. Those that manage the cache come last.
fn programs(page: &mut Roff, app: &App, name: &str) {
    let (management, own): (Vec<_>, Vec<_>) = app
        .manifest()
        .programs(CMD)
        .into_iter()
        .partition(|program| program.path().starts_with("mgt/"));
    for (title, programs) in [("PROGRAMS", own), ("MANAGEMENT", management)] {
        if !programs.is_empty() {
            page.control("SH", [title]);
        }
        programs
            .into_iter()
            .for_each(|one| program(page, one, name));
    }
}

fn program(page: &mut Roff, program: &Program, name: &str) {
    page.control("SS", [shown(program)]);
    page.text([bold(usage(program, name))]);
    paragraphs(page, program.about());
    let mut parameters = program.parameters().iter();
    let is_collector = |name| program.collector() == Some(name);
    if let Some(collector) = parameters.clone().find(|one| is_collector(one.name)) {
        paragraphs(page, collector.doc);
    }
    parameters
        .by_ref()
        .filter(|one| !is_collector(one.name))
        .for_each(|parameter| describe(page, &option(parameter)));
    page.control("PP", []);
    page.text([roman(format!("Formats: {}", formats(program)))]);
}

/// `text` in its paragraphs.
fn paragraphs(page: &mut Roff, text: &str) {
    for paragraph in text.split("\n\n").filter(|one| !one.trim().is_empty()) {
        page.control("PP", []);
        page.text([roman(one_line(paragraph))]);
    }
}

/// An option or an argument with what it does.
fn describe(page: &mut Roff, argument: &Arg) {
    let mut head: Vec<Inline> = Vec::new();
    if let Some(short) = argument.get_short() {
        head.extend([bold(format!("-{short}")), roman(", ")]);
    }
    if let Some(long) = argument.get_long() {
        head.push(bold(format!("--{long}")));
    }
    if argument.get_action().takes_values() {
        let before = if head.is_empty() { "" } else { " " };
        head.extend([roman(before), italic(value_name(argument))]);
    }
    let help = argument.get_help().map(ToString::to_string);
    item(page, head, &help.unwrap_or_default());
}

fn item(page: &mut Roff, head: impl Into<Vec<Inline>>, text: &str) {
    page.control("TP", []);
    page.text(head);
    page.text([roman(one_line(text))]);
}

fn value_name(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    names.iter().map(ToString::to_string).collect()
}

fn about(command: &Command) -> String {
    command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// `text` without line breaks and control characters, which would be commands of the page.
fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").replace(char::is_control, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_command_of_the_page() {
        let mut page = Roff::new();
        item(
            &mut page,
            [bold(".x")],
            ".SH A\n.so /etc/passwd\n'br \\fBx\x1b[2J -y",
        );
        let rendered = page.render();
        let lines: Vec<_> = rendered.lines().skip_while(|line| *line != ".TP").collect();
        let text = "\\&.SH A .so /etc/passwd \\*(Aqbr \\\\fBx[2J \\-y";
        assert_eq!(lines, [".TP", "\\fB.x\\fR", text]);
    }
}
