//! The key of an entry: `(model arguments)(program name)(mimetype)`.
//!
//! A ground type: the first argument of [`Cache::get_or_compute`](crate::Cache::get_or_compute).

use std::borrow::Cow;
use std::fmt;

/// The text under which an entry is stored, for example `{'x': 12}(squared)(text/html)`.
///
/// Two different triples of arguments, program and media type never have the same text. In program and media type, `(`, `)`
/// and `%` are written as `%28`, `%29` and `%25`, so that a key can be parsed from its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    text: String,
    program: usize,
    mimetype: usize,
}

/// Those around a program and a media type.
const BRACKETS: usize = "()()".len();

impl Key {
    /// The key of `program`, invoked with `arguments`, as `mimetype`.
    #[must_use]
    pub fn new(program: &str, arguments: impl Into<String>, mimetype: &str) -> Self {
        Self::written(arguments.into(), &escape(program), &escape(mimetype))
    }

    /// The key of the value of the function `name`, invoked with `arguments`. Its `mimetype` has nothing to escape.
    #[cfg(feature = "functions")]
    pub(crate) fn of_value(name: &str, arguments: &str, mimetype: &str) -> Self {
        let name = escape(name);
        let mut text =
            String::with_capacity(arguments.len() + name.len() + mimetype.len() + BRACKETS);
        text.push_str(arguments);
        Self::written(text, &name, mimetype)
    }

    #[inline]
    fn written(mut text: String, program: &str, mimetype: &str) -> Self {
        text.reserve(program.len() + mimetype.len() + BRACKETS);
        text.push('(');
        let program_start = text.len();
        text.push_str(program);
        text.push_str(")(");
        let mimetype_start = text.len();
        text.push_str(mimetype);
        text.push(')');
        Self {
            text,
            program: program_start,
            mimetype: mimetype_start,
        }
    }

    /// A key for a cache that is used alone, for example `Key::plain("user:7")`: no program, no media type.
    #[must_use]
    pub fn plain(name: impl Into<String>) -> Self {
        Self::new("", name, "")
    }

    /// The key that is written as `text`, read from its end; `None` if it is none.
    #[doc(hidden)]
    #[must_use]
    pub fn read(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let rest = text.strip_suffix(')')?;
        let mimetype = rest.rfind('(')? + 1;
        let rest = rest[..mimetype - 1].strip_suffix(')')?;
        let program = rest.rfind('(')? + 1;
        Some(Self {
            text,
            program,
            mimetype,
        })
    }

    /// The key of the same program and media type, invoked with `arguments`. The program and the media type are not escaped
    /// again.
    #[must_use]
    pub fn with_arguments(&self, arguments: impl Into<String>) -> Self {
        let end = self.program - 1;
        let mut text = arguments.into();
        let start = text.len();
        text.push_str(&self.text[end..]);
        Self {
            text,
            program: self.program - end + start,
            mimetype: self.mimetype - end + start,
        }
    }

    /// The key of the same program, invoked with the same arguments, as `mimetype`. The program is not escaped again.
    #[must_use]
    pub fn with_mimetype(&self, mimetype: &str) -> Self {
        let mimetype = escape(mimetype);
        let mut text = String::with_capacity(self.mimetype + mimetype.len() + 1);
        text.push_str(&self.text[..self.mimetype]);
        text.push_str(&mimetype);
        text.push(')');
        Self { text, ..*self }
    }

    /// The whole key.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The program, as it is written in the key.
    #[must_use]
    #[inline]
    pub fn program(&self) -> &str {
        &self.text[self.program..self.mimetype - 2]
    }

    /// The name of the program, as [`new`](Self::new) was given it: that of a [`Scope::Program`](crate::Scope::Program).
    #[must_use]
    pub fn program_name(&self) -> String {
        unescape(self.program())
    }

    /// The arguments, as they are written in the key.
    #[must_use]
    pub fn arguments(&self) -> &str {
        &self.text[..self.program - 1]
    }

    /// Whether it has these arguments, and this text for a program.
    #[cfg(feature = "functions")]
    #[inline]
    pub(crate) fn is_of(&self, program: &str, arguments: &str) -> bool {
        let is_long = arguments.len() + 1 == self.program
            && program.len() + self.program + 2 == self.mimetype;
        is_long
            && self.text.starts_with(arguments)
            && self.text.as_bytes()[self.program..].starts_with(program.as_bytes())
    }

    /// The media type, as it is written in the key.
    #[must_use]
    #[inline]
    pub fn mimetype(&self) -> &str {
        &self.text[self.mimetype..self.text.len() - 1]
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What is in every key of `program`, and elsewhere only within arguments.
pub(crate) fn part_of(program: &str) -> String {
    format!("({})(", escape(program))
}

/// `part` of a key, a program or a media type, as it is written there.
pub(crate) fn escape(part: &str) -> Cow<'_, str> {
    // One comparison, for every hit of a function asks: `&` and `'` are between the marks, and stay.
    let may_be_mark = |byte| matches!(byte, b'%'..=b')');
    if part.bytes().any(may_be_mark) {
        part.replace('%', "%25")
            .replace('(', "%28")
            .replace(')', "%29")
            .into()
    } else {
        part.into()
    }
}

/// A program or a media type, of which a key has the `written` text.
pub(crate) fn unescape(written: &str) -> String {
    let part = written.replace("%28", "(").replace("%29", ")");
    part.replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_printed_as_the_seed_prints_it() {
        let key = Key::new("squared", "{'x': 12}", "text/html");
        assert_eq!(key.as_str(), "{'x': 12}(squared)(text/html)");
        assert_eq!((key.program(), key.mimetype()), ("squared", "text/html"));
    }

    #[test]
    fn other_arguments_make_the_key_that_is_made_of_them() {
        for (program, mimetype) in [("squared", "text/html"), ("a(b)", "x/y%z"), ("", "")] {
            let key = Key::new(program, "{'x': 12}", mimetype);
            for arguments in ["{'x': 9}", "", "{'x': 1234}"] {
                let other = key.with_arguments(arguments);
                assert_eq!(other, Key::new(program, arguments, mimetype));
                assert_eq!(
                    other,
                    Key::new(program, arguments, "").with_mimetype(mimetype)
                );
            }
        }
    }

    #[test]
    fn a_key_is_read_from_its_end() {
        for (program, arguments) in [("squared", "{'x': ')(a)('}"), ("a(b)", ""), ("", "user:7")] {
            let key = Key::new(program, arguments, "text/html");
            let read = Key::read(key.as_str()).unwrap();
            assert_eq!(read, key);
            assert_eq!(read.arguments(), arguments);
        }
        for text in ["", ")", "()", "a)", "x)(b)", "(a)b)", "{all}", "(a)(b) "] {
            assert_eq!(Key::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_part_is_read_as_it_was_before_it_was_written() {
        for program in ["", "squared", "a(b)", "100%", "%28", "%2528", "%(25)%"] {
            assert_eq!(Key::new(program, "{}", "").program_name(), program);
        }
    }

    #[test]
    fn parentheses_in_a_name_cannot_forge_another_key() {
        let forged = Key::new("a)(text/html", "{}", "b");
        assert_ne!(forged, Key::new("a", "{}", "text/html)(b"));
        assert_eq!(forged.as_str(), "{}(a%29%28text/html)(b)");
    }
}
