//! What is refused when a program starts, with the place and the remedy, and what is not.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod file;
mod manifest;
mod profiles;
mod stores;
#[path = "../common/testbed.rs"]
mod testbed;
mod variables;

use std::path::Path;
use std::process::Command;

use giotto::prelude::*;

#[model]
fn square(x: i64) -> i64 {
    x * x
}

fn program() -> Program {
    Program::new(square).view(BasicView::new())
}

/// Starts the testbed with `file` as giotto.toml; expects it to stop with exit code 2 and one line on
/// standard error that has all of `words` in it.
fn is_refused(file: &str, arguments: &[&str], variables: &[(&str, &str)], words: &[&str]) {
    for front_end in ["cmd", "http"] {
        let folder = tempfile::tempdir().unwrap();
        if !file.is_empty() {
            std::fs::write(folder.path().join("giotto.toml"), file).unwrap();
        }
        let mut command = start(folder.path(), front_end, arguments, variables);
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let shown = format!("{file:?} {arguments:?} {variables:?} {front_end}: {stderr}");
        assert_eq!(output.status.code(), Some(2), "{shown}");
        assert!(output.stdout.is_empty(), "{shown}");
        assert!(
            stderr.starts_with("error: ") && stderr.lines().count() == 1,
            "{shown}"
        );
        for word in words {
            assert!(stderr.contains(word), "{word} is not in {shown}");
        }
    }
}

fn start(
    folder: &Path,
    front_end: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Command {
    let mut command = testbed::command(folder);
    command.arg(front_end);
    command.args(arguments).envs(variables.iter().copied());
    if front_end == "cmd" {
        command.args(["squared", "x=12"]);
    } else {
        command.args(["--port", "0"]);
    }
    command
}
