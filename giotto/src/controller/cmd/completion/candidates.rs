//! What the word at the cursor may become, by the flags and sub-commands that clap knows.
//!
//! Beside an invocation.

use clap::{Arg, Command};

use crate::config::SET;
use crate::controller::cmd::WORDS;
use crate::controller::cmd::man::SETTINGS;

/// One word that may stand at the cursor.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The whole word. One that ends with `=` or `/` goes on.
    pub(super) word: String,
    /// What it is, in one line.
    pub(super) about: String,
}

impl Candidate {
    pub(super) fn new(word: impl Into<String>, about: &str) -> Self {
        let line = about.lines().next().unwrap_or_default();
        Self {
            word: word.into(),
            about: line.replace(char::is_control, " "),
        }
    }

    /// Whether `typed` may become this word.
    pub(super) fn is_after(&self, typed: &str) -> bool {
        self.word.starts_with(typed) && !self.word.contains(char::is_control)
    }
}

/// Where the cursor is.
pub(super) enum Place<'c, 'w> {
    /// At the value of this option, a word of its own.
    Value(&'c Arg),
    /// At a word of this command.
    Word(&'c Command),
    /// After the path of a program and these words.
    Program(&'w str, &'w [String]),
}

impl<'c, 'w> Place<'c, 'w> {
    /// The place after `words`.
    pub(super) fn after(mut command: &'c Command, words: &'w [String]) -> Self {
        let mut rest = words;
        while let Some((word, after)) = rest.split_first() {
            rest = after;
            let option = option(command, word).filter(|option| takes_next_word(option));
            match (option, rest.split_first()) {
                (Some(option), None) => return Self::Value(option),
                (Some(_), Some((_, after))) => rest = after,
                (None, _) if word.starts_with('-') => {}
                (None, _) => match command.find_subcommand(word) {
                    Some(found) => command = found,
                    None if has_programs(command) => return Self::Program(word, rest),
                    None => {}
                },
            }
        }
        Self::Word(command)
    }
}

fn has_programs(command: &Command) -> bool {
    let mut positionals = command.get_positionals();
    positionals.any(|argument| argument.get_id() == WORDS)
}

/// The option that `word` is, such as `--cache`.
fn option<'c>(command: &'c Command, word: &str) -> Option<&'c Arg> {
    let name = word.strip_prefix("--")?;
    command.get_arguments().find(|option| {
        let aliases = option.get_all_aliases().unwrap_or_default();
        option.get_long() == Some(name) || aliases.contains(&name)
    })
}

fn takes_next_word(option: &Arg) -> bool {
    option.get_action().takes_values() && !option.is_require_equals_set()
}

/// What `current` may become, which begins with a dash: an option, or an option with its value.
pub(super) fn options(command: &Command, current: &str) -> Option<Vec<Candidate>> {
    if let Some((name, _)) = current.split_once('=') {
        return values(option(command, name)?, &format!("{name}="));
    }
    let shown = command
        .get_arguments()
        .filter(|option| !option.is_hide_set());
    let named = shown.filter_map(|option| Some((option.get_long()?, option)));
    let candidates = named.map(|(name, option)| {
        let end = if takes_next_word(option) { "=" } else { "" };
        let help = option.get_help().map(ToString::to_string);
        Candidate::new(format!("--{name}{end}"), &help.unwrap_or_default())
    });
    Some(candidates.collect())
}

/// The values of `argument` after `before`, if there are only some.
pub(super) fn values(argument: &Arg, before: &str) -> Option<Vec<Candidate>> {
    if argument.get_long() == Some(SET) {
        let settings = SETTINGS.iter();
        let candidates =
            settings.map(|(key, what)| Candidate::new(format!("{before}{key}="), what));
        return Some(candidates.collect());
    }
    let values = argument.get_possible_values();
    let candidates = values.iter().map(|value| {
        let help = value.get_help().map(ToString::to_string);
        Candidate::new(
            format!("{before}{}", value.get_name()),
            &help.unwrap_or_default(),
        )
    });
    (!values.is_empty()).then(|| candidates.collect())
}
