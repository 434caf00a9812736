//! The terminal of a reader: runs commands and collects what they print, and keeps a server while others ask it.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, PipeReader, Read};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::output::has_appeared;

/// The port in the text. The server listens on a free one, which stands for it in commands and in what they print.
const PORT: &str = ":5000";

/// The beginnings of variables that a reader does not have: settings, and what Cargo tells this program of itself, for
/// which some build scripts would compile anew.
const OWN: [&[u8]; 3] = [b"GIOTTO_", b"CARGO_PKG_", b"CARGO_MANIFEST_"];

/// A command that takes longer has failed.
const SECONDS: u64 = 600;

/// Where commands run, and with what.
#[derive(Debug)]
pub(crate) struct Terminal {
    pub(crate) folder: PathBuf,
    variables: Vec<(&'static str, OsString)>,
    port: String,
    server: Option<Server>,
}

/// What a command has printed to both outputs, and whether it has succeeded.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) text: String,
    pub(crate) has_succeeded: bool,
}

#[derive(Debug)]
struct Server {
    process: Child,
    lines: Receiver<String>,
}

impl Terminal {
    /// A terminal in `folder`, whose commands see these variables besides those of this process.
    pub(crate) fn new(
        folder: PathBuf,
        variables: Vec<(&'static str, OsString)>,
    ) -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Self {
            folder,
            variables,
            port: format!(":{port}"),
            server: None,
        })
    }

    /// Runs one command; `cd FOLDER` holds for all that follow.
    pub(crate) fn run(&mut self, command: &str) -> io::Result<Printed> {
        if let Some(folder) = command.strip_prefix("cd ") {
            self.folder = self.folder.join(folder);
            return Ok(Printed {
                text: String::new(),
                has_succeeded: self.folder.is_dir(),
            });
        }
        let mut limited = Command::new("timeout");
        let (mut process, mut output) = self.spawn(limited.arg(SECONDS.to_string()), command)?;
        // Otherwise it holds the other end of the pipe.
        drop(limited);
        let mut bytes = Vec::new();
        output.read_to_end(&mut bytes)?;
        let has_succeeded = process.wait()?.success();
        Ok(Printed {
            text: String::from_utf8_lossy(&bytes).replace(&self.port, PORT),
            has_succeeded,
        })
    }

    /// Starts a server in place of the one before, and waits until it has printed `shown`. An error is what it has
    /// printed until it ended, or until the time was over.
    pub(crate) fn serve(&mut self, command: &str, shown: &[String]) -> Result<(), Box<dyn Error>> {
        self.stop();
        let port = self.port.trim_start_matches(':');
        let mut bare = Command::new("env");
        let (process, output) =
            self.spawn(bare.arg(format!("GIOTTO_HTTP_PORT={port}")), command)?;
        drop(bare);
        let (sender, lines) = channel();
        let port = self.port.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody may listen any more; the server must still be able to print.
                let _ = sender.send(line.replace(&port, PORT));
            }
        });
        let server = self.server.insert(Server { process, lines });
        server.wait(shown)
    }

    /// Ends the server, if there is one: by SIGTERM, because what a shell runs in the background ignores Ctrl+C.
    pub(crate) fn stop(&mut self) {
        self.server = None;
    }

    /// A shell within the command `around`, in a process group of its own, with one pipe for both outputs.
    fn spawn(&self, around: &mut Command, command: &str) -> io::Result<(Child, PipeReader)> {
        let (reader, writer) = io::pipe()?;
        let names = std::env::vars_os().map(|(name, _)| name);
        for name in names.filter(|name| {
            OWN.iter()
                .any(|own| name.as_encoded_bytes().starts_with(own))
        }) {
            around.env_remove(name);
        }
        let process = around
            .args(["sh", "-c"])
            .arg(command.replace(PORT, &self.port))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0)
            .spawn()?;
        Ok((process, reader))
    }
}

impl Server {
    fn wait(&self, shown: &[String]) -> Result<(), Box<dyn Error>> {
        let end = Instant::now() + Duration::from_secs(SECONDS);
        let mut printed = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => printed.push(line),
                Err(_) => return Err(printed.join("\n").into()),
            }
            let lines: Vec<_> = printed.iter().map(String::as_str).collect();
            if has_appeared(shown, &lines) {
                return Ok(());
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The group, because Cargo does not pass a signal on to the program that it runs.
        let kill = format!("kill -TERM -{}", self.process.id());
        let _ = Command::new("sh").args(["-c", &kill]).status();
        let _ = self.process.wait();
        // Until no process of the group can print any more, so that the port is free.
        while self.lines.recv().is_ok() {}
    }
}
