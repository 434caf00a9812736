//! A template, cut into tokens: the lexical form of minijinja, `{{ .. }}`, `{% .. %}` and `{# .. #}`.
//!
//! Before the first request, and in step 6 of an invocation after an error.

/// What is written between two delimiters.
#[derive(Debug)]
pub(super) struct Tag<'s> {
    pub(super) is_statement: bool,
    pub(super) tokens: Vec<Placed<'s>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'s> {
    /// A name, a keyword or a number.
    Word(&'s str),
    Text(String),
    Symbol(char),
}

/// A token and its line.
pub(super) type Placed<'s> = (Token<'s>, usize);

/// The text of a template from some place on.
pub(super) struct Rest<'s> {
    source: &'s str,
    line: usize,
}

impl<'s> Rest<'s> {
    pub(super) const fn of(source: &'s str) -> Self {
        Self { source, line: 1 }
    }

    /// Takes `length` bytes.
    fn take(&mut self, length: usize) -> &'s str {
        let (taken, rest) = self.source.split_at(length);
        self.line += taken.matches('\n').count();
        self.source = rest;
        taken
    }

    /// Skips to the text after `end`, or to the end of the template.
    fn skip_past(&mut self, end: &str) {
        let length = self.source.find(end).map(|at| at + end.len());
        self.take(length.unwrap_or(self.source.len()));
    }

    /// Skips what follows `{% raw %}`, with its end.
    pub(super) fn skip_raw(&mut self) {
        while let Some(at) = self.source.find("{%") {
            self.take(at + 2);
            let after = self.source.trim_start_matches(['-', '+']).trim_start();
            if after.starts_with("endraw") {
                return self.skip_past("%}");
            }
        }
        self.take(self.source.len());
    }

    pub(super) fn next_tag(&mut self) -> Option<Tag<'s>> {
        loop {
            let brace = self.source.find('{')?;
            self.take(brace);
            match self.source.as_bytes().get(1) {
                Some(b'#') => self.skip_past("#}"),
                Some(kind @ (b'{' | b'%')) => {
                    self.take(2);
                    let is_statement = *kind == b'%';
                    return Some(Tag {
                        is_statement,
                        tokens: self.tokens(if is_statement { "%}" } else { "}}" }),
                    });
                }
                _ => {
                    self.take(1);
                }
            }
        }
    }

    /// The tokens before `end`, which is taken, too.
    pub(super) fn tokens(&mut self, end: &str) -> Vec<Placed<'s>> {
        let mut tokens = Vec::new();
        let mut braces = 0_usize;
        while let Some(first) = self.source.chars().next() {
            if braces == 0 && self.source.starts_with(end) {
                self.take(end.len());
                break;
            }
            let line = self.line;
            let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
            let token = match first {
                '"' | '\'' => Token::Text(self.text(first)),
                _ if is_word(first) => {
                    let length = self.source.find(|letter| !is_word(letter));
                    Token::Word(self.take(length.unwrap_or(self.source.len())))
                }
                symbol => {
                    self.take(symbol.len_utf8());
                    match symbol {
                        '{' => braces += 1,
                        '}' => braces = braces.saturating_sub(1),
                        _ => {}
                    }
                    if symbol.is_whitespace() {
                        continue;
                    }
                    Token::Symbol(symbol)
                }
            };
            tokens.push((token, line));
        }
        // The signs of `{%- .. -%}` and `{%+ .. +%}`.
        if matches!(tokens.first(), Some((Token::Symbol('-' | '+'), _))) {
            tokens.remove(0);
        }
        if matches!(tokens.last(), Some((Token::Symbol('-' | '+'), _))) {
            tokens.pop();
        }
        tokens
    }

    /// A text in `quote`s.
    fn text(&mut self, quote: char) -> String {
        self.take(quote.len_utf8());
        let mut text = String::new();
        while let Some(letter) = self.source.chars().next() {
            self.take(letter.len_utf8());
            match letter {
                '\\' => {
                    let escaped = self.source.chars().next();
                    self.take(escaped.map_or(0, char::len_utf8));
                    text.extend(escaped);
                }
                letter if letter == quote => break,
                letter => text.push(letter),
            }
        }
        text
    }
}
