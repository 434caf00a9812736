//! What a fingerprint is made of: the bytes of files. They are read again when a file has changed.
//!
//! Not a step of an invocation.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use xxhash_rust::xxh3::Xxh3;

/// The hexadecimal digits of a fingerprint.
pub(super) const DIGITS: usize = 16;
/// A file that changes twice within the granularity of its clock keeps its stamp. It is coarser than that.
const SETTLED_SECONDS: i64 = 2;

/// What changes with a file: which one it is, its size, and when its content or its name last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

pub(super) fn stamp(metadata: &Metadata) -> Stamp {
    Stamp {
        inode: metadata.ino(),
        size: metadata.size(),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// Whether another change of the file would be seen in its stamp.
pub(super) fn is_settled(stamp: &Stamp) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs().try_into().unwrap_or(i64::MAX));
    stamp.changed.0.saturating_add(SETTLED_SECONDS) < now
}

/// The digest of all files, each under its name.
pub(super) fn digest(files: impl Iterator<Item = (&'static str, PathBuf)>) -> io::Result<String> {
    let mut hasher = Xxh3::new();
    for (name, path) in files {
        hasher.update(name.as_bytes());
        io::copy(&mut File::open(path)?, &mut hasher)?;
    }
    Ok(format!("{:0DIGITS$x}", hasher.digest()))
}
