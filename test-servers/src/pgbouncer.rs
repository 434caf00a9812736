//! PgBouncer in front of a PostgreSQL server, in transaction mode.

use std::path::Path;

use tempfile::TempDir;

use crate::client::Client;
use crate::port::free_port;
use crate::postgres::Postgres;
use crate::process::Process;
use crate::unprivileged;

const PACKAGE: &str = "pgbouncer";

/// A pooler whose clients share a few sessions of a server: each has one for the length of a transaction.
#[derive(Debug)]
pub struct PgBouncer {
    process: Process,
    client: Client,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts it in front of `server`, with this many `sessions` of it and with more `settings` of the pooler, one a line.
    ///
    /// # Panics
    ///
    /// If PgBouncer is not installed or does not start.
    #[must_use]
    pub fn start(server: &Postgres, sessions: u32, settings: &str) -> Self {
        let (folder, data) = unprivileged::folder();
        let port = free_port();
        let users = data.join("users");
        std::fs::write(&users, "\"postgres\" \"\"\n").expect("the folder is writable");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = trust\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = {sessions}\nmax_client_conn = 200\n{settings}\n",
            server.port(),
            users.display(),
        );
        let file = data.join("pgbouncer.ini");
        std::fs::write(&file, settings).expect("the folder is writable");
        let (program, mut arguments) =
            unprivileged::command(Path::new("/usr/sbin/pgbouncer"), PACKAGE);
        arguments.push(file.display().to_string());
        let process = Process::start(PACKAGE, &[&program], arguments, port, folder.path());
        Self {
            client: server.client_at(port, "cache"),
            process,
            _folder: folder,
        }
    }

    /// Where a store finds the database `cache` behind it.
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.process.port();
        format!("postgres://postgres@127.0.0.1:{port}/cache")
    }

    /// What another client of the pool is answered to `text`, in one of its sessions.
    ///
    /// # Panics
    ///
    /// If it is answered with an error.
    pub fn sql(&self, text: &str) -> String {
        self.client.sql(text)
    }
}
