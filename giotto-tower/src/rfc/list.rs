//! Fields whose value is a list (RFC 9110, 5.6.1): members between commas, over all lines of the field.
//!
//! A ground file of the rules. A comma inside a quoted string (RFC 9110, 5.6.4) does not separate.

use http::{HeaderMap, HeaderName};

/// The members of all lines of the field `name`, without the whitespace around them. Empty members are left out, as a
/// recipient must (RFC 9110, 5.6.1.2).
pub(super) fn members<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'h [u8]> + use<'h> {
    let lines = headers.get_all(name).into_iter();
    lines.flat_map(|line| split(line.as_bytes()))
}

/// The members of one line.
pub(super) fn split(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    split_all(line).filter(|member| !member.is_empty())
}

/// The members of one line, empty ones too.
pub(super) fn split_all(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    let next = move || {
        let line = rest?;
        let end = outside_quotes(line).find(|&at| line[at] == b',');
        rest = end.map(|at| &line[at + 1..]);
        Some(&line[..end.unwrap_or(line.len())])
    };
    std::iter::from_fn(next).map(<[u8]>::trim_ascii)
}

/// The positions of `line` that are not inside a quoted string. A quote that is never closed runs to the end.
fn outside_quotes(line: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let (mut quoted, mut escaped) = (false, false);
    let outside = move |&at: &usize| {
        let was_quoted = quoted;
        match line[at] {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            _ => {}
        }
        !was_quoted && !quoted
    };
    (0..line.len()).filter(outside)
}

/// What is inside a quoted string, if `value` is one, without the backslashes of quoted pairs.
pub(super) fn unquoted(value: &[u8]) -> Option<Vec<u8>> {
    let inside = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let (mut text, mut escaped) = (Vec::with_capacity(inside.len()), false);
    for &byte in inside {
        match byte {
            b'\\' if !escaped => escaped = true,
            b'"' if !escaped => return None,
            byte => {
                escaped = false;
                text.push(byte);
            }
        }
    }
    (!escaped).then_some(text)
}

/// A number in digits. One that does not fit is the largest that does.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    let are_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    are_digits.then(|| {
        digits.iter().fold(0, |number: u64, digit| {
            number
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_split_at_commas_outside_of_quotes() {
        for (line, expected) in [
            ("", &[][..]),
            (" , ,", &[]),
            ("a", &["a"]),
            (" a ,\tb,, c", &["a", "b", "c"]),
            ("a=\"b, c\", d", &["a=\"b, c\"", "d"]),
            ("a=\"b\\\", c\", d", &["a=\"b\\\", c\"", "d"]),
            ("a\\, b", &["a\\", "b"]),
            ("a=\"b, c", &["a=\"b, c"]),
        ] {
            let members: Vec<_> = split(line.as_bytes()).collect();
            let expected: Vec<_> = expected.iter().map(|member| member.as_bytes()).collect();
            assert_eq!(members, expected, "{line:?}");
        }
    }

    #[test]
    fn a_quoted_string_is_unquoted_whole_or_not_at_all() {
        for (value, expected) in [
            ("\"\"", Some("")),
            ("\"a b\"", Some("a b")),
            ("\"a\\\"b\\\\\"", Some("a\"b\\")),
            ("a", None),
            ("\"a", None),
            ("\"a\"b\"", None),
            ("\"a\\\"", None),
            ("\"", None),
        ] {
            let text = unquoted(value.as_bytes());
            assert_eq!(text.as_deref(), expected.map(str::as_bytes), "{value}");
        }
    }
}
