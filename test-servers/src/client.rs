//! The command-line client of a database server: one question, or a session that is kept open.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// How a client is called.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// The option in front of a text to carry out.
    pub(crate) question: &'static str,
}

/// A session that is kept open, with all that it holds. It ends when dropped.
#[derive(Debug)]
pub struct Session {
    child: Child,
}

impl Client {
    /// What the server answers to `text`.
    pub(crate) fn sql(&self, text: &str) -> String {
        let output = self.command().args([self.question, text]).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}: {error}");
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// Whether the server answers.
    pub(crate) fn answers(&self) -> bool {
        let output = self.command().args([self.question, "SELECT 1"]).output();
        output.is_ok_and(|output| output.status.success())
    }

    /// A session in which `text` has been carried out.
    pub(crate) fn session(&self, text: &str) -> Session {
        let mut child = self
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the client is installed with the server");
        let mut input = child.stdin.take().expect("it is piped");
        writeln!(input, "{text};\nSELECT 'done';").expect("the client reads");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let done = output
            .lines()
            .map_while(Result::ok)
            .any(|line| line == "done");
        assert!(done, "{text}: the session ended");
        child.stdin = Some(input);
        Session { child }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
