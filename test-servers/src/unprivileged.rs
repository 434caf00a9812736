//! Database servers refuse to run as root: where the tests do, the servers run as nobody.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The user and the group of that name on Debian.
const NOBODY: u32 = 65534;

/// A temporary folder, and one in it that the server owns.
pub(crate) fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("the temporary folder is writable");
    if is_root() {
        let readable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), readable).expect("root may");
        chown(&data, Some(NOBODY), Some(NOBODY)).expect("root may");
    }
    (folder, data)
}

/// The program and the first arguments that run `program` as another user than root.
pub(crate) fn command(program: &Path, package: &str) -> (String, Vec<String>) {
    let name = program.display().to_string();
    assert!(
        program.is_file(),
        "{name} is not installed: run `apt-get install {package}` (`make servers` does)"
    );
    if !is_root() {
        return (name, Vec::new());
    }
    let (user, group) = (format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"));
    (
        "setpriv".into(),
        vec![user, group, "--clear-groups".into(), name],
    )
}

/// Runs `program` to its end, in a folder that everybody may read.
pub(crate) fn run(program: &Path, package: &str, arguments: &[&str]) {
    let (command, first) = command(program, package);
    let output = Command::new(command)
        .args(first)
        .args(arguments)
        .current_dir("/")
        .output()
        .unwrap_or_else(|error| panic!("{} cannot be run: {error}", program.display()));
    let [out, error] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(
        output.status.success(),
        "{}: {out}{error}",
        program.display()
    );
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}
