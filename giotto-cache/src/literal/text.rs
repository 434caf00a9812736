//! Texts and floats of a literal, as Python's `repr` writes them.
//!
//! Before a lookup: part of writing the arguments of a key.

use std::fmt::Write as _;

/// Quotes and escapes `value`. What a terminal or a log would act on rather than show is escaped.
pub(super) fn string(text: &mut String, value: &str) {
    text.push('\'');
    match value.bytes().all(is_plain) {
        true => text.push_str(value),
        false => escaped(text, value),
    }
    text.push('\'');
}

/// Whether it stands for itself: most of what is in keys.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\')
}

fn escaped(text: &mut String, value: &str) {
    let mut rest = value;
    while let Some(at) = rest.find(is_escaped) {
        text.push_str(&rest[..at]);
        let mut chars = rest[at..].chars();
        if let Some(character) = chars.next() {
            escape(text, character);
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
}

fn is_escaped(character: char) -> bool {
    // Line and paragraph separators, and the marks that turn the direction of text.
    matches!(
        character,
        '\'' | '\\' | '\u{61c}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
    ) || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || character.is_control()
}

fn escape(text: &mut String, character: char) {
    let written = match character {
        '\'' | '\\' => write!(text, "\\{character}"),
        '\n' => write!(text, "\\n"),
        '\r' => write!(text, "\\r"),
        '\t' => write!(text, "\\t"),
        _ if character <= '\u{ff}' => write!(text, "\\x{:02x}", u32::from(character)),
        _ => write!(text, "\\u{:04x}", u32::from(character)),
    };
    written.expect("writing to a String cannot fail");
}

/// The shortest digits that read back as `value`, laid out as Python's `repr` lays them out.
pub(super) fn float(text: &mut String, value: f64) -> std::fmt::Result {
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return write!(text, "{}", scientific.to_lowercase()); // nan, inf, -inf
    };
    match exponent.parse::<i32>() {
        Ok(-4..16) => write!(text, "{value:?}"),
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(text, "{digits}e{sign}{:02}", exponent.abs())
        }
        Err(_) => Err(std::fmt::Error),
    }
}
