//! Server processes: on which core they run, when they listen, how much CPU time they took.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

/// The core of the load and that of the server; none if there is only one, or no `taskset` (util-linux).
pub(crate) struct Cores(Option<[usize; 2]>);

impl Cores {
    pub(crate) fn new() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let allowed = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
            .map_or_else(Vec::new, listed);
        match allowed[..] {
            [load, server, ..] if is_installed("taskset") => Self(Some([load, server])),
            _ => Self(None),
        }
    }

    /// The words in front of a server's command line.
    pub(crate) fn server(&self) -> Vec<String> {
        self.0.map_or_else(Vec::new, |[_, server]| {
            vec!["taskset".into(), "-c".into(), server.to_string()]
        })
    }

    pub(crate) fn pin_this_process(&self) -> io::Result<()> {
        let Some([load, _]) = self.0 else {
            return Ok(());
        };
        let (core, process) = (load.to_string(), std::process::id().to_string());
        run(Command::new("taskset").args(["-c", "-p", &core, &process]))
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some([load, server]) => write!(f, "load on core {load}, servers on core {server}"),
            None => f.write_str("NOT PINNED: that takes two cores, and taskset of util-linux"),
        }
    }
}

/// The numbers of `0-2,5`.
fn listed(list: &str) -> Vec<usize> {
    let ranges = list.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse().ok()?..=last.parse().ok()?)
    });
    ranges.flatten().collect()
}

pub(crate) fn is_installed(tool: &str) -> bool {
    run(Command::new(tool).arg("--version")).is_ok()
}

/// An error unless `command` can be run and succeeds.
fn run(command: &mut Command) -> io::Result<()> {
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("{command:?}: {status}"))),
    }
}

/// This executable as a server, in a process of its own that ends with this value.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// Kept open, so that the server can write its last words.
    _stderr: BufReader<ChildStderr>,
}

impl Server {
    /// Starts `wrapper` with this executable and its `arguments`, and waits until it listens.
    pub(crate) fn start(wrapper: &[String], arguments: &[String]) -> io::Result<Self> {
        let executable = std::env::current_exe()?;
        let mut command = match wrapper {
            [] => Command::new(executable),
            [tool, options @ ..] => {
                let mut command = Command::new(tool);
                command.args(options).arg(executable);
                command
            }
        };
        let mut child = command
            .args(arguments)
            // Where no giotto.toml is.
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut said = String::new();
        let address = loop {
            let start = said.len();
            if stderr.read_line(&mut said)? == 0 {
                return Err(io::Error::other(format!("{command:?} ended: {said}")));
            }
            if let Some((_, address)) = said[start..].split_once("Listening on http://") {
                // In a log in JSON, the line is the text of an object.
                let address = address.trim_end_matches(['\n', '"', '}']);
                break address.parse().map_err(io::Error::other)?;
            }
        };
        Ok(Self {
            child,
            address,
            _stderr: stderr,
        })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the server as an administrator would, and waits for it.
    pub(crate) fn stop(mut self) -> io::Result<()> {
        run(Command::new("kill").args(["-TERM", &self.child.id().to_string()]))?;
        let status = self.child.wait()?;
        match status.success() {
            true => Ok(()),
            false => Err(io::Error::other(format!("a server ended with {status}"))),
        }
    }

    pub(crate) fn cpu(&self) -> io::Result<Cpu> {
        let mut threads = BTreeMap::new();
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let path = thread?.path();
            let schedstat = fs::read_to_string(path.join("schedstat"))?;
            let on_cpu = schedstat.split(' ').next().unwrap_or_default();
            threads.insert(path, on_cpu.parse().map_err(io::Error::other)?);
        }
        Ok(Cpu(threads))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The CPU time of a process so far, in nanoseconds for each of its threads.
pub(crate) struct Cpu(BTreeMap<std::path::PathBuf, u64>);

impl Cpu {
    /// Thread by thread, because an idle one may have ended meanwhile.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let threads = self.0.iter();
        let spent = threads.map(|(thread, now)| now - earlier.0.get(thread).unwrap_or(&0));
        Duration::from_nanos(spent.sum())
    }
}
