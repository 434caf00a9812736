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

/// The text that is stored [`without_nul`]; `None` of one that is not stored by us.
pub(super) fn with_nul(stored: &str) -> Option<String> {
    let mut text = String::with_capacity(stored.len());
    let mut characters = stored.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\u{2400}' => match characters.next()? {
                '\u{2400}' => '\u{2400}',
                '0' => '\0',
                _ => return None,
            },
            character => character,
        });
    }
    Some(text)
}

/// The text that is stored [`in_ascii`]; `None` of one that is not stored by us.
pub(super) fn from_ascii(stored: &str) -> Option<String> {
    let mut text = String::with_capacity(stored.len());
    let mut rest = stored;
    while let Some((before, escape)) = rest.split_once('\\') {
        text.push_str(before);
        if let Some(after) = escape.strip_prefix('\\') {
            text.push('\\');
            rest = after;
        } else {
            let (digits, after) = escape.strip_prefix("u{")?.split_once('}')?;
            text.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
            rest = after;
        }
    }
    Some(text + rest)
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
    fn what_is_written_out_is_read_back() {
        for text in [
            "",
            "{'x': 12}",
            "a\0b",
            "\u{2400}0\0\u{2400}",
            "中é\\u{4e2d}\0\\",
            "\\",
        ] {
            assert_eq!(with_nul(&without_nul(text)).as_deref(), Some(text));
            assert_eq!(from_ascii(&in_ascii(text)).as_deref(), Some(text));
        }
        for foreign in ["\u{2400}", "\u{2400}1"] {
            assert_eq!(with_nul(foreign), None);
        }
        for foreign in ["\\", "\\x", "\\u{", "\\u{110000}", "\\u{}", "\\u{-1}"] {
            assert_eq!(from_ascii(foreign), None, "{foreign}");
        }
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
