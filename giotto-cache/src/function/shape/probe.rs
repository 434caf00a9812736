//! The account of a walk through a type: where it was, where it goes next, and what it has seen.
//!
//! Part of `shape/`. A type shows one part in each run, because what it reads is consumed with it. So each run goes down one
//! path, and the next run takes the next turn at the last fork, until all are taken.

use std::any::type_name;
use std::collections::HashSet;
use std::fmt::{self, Display, Write as _};

use serde::de;

/// The most runs for one type, and the longest text in bytes. A type that has more is cut there.
const MAX_RUNS: usize = 4_096;
const MAX_TEXT: usize = 64 << 10;
/// The deepest that values are in values.
pub(super) const DEEPEST: usize = 64;

/// Ends a run.
#[derive(Debug)]
pub(super) struct Stop;

impl Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the probe ends here")
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

/// What the runs have in common.
#[derive(Debug, Default)]
pub(super) struct Probe {
    text: String,
    /// The turns of this run: for each fork the one that is taken, and how many there are.
    turns: Vec<(usize, usize)>,
    /// How many forks this run has passed.
    passed: usize,
    runs: usize,
    /// The types that have been gone into. A type that contains itself ends there.
    seen: HashSet<&'static str>,
}

impl Probe {
    /// Notes a part, unless an earlier run has: this one is still on the way of that.
    pub(super) fn note(&mut self, part: impl Display) {
        if self.is_on_new_ground() {
            // Into a string.
            let _ = writeln!(self.text, "{part}");
        }
    }

    /// Notes the named type `V`; `Err` if it was seen before.
    pub(super) fn enter<V>(&mut self, part: impl Display) -> Result<(), Stop> {
        if self.is_on_new_ground() && !self.seen.insert(type_name::<V>()) {
            self.note(format_args!("seen:{}", short::<V>()));
            return Err(Stop);
        }
        self.note(part);
        Ok(())
    }

    /// The turn to take at a fork of so many; `Err` if there is none.
    pub(super) fn fork(&mut self, turns: usize) -> Result<usize, Stop> {
        if turns == 0 {
            return Err(Stop);
        }
        if self.is_on_new_ground() {
            self.turns.push((0, turns));
        }
        self.passed += 1;
        Ok(self.turns[self.passed - 1].0)
    }

    /// Prepares the next run; `false` if there is none.
    pub(super) fn turn(&mut self) -> bool {
        self.runs += 1;
        self.passed = 0;
        if self.runs == MAX_RUNS || self.text.len() > MAX_TEXT {
            self.text.push_str("cut\n");
            return false;
        }
        while let Some((taken, turns)) = self.turns.pop() {
            if taken + 1 < turns {
                self.turns.push((taken + 1, turns));
                return true;
            }
        }
        false
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn is_on_new_ground(&self) -> bool {
        self.passed == self.turns.len()
    }
}

/// The name of `T` without the modules, so that a type that is moved is the same.
pub(super) fn short<T: ?Sized>() -> String {
    let mut short = String::new();
    for part in type_name::<T>().split_inclusive("::") {
        let word = part.strip_suffix("::");
        let Some(word) = word else {
            short.push_str(part);
            continue;
        };
        // What is before the name of a module belongs to the type.
        let module = word.rfind(|c: char| !c.is_alphanumeric() && c != '_');
        let kept = module.map_or(0, |at| {
            at + word[at..].chars().next().map_or(0, char::len_utf8)
        });
        short.push_str(&word[..kept]);
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_has_no_modules() {
        assert_eq!(short::<Option<Vec<String>>>(), "Option<Vec<String>>");
        assert_eq!(
            short::<(u8, [String; 2], &str)>(),
            "(u8, [String; 2], &str)"
        );
        assert_eq!(short::<dyn std::error::Error>(), "dyn Error");
    }
}
