//! The servers that the contenders cache in, started for this run and stopped at its end.

use std::error::Error;
use std::process::Command;

use tempfile::TempDir;
use test_servers::{MariaDb, Memcached, Postgres, Redis};

/// Their tables are there.
pub(crate) struct Stores {
    pub(crate) redis: Redis,
    pub(crate) memcached: Memcached,
    pub(crate) postgres: Postgres,
    pub(crate) mariadb: MariaDb,
    folder: TempDir,
}

impl Stores {
    /// They run on the core of this process.
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let stores = Self {
            redis: Redis::start(),
            memcached: Memcached::start(),
            postgres: Postgres::start(),
            mariadb: MariaDb::start(),
            folder: tempfile::tempdir()?,
        };
        for url in [stores.sqlite(), stores.postgres.url(), stores.mariadb.url()] {
            create_table(&url)?;
        }
        Ok(stores)
    }

    pub(crate) fn redis(&self) -> String {
        format!("redis://127.0.0.1:{}", self.redis.port())
    }

    pub(crate) fn sqlite(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("pages.db").display())
    }
}

fn create_table(url: &str) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["cmd", "--set", &format!("cache={url}"), "mgt/syncdb"])
        // Where no giotto.toml is.
        .current_dir(env!("CARGO_TARGET_TMPDIR"));
    let output = command.output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {output:?}").into()),
    }
}
