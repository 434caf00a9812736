//! What a template says about other files and names, read from its text: what it includes, which functions it calls with
//! constants, and which variables it sets.
//!
//! Before the first request, for the checks; and in step 6 of an invocation, to explain an error.

use super::tokens::{Placed, Rest, Tag, Token};

/// A template that another one names by a constant.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// The first one that exists is used.
    pub(super) names: Vec<String>,
    pub(super) line: usize,
}

/// A call of a function without arguments, or with a constant as the first one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) function: String,
    pub(super) argument: Option<String>,
    /// The names of its named arguments; `None` if they are not all written there.
    pub(super) named: Option<Vec<String>>,
    pub(super) line: usize,
}

/// A variable that the template sets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    /// The path of its value, such as `data.books`, if it is one.
    pub(super) path: Option<Vec<String>>,
    /// Whether it is each item of that value.
    pub(super) is_item: bool,
}

/// A template, cut into tokens.
#[derive(Debug)]
pub(super) struct Scan<'s>(Vec<Tag<'s>>);

impl<'s> Scan<'s> {
    pub(super) fn of(source: &'s str) -> Self {
        let mut tags = Vec::new();
        let mut rest = Rest::of(source);
        while let Some(tag) = rest.next_tag() {
            let is_raw = matches!(tag.tokens.as_slice(), [(Token::Word("raw"), _)]);
            if is_raw && tag.is_statement {
                rest.skip_raw();
            }
            tags.push(tag);
        }
        Self(tags)
    }

    fn statements(&self) -> impl Iterator<Item = (&'s str, usize, &[Placed<'s>])> {
        let statements = self.0.iter().filter(|tag| tag.is_statement);
        statements.filter_map(|tag| match tag.tokens.as_slice() {
            [(Token::Word(keyword), line), rest @ ..] => Some((*keyword, *line, rest)),
            _ => None,
        })
    }

    /// The templates that it extends, includes and imports, if their names are constants and they have to exist.
    pub(super) fn references(&self) -> Vec<Reference> {
        let of = |(keyword, line, rest): (&str, usize, &[Placed<'s>])| {
            matches!(keyword, "extends" | "include" | "import" | "from")
                .then(|| reference(line, rest))
                .flatten()
        };
        self.statements().filter_map(of).collect()
    }

    pub(super) fn tags(&self) -> &[Tag<'s>] {
        &self.0
    }

    /// The calls of `functions` without arguments, or with a constant as the first one.
    pub(super) fn calls(&self, functions: &[&str]) -> Vec<Call> {
        let tags = self.0.iter();
        tags.flat_map(|tag| calls(&tag.tokens, functions)).collect()
    }

    /// The filters that it uses, each with its line.
    pub(super) fn filters(&self) -> Vec<(&'s str, usize)> {
        let windows = self.0.iter().flat_map(|tag| tag.tokens.windows(2));
        let filters = windows.filter_map(|window| match window {
            [(Token::Symbol('|'), _), (Token::Word(filter), line)] => Some((*filter, *line)),
            _ => None,
        });
        filters.collect()
    }

    /// The variables that it sets, wherever they are valid.
    pub(super) fn variables(&self) -> Vec<Variable> {
        let mut variables = Vec::new();
        for (keyword, _, rest) in self.statements() {
            match keyword {
                "for" => {
                    let (targets, rest) = names(rest);
                    let path = match rest {
                        [(Token::Word("in"), _), rest @ ..] => path(rest).0,
                        _ => None,
                    };
                    // A path of two targets would be a list of pairs.
                    let path = path.filter(|_| targets.len() == 1);
                    let item = |name: &str| variable(name, path.clone(), true);
                    variables.extend(targets.into_iter().map(item));
                    variables.push(variable("loop", None, false));
                }
                "set" | "with" => {
                    let (targets, rest) = names(rest);
                    let path = match rest {
                        [(Token::Symbol('='), _), rest @ ..] => match path(rest) {
                            (path, []) => path,
                            _ => None,
                        },
                        _ => None,
                    };
                    let value = |name: &str| variable(name, path.clone(), false);
                    variables.extend(targets.into_iter().map(value));
                }
                "macro" | "call" | "import" | "from" => {
                    let words = rest.iter().filter_map(|(token, _)| match token {
                        Token::Word(word) if !is_keyword(word) => Some(*word),
                        _ => None,
                    });
                    variables.extend(words.map(|name| variable(name, None, false)));
                }
                _ => {}
            }
        }
        variables
    }
}

/// What a statement with these tokens after its keyword names, if that is a constant and has to exist.
pub(super) fn reference(line: usize, rest: &[Placed<'_>]) -> Option<Reference> {
    let (names, after) = constants(rest)?;
    let is_whole = match after.first() {
        None => true,
        Some((Token::Word(word), _)) => matches!(*word, "as" | "import" | "with" | "without"),
        Some(_) => false,
    };
    is_whole.then_some(Reference { names, line })
}

/// The calls of `functions` among `tokens`, without arguments, or with a constant as the first one.
pub(super) fn calls(tokens: &[Placed<'_>], functions: &[&str]) -> Vec<Call> {
    let mut calls = Vec::new();
    for (at, (token, line)) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| &tokens[before].0);
        let is_method = matches!(before, Some(Token::Symbol('.' | '|')));
        let Token::Word(function) = token else {
            continue;
        };
        let argument = match &tokens[at + 1..] {
            [(Token::Symbol('('), _), (Token::Symbol(')'), _), ..] => None,
            [
                (Token::Symbol('('), _),
                (Token::Text(argument), _),
                (Token::Symbol(',' | ')'), _),
                ..,
            ] => Some(argument.clone()),
            _ => continue,
        };
        if functions.contains(function) && !is_method {
            calls.push(Call {
                function: (*function).to_owned(),
                argument,
                named: named(&tokens[at + 2..]),
                line: *line,
            });
        }
    }
    calls
}

fn variable(name: &str, path: Option<Vec<String>>, is_item: bool) -> Variable {
    Variable {
        name: name.to_owned(),
        path,
        is_item,
    }
}

fn is_keyword(word: &str) -> bool {
    let is_number = word.starts_with(|first: char| first.is_ascii_digit());
    is_number
        || matches!(
            word,
            "as" | "import" | "with" | "without" | "context" | "true" | "false" | "none"
        )
}

/// The names of the named arguments of a call, of which these are the tokens after the parenthesis; `None` if others are
/// unpacked into it (`**arguments`).
fn named(tokens: &[Placed<'_>]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    for window in tokens.windows(3) {
        match [&window[0].0, &window[1].0, &window[2].0] {
            [Token::Symbol('(' | '[' | '{'), ..] => depth += 1,
            [Token::Symbol(')' | ']' | '}'), ..] => match depth.checked_sub(1) {
                Some(inside) => depth = inside,
                None => break,
            },
            [Token::Symbol('*'), Token::Symbol('*'), _] if depth == 0 => return None,
            [Token::Symbol(','), Token::Word(name), Token::Symbol('=')] if depth == 0 => {
                names.push((*name).to_owned());
            }
            _ => {}
        }
    }
    Some(names)
}

/// A text, or a list of texts, at the start of `tokens`, and what follows.
fn constants<'t, 's>(tokens: &'t [Placed<'s>]) -> Option<(Vec<String>, &'t [Placed<'s>])> {
    match tokens {
        [(Token::Text(name), _), rest @ ..] => Some((vec![name.clone()], rest)),
        [(Token::Symbol('['), _), rest @ ..] => {
            let end = rest
                .iter()
                .position(|(token, _)| *token == Token::Symbol(']'))?;
            let names = rest[..end].iter().filter_map(|(token, _)| match token {
                Token::Symbol(',') => None,
                Token::Text(name) => Some(Some(name.clone())),
                _ => Some(None),
            });
            Some((names.collect::<Option<_>>()?, &rest[end + 1..]))
        }
        _ => None,
    }
}

/// Names with commas between them at the start of `tokens`, and what follows.
fn names<'t, 's>(mut tokens: &'t [Placed<'s>]) -> (Vec<&'s str>, &'t [Placed<'s>]) {
    let mut names = Vec::new();
    while let [(token, _), rest @ ..] = tokens {
        match token {
            Token::Word("in") => break,
            Token::Word(name) => names.push(*name),
            Token::Symbol(',' | '(' | ')') => {}
            _ => break,
        }
        tokens = rest;
    }
    (names, tokens)
}

/// A path such as `data.books[0]` at the start of `tokens`, and what follows.
fn path<'t, 's>(mut tokens: &'t [Placed<'s>]) -> (Option<Vec<String>>, &'t [Placed<'s>]) {
    let mut path = match tokens {
        [(Token::Word(root), _), rest @ ..] => {
            tokens = rest;
            vec![(*root).to_owned()]
        }
        _ => return (None, tokens),
    };
    loop {
        match tokens {
            [(Token::Symbol('.'), _), (Token::Word(name), _), rest @ ..] => {
                path.push((*name).to_owned());
                tokens = rest;
            }
            [
                (Token::Symbol('['), _),
                (key, _),
                (Token::Symbol(']'), _),
                rest @ ..,
            ] => {
                match key {
                    Token::Text(key) => path.push(key.clone()),
                    Token::Word(key) => path.push((*key).to_owned()),
                    Token::Symbol(_) => return (None, tokens),
                }
                tokens = rest;
            }
            _ => return (Some(path), tokens),
        }
    }
}

/// The path that is the whole `expression`, if it is one.
pub(super) fn path_of(expression: &str) -> Option<Vec<String>> {
    let mut rest = Rest::of(expression);
    match path(&rest.tokens("}}")) {
        (path, []) => path,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(source: &str) -> Vec<Vec<String>> {
        let references = Scan::of(source).references().into_iter();
        references.map(|reference| reference.names).collect()
    }

    #[test]
    fn constants_are_found_and_all_else_is_not() {
        for (source, expected) in [
            ("{% extends 'a.html' %}", &["a.html"][..]),
            ("{%- extends \"a.html\" -%}", &["a.html"]),
            ("{%+ include 'a' without context %}", &["a"]),
            ("{% from 'a' import x as y, z %}", &["a"]),
            ("{% import 'a' as m %}", &["a"]),
            (r"{% include 'it\'s' %}", &["it's"]),
            ("{% include 'a' ignore missing %}", &[]),
            ("{% include 'a' if x else 'b' %}", &[]),
            ("{% include 'a' ~ x %}", &[]),
            ("{% include name %}", &[]),
            ("{# {% include 'a' %} #}", &[]),
            ("{% raw %}{% include 'a' %}{% endraw %}", &[]),
            ("{% raw -%}{{ }}{%- endraw %}{% include 'b' %}", &["b"]),
            ("{ {% include 'a' %}", &["a"]),
            ("{{ {'a': {'b': \"}}\"}} }}{% include 'a' %}", &["a"]),
            ("{{ '{% include \"x\" %}' }}", &[]),
            ("{% include 'a", &["a"]),
            ("{%", &[]),
            ("{{", &[]),
            ("{#", &[]),
            ("{% raw %}{%", &[]),
        ] {
            let expected: Vec<_> = expected
                .iter()
                .map(|name| vec![(*name).to_owned()])
                .collect();
            assert_eq!(names(source), expected, "{source}");
        }
        assert_eq!(names("{% include ['a', 'b'] %}"), [["a", "b"]]);
        assert!(names("{% include ['a', b] %}").is_empty());
    }

    #[test]
    fn calls_have_the_line_of_their_template() {
        let source = "é\n{{ t('a') }}\n{% if url_for(\n'b', x=1) %}{{ m.t('c') }}{{ t('d' ~ x) }}{{ x|t('e') }}{{ t() }}";
        let calls = Scan::of(source).calls(&["t", "url_for"]).into_iter();
        let calls: Vec<_> = calls
            .map(|call| (call.function, call.argument.unwrap_or_default(), call.line))
            .collect();
        let expected = [("t", "a", 2), ("url_for", "b", 3), ("t", "", 4)];
        assert_eq!(
            calls,
            expected.map(|(function, argument, line)| (
                function.to_owned(),
                argument.to_owned(),
                line
            ))
        );
    }

    #[test]
    fn named_arguments_are_those_of_the_call_itself() {
        for (source, expected) in [
            ("{{ t('a') }}", Some("")),
            (
                "{{ t('a', x=1, y = f(z=2)[g(w=3)], v={'u': 1}) }}{{ t }}",
                Some("x y v"),
            ),
            ("{{ t('a', x=b == c, y=1) }}", Some("x y")),
            ("{{ f(t('a', x=1), y=2) }}", Some("x")),
            ("{{ t('a', **x) }}", None),
            ("{{ t('a', y=2 ** 3) }}", None),
            ("{{ t('a', x=(2 ** 3)) }}", Some("x")),
        ] {
            let calls = Scan::of(source).calls(&["t"]);
            let names = calls[0].named.as_ref().map(|names| names.join(" "));
            assert_eq!(names.as_deref(), expected, "{source}");
        }
    }

    #[test]
    fn variables_have_the_path_of_their_value() {
        let source = "{% for book in data.books|sort %}{% for a, b in x %}{% set y = data['z'] %}{% set n = 1 + 1 %}\
                      {% macro show(text, size=2) %}{% from 'm' import input as field %}";
        let variables = Scan::of(source).variables();
        let path = |name: &str| {
            let variable = variables.iter().find(|variable| variable.name == name);
            let variable = variable.unwrap();
            let path = variable.path.as_ref().map(|path| path.join("/"));
            (path, variable.is_item)
        };
        assert_eq!(path("book"), (Some("data/books".to_owned()), true));
        assert_eq!(path("y"), (Some("data/z".to_owned()), false));
        for name in ["loop", "show", "text", "size", "field"] {
            assert_eq!(path(name), (None, false), "{name}");
        }
        assert_eq!(path("n").0, None);
        assert_eq!(path("a"), (None, true));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in "([{}%#\"'\\\\()\\[\\],.|é\n -]|raw|endraw|include|for|in|set|t){0,40}") {
            let scan = Scan::of(&text);
            scan.references();
            scan.calls(&["t"]);
            scan.filters();
            scan.variables();
            path_of(&text);
        }
    }
}
