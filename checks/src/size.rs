//! Files of at most 300 lines and functions of at most 40, both without tests, or a reason in `checks/large.txt`.
//!
//! ```text
//! giotto/src/page.rs: one table
//! giotto/src/page.rs fn status: one flat match
//! ```

use std::collections::BTreeMap;

use crate::report::Violation;
use crate::tree::Tree;

const MAX_FILE: usize = 300;
const MAX_FUNCTION: usize = 40;

/// The exceptions, each with whether it was needed.
#[derive(Debug)]
pub(crate) struct Sizes<'l> {
    exceptions: BTreeMap<&'l str, Exception>,
}

#[derive(Debug)]
struct Exception {
    line: usize,
    has_reason: bool,
    is_needed: bool,
}

impl<'l> Sizes<'l> {
    pub(crate) fn new(list: &'l str) -> Self {
        let lines = list.lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let exceptions = lines.map(|(index, line)| {
            let (name, reason) = line.split_once(':').unwrap_or((line, ""));
            let exception = Exception {
                line: index + 1,
                has_reason: !reason.trim().is_empty(),
                is_needed: false,
            };
            (name, exception)
        });
        Self {
            exceptions: exceptions.collect(),
        }
    }

    /// What of the crate in `folder` is too long.
    pub(crate) fn check(&mut self, folder: &str, tree: &Tree) -> Vec<Violation> {
        let mut violations = Vec::new();
        for file in &tree.files {
            let path = format!("{folder}/src/{}", file.path);
            let lines = file.source.lines;
            if lines > MAX_FILE && !self.is_excepted(&path) {
                violations.push(Violation {
                    place: file.path.clone(),
                    what: format!("{lines} lines, more than {MAX_FILE}"),
                    remedy: format!(
                        "split it, or write into checks/large.txt `{path}: the reason`"
                    ),
                });
            }
            for function in &file.source.functions {
                let name = format!("{path} fn {}", function.name);
                if function.lines > MAX_FUNCTION && !self.is_excepted(&name) {
                    violations.push(Violation {
                        place: format!("{}:{}", file.path, function.line),
                        what: format!(
                            "fn {} has {} lines, more than {MAX_FUNCTION}",
                            function.name, function.lines
                        ),
                        remedy: format!(
                            "split it, or write into checks/large.txt `{name}: the reason`"
                        ),
                    });
                }
            }
        }
        violations
    }

    fn is_excepted(&mut self, name: &str) -> bool {
        let exception = self.exceptions.get_mut(name);
        exception.is_some_and(|exception| {
            exception.is_needed = true;
            exception.has_reason
        })
    }

    /// Exceptions that nothing needed.
    pub(crate) fn unused(&self) -> Vec<Violation> {
        let unused = self
            .exceptions
            .iter()
            .filter(|(_, exception)| !exception.is_needed);
        let unused = unused.map(|(name, exception)| Violation {
            place: format!("checks/large.txt:{}", exception.line),
            what: format!("the exception of {name} is no longer needed"),
            remedy: "remove it from the list".to_owned(),
        });
        unused.collect()
    }
}
