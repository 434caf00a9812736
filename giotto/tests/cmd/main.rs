//! The command line, as a process of its own: arguments, help, errors and terminals.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod arguments;
mod completion;
mod errors;
mod help;
mod man;
mod programs;
mod terminal;
#[path = "../common/testbed.rs"]
mod testbed;

use std::process::{Command, Output, Stdio};

/// Runs `testbed cmd WORDS..` where there is no configuration.
fn run(words: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let mut command = testbed::command(folder.path());
    command.arg("cmd").args(words);
    ran(&mut command)
}

fn ran(command: &mut Command) -> Ran {
    command.output().unwrap().into()
}

#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Succeeded with `stdout` and nothing on standard error.
    fn says(&self, stdout: &str) {
        assert_eq!(
            (self.code, &*self.stdout, &*self.stderr),
            (Some(0), stdout, "")
        );
    }

    /// Refused as wrong usage in one paragraph that has all of `words` in it, standard output left alone.
    fn is_refused(&self, words: &[&str]) {
        assert_eq!((self.code, &*self.stdout), (Some(2), ""), "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word}: {self:?}");
        }
    }
}

/// What of a command a terminal shows; the other stream goes to a file.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Both,
    Stdout,
    Stderr,
}

/// What `testbed cmd WORDS..` says on a terminal, which `script` gives it.
fn on_terminal(variables: &[(&str, &str)], words: &[&str], shown: Shown) -> String {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = match shown {
        Shown::Both => "",
        Shown::Stdout => " 2>/dev/null",
        Shown::Stderr => " >/dev/null",
    };
    // The words are variables, so that the shell takes them as they are.
    let names: Vec<_> = (0..words.len()).map(|n| format!("WORD{n}")).collect();
    let given: String = names.iter().map(|name| format!(" \"${name}\"")).collect();
    let line = format!("{} cmd{given}{elsewhere}", testbed::path().display());
    let mut script = Command::new("script");
    script
        .env_clear()
        .env("TERM", "xterm")
        .env("PATH", "/usr/bin:/bin")
        .envs(variables.iter().copied())
        .envs(names.iter().zip(words))
        .current_dir(folder.path());
    let output = script
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .expect("`script`, of the package bsdutils");
    String::from_utf8(output.stdout).unwrap()
}
