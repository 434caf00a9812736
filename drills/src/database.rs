//! What can go wrong with a database: an SQLite file, PostgreSQL, MariaDB.

use std::path::Path;

use rusqlite::Connection;
use test_servers::{MariaDb, Postgres};
use tokio::runtime::Handle;

use crate::drill::{Drill, Promise, Stage, Step};

const ANSWERS: Promise = Promise::ANSWERS;
const DEAD: Promise = Promise::DEAD;
const HUNG: Promise = Promise::HUNG;

pub(crate) const DRILLS: [Drill; 13] = [
    Drill {
        name: "sqlite-clients-leave",
        stage: sqlite_works,
        promise: ANSWERS.while_clients_leave(),
    },
    Drill {
        name: "sqlite-locked",
        stage: sqlite_locked,
        promise: ANSWERS,
    },
    Drill {
        name: "sqlite-table-corrupted",
        stage: sqlite_corrupted,
        promise: ANSWERS.keeps_hits(0.9).unaided(),
    },
    Drill {
        name: "sqlite-file-of-noise",
        stage: sqlite_noise,
        promise: DEAD,
    },
    Drill {
        name: "postgres-clients-leave",
        stage: postgres_works,
        promise: ANSWERS.while_clients_leave(),
    },
    Drill {
        name: "postgres-killed",
        stage: postgres_killed,
        promise: DEAD,
    },
    Drill {
        name: "postgres-stopped",
        stage: postgres_stopped,
        promise: HUNG,
    },
    Drill {
        name: "postgres-table-locked",
        stage: postgres_locked,
        promise: HUNG,
    },
    Drill {
        name: "postgres-corrupted",
        stage: postgres_corrupted,
        promise: ANSWERS.keeps_hits(0.9).unaided(),
    },
    Drill {
        name: "mariadb-clients-leave",
        stage: mariadb_works,
        promise: ANSWERS.while_clients_leave(),
    },
    Drill {
        name: "mariadb-killed",
        stage: mariadb_killed,
        promise: DEAD,
    },
    Drill {
        name: "mariadb-stopped",
        stage: mariadb_stopped,
        promise: HUNG,
    },
    Drill {
        name: "mariadb-table-locked",
        stage: mariadb_locked,
        promise: HUNG,
    },
];

const FILE: &str = "pages.sqlite3";

fn sqlite_url() -> String {
    format!("sqlite://{FILE}")
}

fn sqlite_works(_: &Handle, _: &Path) -> Stage {
    Stage::new(sqlite_url(), (), |(), _| ())
}

/// Another process writes and does not end.
fn sqlite_locked(_: &Handle, folder: &Path) -> Stage {
    let file = folder.join(FILE);
    Stage::new(sqlite_url(), None, move |lock, step| match step {
        Step::Fail => *lock = Some(locked(&file)),
        Step::Heal => drop(lock.take()),
    })
}

fn locked(file: &Path) -> Connection {
    let connection = Connection::open(file).expect("the file is there");
    let patience = connection.busy_timeout(std::time::Duration::from_secs(5));
    patience.expect("a connection has a timeout");
    let begun = connection.execute_batch("BEGIN EXCLUSIVE");
    begun.expect("the server writes for short times only");
    connection
}

fn sqlite_corrupted(_: &Handle, folder: &Path) -> Stage {
    let file = folder.join(FILE);
    Stage::new(sqlite_url(), (), move |(), step| {
        if step == Step::Fail {
            let corrupt =
                "UPDATE giotto_cache SET value = CAST(substr(value, 1, 600) AS BLOB); COMMIT";
            let corrupted = locked(&file).execute_batch(corrupt);
            corrupted.expect("the table is there");
        }
    })
}

/// Something that is no database takes the place of the file, until it is moved away.
fn sqlite_noise(_: &Handle, folder: &Path) -> Stage {
    let folder = folder.to_owned();
    Stage::new(sqlite_url(), (), move |(), step| {
        for name in [
            FILE.to_owned(),
            format!("{FILE}-wal"),
            format!("{FILE}-shm"),
        ] {
            // Those that are not there need not be removed.
            let _ = std::fs::remove_file(folder.join(name));
        }
        if step == Step::Fail {
            let written = std::fs::write(folder.join(FILE), [0x5a; 64 << 10]);
            written.expect("the folder is writable");
        }
    })
}

fn postgres_works(_: &Handle, _: &Path) -> Stage {
    let server = Postgres::start();
    let url = server.url();
    Stage::new(url, server, |server, _| {
        assert_eq!(server.sql("SELECT 1"), "1");
    })
}

fn postgres_killed(_: &Handle, _: &Path) -> Stage {
    let server = Postgres::start();
    let url = server.url();
    Stage::new(url, server, |server, step| match step {
        Step::Fail => server.kill(),
        Step::Heal => server.restart(),
    })
}

fn postgres_stopped(_: &Handle, _: &Path) -> Stage {
    let server = Postgres::start();
    let url = server.url();
    Stage::new(url, server, |server, step| match step {
        Step::Fail => server.freeze(),
        Step::Heal => server.thaw(),
    })
}

fn postgres_locked(_: &Handle, _: &Path) -> Stage {
    let server = Postgres::start();
    let lock = "BEGIN; LOCK TABLE giotto_cache IN ACCESS EXCLUSIVE MODE";
    let url = server.url();
    Stage::new(
        url,
        (server, None),
        move |(server, session), step| match step {
            Step::Fail => *session = Some(server.session(lock)),
            Step::Heal => drop(session.take()),
        },
    )
}

fn postgres_corrupted(_: &Handle, _: &Path) -> Stage {
    let server = Postgres::start();
    let url = server.url();
    Stage::new(url, server, |server, step| {
        if step == Step::Fail {
            server.sql("UPDATE giotto_cache SET value = overlay(value placing '????' from 600)");
        }
    })
}

fn mariadb_works(_: &Handle, _: &Path) -> Stage {
    let server = MariaDb::start();
    let url = server.url();
    Stage::new(url, server, |server, _| {
        assert_eq!(server.sql("SELECT 1"), "1");
    })
}

fn mariadb_killed(_: &Handle, _: &Path) -> Stage {
    let server = MariaDb::start();
    let url = server.url();
    Stage::new(url, server, |server, step| match step {
        Step::Fail => server.kill(),
        Step::Heal => server.restart(),
    })
}

fn mariadb_stopped(_: &Handle, _: &Path) -> Stage {
    let server = MariaDb::start();
    let url = server.url();
    Stage::new(url, server, |server, step| match step {
        Step::Fail => server.freeze(),
        Step::Heal => server.thaw(),
    })
}

fn mariadb_locked(_: &Handle, _: &Path) -> Stage {
    let server = MariaDb::start();
    let url = server.url();
    Stage::new(url, (server, None), |(server, session), step| match step {
        Step::Fail => *session = Some(server.session("LOCK TABLES giotto_cache WRITE")),
        Step::Heal => drop(session.take()),
    })
}
