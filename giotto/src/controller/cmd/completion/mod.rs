//! Completion in a shell: what the word at the cursor may become.
//!
//! Beside an invocation. `app completions SHELL` prints a script (`bash.sh`, `zsh.zsh`, `fish.fish`), which asks the application
//! itself at each completion: `app __complete SHELL LINE [PART]`. `line.rs` reads the line as the shell does, `candidates.rs`
//! finds what may stand there, and `programs.rs` has the part of it that the manifest knows.

mod candidates;
mod line;
mod programs;

use std::ffi::OsString;

use clap::{ArgMatches, Command};

use self::candidates::{Candidate, Place, options, values};
use self::line::Line;
use self::programs::Programs;
use super::command::WORDS;
use super::output::print_text;
use crate::app::App;

/// The first word of a command line by which a script asks.
const ASK: &str = "__complete";
/// The exit code of an answer that leaves the word to the shell, which completes the name of a file then.
const FILE: u8 = 1;
/// The shells that have a script.
pub(crate) const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// What a script asks.
#[derive(Debug)]
pub(crate) struct Question {
    shell: String,
    line: Line,
    /// The part of the word at the cursor that the shell replaces, if it is not the whole word: bash splits at `=` and `:`.
    part: Option<String>,
}

impl Question {
    /// The question in the `words` of a command line, the name of the application first.
    pub(crate) fn read(words: &[OsString]) -> Option<Self> {
        let words = words.iter().map(|word| word.to_string_lossy().into_owned());
        let mut words = words.skip(1);
        if words.next()? != ASK {
            return None;
        }
        Some(Self {
            shell: words.next().unwrap_or_default(),
            line: Line::read(&words.next().unwrap_or_default()),
            part: words.next(),
        })
    }

    /// The words before the cursor as `command` reads them, if it can.
    pub(crate) fn typed(&self, command: Command) -> Option<ArgMatches> {
        let words = self.line.words.iter();
        let command = command.no_binary_name(true);
        command.try_get_matches_from(words).ok()
    }

    /// Prints what the word at the cursor may become in a command line of `app`, which clap knows as `command`: one word a
    /// line, and what it is after a tab. The exit code.
    pub(crate) fn answer(&self, app: &App, mut command: Command) -> u8 {
        // With the flags that clap adds.
        command.build();
        match next(app, &command, &self.line.words, &self.line.current) {
            Some(mut candidates) => {
                candidates.retain(|one| one.is_after(&self.line.current));
                let lines = candidates.iter().map(|one| self.shown(one));
                print_text(&lines.collect::<String>())
            }
            None => FILE,
        }
    }

    fn shown(&self, candidate: &Candidate) -> String {
        match self.shell.as_str() {
            "bash" => {
                let part = self.part.as_deref().unwrap_or(&self.line.current);
                self.line.rest(&candidate.word, part) + "\n"
            }
            _ => format!("{}\t{}\n", candidate.word, candidate.about),
        }
    }
}

/// What may stand after `words` where `current` stands; `None` if that is for the shell to say, such as the name of a file.
fn next(app: &App, command: &Command, words: &[String], current: &str) -> Option<Vec<Candidate>> {
    let place = Place::after(command, words);
    match place {
        Place::Value(option) => values(option, ""),
        Place::Word(command) if current.starts_with('-') => options(command, current),
        Place::Word(command) => match command.get_positionals().next() {
            Some(program) if program.get_id() == WORDS => Some(Programs(app).names(current)),
            Some(argument) => values(argument, ""),
            None => Some(subcommands(command)),
        },
        Place::Program(path, words) => Programs(app).words(path, words, current),
    }
}

fn subcommands(command: &Command) -> Vec<Candidate> {
    let commands = command.get_subcommands();
    let candidates = commands.map(|command| {
        let about = command.get_about().map(ToString::to_string);
        Candidate::new(command.get_name(), &about.unwrap_or_default())
    });
    candidates.collect()
}

/// The script of `shell` that completes the words of the application `name`.
pub(crate) fn print_script(shell: &str, name: &str) -> u8 {
    let script = match shell {
        "zsh" => include_str!("zsh.zsh"),
        "fish" => include_str!("fish.fish"),
        _ => include_str!("bash.sh"),
    };
    let is_plain = |character: char| character.is_ascii_alphanumeric();
    let function = name.replace(|character| !is_plain(character), "_");
    let script = script.replace("APPLICATION", name);
    print_text(&script.replace("FUNCTION", &format!("_giotto_{function}")))
}
