//! One server process: started, made to fail in every way, and stopped when dropped.

use std::ffi::OsString;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::port::is_listener;
use crate::stopped::wait_until_stopped;

/// A server that does not answer within this time has failed to start.
const START: Duration = Duration::from_secs(60);

/// A running server, and the command that starts it again.
#[derive(Debug)]
pub struct Process {
    program: PathBuf,
    arguments: Vec<OsString>,
    port: u16,
    log: PathBuf,
    child: Child,
}

impl Process {
    /// Starts the first of `programs` (names on the path, or paths) that is installed with `arguments`; it
    /// will listen on `port` of 127.0.0.1. What it prints is appended to `server-<port>.log` in `folder`.
    ///
    /// # Panics
    ///
    /// If none of `programs` is installed (`package` is the one to install), or if it ends or does not
    /// listen within a minute.
    #[must_use]
    pub fn start(
        package: &str,
        programs: &[&str],
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        port: u16,
        folder: &Path,
    ) -> Self {
        let program = programs.iter().find_map(|program| find(program));
        let program = program.unwrap_or_else(|| {
            panic!("{programs:?} is not installed: run `apt-get install {package}` (`make servers` does)")
        });
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let log = folder.join(format!("server-{port}.log"));
        let child = spawn(&program, &arguments, &log);
        let mut process = Self {
            program,
            arguments,
            port,
            log,
            child,
        };
        process.wait_until_it_listens();
        process
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// SIGKILL: it ends at once and saves nothing.
    pub fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGSTOP: its connections stay open and nothing answers. Returns when none of its threads runs any more.
    pub fn freeze(&self) {
        self.signal("-STOP");
        wait_until_stopped(&self.child.id().to_string());
    }

    /// SIGCONT: it goes on after [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Starts it again, as before, after [`kill`](Self::kill); returns when it listens.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.program, &self.arguments, &self.log);
        self.wait_until_it_listens();
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &id]).status();
        assert!(status.expect("kill(1) is part of Debian").success());
    }

    /// A server that answers on the port may be another one: it counts only if the port is this process's own.
    fn wait_until_it_listens(&mut self) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let started = Instant::now();
        while !is_listener(self.child.id(), self.port) || TcpStream::connect(address).is_err() {
            let ended = self.child.try_wait().expect("a child can be waited for");
            if ended.is_some() || started.elapsed() > START {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                panic!(
                    "{} does not listen on {address}:\n{log}",
                    self.program.display()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let ended = self.child.try_wait().expect("a child can be waited for");
        assert!(ended.is_none(), "{address} is the port of another server");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let mut candidates = folders.map(|folder| folder.join(program));
    candidates.find(|candidate| candidate.is_file())
}

fn spawn(program: &Path, arguments: &[OsString], log: &Path) -> Child {
    let log = File::options().create(true).append(true).open(log);
    let log = log.expect("the temporary folder is writable");
    let error = log.try_clone().expect("a file handle can be cloned");
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(error)
        .spawn()
        .unwrap_or_else(|error| panic!("{} cannot be started: {error}", program.display()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::free_port;

    /// Without the look at whose port it is, a server that takes a moment to fail would be taken for the other one.
    #[test]
    #[should_panic(expected = "does not listen on 127.0.0.1")]
    fn another_server_on_the_port_is_not_taken_for_the_one_that_was_started() {
        let port = free_port();
        let _other = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("it is free");
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        let _server = Process::start("coreutils", &["sleep"], ["1"], port, folder.path());
    }
}
