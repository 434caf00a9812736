//! The files of a project. They lie in `project/` and `minimal/` beside this folder, as files that the tests compile.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, context};

use crate::name::Name;
use crate::source::Source;

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Minimal,
    Whole,
}

/// One file: where it goes, where it lies, and its text.
struct File {
    /// `NAME` stands for the name of the project.
    to: &'static str,
    /// One that ends in `.jinja` has placeholders; every other one is copied byte for byte.
    from: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($to:literal: $from:literal),+ $(,)?) => {
        &[$(File { to: $to, from: $from, text: include_str!(concat!("../", $from)) }),+]
    };
}

const MINIMAL: &[File] = files! {
    "Cargo.toml": "minimal/Cargo.toml.jinja",
    "giotto.toml": "minimal/giotto.toml",
    "src/main.rs": "minimal/src/main.rs",
};

// A Cargo.toml here would be a package of its own, and a .gitignore would count for this repository.
const WHOLE: &[File] = files! {
    ".dockerignore": "project/dockerignore",
    ".github/workflows/ci.yml": "project/github/ci.yml.jinja",
    ".gitignore": "project/gitignore",
    "Cargo.toml": "project/Cargo.toml.jinja",
    "Dockerfile": "project/Dockerfile.jinja",
    "README.md": "project/README.md.jinja",
    "deploy/NAME.service": "project/deploy/app.service.jinja",
    "giotto.toml": "project/giotto.toml",
    "src/lib.rs": "project/src/lib.rs",
    "src/main.rs": "project/src/main.rs.jinja",
    "src/notes.rs": "project/src/notes.rs",
    "static/app.css": "project/static/app.css",
    "static/icon.svg": "project/static/icon.svg",
    "static/robots.txt": "project/static/robots.txt",
    "templates/board.html": "project/templates/board.html",
    "templates/errors/404.html": "project/templates/errors/404.html",
    "templates/layout.html": "project/templates/layout.html",
    "templates/note.html": "project/templates/note.html",
    "tests/board.rs": "project/tests/board.rs.jinja",
};

impl Kind {
    const fn files(self) -> &'static [File] {
        match self {
            Self::Minimal => MINIMAL,
            Self::Whole => WHOLE,
        }
    }

    /// Where the project answers first.
    pub(crate) const fn address(self) -> &'static str {
        match self {
            Self::Minimal => "http://127.0.0.1:5000/squared?x=12",
            Self::Whole => "http://127.0.0.1:5000",
        }
    }

    /// The path and the text of every file of the project `name`. It `is_nested` if it lies below another Cargo.toml.
    pub(crate) fn rendered(
        self,
        name: &Name,
        source: &Source,
        is_nested: bool,
    ) -> Result<Vec<(String, String)>, minijinja::Error> {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(
            SyntaxConfig::builder()
                .keep_trailing_newline(true)
                .trim_blocks(true)
                .build()?,
        );
        let clone = source.clone_root().map(|root| root.display().to_string());
        let known = context! {
            name => name.as_str(),
            crate => name.in_rust(),
            giotto => source.dependency(),
            clone => clone,
            is_nested => is_nested,
        };
        let file = |file: &File| {
            let path = file.to.replace("NAME", name.as_str());
            let text = match file.from.ends_with(".jinja") {
                true => environment.render_str(file.text, &known)?,
                false => file.text.to_owned(),
            };
            Ok((path, text))
        };
        self.files().iter().map(file).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The files below `folder`, by their paths in this package.
    fn below(folder: &Path, found: &mut BTreeSet<String>) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => below(&path, found),
                false => assert!(found.insert(path.display().to_string())),
            }
        }
    }

    #[test]
    fn every_file_of_the_folders_is_in_a_project() {
        let mut found = BTreeSet::new();
        below(Path::new("minimal"), &mut found);
        below(Path::new("project"), &mut found);
        let listed = MINIMAL.iter().chain(WHOLE).map(|file| file.from.to_owned());
        assert_eq!(listed.collect::<BTreeSet<_>>(), found);
    }

    #[test]
    fn a_published_giotto_needs_no_clone() {
        let name = Name::of(Path::new("my-shop")).unwrap();
        let published = Source::find(Some("0.1")).unwrap();
        for kind in [Kind::Minimal, Kind::Whole] {
            for (path, text) in kind.rendered(&name, &published, false).unwrap() {
                let is_page = path.starts_with("templates/");
                for left in ["{{ ", "{%", "GIOTTO_SOURCE", "build-context", "[workspace]"] {
                    assert!(is_page || !text.contains(left), "{path} {left}: {text}");
                }
                assert!(
                    text.ends_with('\n') && !text.ends_with("\n\n"),
                    "{path}: {text:?}"
                );
            }
        }
    }
}
