//! Where a project finds giotto: in a clone, or in a registry.

use std::path::{Path, PathBuf};

/// The folder of this package in the clone that it was built from.
const BUILT_FROM: &str = env!("CARGO_MANIFEST_DIR");

/// Where a project finds giotto.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The root of a clone, as an absolute path.
    Clone(PathBuf),
    /// A published version, as Cargo.toml writes it.
    Version(String),
}

impl Source {
    /// The source that is `given`, a path or a version, or else the clone that this was built from.
    pub(crate) fn find(given: Option<&str>) -> Result<Self, String> {
        match given {
            Some(given) if is_version(given) => Ok(Self::Version(given.to_owned())),
            Some(given) => at(Path::new(given)).ok_or_else(|| {
                format!("--giotto {given}: there is no clone of giotto: name the folder that has giotto/Cargo.toml, or a version")
            }),
            None => Path::new(BUILT_FROM).parent().and_then(at).ok_or_else(|| {
                format!(
                    "giotto is not published yet, and the clone that this command was built from, {BUILT_FROM}, is gone: name \
                     a clone with --giotto PATH"
                )
            }),
        }
    }

    /// The root of the clone, if it is one.
    pub(crate) fn clone_root(&self) -> Option<&Path> {
        match self {
            Self::Clone(root) => Some(root),
            Self::Version(_) => None,
        }
    }

    /// The dependency in Cargo.toml, without its features.
    pub(crate) fn dependency(&self) -> String {
        match self {
            Self::Clone(root) => format!("path = {:?}", root.join("giotto").display().to_string()),
            Self::Version(version) => format!("version = {version:?}"),
        }
    }
}

/// The clone at `path`: its root, or the folder of the crate in it.
fn at(path: &Path) -> Option<Source> {
    let has_giotto = |root: &&Path| {
        let manifest = std::fs::read_to_string(root.join("giotto/Cargo.toml"));
        manifest.is_ok_and(|manifest| manifest.contains("name = \"giotto\""))
    };
    let path = path.canonicalize().ok()?;
    let mut roots = path.ancestors().take(2);
    let root = roots.find(has_giotto)?;
    Some(Source::Clone(root.to_owned()))
}

/// Whether `text` is a version such as `0.1` or `=0.1.0`.
fn is_version(text: &str) -> bool {
    let version = text.trim_start_matches(['^', '=', '~', '>', '<', ' ']);
    version.starts_with(|first: char| first.is_ascii_digit()) && !text.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_is_found_by_its_root_and_by_its_crate() {
        let root = Path::new(BUILT_FROM)
            .parent()
            .unwrap()
            .canonicalize()
            .unwrap();
        let clone = Source::Clone(root.clone());
        assert_eq!(Source::find(None).as_ref(), Ok(&clone));
        for path in [
            root.clone(),
            root.join("giotto"),
            root.join("giotto-cli/.."),
        ] {
            assert_eq!(Source::find(path.to_str()).as_ref(), Ok(&clone), "{path:?}");
        }
        let dependency = format!("path = \"{}/giotto\"", root.display());
        assert_eq!(clone.dependency(), dependency);
        for nothing in ["/nowhere", "src", "/"] {
            let refused = Source::find(Some(nothing)).unwrap_err();
            assert!(refused.contains("giotto/Cargo.toml"), "{refused}");
        }
    }

    #[test]
    fn a_version_is_told_from_a_path() {
        for version in ["0.1", "0.1.0", "=0.1.0", "^1", ">=1, <2"] {
            let found = Source::find(Some(version)).unwrap();
            assert_eq!(found.dependency(), format!("version = {version:?}"));
        }
        assert!(Source::find(Some("1/giotto")).is_err());
    }
}
