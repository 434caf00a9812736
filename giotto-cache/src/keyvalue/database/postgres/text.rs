//! A key as a PostgreSQL database can hold it, whatever its encoding.
//!
//! Between a call and its statement.

use std::borrow::Cow;

/// The text as PostgreSQL can hold it, which has no NUL in its texts: the symbol for it, and a 0; and where
/// that symbol is in the text, twice the symbol, so that different keys stay different.
pub(super) fn without_nul(text: &str) -> Cow<'_, str> {
    match text.contains(['\0', '\u{2400}']) {
        false => Cow::Borrowed(text),
        true => Cow::Owned(
            text.replace('\u{2400}', "\u{2400}\u{2400}")
                .replace('\0', "\u{2400}0"),
        ),
    }
}

/// The text as a database can hold it whose encoding knows few characters: `\u{4e2d}` for each that is not ASCII,
/// and twice the backslash, so that different keys stay different.
pub(super) fn in_ascii(text: &str) -> Cow<'_, str> {
    let is_plain = |character: char| character.is_ascii() && !matches!(character, '\0' | '\\');
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(2 * text.len());
    for character in text.chars() {
        match character {
            '\\' => written.push_str("\\\\"),
            character if is_plain(character) => written.push(character),
            character => written.extend(character.escape_unicode()),
        }
    }
    Cow::Owned(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_nul_stay_readable_and_different() {
        assert_eq!(without_nul("{'x': 12}"), "{'x': 12}");
        assert_eq!(without_nul("a\0b"), "a\u{2400}0b");
        assert_eq!(without_nul("a\u{2400}b"), "a\u{2400}\u{2400}b");
        assert_ne!(without_nul("\u{2400}\0"), without_nul("\0\u{2400}"));
    }

    #[test]
    fn keys_in_a_database_of_few_characters_stay_different() {
        assert_eq!(in_ascii("{'x': 12}"), "{'x': 12}");
        assert_eq!(in_ascii("中\0"), "\\u{4e2d}\\u{0}");
        assert_eq!(in_ascii("\\u{4e2d}"), "\\\\u{4e2d}");
        assert_ne!(in_ascii("\\中"), in_ascii("\\\\u{4e2d}"));
        // What contains a part still does.
        assert!(in_ascii("{'x': '中é'}(squared)(text/html)").contains(&*in_ascii("é'}(squared)(")));
    }
}
