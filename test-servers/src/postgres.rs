//! PostgreSQL with an empty database, and its client for looking behind a store's back.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::client::{Client, Session};
use crate::port::free_port;
use crate::process::Process;
use crate::stopped::wait_until_stopped;
use crate::unprivileged;
use crate::until::wait_until;

const PACKAGE: &str = "postgresql";

/// A PostgreSQL server with a database `cache` and a user `postgres`, who needs no password.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    programs: PathBuf,
    data: PathBuf,
    _folder: TempDir,
}

impl Postgres {
    /// Creates the database and starts the server, which takes a second or two.
    ///
    /// # Panics
    ///
    /// If PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        let (folder, data) = unprivileged::folder();
        let programs = newest();
        let in_data = format!("--pgdata={}", data.display());
        unprivileged::run(
            &programs.join("initdb"),
            PACKAGE,
            &[
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                &in_data,
            ],
        );
        let port = free_port();
        let (program, mut arguments) = unprivileged::command(&programs.join("postgres"), PACKAGE);
        arguments.extend([
            "-D".into(),
            data.display().to_string(),
            "-p".into(),
            port.to_string(),
        ]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "shared_buffers=16MB",
            "max_connections=40",
        ] {
            arguments.extend(["-c".into(), setting.into()]);
        }
        let process = Process::start(PACKAGE, &[&program], arguments, port, folder.path());
        let server = Self {
            process,
            programs,
            data,
            _folder: folder,
        };
        server.wait_until_it_answers();
        server.client("postgres").sql("CREATE DATABASE cache");
        server
    }

    /// Where a store finds it.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("postgres", "cache")
    }

    /// Where a store finds `database` as `user`, who needs no password.
    #[must_use]
    pub fn url_of(&self, user: &str, database: &str) -> String {
        let port = self.process.port();
        format!("postgres://{user}@127.0.0.1:{port}/{database}")
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.process.port()
    }

    /// What the server answers to `text`: one line a row, `|` between the columns.
    ///
    /// # Panics
    ///
    /// If it answers with an error.
    pub fn sql(&self, text: &str) -> String {
        self.client("cache").sql(text)
    }

    /// A session that has carried out `text` and holds what it locked until it is dropped.
    #[must_use]
    pub fn session(&self, text: &str) -> Session {
        self.client("cache").session(text)
    }

    /// SIGKILL: it ends at once and saves nothing.
    pub fn kill(&mut self) {
        let children = self.children();
        self.process.kill();
        // They would notice by themselves, but not before the server is started again.
        signal("-KILL", &children);
        for child in children {
            wait_until_stopped(&child);
        }
    }

    /// Starts it again after [`kill`](Self::kill).
    pub fn restart(&mut self) {
        self.kill();
        self.process.restart();
        self.wait_until_it_answers();
    }

    /// SIGSTOP: its connections stay open and nothing answers.
    pub fn freeze(&self) {
        self.process.freeze();
        let children = self.children();
        signal("-STOP", &children);
        for child in children {
            wait_until_stopped(&child);
        }
    }

    /// SIGCONT: it goes on after [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        signal("-CONT", &self.children());
        self.process.thaw();
    }

    /// One process for each connection and a few more. They are no children of ours.
    fn children(&self) -> Vec<String> {
        let file = std::fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        let Some(server) = file.lines().next() else {
            return Vec::new();
        };
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let is_child = |process: &PathBuf| {
            let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
            parent.is_some_and(|parent| parent.trim() == server)
        };
        processes
            .map(|process| process.path())
            .filter(is_child)
            .filter_map(|process| Some(process.file_name()?.to_str()?.to_owned()))
            .collect()
    }

    /// It listens before it has recovered from a crash.
    fn wait_until_it_answers(&self) {
        wait_until("PostgreSQL answers", || self.client("postgres").answers());
    }

    fn client(&self, database: &str) -> Client {
        self.client_at(self.process.port(), database)
    }

    /// A client of the server, or of what stands in front of it.
    pub(crate) fn client_at(&self, port: u16, database: &str) -> Client {
        let port = format!("--port={port}");
        let arguments = [
            "--no-psqlrc",
            "--no-align",
            "--tuples-only",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--host=127.0.0.1",
            "--username=postgres",
            &port,
            database,
        ];
        Client {
            program: self.programs.join("psql"),
            arguments: arguments.map(String::from).into(),
            question: "-c",
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Debian has a folder for each version, and none of them is on the path.
fn newest() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let number = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let has_server = |folder: &PathBuf| folder.join("bin/postgres").exists();
    let installed = versions.map(|version| version.path()).filter(has_server);
    let newest = installed.max_by_key(number);
    newest
        .unwrap_or_else(|| Path::new("/usr/lib/postgresql").into())
        .join("bin")
}

fn signal(signal: &str, processes: &[String]) {
    if !processes.is_empty() {
        // One of them may have ended.
        let _ = Command::new("kill").arg(signal).args(processes).output();
    }
}
