//! The files of templates, in one or several folders.
//!
//! Before the first request, and in step 6 of an invocation while templates are reloaded.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use minijinja::{Error, ErrorKind, TemplateSource};

use crate::arguments::nearest;
use crate::error::{listed, quoted};

/// The most names of templates that an error lists.
const MAX_LISTED: usize = 20;

/// The deepest folder that is searched for names.
const MAX_DEPTH: usize = 16;

/// Folders with templates. A name stands for the file in the first folder that has it.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    pub(super) folders: Vec<PathBuf>,
}

impl Sources {
    pub(super) fn of(folder: impl Into<PathBuf>) -> Self {
        Self {
            folders: vec![folder.into()],
        }
    }

    /// The source of the template `name`, which is read again when its file has changed.
    pub(super) fn load(&self, name: &str) -> Result<Option<TemplateSource>, Error> {
        let Some((path, text)) = self.read(name)? else {
            return Ok(None);
        };
        let (sources, name, known) = (self.clone(), name.to_owned(), text.clone());
        // The text itself is compared, because two changes may have one time stamp.
        let is_current = move || matches!(sources.read(&name), Ok(Some(read)) if read == (path.clone(), known.clone()));
        Ok(Some(
            TemplateSource::new(text).with_uptodate_check(is_current),
        ))
    }

    /// The path and the text of the template `name`; `None` if no folder has it.
    pub(super) fn read(&self, name: &str) -> Result<Option<(PathBuf, String)>, Error> {
        let Some(name) = relative(name) else {
            return Ok(None);
        };
        for path in self.folders.iter().map(|folder| folder.join(&name)) {
            match fs::read_to_string(&path) {
                Ok(text) => return Ok(Some((path, text))),
                Err(error) if is_absence(error.kind()) || path.is_dir() => {}
                Err(error) => {
                    let message = format!("cannot read {}: {error}", path.display());
                    return Err(Error::new(ErrorKind::InvalidOperation, message));
                }
            }
        }
        Ok(None)
    }

    /// The file of the template `name`, for messages.
    pub(super) fn path(&self, name: &str) -> String {
        let relative = relative(name).unwrap_or_default();
        let mut paths = self.folders.iter().map(|folder| folder.join(&relative));
        match paths.find(|path| path.is_file()) {
            Some(path) => path.display().to_string(),
            None => name.to_owned(),
        }
    }

    /// The names of all templates, in alphabetical order.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for folder in &self.folders {
            collect(folder, "", 0, &mut names);
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// A digest of all templates, the same for every process of one build.
    pub(super) fn version(&self) -> String {
        let mut hasher = DefaultHasher::new();
        for name in self.names() {
            if let Ok(Some((_, text))) = self.read(&name) {
                (name, text).hash(&mut hasher);
            }
        }
        format!("{:016x}", hasher.finish())
    }

    /// Why there is no template `name`, and which ones there are.
    pub(super) fn missing(&self, name: &str) -> String {
        let has = match self.similar(name) {
            similar if !similar.is_empty() => similar,
            _ => format!(": {}", self.absent()),
        };
        format!("there is no template {} in {self}{has}", quoted(name))
    }

    /// The file that was probably meant by `name`, or those that there are; empty if there is none.
    pub(super) fn similar(&self, name: &str) -> String {
        let names = self.names();
        let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let same_file = || names.iter().find(|known| last(known) == last(name));
        let near = nearest(name, names.iter().map(String::as_str));
        match near.or_else(|| same_file().map(String::as_str)) {
            Some(near) => format!(": did you mean {near:?}?"),
            None if names.is_empty() => String::new(),
            None => {
                let names = names.iter().map(|name| format!("{name:?}"));
                format!(": there are {}", listed(names, MAX_LISTED))
            }
        }
    }

    /// Why there is no template at all.
    fn absent(&self) -> String {
        let absent = self.folders.iter().find(|folder| !folder.is_dir());
        match absent {
            Some(folder) if folder.is_relative() => {
                let here = std::env::current_dir().unwrap_or_default();
                format!(
                    "there is no folder {}: a relative folder is looked up from the working directory, which is {}",
                    folder.display(),
                    here.display()
                )
            }
            Some(folder) => format!("there is no folder {}", folder.display()),
            None => "it has no template yet".to_owned(),
        }
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folders = self
            .folders
            .iter()
            .map(|folder| folder.display().to_string());
        f.write_str(&folders.collect::<Vec<_>>().join(" or "))
    }
}

fn is_absence(kind: IoErrorKind) -> bool {
    matches!(
        kind,
        IoErrorKind::NotFound | IoErrorKind::NotADirectory | IoErrorKind::InvalidFilename
    )
}

/// `name` as a path that leaves no folder; `None` if it is not the name of a template. A name may come from a client, as in
/// `{% include data.name %}`.
fn relative(name: &str) -> Option<PathBuf> {
    let is_good = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '\0'])
    };
    name.split('/')
        .all(is_good)
        .then(|| name.split('/').collect())
}

/// Adds the names of all files in `folder`, except hidden ones.
fn collect(folder: &Path, prefix: &str, depth: usize, names: &mut Vec<String>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
            continue;
        };
        let name = format!("{prefix}{name}");
        let path = entry.path();
        // A link to a folder may lead back here.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => {
                collect(&path, &format!("{name}/"), depth + 1, names);
            }
            _ if path.is_file() => names.push(name),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_folder() {
        for name in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../b",
            "a//b",
            "a/./b",
            "./a",
            ".a",
            "a/.b",
            "a\\b",
            "..\\x",
            "c:x",
            "a\0",
            "a/",
            "/a",
        ] {
            assert_eq!(relative(name), None, "{name:?}");
        }
        for name in ["a", "a.html", "a/b.html", "a/b/c", "a..b", "%2e%2e"] {
            assert_eq!(relative(name), Some(PathBuf::from(name)), "{name}");
        }
    }
}
