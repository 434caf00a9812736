//! The static files of an application, and their addresses with fingerprints.
//!
//! Not a step of an invocation: a request for which there is no program may be one for a file, which
//! `controller/http/files.rs` sends. Views ask for addresses in step 6. `name.rs` has the form of names, `digest.rs` reads what
//! a fingerprint is made of.

mod digest;
mod name;

use std::collections::HashMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use self::digest::{Stamp, digest, is_settled, stamp};
use self::name::{is_name, with_fingerprint, without_fingerprint};
use crate::error::{Error, Result};

/// The names that clients ask for at the root.
const AT_THE_ROOT: [&str; 2] = ["favicon.ico", "robots.txt"];
/// What a precompressed file has behind its name, in the order in which their stamps are kept.
const PRECOMPRESSED: [&str; 3] = [".br", ".gz", ".zst"];
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A folder of static files, such as style sheets, for [`App::static_files`](crate::App::static_files) (feature `static`).
///
/// ```
/// use giotto::Assets;
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// # std::fs::write(folder.join("app.css"), "p { margin: 0 }")?;
/// let assets = Assets::new(folder);
/// assert_eq!(assets.url("app.css").as_deref(), Some("/static/app.dc646203e6d3ccb2.css"));
/// assert_eq!(assets.url("missing.css"), None);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A file answers at two addresses: `/static/app.css`, which clients revalidate before each use, and the one that
/// [`url`](Self::url) returns. Its fingerprint changes with the file, so clients keep it for a year without asking.
///
/// Files and folders whose names begin with a dot are not served, nor are links that lead out of the folder.
#[derive(Clone, Debug)]
pub struct Assets {
    folder: Arc<Folder>,
    prefix: Arc<str>,
    /// What is before the prefix in addresses: `/library`, or nothing.
    base: Arc<str>,
}

#[derive(Debug)]
struct Folder {
    given: PathBuf,
    /// Without links; or why there is none.
    root: std::result::Result<PathBuf, String>,
    /// The fingerprints of files by path, each with what it was made of.
    fingerprints: Mutex<HashMap<PathBuf, (Stamps, String)>>,
    /// Held while a file is read: requests for a large one wait for one that reads it.
    reading: Mutex<()>,
}

/// Of a file and of its precompressed forms.
type Stamps = [Option<Stamp>; 1 + PRECOMPRESSED.len()];

/// A file that may be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asset {
    /// In the folder, without links.
    path: PathBuf,
    stamps: Stamps,
}

impl Assets {
    /// The files in `folder`, under `/static/`. A folder that cannot be read is refused when the application starts.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let given = folder.into();
        let root = given.canonicalize().map_err(|error| error.to_string());
        let root = root.and_then(|root| match root.is_dir() {
            true => Ok(root),
            false => Err("it is not a folder".to_owned()),
        });
        Self {
            folder: Arc::new(Folder {
                given,
                root,
                fingerprints: Mutex::default(),
                reading: Mutex::default(),
            }),
            prefix: "static".into(),
            base: Arc::default(),
        }
    }

    /// The same under another address: `.prefix("assets")` is `/assets/`.
    #[must_use]
    pub fn prefix(self, prefix: &str) -> Self {
        Self {
            prefix: prefix.trim_matches('/').into(),
            ..self
        }
    }

    /// The address of the file `name`, such as `app.css` or `icons/logo.svg`, with its fingerprint; `None` if there is no such
    /// file. The fingerprint is that of the file as it is now: it is made again after the file has changed.
    #[must_use]
    pub fn url(&self, name: &str) -> Option<String> {
        let asset = self.find(name)?;
        let fingerprint = self.fingerprint(&asset)?;
        let name = with_fingerprint(name, &fingerprint);
        Some(format!("{}/{}/{}", self.base, self.prefix, encoded(&name)))
    }

    /// Has addresses begin with `base`.
    pub(crate) fn set_base(&mut self, base: &str) {
        self.base = base.into();
    }

    /// The folder, as it was given.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder.given
    }

    /// Refuses a folder that is not there, and addresses that programs have. `is_program` says whether a name is one of the
    /// manifest.
    pub(crate) fn check(&self, is_program: impl Fn(&str) -> bool) -> Result<()> {
        let shown = self.folder.given.display();
        let refuse = |problem: String| {
            let message = format!("the static files in '{shown}': {problem}");
            Err(Error::configuration(message))
        };
        if let Err(error) = &self.folder.root {
            let here = std::env::current_dir().unwrap_or_default();
            return refuse(format!(
                "the folder cannot be read: {error}; the current folder is '{}': create it there, or give its absolute path",
                here.display()
            ));
        }
        let prefix = &self.prefix;
        if !is_name(prefix) || encoded(prefix) != **prefix {
            return refuse(format!(
                "the prefix {prefix:?} is not a path of letters, digits, '-', '.' and '_': give another with \
                 Assets::prefix, such as \"static\""
            ));
        }
        let first = prefix.split(['/', '.']).next().unwrap_or_default();
        if is_program(first) {
            return refuse(format!(
                "the manifest has '{first}', which answers there: rename it, or give the files another Assets::prefix"
            ));
        }
        for name in AT_THE_ROOT {
            let (program, _) = name.split_once('.').unwrap_or((name, ""));
            if is_program(program) && self.find(name).is_some() {
                return refuse(format!(
                    "the manifest has '{program}', which answers at /{name}: rename it, or remove the file"
                ));
            }
        }
        Ok(())
    }

    /// The name, as it stands in the address, of the file that `path` asks for.
    pub(crate) fn name_in<'p>(&self, path: &'p str) -> Option<&'p str> {
        let path = path.strip_prefix('/')?;
        match AT_THE_ROOT.contains(&path) {
            true => Some(path),
            false => path.strip_prefix(&*self.prefix)?.strip_prefix('/'),
        }
    }

    /// The file that is served under `name`, and whether the name has its fingerprint.
    ///
    /// A name with another fingerprint gets the file, too: a page that was stored before the file changed asks for it.
    pub(crate) fn requested(&self, name: &str) -> Option<(Asset, bool)> {
        if let Some(asset) = self.find(name) {
            return Some((asset, false));
        }
        let (name, fingerprint) = without_fingerprint(name)?;
        let asset = self.find(&name)?;
        let is_current = self.fingerprint(&asset)? == fingerprint;
        Some((asset, is_current))
    }

    /// Whether `asset` is still what was found.
    pub(crate) fn is_unchanged(&self, asset: &Asset) -> bool {
        self.stamps(&asset.path) == Some(asset.stamps)
    }

    /// Without links.
    pub(crate) fn root(&self) -> Option<&Path> {
        self.folder.root.as_deref().ok()
    }

    /// The file with this plain name.
    fn find(&self, name: &str) -> Option<Asset> {
        if !is_name(name) {
            return None;
        }
        let path = self.inside(&self.root()?.join(name))?;
        let stamps = self.stamps(&path)?;
        Some(Asset { path, stamps })
    }

    /// Of the file at `path`, which is inside, and of its precompressed forms. A form that leads out of the folder makes the
    /// file none of those that are served.
    fn stamps(&self, path: &Path) -> Option<Stamps> {
        let mut stamps = Stamps::default();
        for (stamped, suffix) in stamps.iter_mut().zip(suffixes()) {
            let path = with_suffix(path, suffix);
            if suffix.is_empty() || path.exists() {
                let metadata = fs::metadata(self.inside(&path)?).ok()?;
                *stamped = metadata.is_file().then(|| stamp(&metadata));
                (*stamped)?;
            }
        }
        Some(stamps)
    }

    /// `path` without links, if it exists in the folder and has no hidden part.
    fn inside(&self, path: &Path) -> Option<PathBuf> {
        let path = path.canonicalize().ok()?;
        let mut parts = path.strip_prefix(self.root()?).ok()?.components();
        let is_shown = parts.all(|part| match part {
            Component::Normal(part) => !part.as_encoded_bytes().starts_with(b"."),
            _ => false,
        });
        is_shown.then_some(path)
    }

    /// A digest of the file and of its precompressed forms, all of which are served under its name.
    fn fingerprint(&self, asset: &Asset) -> Option<String> {
        if let Some(known) = self.known(asset) {
            return Some(known);
        }
        let _reading = locked(&self.folder.reading);
        if let Some(known) = self.known(asset) {
            return Some(known);
        }
        let forms = suffixes().zip(&asset.stamps);
        let forms = forms.filter(|(_, stamp)| stamp.is_some());
        let paths = forms.map(|(suffix, _)| (suffix, with_suffix(&asset.path, suffix)));
        let fingerprint = digest(paths).ok()?;
        if asset.stamps.iter().flatten().all(is_settled) {
            let known = (asset.stamps, fingerprint.clone());
            locked(&self.folder.fingerprints).insert(asset.path.clone(), known);
        }
        Some(fingerprint)
    }

    /// The fingerprint of the file, if it was made since it has last changed.
    fn known(&self, asset: &Asset) -> Option<String> {
        let fingerprints = locked(&self.folder.fingerprints);
        let (stamps, fingerprint) = fingerprints.get(&asset.path)?;
        (*stamps == asset.stamps).then(|| fingerprint.clone())
    }
}

impl Asset {
    /// Its address for `ServeDir`, which is at the root of the folder.
    pub(crate) fn address(&self, root: &Path) -> Option<String> {
        let path = self.path.strip_prefix(root).ok()?.to_str()?;
        Some(format!("/{}", encoded(path)))
    }
}

impl<P: Into<PathBuf>> From<P> for Assets {
    fn from(folder: P) -> Self {
        Self::new(folder)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn suffixes() -> impl Iterator<Item = &'static str> {
    [""].into_iter().chain(PRECOMPRESSED)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, KEPT).to_string()
}
