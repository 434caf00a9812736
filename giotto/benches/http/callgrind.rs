//! Instructions of a hit, counted by callgrind: they are the same in every run, whatever else the machine does.

use std::fs;
use std::io;
use std::path::Path;

use crate::common::load::{Connection, SQUARED};
use crate::common::process::{self, Cores, Server};

/// The second run has so many hits more than the first: the difference is theirs alone.
const FEW: u32 = 200;
const MORE: u32 = 1_000;

pub(crate) fn is_installed() -> bool {
    process::is_installed("valgrind")
}

/// `None` if callgrind told nothing.
pub(crate) fn instructions_per_hit(cores: &Cores, arguments: &[String]) -> io::Result<Option<f64>> {
    let few = count(cores, arguments, FEW)?;
    let many = count(cores, arguments, FEW + MORE)?;
    Ok(few
        .zip(many)
        .map(|(few, many)| (many - few) / f64::from(MORE)))
}

/// The instructions of a whole process that answers so many requests on one connection.
fn count(cores: &Cores, arguments: &[String], requests: u32) -> io::Result<Option<f64>> {
    let name = format!("http-{}.callgrind", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut wrapper = cores.server();
    wrapper.extend([
        "valgrind".to_owned(),
        "--tool=callgrind".to_owned(),
        format!("--callgrind-out-file={}", path.display()),
    ]);
    let server = Server::start(&wrapper, arguments)?;
    let mut connection = Connection::open(&server, SQUARED)?;
    for _ in 0..requests {
        connection.send()?;
        connection.receive()?;
    }
    server.stop()?;
    let profile = fs::read_to_string(&path)?;
    fs::remove_file(&path)?;
    let total = |line: &str| line.strip_prefix("totals: ")?.trim().parse().ok();
    Ok(profile.lines().find_map(total))
}
