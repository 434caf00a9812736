//! The names of a `use`, each with its whole path.

use super::{Import, Parser, Path};

impl Parser<'_> {
    /// Reads from `use` to its `;`.
    pub(super) fn import(&mut self, exported: bool) {
        self.at += 1;
        // `::name` is always another crate.
        if self.text(0) != "::" {
            self.branch(&[], exported);
        }
        while !matches!(self.text(0), ";" | "") {
            self.at += 1;
        }
        self.at += 1;
    }

    /// Reads one path, with the branches in its braces.
    fn branch(&mut self, prefix: &[String], exported: bool) {
        let mut path = prefix.to_vec();
        while let Some(token) = self.tokens.get(self.at).copied() {
            self.at += 1;
            match token.text {
                "{" => return self.branches(&path, exported),
                "*" => return self.leaf(path, None, exported),
                "self" if !prefix.is_empty() && path.len() == prefix.len() => {}
                _ => path.push(token.text.to_owned()),
            }
            if self.text(0) != "::" {
                break;
            }
            self.at += 1;
        }
        let mut name = path.last().cloned();
        if self.text(0) == "as" {
            name = Some(self.text(1).to_owned());
            self.at += 2;
        }
        self.leaf(path, name, exported);
    }

    fn branches(&mut self, path: &[String], exported: bool) {
        while !matches!(self.text(0), "}" | "") {
            match self.text(0) {
                "," => self.at += 1,
                _ => self.branch(path, exported),
            }
        }
        self.at += 1;
    }

    fn leaf(&mut self, path: Path, name: Option<String>, exported: bool) {
        self.found.imports.push(Import {
            within: self.path_within(),
            path,
            name,
            exported,
            line: self.tokens[self.at - 1].line,
        });
    }
}
