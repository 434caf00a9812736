//! The outline of a template: where it calls functions, includes others, and has the blocks of its layout.
//!
//! Before the first request. Of what may run or not, such as the branches of `{% if %}` and macros, only the blocks are known.

use super::scan::{self, Scan};
use super::tokens::{Placed, Tag, Token};

/// A part of a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A call of a function without arguments, which certainly runs if the part is reached; and its line.
    Call(String, usize),
    /// The first of these templates that exists.
    Include(Vec<String>),
    Extends(Vec<String>),
    /// `{{ super() }}`
    Super,
    Block(String, Vec<Self>),
    /// What may run or not.
    Perhaps(Vec<Self>),
}

/// What a statement opens, until its end.
enum Body {
    /// Its parts are parts of what it is in.
    Same,
    Block(String),
    Perhaps,
}

/// The parts of the template `source`, with its calls of `functions`.
pub(super) fn outline(source: &str, functions: &[&str]) -> Vec<Part> {
    let mut open = vec![(Body::Same, Vec::new())];
    for tag in Scan::of(source).tags() {
        let parts = parts(tag, functions);
        add(&mut open, parts);
        match tag.tokens.as_slice() {
            [(Token::Word(keyword), _), rest @ ..] if tag.is_statement => {
                if let Some(body) = opened(keyword, rest) {
                    open.push((body, Vec::new()));
                } else if keyword.starts_with("end") && open.len() > 1 {
                    close(&mut open);
                }
            }
            _ => {}
        }
    }
    while open.len() > 1 {
        close(&mut open);
    }
    open.pop().map_or_else(Vec::new, |(_, parts)| parts)
}

fn add(open: &mut [(Body, Vec<Part>)], parts: impl IntoIterator<Item = Part>) {
    if let Some((_, known)) = open.last_mut() {
        known.extend(parts);
    }
}

fn close(open: &mut Vec<(Body, Vec<Part>)>) {
    match open.pop() {
        Some((Body::Same, parts)) => add(open, parts),
        Some((Body::Block(name), parts)) => add(open, [Part::Block(name, parts)]),
        Some((Body::Perhaps, parts)) => add(open, [Part::Perhaps(parts)]),
        None => {}
    }
}

/// What the statement of `keyword` opens, with these tokens after it.
fn opened(keyword: &str, rest: &[Placed<'_>]) -> Option<Body> {
    Some(match (keyword, rest) {
        ("block", [(Token::Word(name), _), ..]) => Body::Block((*name).to_owned()),
        ("for" | "with" | "filter" | "autoescape", _) => Body::Same,
        // `{% set x %}..{% endset %}`
        ("set", rest) if rest.iter().all(|(token, _)| *token != Token::Symbol('=')) => Body::Same,
        ("if" | "macro" | "call", _) => Body::Perhaps,
        _ => return None,
    })
}

/// The parts of one tag.
fn parts(tag: &Tag<'_>, functions: &[&str]) -> Vec<Part> {
    let tokens = tag.tokens.as_slice();
    let reference = |(keyword, rest): (&str, &[Placed<'_>])| {
        let names = scan::reference(0, rest)?.names;
        match keyword {
            "include" => Some(Part::Include(names)),
            "extends" => Some(Part::Extends(names)),
            _ => None,
        }
    };
    let certain = match tokens {
        [(Token::Word("elif" | "macro"), _), ..] if tag.is_statement => &[],
        // Its condition is about each item.
        [(Token::Word("for"), _), rest @ ..] if tag.is_statement => until_choice(rest),
        [(Token::Word("if"), _), rest @ ..] if tag.is_statement => unless_choice(rest),
        tokens => unless_choice(tokens),
    };
    let calls = scan::calls(certain, functions).into_iter();
    let calls = calls.map(|call| Part::Call(call.function, call.line));
    let supers = scan::calls(tokens, &["super"]).into_iter();
    let statement = match tokens {
        [(Token::Word(keyword), _), rest @ ..] if tag.is_statement => Some((*keyword, rest)),
        _ => None,
    };
    calls
        .chain(supers.map(|_| Part::Super))
        .chain(statement.and_then(reference))
        .collect()
}

/// The tokens before the first word that makes what follows it run or not.
fn until_choice<'t, 's>(tokens: &'t [Placed<'s>]) -> &'t [Placed<'s>] {
    let is_choice = |(token, _): &Placed<'_>| matches!(token, Token::Word("if" | "and" | "or"));
    let end = tokens.iter().position(is_choice);
    &tokens[..end.unwrap_or(tokens.len())]
}

/// The tokens, if all of them are evaluated.
fn unless_choice<'t, 's>(tokens: &'t [Placed<'s>]) -> &'t [Placed<'s>] {
    match until_choice(tokens).len() == tokens.len() {
        true => tokens,
        false => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::Part::{Block, Call, Extends, Include, Perhaps, Super};
    use super::*;

    fn call(line: usize) -> Part {
        Call("csrf".to_owned(), line)
    }

    #[test]
    fn what_certainly_runs_is_told_from_what_may() {
        let name = |name: &str| vec![name.to_owned()];
        for (source, expected) in [
            ("\n{{ csrf() }}{{ other() }}", vec![call(2)]),
            (
                "{% for x in csrf() if x %}{{ csrf() }}{% endfor %}",
                vec![call(1), call(1)],
            ),
            (
                "{% if csrf() %}{{ csrf() }}{% endif %}",
                vec![call(1), Perhaps(vec![call(1)])],
            ),
            (
                "{% if x %}{% elif csrf() %}{% else %}{% endif %}",
                vec![Perhaps(vec![])],
            ),
            ("{{ csrf() if x }}{{ x and csrf() }}", vec![]),
            ("{% set x = csrf() %}{{ csrf() }}", vec![call(1), call(1)]),
            (
                "{% set x %}{{ csrf() }}{% endset %}{{ csrf() }}",
                vec![call(1), call(1)],
            ),
            (
                "{% macro m() %}{{ csrf() }}{% endmacro %}",
                vec![Perhaps(vec![call(1)])],
            ),
            (
                "{# {{ csrf() }} #}{% raw %}{{ csrf() }}{% endraw %}",
                vec![],
            ),
            (
                "{% extends 'a' %}{% block b %}{{ super() }}{% include 'c' %}{% endblock b %}",
                vec![
                    Extends(name("a")),
                    Block("b".to_owned(), vec![Super, Include(name("c"))]),
                ],
            ),
            (
                "{% include 'a' if x %}{% include x %}{% include 'a' ignore missing %}",
                vec![],
            ),
            (
                "{% block b %}{{ csrf() }}",
                vec![Block("b".to_owned(), vec![call(1)])],
            ),
        ] {
            assert_eq!(outline(source, &["csrf"]), expected, "{source}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in "([{}%\"() \n]|\\{% (if|for|block b|endif|endblock|set x|macro|else) %\\}|csrf){0,40}") {
            outline(&text, &["csrf"]);
        }
    }
}
