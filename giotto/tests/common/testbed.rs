//! Finds and starts the program `testbed`, away from every configuration but the test's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

const REMEDY: &str = "`cargo test -p giotto` builds it; for a single test, `cargo build -p giotto --example testbed`";

/// The compiled `tests/programs/testbed.rs`.
pub(crate) fn path() -> PathBuf {
    built("testbed")
}

/// The compiled program `name` of `tests/programs/`, beside this test in the target folder.
///
/// `cargo test --test cmd` alone does not build it: one that is older than its sources is refused, lest a
/// test passes that has tested yesterday's code.
pub(crate) fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let path = profile.join("examples").join(name);
    assert!(path.exists(), "{} is missing: {REMEDY}", path.display());
    // Cargo writes beside it what it was built from: `testbed: source source ..`.
    let sources = std::fs::read_to_string(path.with_extension("d")).unwrap();
    let (_, sources) = sources.split_once(": ").unwrap();
    let built = modified(&path).unwrap();
    for source in sources.split_whitespace() {
        let is_older = modified(Path::new(source)).is_none_or(|changed| changed <= built);
        assert!(is_older, "{name} is older than {source}: {REMEDY}");
    }
    path
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

/// The testbed, to be run in `folder`, with no setting from outside.
pub(crate) fn command(folder: &Path) -> Command {
    isolated(&path(), folder)
}

/// `program`, to be run in `folder`, with no setting from outside.
pub(crate) fn isolated(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    // Its sockets are there, too.
    command.env_clear().env("TMPDIR", folder);
    command.current_dir(folder);
    command
}
