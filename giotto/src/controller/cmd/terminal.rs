//! Escapes the control characters that a terminal would obey.
//!
//! The last step of an invocation on the command line. A file or another program gets every byte as it is.

use std::io::{self, IsTerminal};

use anstream::{AutoStream, ColorChoice};
use giotto_cache::log::is_control;

/// What happens to escape sequences for colours (SGR), the only ones that a page of an application may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    Kept,
    Removed,
    /// They are data, and are escaped.
    Shown,
}

impl Colours {
    /// For text that the application or clap has coloured, on `stream`.
    pub(super) fn on(stream: &impl anstream::stream::RawStream) -> Self {
        match AutoStream::choice(stream) {
            ColorChoice::Never => Self::Removed,
            _ => Self::Kept,
        }
    }
}

/// `text` for standard output.
pub(super) fn for_stdout(text: &[u8], colours: Colours) -> Vec<u8> {
    adapt(text, colours, io::stdout().is_terminal())
}

/// `text` for standard error.
pub(super) fn for_stderr(text: &str, colours: Colours) -> Vec<u8> {
    adapt(text.as_bytes(), colours, io::stderr().is_terminal())
}

fn adapt(text: &[u8], colours: Colours, is_terminal: bool) -> Vec<u8> {
    if !is_terminal && colours != Colours::Removed {
        return text.to_vec();
    }
    let mut adapted = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.first() {
        let colour = length_of_colour(rest).filter(|_| colours != Colours::Shown);
        let (part, after) = match colour {
            Some(length) => rest.split_at(length),
            None => rest.split_at(length_of_text(rest).max(1)),
        };
        rest = after;
        match colour {
            Some(_) if colours == Colours::Removed => {}
            None if is_terminal && *first == b'\r' && rest.first() != Some(&b'\n') => {
                adapted.extend(br"\r");
            }
            None if is_terminal => make_visible(part, &mut adapted),
            _ => adapted.extend(part),
        }
    }
    adapted
}

/// The bytes of the sequence at the beginning of `text` that sets colours: `ESC [ 1 ; 31 m`.
fn length_of_colour(text: &[u8]) -> Option<usize> {
    let parameters = text.strip_prefix(b"\x1b[")?;
    let is_parameter = |byte: &u8| matches!(byte, b'0'..=b'9' | b';' | b':');
    let end = parameters.iter().position(|byte| !is_parameter(byte))?;
    (parameters[end] == b'm').then_some(end + 3)
}

/// The bytes before the next escape or carriage return.
fn length_of_text(text: &[u8]) -> usize {
    let special = text.iter().position(|byte| matches!(byte, b'\x1b' | b'\r'));
    special.unwrap_or(text.len())
}

/// Appends `part` with control characters escaped. Bytes that are not UTF-8 are escaped, too: some terminals obey them.
fn make_visible(part: &[u8], adapted: &mut Vec<u8>) {
    for chunk in part.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' | '\r' | '\t' => adapted.push(character as u8),
                _ if is_control(character) => {
                    adapted.extend(character.escape_default().map(|c| c as u8));
                }
                _ => adapted.extend(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for byte in chunk.invalid() {
            adapted.extend(std::ascii::escape_default(*byte));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(text: &[u8], colours: Colours, is_terminal: bool) -> String {
        String::from_utf8(adapt(text, colours, is_terminal)).unwrap()
    }

    #[test]
    fn a_terminal_obeys_nothing_but_the_colours_of_an_application() {
        let page =
            "\x1b[1;31mred\x1b[0m \x1b[2J\x1b]0;title\x07\u{9b}1A\u{202e}abc\rx\r\ny\tz\x08\x7f";
        let rest = r"\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}1A\u{202e}abc\rx".to_owned()
            + "\r\ny\tz"
            + r"\u{8}\u{7f}";
        for (colours, start) in [
            (Colours::Kept, "\x1b[1;31mred\x1b[0m "),
            (Colours::Removed, "red "),
            (Colours::Shown, r"\u{1b}[1;31mred\u{1b}[0m "),
        ] {
            let shown = adapted(page.as_bytes(), colours, true);
            assert_eq!(shown, format!("{start}{rest}"), "{colours:?}");
        }
        assert_eq!(
            adapted(b"a\x9b2Jb\xff", Colours::Shown, true),
            r"a\x9b2Jb\xff"
        );
        for half in ["\x1b", "\x1b[", "\x1b[31", "\x1b[31;", "\x1b[?25lm"] {
            let shown = adapted(half.as_bytes(), Colours::Kept, true);
            assert!(!shown.contains('\x1b'), "{shown:?}");
        }
    }

    #[test]
    fn nothing_else_than_a_terminal_gets_other_bytes() {
        let page = b"\x1b[31mred\x1b[2J\r\x9b\x00";
        for colours in [Colours::Kept, Colours::Shown] {
            assert_eq!(adapt(page, colours, false), page);
        }
        assert_eq!(
            adapt(page, Colours::Removed, false),
            b"red\x1b[2J\r\x9b\x00"
        );
    }
}
