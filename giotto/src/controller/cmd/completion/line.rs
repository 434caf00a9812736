//! A command line up to the cursor, read as a shell reads it.
//!
//! Beside an invocation. Nothing is expanded: `$HOME` and `$(..)` stay as they are.

/// The words of a line, without the name of the application.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The words before the cursor, without quotes.
    pub(super) words: Vec<String>,
    /// What stands of the word at the cursor, without quotes.
    pub(super) current: String,
    /// The quote that is open at the cursor.
    quote: Option<char>,
}

impl Line {
    pub(super) fn read(text: &str) -> Self {
        let mut reader = Reader::default();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            reader.take(character, &mut characters);
        }
        let mut words = reader.words;
        // `NAME=VALUE app ..`
        let is_assignment = |word: &String| word.contains('=');
        let name = words.iter().position(|word| !is_assignment(word));
        words.drain(..name.map_or(words.len(), |name| name + 1));
        Self {
            words,
            current: reader.word.unwrap_or_default(),
            quote: reader.quote,
        }
    }

    /// What of `candidate` takes the place of `part`, which the word at the cursor ends with, as it is written on the line.
    pub(super) fn rest(&self, candidate: &str, part: &str) -> String {
        let part = Self::read(&format!("app {part}")).current;
        let before = self.current.strip_suffix(&part).unwrap_or_default();
        let rest = candidate.strip_prefix(before).unwrap_or(candidate);
        match self.quote {
            Some(_) => rest.to_owned(),
            None => rest.chars().flat_map(escaped).collect(),
        }
    }
}

/// `character` outside of quotes.
fn escaped(character: char) -> impl Iterator<Item = char> {
    let is_plain = character.is_alphanumeric() || "_-./=:,@%+".contains(character);
    let escape = (!is_plain).then_some('\\');
    escape.into_iter().chain([character])
}

#[derive(Default)]
struct Reader {
    words: Vec<String>,
    /// The word that has begun.
    word: Option<String>,
    quote: Option<char>,
}

impl Reader {
    fn take(&mut self, character: char, following: &mut impl Iterator<Item = char>) {
        match (self.quote, character) {
            (Some(quote), end) if quote == end => self.quote = None,
            (Some('\''), inside) => self.push(inside),
            (_, '\\') => following
                .next()
                .into_iter()
                .for_each(|next| self.push(next)),
            (Some(_), inside) => self.push(inside),
            (None, '"' | '\'') => {
                self.quote = Some(character);
                self.word.get_or_insert_default();
            }
            (None, blank) if blank.is_whitespace() => self.words.extend(self.word.take()),
            (None, other) => self.push(other),
        }
    }

    fn push(&mut self, character: char) {
        self.word.get_or_insert_default().push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, String) {
        let line = Line::read(text);
        (line.words, line.current)
    }

    #[test]
    fn words_are_those_of_a_shell() {
        for (text, words, current) in [
            ("", &[][..], ""),
            ("app ", &[], ""),
            ("app cm", &[], "cm"),
            ("app  cmd\tsq", &["cmd"], "sq"),
            ("A=1 B= app cmd ", &["cmd"], ""),
            (
                "app cmd 'a b' \"c 'd\" e\\ f g",
                &["cmd", "a b", "c 'd", "e f"],
                "g",
            ),
            ("app cmd '' x='y z", &["cmd", ""], "x=y z"),
            ("app \"a\\\"b\" 'c\\' d", &["a\"b", "c\\"], "d"),
            ("app $(rm) x=", &["$(rm)"], "x="),
        ] {
            let (read, at) = read(text);
            assert_eq!(
                (read, &*at),
                (words.iter().map(|&w| w.to_owned()).collect(), current),
                "{text}"
            );
        }
    }

    #[test]
    fn a_shell_gets_the_part_that_it_replaces() {
        for (text, part, candidate, rest) in [
            ("app cmd sor", "sor", "sort=", "sort="),
            ("app cmd sort=na", "na", "sort=name", "name"),
            ("app cmd sort=", "", "sort=name", "name"),
            ("app cmd sort=", "sort=", "sort=name", "sort=name"),
            ("app cmd --sort=na", "na", "--sort=name", "name"),
            ("app cmd a:b=c", "c", "a:b=cd", "cd"),
            ("app cmd sort=", "", "sort=two words", "two\\ words"),
            ("app cmd sort='tw", "'tw", "sort=two words", "two words"),
            (
                "app cmd sort=tw",
                "tw",
                "sort=two$(words)",
                "two\\$\\(words\\)",
            ),
        ] {
            assert_eq!(Line::read(text).rest(candidate, part), rest, "{text}");
        }
    }
}
