//! The directory in which the servers of an application have their sockets.
//!
//! Before the first request of a server, and before a command asks the servers.
//!
//! The name of a socket is `PROCESS-NUMBER.sock`. The number is drawn at every start, so that no server ever replaces the
//! socket of another: neither after a crash, nor where containers that share a directory count their processes alike.

use std::env;
use std::fs::{self, DirBuilder, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::net::UnixStream;

/// Of one application; a directory with more files is not read to its end.
const MOST_FILES: usize = 4_096;
const MOST_SERVERS: usize = 256;

const SUFFIX: &str = ".sock";

/// Whether and where the servers of an application have sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sockets {
    /// The application is in a process that has read no configuration: a test, for example.
    #[default]
    Unknown,
    /// They have none.
    Off,
    /// Below the folder for temporary files, in a directory of this user and application.
    Usual {
        /// Distinguishes this application from others of the same program.
        configuration: PathBuf,
    },
    /// In this directory, for this application alone.
    In(PathBuf),
}

/// Where a server may open a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directory(PathBuf);

/// A socket that may be one of a running server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) process: u32,
    pub(crate) path: PathBuf,
}

/// The user that this process acts for. It needs a runtime.
pub(crate) fn own_user() -> io::Result<u32> {
    let (one, _other) = UnixStream::pair()?;
    Ok(one.peer_cred()?.uid())
}

impl Sockets {
    /// The directory, whether it exists or not; `None` if there are no sockets.
    pub(crate) fn directory(&self) -> io::Result<Option<PathBuf>> {
        Ok(match self {
            Self::Unknown | Self::Off => None,
            Self::In(path) => Some(path.clone()),
            Self::Usual { configuration } => Some(usual_base()?.join(name(configuration)?)),
        })
    }

    /// The directory, which is made if there is none; `None` if there are to be no sockets.
    ///
    /// # Errors
    ///
    /// If it cannot be made, or if other users could put something into the usual one.
    pub(crate) fn make(&self) -> io::Result<Option<Directory>> {
        let Some(path) = self.directory()? else {
            return Ok(None);
        };
        if let Self::Usual { .. } = self {
            let base = usual_base()?;
            make(&base, false)?;
            check_own(&base)?;
        }
        make(&path, true)?;
        match path.metadata()?.is_dir() {
            true => Ok(Some(Directory(path))),
            false => {
                let message = format!("{} is not a directory", path.display());
                Err(io::Error::new(ErrorKind::NotADirectory, message))
            }
        }
    }

    /// The sockets in the directory, in the order of their processes. Whatever else is there is ignored.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read, or if other users could put something into the usual one.
    pub(crate) fn servers(&self) -> io::Result<Vec<Server>> {
        let Some(path) = self.directory()? else {
            return Ok(Vec::new());
        };
        let files = match fs::read_dir(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            files => files?,
        };
        if let Self::Usual { .. } = self {
            check_own(&usual_base()?)?;
        }
        let files = files.take(MOST_FILES).flatten();
        let mut servers: Vec<Server> = files
            .filter(|file| file.file_type().is_ok_and(|kind| kind.is_socket()))
            .filter_map(|file| Server::at(&file.path()))
            .collect();
        servers.sort_by_key(|server| server.process);
        servers.truncate(MOST_SERVERS);
        Ok(servers)
    }
}

impl Directory {
    /// The path of the socket of this process.
    pub(crate) fn own_socket(&self) -> PathBuf {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let number = since.unwrap_or_default().as_nanos() as u32;
        let process = std::process::id();
        self.0.join(format!("{process}-{number:08x}{SUFFIX}"))
    }
}

impl Server {
    fn at(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
        let (process, _number) = name.split_once('-')?;
        Some(Self {
            process: process.parse().ok()?,
            path: path.to_owned(),
        })
    }
}

/// The directory of this user, in which every application has one.
fn usual_base() -> io::Result<PathBuf> {
    // Not the directory of the user's session: services have none, and it goes away when the user logs out.
    Ok(env::temp_dir().join(format!("giotto-{}", own_user()?)))
}

/// The directory of one application: its program, and what else distinguishes it from others of this user.
fn name(configuration: &Path) -> io::Result<String> {
    let program = env::current_exe()?;
    let program = program.file_name().unwrap_or_default().to_string_lossy();
    // The name of a program that was replaced since it started, and that of the command line alone.
    let program = program.trim_end_matches(" (deleted)");
    let program = program.strip_suffix("-cmd").unwrap_or(program);
    let program: String = program.chars().take(20).collect();
    let directory = env::current_dir()?;
    let configuration = directory.join(configuration);
    let digest = digest(directory.as_os_str().as_bytes());
    let digest = digest.rotate_left(32) ^ self::digest(configuration.as_os_str().as_bytes());
    Ok(format!("{program}-{digest:016x}"))
}

/// FNV-1a, which is the same in every build.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |digest, byte| {
        (digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Makes the directory `path` for this user alone, unless there is one.
fn make(path: &Path, is_recursive: bool) -> io::Result<()> {
    let made = DirBuilder::new()
        .mode(0o700)
        .recursive(is_recursive)
        .create(path);
    match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            let message = format!("{} cannot be made: {error}", path.display());
            Err(io::Error::new(error.kind(), message))
        }
        made => made,
    }
}

/// Refuses a directory in which another user could put, or has put, something.
fn check_own(path: &Path) -> io::Result<()> {
    let found = path.symlink_metadata()?;
    match is_own(&found, own_user()?) {
        true => Ok(()),
        false => {
            let message = format!(
                "{} is not a directory of this user alone (mode 0700): remove it, or name another one",
                path.display()
            );
            Err(io::Error::new(ErrorKind::PermissionDenied, message))
        }
    }
}

fn is_own(found: &Metadata, user: u32) -> bool {
    found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0
}

#[cfg(test)]
mod tests {
    use std::fs::{File, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn sockets_are_found_among_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let sockets = Sockets::In(folder.path().join("a/b"));
        assert_eq!(sockets.servers().unwrap(), []);
        let directory = sockets.make().unwrap().unwrap();
        let path = directory.own_socket();
        assert!(Server::at(&path).is_some_and(|own| own.process == std::process::id()));
        for name in [
            "7-1.sock",
            "6-ff.sock",
            "x-1.sock",
            "8-1.sock.123",
            "9.sock",
        ] {
            UnixListener::bind(folder.path().join("a/b").join(name)).unwrap();
        }
        File::create(folder.path().join("a/b/5-1.sock")).unwrap();
        let found: Vec<_> = sockets.servers().unwrap();
        let processes: Vec<_> = found.iter().map(|server| server.process).collect();
        assert_eq!(processes, [6, 7]);
        // Of a directory that is made, no one else may even see the names.
        let mode = folder.path().join("a/b").metadata().unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[tokio::test]
    async fn a_directory_that_others_can_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let user = own_user().unwrap();
        let is_own = |path: &Path| is_own(&path.symlink_metadata().unwrap(), user);
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        assert!(is_own(folder.path()) && !is_own_by_other(folder.path(), user));
        fs::set_permissions(folder.path(), Permissions::from_mode(0o770)).unwrap();
        assert!(!is_own(folder.path()));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(!is_own(&link));
    }

    fn is_own_by_other(path: &Path, user: u32) -> bool {
        is_own(&path.symlink_metadata().unwrap(), user + 1)
    }

    #[tokio::test]
    async fn applications_have_directories_of_their_own() {
        let directory = |configuration: &str| {
            let configuration = configuration.into();
            Sockets::Usual { configuration }.directory().unwrap()
        };
        assert_eq!(directory("giotto.toml"), directory("giotto.toml"));
        assert_ne!(directory("giotto.toml"), directory("staging.toml"));
        assert_eq!(Sockets::Off.directory().unwrap(), None);
    }
}
