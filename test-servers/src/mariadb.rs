//! MariaDB with an empty database, and its client for looking behind a store's back.

use std::path::Path;

use tempfile::TempDir;

use crate::client::{Client, Session};
use crate::port::free_port;
use crate::process::Process;
use crate::unprivileged;

const PACKAGE: &str = "mariadb-server";

/// A MariaDB server with a database `cache` and a user `cache`, whose password is `secret`.
#[derive(Debug)]
pub struct MariaDb {
    process: Process,
    _folder: TempDir,
}

impl MariaDb {
    /// Creates the database and starts the server, which takes a few seconds.
    ///
    /// # Panics
    ///
    /// If MariaDB is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&["--skip-log-bin"])
    }

    /// The same with `options` of the server.
    ///
    /// # Panics
    ///
    /// If MariaDB is not installed or does not start.
    #[must_use]
    pub fn start_with(options: &[&str]) -> Self {
        let (folder, data) = unprivileged::folder();
        let at = |option: &str, name: &str| format!("--{option}={}", data.join(name).display());
        // A folder of its own for temporary tables too: a server that starts removes those that it finds there, and in
        // /tmp they may be those of another server that is at work.
        unprivileged::run(
            Path::new("/usr/bin/mariadb-install-db"),
            PACKAGE,
            &[
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--innodb-log-file-size=8M",
                &at("datadir", ""),
                &at("tmpdir", ""),
            ],
        );
        let port = free_port();
        let (program, mut arguments) =
            unprivileged::command(Path::new("/usr/sbin/mariadbd"), PACKAGE);
        arguments.extend([
            "--no-defaults".into(),
            "--bind-address=127.0.0.1".into(),
            "--skip-name-resolve".into(),
            "--innodb-buffer-pool-size=32M".into(),
            "--innodb-log-file-size=8M".into(),
            "--innodb-flush-log-at-trx-commit=0".into(),
            "--performance-schema=OFF".into(),
            format!("--port={port}"),
            at("datadir", ""),
            at("tmpdir", ""),
            at("socket", "socket"),
            at("pid-file", "pid"),
        ]);
        arguments.extend(options.iter().copied().map(String::from));
        let process = Process::start(PACKAGE, &[&program], arguments, port, folder.path());
        let server = Self {
            process,
            _folder: folder,
        };
        server.client("mysql").sql(
            "CREATE DATABASE cache; CREATE USER cache@'%' IDENTIFIED BY 'secret'; \
             GRANT ALL ON cache.* TO cache@'%'",
        );
        server
    }

    /// Where a store finds it.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("cache")
    }

    /// The same as `user`, whose password is `secret` too.
    #[must_use]
    pub fn url_of(&self, user: &str) -> String {
        let port = self.process.port();
        format!("mysql://{user}:secret@127.0.0.1:{port}/cache")
    }

    /// What the server answers to `text` as its administrator: one line a row, tabs between the columns.
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
        self.process.kill();
    }

    /// Starts it again after [`kill`](Self::kill).
    pub fn restart(&mut self) {
        self.process.restart();
    }

    /// SIGSTOP: its connections stay open and nothing answers.
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// SIGCONT: it goes on after [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.process.thaw();
    }

    fn client(&self, database: &str) -> Client {
        let port = format!("--port={}", self.process.port());
        let arguments = [
            "--no-defaults",
            "--host=127.0.0.1",
            "--user=root",
            "--batch",
            "--skip-column-names",
            "--unbuffered",
            &port,
            database,
        ];
        Client {
            program: "/usr/bin/mariadb".into(),
            arguments: arguments.map(String::from).into(),
            question: "-e",
        }
    }
}
