//! The file of SQLite: created for its owner alone and removed, also behind a symbolic link, and why it cannot be used.
//!
//! No step of a lookup: before a connection is opened, or after a call has failed.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// As many symbolic links as Linux follows.
const MOST_LINKS: usize = 40;

/// Creates the file so that only its owner can read it; SQLite gives the two files beside it the same mode. If this fails,
/// opening it fails too, with an error.
pub(super) fn create(path: &Path) {
    let _: io::Result<File> = File::options()
        .write(true)
        // Never opened if it exists: closing it would release the locks that SQLite holds on it.
        .create_new(true)
        .mode(0o600)
        .open(target(path));
}

/// Removes the file, and no link that leads to it.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    std::fs::remove_file(target(path))
}

/// Where `path` leads: a file that is created is none that a link points to.
fn target(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = std::fs::read_link(&path) else {
            break;
        };
        path = folder(&path).join(target);
    }
    path
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// What stands in the way of SQLite at `path`, and what to do.
pub(super) fn why_not(path: &Path) -> Option<String> {
    let path = target(path);
    let folder = folder(&path);
    match std::fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Some(format!("its folder {folder:?} does not exist: create it"));
        }
        Err(error) => return Some(format!("its folder {folder:?} cannot be entered: {error}")),
        Ok(metadata) if !metadata.is_dir() => {
            return Some(format!("{folder:?} is no folder"));
        }
        Ok(_) => {}
    }
    if path.is_dir() {
        return Some("it is a folder: name a file in it".to_owned());
    }
    // SQLite writes to all three, where they exist.
    let beside = ["", "-wal", "-shm"].map(|suffix| {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    });
    let own = std::fs::metadata("/proc/self").ok()?.uid();
    let obstacle = beside
        .iter()
        .map(PathBuf::as_path)
        .chain([folder])
        .find_map(|place| {
            let metadata = std::fs::metadata(place).ok()?;
            obstacle(place, &metadata, own)
        });
    obstacle.or_else(|| Some("the file and its folder must be writable".to_owned()))
}

/// Why a process of the user `own` cannot write to `place`, as far as its owner and its mode tell.
fn obstacle(place: &Path, metadata: &Metadata, own: u32) -> Option<String> {
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o777);
    let writable = match owner == own {
        true => 0o200,
        // Its group may be one of the process's.
        false => 0o022,
    };
    if own == 0 || mode & writable != 0 {
        return None;
    }
    Some(format!(
        "{place:?} belongs to user {owner} and has the mode {mode:o}, and this process runs as user {own}: \
         make it writable for that user (chown, chmod)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_what_is_created() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, at(name)).unwrap();
        std::fs::create_dir(at("data")).unwrap();
        link("data/cache.db", "first");
        link("first", "second");
        assert_eq!(target(&at("second")), at("data/cache.db"));
        assert_eq!(target(&at("absent")), at("absent"));
        link("loop", "loop");
        assert_eq!(target(&at("loop")), at("loop"));
    }
}
