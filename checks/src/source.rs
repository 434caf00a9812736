//! One file: which modules it declares, what it imports, which paths it writes, and how long its functions are.
//!
//! The second step of a structure check. What stands under `#[cfg(test)]` or `#[test]` is left out and not counted.

mod imports;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::tokens::{Token, tokens};

/// Names from the outermost module inwards.
pub(crate) type Path = Vec<String>;

/// What a check needs to know of a file.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Without those of tests.
    pub(crate) lines: usize,
    pub(crate) modules: Vec<Module>,
    pub(crate) imports: Vec<Import>,
    pub(crate) mentions: Vec<Mention>,
    pub(crate) functions: Vec<Function>,
    /// Each item of the file, below the inline modules in which it stands.
    pub(crate) items: BTreeSet<Path>,
    /// What `macro_rules!` defines, which `#[macro_export]` puts into the root of the crate.
    pub(crate) macros: BTreeSet<String>,
    /// Every word that is not part of an import.
    pub(crate) words: BTreeSet<String>,
}

/// A module: its path below the module of the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) path: Path,
    pub(crate) inline: bool,
}

/// One name of a `use`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// The inline modules in which it stands.
    pub(crate) within: Path,
    pub(crate) path: Path,
    /// What it is called here; `None` is `*`.
    pub(crate) name: Option<String>,
    /// `pub use`, or `pub(crate) use`.
    pub(crate) exported: bool,
    pub(crate) line: usize,
}

/// A path of at least two names that is not part of a `use`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    pub(crate) within: Path,
    pub(crate) path: Path,
    pub(crate) line: usize,
}

/// From `fn` to the closing brace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

impl Source {
    pub(crate) fn parse(text: &str) -> Self {
        let mut parser = Parser {
            tokens: &tokens(text),
            ..Parser::default()
        };
        parser.found.lines = text.lines().count();
        while parser.step() {}
        parser.found
    }
}

/// Goes through the tokens once, from the first to the last.
#[derive(Default)]
struct Parser<'t> {
    tokens: &'t [Token<'t>],
    at: usize,
    /// How many braces are open.
    depth: usize,
    /// The open inline modules, each with the depth of its content.
    within: Vec<(String, usize)>,
    /// Whether the tokens before this one were `pub`, or `pub(..)`.
    exported: bool,
    found: Source,
}

impl<'t> Parser<'t> {
    /// Reads what begins at the next token; false at the end.
    fn step(&mut self) -> bool {
        let Some(token) = self.tokens.get(self.at).copied() else {
            return false;
        };
        let exported = std::mem::take(&mut self.exported);
        match token.text {
            "#" => self.attribute(),
            "{" => self.open(),
            "}" => self.close(),
            "$" => self.macro_variable(),
            "pub" => self.visibility(),
            "use" if self.text(1) != "<" => self.import(exported),
            "mod" => self.module(),
            "fn" => self.function(token),
            "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" => self.item(1),
            "macro_rules" if self.text(1) == "!" => self.macro_rules(),
            _ if token.is_word() => self.mention(token),
            _ => self.at += 1,
        }
        true
    }

    /// The text of the token that is `ahead` of the next one, or nothing.
    fn text(&self, ahead: usize) -> &'t str {
        self.tokens
            .get(self.at + ahead)
            .map_or("", |token| token.text)
    }

    fn path_within(&self) -> Path {
        self.within.iter().map(|(name, _)| name.clone()).collect()
    }

    fn open(&mut self) {
        self.depth += 1;
        self.at += 1;
    }

    fn close(&mut self) {
        let content = self.depth;
        self.within.pop_if(|(_, depth)| *depth == content);
        self.depth = self.depth.saturating_sub(1);
        self.at += 1;
    }

    /// `$crate::..` has to name what a user of the macro can name.
    fn macro_variable(&mut self) {
        self.at += 2;
        while self.text(0) == "::" {
            self.at += 2;
        }
    }

    fn visibility(&mut self) {
        self.at += 1;
        if self.text(0) == "(" && matches!(self.text(1), "crate" | "super" | "self" | "in") {
            self.at = self.matching(self.at);
        }
        self.exported = true;
    }

    fn module(&mut self) {
        let mut path = self.path_within();
        path.push(self.text(1).to_owned());
        match self.text(2) {
            ";" => self.found.modules.push(Module {
                path,
                inline: false,
            }),
            "{" => {
                self.depth += 1;
                self.within.push((self.text(1).to_owned(), self.depth));
                self.found.modules.push(Module { path, inline: true });
            }
            _ => return self.at += 1,
        }
        self.at += 3;
    }

    fn function(&mut self, keyword: Token<'_>) {
        let Some(name) = self.tokens.get(self.at + 1).filter(|name| name.is_word()) else {
            return self.at += 1;
        };
        let end = self.end_of_item(self.at);
        let last = self.tokens[end - 1];
        if last.text == "}" {
            self.found.functions.push(Function {
                name: name.text.to_owned(),
                line: keyword.line,
                lines: last.line - keyword.line + 1,
            });
        }
        self.item(1);
    }

    /// An item whose name is `ahead`, if it is one of a module.
    fn item(&mut self, ahead: usize) {
        let depth = self.within.last().map_or(0, |(_, depth)| *depth);
        let name = self.text(ahead).to_owned();
        if self.depth == depth {
            let mut path = self.path_within();
            path.push(name.clone());
            self.found.items.insert(path);
        }
        self.found.words.insert(name);
        // The next step reads what follows the name, as `const fn` shows.
        self.at += 1;
    }

    fn macro_rules(&mut self) {
        self.found.macros.insert(self.text(2).to_owned());
        self.item(2);
    }

    fn mention(&mut self, first: Token<'_>) {
        let continues = self.at > 0 && matches!(self.tokens[self.at - 1].text, "::" | ".");
        let mut path = vec![first.text.to_owned()];
        self.at += 1;
        while self.text(0) == "::" && self.tokens.get(self.at + 1).is_some_and(Token::is_word) {
            path.push(self.text(1).to_owned());
            self.at += 2;
        }
        self.found.words.insert(first.text.to_owned());
        if path.len() > 1 && !continues {
            let (within, line) = (self.path_within(), first.line);
            self.found.mentions.push(Mention { within, path, line });
        }
    }

    /// Passes an attribute, and the item below one that is of tests only.
    fn attribute(&mut self) {
        let begin = self.at;
        self.at += if self.text(1) == "!" { 2 } else { 1 };
        if self.text(0) != "[" {
            return;
        }
        let end = self.matching(self.at);
        let is_test = match self.text(1) {
            "test" => true,
            "cfg" => {
                let condition = if self.text(3) == "all" { 5 } else { 3 };
                matches!(self.text(condition), "test" | "doctest")
            }
            // `tokio::test`
            _ => {
                let mut pairs = self.tokens[begin..end].windows(2);
                pairs.any(|pair| [pair[0].text, pair[1].text] == ["::", "test"])
            }
        };
        self.at = end;
        if is_test {
            let end = self.end_of_item(end);
            let lines = self.tokens[end - 1].line - self.tokens[begin].line + 1;
            self.found.lines = self.found.lines.saturating_sub(lines);
            self.at = end;
        }
    }

    /// After the `;` or the block that ends the item at `at`.
    fn end_of_item(&self, mut at: usize) -> usize {
        while let Some(token) = self.tokens.get(at) {
            match token.text {
                "(" | "[" => at = self.matching(at),
                "{" => return self.matching(at),
                ";" => return at + 1,
                "}" => return at,
                _ => at += 1,
            }
        }
        at
    }

    /// After the bracket that closes the one at `at`.
    fn matching(&self, mut at: usize) -> usize {
        let mut depth = 0_usize;
        while let Some(token) = self.tokens.get(at) {
            at += 1;
            match token.text {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        at
    }
}
