//! The public listener at the path of a Unix socket, for a proxy on the same machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use test_servers::wait_until;

use crate::testbed;

/// A process that has said that it listens.
struct Server {
    process: Child,
    _log: BufReader<std::process::ChildStderr>,
}

impl Server {
    fn start(mut command: Command, path: &Path) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let expected = format!("Listening on unix:{}", path.display());
        let mut line = String::new();
        while !line.contains(&expected) {
            line.clear();
            let read = log.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it ends without listening");
        }
        Self { process, _log: log }
    }

    fn terminate(mut self) -> ExitStatus {
        let id = self.process.id().to_string();
        Command::new("kill").arg(id).status().unwrap();
        self.process.wait().unwrap()
    }
}

fn command(folder: &Path, path: &Path, options: &[&str]) -> Command {
    let mut command = testbed::command(folder);
    command.args(["http", "--host"]).arg(path).args(options);
    command
}

/// The status of one request on a connection of its own.
fn ask(path: &Path) -> String {
    answer(UnixStream::connect(path).unwrap())
}

fn answer(mut stream: UnixStream) -> String {
    let request = b"GET /page?x=1 HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_path_is_listened_on_by_one_process_and_removed_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http.sock");
    let server = Server::start(command(folder.path(), &path, &[]), &path);
    assert_eq!(ask(&path), "HTTP/1.1 200 OK");
    let mode = path.symlink_metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666);

    let second = command(folder.path(), &path, &[]).output().unwrap();
    let error = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(2), "{error}");
    assert!(
        error.contains(&format!("cannot listen on {}", path.display())),
        "{error}"
    );

    assert_eq!(server.terminate().code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn a_successor_takes_over_a_path_and_no_request_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http.sock");
    let start = || {
        let options = ["--set", "http.reuse_port=true"];
        Server::start(command(folder.path(), &path, &options), &path)
    };
    let mut server = start();
    let (is_over, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    assert_eq!(ask(&path), "HTTP/1.1 200 OK");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 1..=3 {
            wait_until("the clients have asked", || {
                asked.load(Ordering::Relaxed) > 50 * round
            });
            let old = std::mem::replace(&mut server, start());
            assert_eq!(old.terminate().code(), Some(0));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(server.terminate().code(), Some(0));
}

#[cfg(feature = "socket-activation")]
#[test]
fn a_path_that_systemd_has_made_is_adopted_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    // While no process accepts, clients wait.
    let early = UnixStream::connect(&path).unwrap();
    let start = || {
        let script = "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" http";
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).arg(testbed::path());
        command.env_clear().current_dir(folder.path());
        let socket = std::os::fd::OwnedFd::from(listener.try_clone().unwrap());
        command.stdin(Stdio::from(socket));
        Server::start(command, &path)
    };
    let server = start();
    assert_eq!(answer(early), "HTTP/1.1 200 OK");
    assert_eq!(server.terminate().code(), Some(0));
    let early = UnixStream::connect(&path).unwrap();
    let server = start();
    assert_eq!(answer(early), "HTTP/1.1 200 OK");
    assert_eq!(server.terminate().code(), Some(0));
    assert!(path.exists());
}
