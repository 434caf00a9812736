//! Writes a project: all of it, or nothing.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::name::Name;
use crate::source::Source;
use crate::template::Kind;

/// Writes the project into the new folder `path`. The files are written into a temporary folder beside it, which gets the name
/// when they are all there.
pub(crate) fn write(path: &Path, kind: Kind, name: &Name, source: &Source) -> Result<(), String> {
    if path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    let beside = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let beside = beside.canonicalize().map_err(|error| {
        format!(
            "{}: {error}; make the folder first, or name another",
            beside.display()
        )
    })?;
    let files = kind
        .rendered(name, source, is_in_package(&beside))
        .map_err(|error| error.to_string())?;
    let folder = tempfile::Builder::new()
        .prefix(&format!(".{}-", name.as_str()))
        // As `mkdir` makes one, less what the umask takes away.
        .permissions(Permissions::from_mode(0o777))
        .tempdir_in(&beside)
        .map_err(|error| unwritten(path, &error))?;
    for (file, text) in files {
        write_file(folder.path().join(file), &text).map_err(|error| unwritten(path, &error))?;
    }
    fs::rename(folder.path(), path).map_err(|error| match error.kind() {
        // It has come meanwhile.
        ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory => exists(path),
        _ => unwritten(path, &error),
    })?;
    // It has another name now.
    let _ = folder.keep();
    Ok(())
}

fn write_file(path: PathBuf, text: &str) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, text)
}

/// Whether Cargo would look for the workspace of a project in `folder` in a Cargo.toml above it.
fn is_in_package(folder: &Path) -> bool {
    let mut folders = folder.ancestors();
    folders.any(|folder| folder.join("Cargo.toml").exists())
}

fn exists(path: &Path) -> String {
    format!(
        "{} exists already: name another folder, or remove it",
        path.display()
    )
}

fn unwritten(path: &Path, error: &io::Error) -> String {
    format!(
        "{} could not be written: {error}; nothing of it is left. Name a folder that you may write to, on a disk that has room",
        path.display()
    )
}
