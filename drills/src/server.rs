//! The server under test: this executable in a process of its own.
//!
//! It is started before the load and killed after it; what it logs is kept for the drills that break a promise.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use test_servers::HttpServer;

pub(crate) struct Server {
    process: HttpServer,
    starting: Duration,
}

impl Server {
    /// Starts it in `folder` with the store that `cache` names, and waits until it listens.
    pub(crate) fn start(folder: &Path, cache: &str) -> io::Result<Self> {
        Ok(Self::of(command(folder, cache, &["http", "--port", "0"])?))
    }

    /// Starts it by `command`, and waits until it listens.
    pub(crate) fn of(mut command: Command) -> Self {
        let started = Instant::now();
        Self {
            process: HttpServer::start(&mut command),
            starting: started.elapsed(),
        }
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends it the signal `name`.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits until it has ended.
    pub(crate) fn end(mut self) {
        self.process.end();
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// Where its admin listener is, if it has said so.
    pub(crate) fn admin(&self) -> Option<SocketAddr> {
        let log = self.process.log();
        let (_, rest) = log.split_once("admin listener is open address=http://")?;
        rest.lines().next()?.parse().ok()
    }

    /// How long it took until it listened.
    pub(crate) const fn starting(&self) -> Duration {
        self.starting
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.process.log().lines().map(String::from).collect()
    }
}

/// Creates the tables of the store that `cache` names.
pub(crate) fn syncdb(folder: &Path, cache: &str) -> io::Result<()> {
    let output = command(folder, cache, &["cmd", "mgt/syncdb"])?.output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )),
    }
}

/// This executable with the store that `cache` names, in `folder`, where no `giotto.toml` is.
fn command(folder: &Path, cache: &str, words: &[&str]) -> io::Result<Command> {
    let mut command = configured(folder, words)?;
    command.env("GIOTTO_CACHE", cache);
    Ok(command)
}

/// This executable with the `giotto.toml` of `folder`.
pub(crate) fn configured(folder: &Path, words: &[&str]) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    Ok(command)
}

/// The library that shows another wall clock to a process, for `LD_PRELOAD`.
pub(crate) fn faketime() -> io::Result<String> {
    let mut faketime = Command::new("faketime");
    let library = faketime.args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]);
    let library = String::from_utf8_lossy(&library.output()?.stdout).into_owned();
    Ok(library.trim().to_owned())
}
