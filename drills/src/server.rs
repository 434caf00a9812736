//! The server under test: this executable in a process of its own.
//!
//! It is started before the load and killed after it; what it logs is kept for the drills that break a promise.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    starting: Duration,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts it in `folder` with the store that `cache` names, and waits until it listens.
    pub(crate) fn start(folder: &Path, cache: &str) -> io::Result<Self> {
        let started = Instant::now();
        let mut child = command(folder, cache, &["http", "--port", "0"])?.spawn()?;
        let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut first = String::new();
        stderr.read_line(&mut first)?;
        let address = first.trim().strip_prefix("Listening on http://");
        let address =
            address.ok_or_else(|| io::Error::other(format!("the server says {first}")))?;
        let address = address.parse().map_err(io::Error::other)?;
        let starting = started.elapsed();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                lines
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
        Ok(Self {
            child,
            address,
            starting,
            log,
        })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long it took until it listened.
    pub(crate) const fn starting(&self) -> Duration {
        self.starting
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
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

fn command(folder: &Path, cache: &str, words: &[&str]) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(words)
        .env("GIOTTO_CACHE", cache)
        // Where no giotto.toml is.
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    Ok(command)
}
