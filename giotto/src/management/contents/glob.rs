//! A text in which `*` stands for anything.
//!
//! Part of a pattern of arguments.

/// A text in which `*` stands for any characters, or none, and `\*` for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    /// What stands between the stars; there is one star less than there are parts.
    parts: Vec<String>,
}

impl Glob {
    pub(super) fn new(text: &str) -> Self {
        let mut parts = vec![String::new()];
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '*' => parts.push(String::new()),
                character => {
                    let next = characters.next_if(|next| character == '\\' && *next == '*');
                    let last = parts.last_mut();
                    last.into_iter()
                        .for_each(|part| part.push(next.unwrap_or(character)));
                }
            }
        }
        Self { parts }
    }

    /// Whether `text` is one of those that it stands for. Time is in proportion to the text, whatever the pattern is.
    pub(super) fn matches(&self, text: &str) -> bool {
        let [first, inner @ .., last] = self.parts.as_slice() else {
            return self.parts.first().is_some_and(|only| only == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        for part in inner {
            match rest.find(part.as_str()) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_and_nothing() {
        for (glob, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("*", "anything", true),
            ("app*", "app", true),
            ("app*", "apple", true),
            ("app*", "an app", false),
            ("*app", "an app", true),
            ("*app*", "an apple", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("**", "x", true),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            (r"a\b", r"a\b", true),
            ("é*中", "éa中", true),
        ] {
            assert_eq!(Glob::new(glob).matches(text), expected, "{glob} {text}");
        }
    }
}
