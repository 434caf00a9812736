//! The text of the tutorial, read as steps: which files a reader writes, and what a reader types and sees.
//!
//! The first step of `checks tutorial`. Whatever stands in a fenced block is written, applied or run: a block of
//! another kind is a violation, so that nothing is shown that is not checked.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

use crate::report::Violation;

/// Where the text is, below the root of the repository.
pub(crate) const PAGE: &str = "docs/tutorial.md";

/// A part of the text under a heading such as `## 3. Templates`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) number: usize,
    pub(crate) title: String,
    pub(crate) blocks: Vec<Block>,
}

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The line of its first line of text, counted from 1.
    pub(crate) line: usize,
    pub(crate) act: Act,
}

/// What a reader does with a block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A whole file: the word `file=PATH` stands behind the language.
    Write { path: String, text: String },
    /// A change of one file, in the language `diff`: its two first lines name the file.
    Change { diff: String },
    /// Commands and what they print, in the language `console`.
    Run { commands: Vec<Command> },
}

/// A line that begins with `$ `, and the lines below it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) line: usize,
    pub(crate) text: String,
    /// Empty if the text does not show the output.
    pub(crate) output: Vec<String>,
}

/// A violation at a line of the text.
pub(crate) fn at(line: usize, what: impl Into<String>, remedy: &str) -> Violation {
    Violation {
        place: format!("{PAGE}:{line}"),
        what: what.into(),
        remedy: remedy.to_owned(),
    }
}

/// The steps of `text` in their order, and what in it is no part of a step.
pub(crate) fn read(text: &str) -> (Vec<Step>, Vec<Violation>) {
    let (mut steps, mut violations) = (Vec::<Step>::new(), Vec::new());
    let mut is_in_step = false;
    let mut events = Parser::new(text).into_offset_iter();
    while let Some((event, place)) = events.next() {
        let line = 1 + text[..place.start].matches('\n').count();
        match event {
            Event::Start(Tag::Heading {
                level: HeadingLevel::H2,
                ..
            }) => {
                let within = events.by_ref().map(|(event, _)| event);
                let heading = words(within, TagEnd::Heading(HeadingLevel::H2));
                let step = numbered(&heading);
                is_in_step = step.is_some();
                if let Some(step) = step {
                    if step.number != steps.len() + 1 {
                        let next = "number the steps from 1 without a gap";
                        violations.push(at(line, format!("this is step {}", step.number), next));
                    }
                    steps.push(step);
                }
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let within = events.by_ref().map(|(event, _)| event);
                let block = block(line + 1, &kind, words(within, TagEnd::CodeBlock));
                match (block, steps.last_mut()) {
                    (Ok(block), Some(step)) if is_in_step => step.blocks.push(block),
                    (Ok(_), _) => {
                        let remedy = "move it below the heading of a step";
                        violations.push(at(line, "this block is in no step", remedy));
                    }
                    (Err(violation), _) => violations.push(violation),
                }
            }
            _ => {}
        }
    }
    (steps, violations)
}

/// The text of all events before `end`.
fn words<'t>(events: impl Iterator<Item = Event<'t>>, end: TagEnd) -> String {
    let mut words = String::new();
    for event in events {
        match event {
            Event::Text(text) | Event::Code(text) => words.push_str(&text),
            Event::End(ended) if ended == end => break,
            _ => {}
        }
    }
    words
}

/// A step without blocks, if the heading begins with its number.
fn numbered(heading: &str) -> Option<Step> {
    let (number, title) = heading.split_once(". ")?;
    Some(Step {
        number: number.parse().ok()?,
        title: title.to_owned(),
        blocks: Vec::new(),
    })
}

fn block(line: usize, kind: &CodeBlockKind<'_>, text: String) -> Result<Block, Violation> {
    let info = match kind {
        CodeBlockKind::Fenced(info) => info,
        CodeBlockKind::Indented => "",
    };
    let file = info.split(' ').find_map(|word| word.strip_prefix("file="));
    let act = match (info.split(' ').next(), file) {
        (_, Some(path)) => Act::Write {
            path: path.to_owned(),
            text,
        },
        (Some("diff"), None) => Act::Change { diff: text },
        (Some("console"), None) => Act::Run {
            commands: commands(line, &text)?,
        },
        _ => {
            let remedy = "write ```LANGUAGE file=PATH, ```diff or ```console";
            return Err(at(line, "nothing is done with this block", remedy));
        }
    };
    Ok(Block { line, act })
}

/// The commands of a console; one that ends in a backslash goes on in the next line.
fn commands(first: usize, text: &str) -> Result<Vec<Command>, Violation> {
    let mut commands = Vec::<Command>::new();
    for (line, shown) in (first..).zip(text.lines()) {
        match (shown.strip_prefix("$ "), commands.last_mut()) {
            (Some(text), _) => commands.push(Command {
                line,
                text: text.to_owned(),
                output: Vec::new(),
            }),
            (None, Some(last)) if last.text.ends_with('\\') && last.output.is_empty() => {
                last.text.push('\n');
                last.text.push_str(shown);
            }
            (None, Some(last)) => last.output.push(shown.to_owned()),
            (None, None) => {
                return Err(at(
                    line,
                    "a console begins with a command",
                    "write `$ ` before it",
                ));
            }
        }
    }
    Ok(commands)
}
