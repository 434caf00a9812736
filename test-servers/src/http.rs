//! A program of ours that serves HTTP: the server under test, in a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::until::wait_until;

/// A running server that has said where it listens. It is killed when dropped.
#[derive(Debug)]
pub struct HttpServer {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Starts `command`, which chooses a free port itself, and returns when it says that it listens.
    ///
    /// # Panics
    ///
    /// If it cannot be started, or if its first line says something else.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut first = String::new();
        stderr.read_line(&mut first).expect("it writes text");
        let address = first.split_once("Listening on http://");
        // Behind it may be a path, or the end of the line's object.
        let address = address.and_then(|(_, address)| address.split(['/', '"', '\n']).next());
        let address = address.and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("the server says {first:?}"));
        let log = Arc::new(Mutex::new(String::new()));
        let lines = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                lock(&lines).push_str(&(line + "\n"));
            }
        });
        Self {
            child,
            address,
            log,
            reader: Some(reader),
        }
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        lock(&self.log).clone()
    }

    /// Waits until it has logged `text`.
    ///
    /// # Panics
    ///
    /// If it does not within a minute.
    pub fn until_logged(&self, text: &str) {
        wait_until(&format!("it logs {text:?}"), || self.log().contains(text));
    }

    /// Sends the signal `name`, for example `TERM`.
    ///
    /// # Panics
    ///
    /// If it has ended.
    pub fn signal(&self, name: &str) {
        let (signal, id) = (format!("-{name}"), self.child.id().to_string());
        let status = Command::new("kill").args([signal, id]).status();
        assert!(status.expect("kill(1) is part of Debian").success());
    }

    /// Waits for its end: the exit status, and all that it logged.
    ///
    /// # Panics
    ///
    /// If it cannot be waited for.
    pub fn end(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("a child can be waited for");
        if let Some(reader) = self.reader.take() {
            reader.join().expect("it only reads");
        }
        (status, self.log())
    }

    /// Kills it; all that it logged.
    ///
    /// # Panics
    ///
    /// If it cannot be killed.
    pub fn kill(&mut self) -> String {
        self.child.kill().expect("a child can be killed");
        self.end().1
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lock(log: &Mutex<String>) -> MutexGuard<'_, String> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}
