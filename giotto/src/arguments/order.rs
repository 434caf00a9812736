//! Compares literals without the order of their lists.
//!
//! Used by `key` where a type writes a text that it did not read.

/// The literal `text` with the items of every list sorted and without repetition; tuples become lists.
pub(super) fn sorted(text: &str) -> String {
    let mut rest = text;
    item(&mut rest)
}

/// Takes one item off the `rest`, up to the comma or the bracket that ends it.
fn item(rest: &mut &str) -> String {
    let mut item = String::new();
    while let Some(next) = rest.chars().next() {
        match next {
            ',' | ')' | ']' | '}' => break,
            '(' | '[' => list(rest, ['[', ']'], &mut item),
            '{' => list(rest, ['{', '}'], &mut item),
            '\'' => item.push_str(take(rest, string(rest))),
            next => item.push_str(take(rest, next.len_utf8())),
        }
    }
    item.trim().to_owned()
}

/// Takes a list off the `rest`, with both of its brackets.
fn list(rest: &mut &str, [open, close]: [char; 2], text: &mut String) {
    let mut items = Vec::new();
    loop {
        // The opening bracket or a comma.
        take(rest, 1);
        items.push(item(rest));
        if !rest.starts_with(',') {
            break;
        }
    }
    take(rest, rest.len().min(1));
    items.retain(|item| !item.is_empty());
    items.sort_unstable();
    items.dedup();
    text.push(open);
    text.push_str(&items.join(", "));
    text.push(close);
}

/// The length of the string in quotes at the start of `text`.
fn string(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let is_end = byte == b'\'' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(text.len(), |end| end + 2)
}

fn take<'t>(rest: &mut &'t str, length: usize) -> &'t str {
    let (taken, left) = rest.split_at(length);
    *rest = left;
    taken
}

#[cfg(test)]
mod tests {
    use super::sorted;

    #[test]
    fn lists_lose_their_order_and_nothing_else() {
        for (text, expected) in [
            ("12", "12"),
            ("'a, b'", "'a, b'"),
            ("'it\\'s [2, 1]\\\\'", "'it\\'s [2, 1]\\\\'"),
            ("[2, 1, 2]", "[1, 2]"),
            ("[[2, 1], []]", "[[1, 2], []]"),
            ("(1,)", "[1]"),
            ("{'b': (2, 1), 'a': 'é'}", "{'a': 'é', 'b': [1, 2]}"),
            ("Some(None)", "Some[None]"),
            ("{'Grey': b'\\x01'}", "{'Grey': b'\\x01'}"),
        ] {
            assert_eq!(sorted(text), expected);
        }
        assert_ne!(sorted("['1, 2']"), sorted("['1', '2']"));
        assert_ne!(sorted("['a', 'b']"), sorted("['b', 'c']"));
    }
}
