//! Rust source as words and signs, without comments, and with literals that have no content.
//!
//! The first step of a structure check: what looks like code in a comment or a string is gone after it.

/// A word or sign, and its line, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

impl Token<'_> {
    /// Whether this is an identifier or a keyword.
    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(is_word_start)
    }
}

/// The tokens of `source`; `::` is one token, every other sign is a token of one character.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest);
        let (text, after) = if length > 0 {
            rest.split_at(length)
        } else {
            let (text, after) = rest.split_at(word_or_sign(rest, first));
            let text = text.strip_prefix("r#").unwrap_or(text);
            tokens.push(Token { text, line });
            (text, after)
        };
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

/// How many bytes at the beginning of `text` are space, a comment, a literal or a lifetime; 0 if none are.
fn skipped(text: &str) -> usize {
    if text.starts_with(char::is_whitespace) {
        return text.len() - text.trim_start().len();
    }
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment(text);
    }
    quoted(text).unwrap_or(0)
}

/// The length of a comment, with those inside it.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of a string, a character or a lifetime, if `text` begins with one.
fn quoted(text: &str) -> Option<usize> {
    let letters = text.find(|c| !matches!(c, 'b' | 'c' | 'r'))?;
    let (prefix, literal) = text.split_at(letters);
    if !matches!(prefix, "" | "b" | "c" | "r" | "br" | "cr") {
        return None;
    }
    if prefix.ends_with('r') {
        let hashes = literal.find(|c| c != '#')?;
        let opened = literal[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", &literal[..hashes]);
        let content = opened.find(&end).unwrap_or(opened.len());
        return Some((letters + hashes + 1 + content + end.len()).min(text.len()));
    }
    if literal.starts_with('"') {
        return Some(letters + closing(literal, '"')?);
    }
    let after = literal.strip_prefix('\'')?;
    let mut characters = after.chars();
    let first = characters.next()?;
    if first == '\\' || characters.next() == Some('\'') {
        return Some(letters + closing(literal, '\'')?);
    }
    let name = after.find(|c: char| !is_word_part(c));
    Some(letters + 1 + name.unwrap_or(after.len()))
}

/// The length of a literal that begins and ends with `quote`.
fn closing(literal: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in literal.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return Some(at + 1),
            _ => {}
        }
    }
    Some(literal.len())
}

fn word_or_sign(text: &str, first: char) -> usize {
    if text.starts_with("::") {
        return 2;
    }
    let raw = if text.starts_with("r#") { 2 } else { 0 };
    if is_word_part(first) {
        let end = text[raw..].find(|c: char| !is_word_part(c));
        return end.map_or(text.len(), |end| raw + end);
    }
    first.len_utf8()
}

fn is_word_start(character: char) -> bool {
    character == '_' || character.is_alphabetic()
}

fn is_word_part(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::tokens;

    fn texts(source: &str) -> Vec<&str> {
        tokens(source).iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_literals_have_no_tokens() {
        let source = "a /* b /* c */ d */ 'e' '\\'' \"f \\\" g\" br#\"h \" i\"# // j\n/// k\nl";
        assert_eq!(texts(source), ["a", "l"]);
    }

    #[test]
    fn a_lifetime_is_no_character() {
        assert_eq!(
            texts("<'a, T: 'static>('x')"),
            ["<", ",", "T", ":", ">", "(", ")"]
        );
    }

    #[test]
    fn paths_and_lines() {
        let found = tokens("use r#crate::a;\n\n\"two\nlines\" b");
        let found: Vec<_> = found.iter().map(|token| (token.text, token.line)).collect();
        assert_eq!(
            found,
            [
                ("use", 1),
                ("crate", 1),
                ("::", 1),
                ("a", 1),
                (";", 1),
                ("b", 4)
            ]
        );
    }
}
