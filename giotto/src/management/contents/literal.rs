//! The arguments in a key, read back: `{'x': 12, 'sku': 'app'}`.
//!
//! Part of a pattern of arguments. A key comes from the store, and may be anything.

/// The text of the value that the arguments of a key have for `name`, as a person gives it: a text without its quotes.
pub(super) fn value_of(arguments: &str, name: &str) -> Option<String> {
    let arguments = read_part(arguments);
    let inner = arguments.strip_prefix('{')?.strip_suffix('}')?;
    let mut items = split(inner).into_iter();
    items.find_map(|item| {
        let (own, value) = item.split_once(": ")?;
        (text(own)? == name).then(|| plain(value))
    })
}

/// `Read('ab', 'AB')` is `'ab'`, and `Default('AB')` is `'AB'`: what was given, or what it is if nothing was.
fn read_part(value: &str) -> &str {
    let inner = value
        .strip_prefix("Read(")
        .or_else(|| value.strip_prefix("Default("));
    let Some(inner) = inner.and_then(|inner| inner.strip_suffix(')')) else {
        return value;
    };
    split(inner).into_iter().next().unwrap_or(inner)
}

fn plain(value: &str) -> String {
    let value = read_part(value);
    text(value).unwrap_or_else(|| value.to_owned())
}

/// The parts of `inner` that stand between commas, as far as these are in no brackets and no text.
fn split(inner: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    let (mut is_text, mut is_escaped) = (false, false);
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'\'' => is_text = !is_text,
            _ if is_text => {}
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(inner[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(inner[start..].trim());
    parts
}

/// The text that is written as `literal`, in quotes; `None` if it is none.
fn text(literal: &str) -> Option<String> {
    let inner = literal.strip_prefix('\'')?.strip_suffix('\'')?;
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        let plain = match character {
            '\\' => match characters.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'x' => code(&mut characters, 2)?,
                'u' => code(&mut characters, 4)?,
                escaped @ ('\'' | '\\') => escaped,
                _ => return None,
            },
            '\'' => return None,
            character => character,
        };
        text.push(plain);
    }
    Some(text)
}

fn code(characters: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let (code, rest) = characters.as_str().split_at_checked(digits)?;
    *characters = rest.chars();
    char::from_u32(u32::from_str_radix(code, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use giotto_cache::literal;

    use super::*;

    #[derive(serde::Serialize)]
    struct Arguments {
        x: i64,
        sku: &'static str,
        list: Vec<&'static str>,
        last: Option<bool>,
    }

    #[test]
    fn what_is_written_is_read_back() {
        for sku in [
            "",
            "app",
            "it's, 'x': {12}",
            "a\n\t\\\u{7f}\u{202e}中",
            "}, 'x': 9",
        ] {
            let arguments = Arguments {
                x: 12,
                sku,
                list: vec!["a, b", "c"],
                last: Some(true),
            };
            let text = literal::to_string(&arguments).unwrap();
            assert_eq!(value_of(&text, "sku").as_deref(), Some(sku), "{text}");
            assert_eq!(value_of(&text, "x").as_deref(), Some("12"));
            assert_eq!(value_of(&text, "list").as_deref(), Some("['a, b', 'c']"));
            assert_eq!(value_of(&text, "last").as_deref(), Some("True"));
            assert_eq!(value_of(&text, "y"), None);
        }
    }

    #[test]
    fn what_was_given_counts_and_not_what_became_of_it() {
        let text = "{'a': Read('ab', 'AB'), 'b': Default('x, y'), 'c': Read([1, 2], [2, 1])}";
        for (name, expected) in [("a", "ab"), ("b", "x, y"), ("c", "[1, 2]")] {
            assert_eq!(value_of(text, name).as_deref(), Some(expected));
        }
        assert_eq!(
            value_of("Read({'x': 'a'}, {'x': 'A'})", "x").as_deref(),
            Some("a")
        );
    }

    #[test]
    fn what_is_no_literal_has_no_values() {
        for text in [
            "",
            "{",
            "}",
            "{}",
            "user:7",
            "{'x'}",
            "{'x: 1}",
            "{x: 1}",
            "Read(",
            r"{'\': 1}",
        ] {
            assert_eq!(value_of(text, "x"), None, "{text}");
        }
    }
}
