//! The name of a package: what Cargo, rustc and crates.io take.

use std::path::Path;

/// The most letters of a name on crates.io.
const LONGEST: usize = 64;

/// The keywords of Rust (edition 2024), which no crate can be called.
const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern false final fn \
                        for gen if impl in let loop macro match mod move mut override priv pub ref return self static \
                        struct super trait true try type typeof unsafe unsized use virtual where while yield";
/// Crates of Rust itself, crates that the project uses, and names that Cargo has for folders of its own.
const RESERVED: &str = "alloc build core deps examples giotto incremental proc-macro proc_macro serde serde-json serde_json std tempfile test tokio";

/// The name of a package: lower-case letters, digits, `-` and `_`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    /// The last part of `path`.
    pub(crate) fn of(path: &Path) -> Result<Self, String> {
        let Some(name) = path.file_name() else {
            return Err(format!(
                "{} has no name: end the path with the name of the project, such as shop",
                path.display()
            ));
        };
        let name = name.to_string_lossy();
        match problem(&name) {
            Some(problem) => Err(format!(
                "{name:?} cannot be the name of a package: {problem}"
            )),
            None => Ok(Self(name.into_owned())),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// As it stands in Rust.
    pub(crate) fn in_rust(&self) -> String {
        self.0.replace('-', "_")
    }
}

/// Why `name` is refused, and what to do.
fn problem(name: &str) -> Option<String> {
    let lists = |list: &str| list.split_whitespace().any(|one| one == name);
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    let other = name.chars().find(|&character| !is_plain(character));
    let lower = name.to_lowercase();
    match other {
        Some('A'..='Z') => Some(format!("crates have lower-case names: take {lower:?}")),
        Some(other) => Some(format!(
            "it has {other:?}: take lower-case letters, digits, '-' and '_'"
        )),
        None if !name.starts_with(|first: char| first.is_ascii_lowercase()) => Some(format!(
            "it begins with {:?}: begin with a letter",
            &name[..1]
        )),
        None if name.len() > LONGEST => Some(format!("it is longer than {LONGEST} letters")),
        None if lists(KEYWORDS) => Some(format!(
            "it is a keyword of Rust: take another, such as {name}-app"
        )),
        None if lists(RESERVED) => Some(format!(
            "Rust, Cargo or a crate that the project uses is called so: take another, such as my-{name}"
        )),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cargo_takes() {
        for name in [
            "shop",
            "my-shop",
            "my_shop2",
            "a",
            "/tmp/x/shop/",
            &"a".repeat(64),
        ] {
            let found = Name::of(Path::new(name)).unwrap_or_else(|error| panic!("{error}"));
            assert!(
                name.trim_end_matches('/').ends_with(found.as_str()),
                "{name}"
            );
        }
        assert_eq!(Name("my-shop".to_owned()).in_rust(), "my_shop");
    }

    #[test]
    fn names_that_it_refuses_with_a_remedy() {
        for (name, problem) in [
            ("", "has no name"),
            ("/", "has no name"),
            ("a/..", "has no name"),
            ("1shop", "begins with \"1\""),
            ("-shop", "begins with \"-\""),
            ("_shop", "begins with \"_\""),
            ("Shop", "take \"shop\""),
            ("sh op", "it has ' '"),
            ("shöp", "it has 'ö'"),
            ("shop.rs", "it has '.'"),
            ("a\u{1b}b", "it has '\\u{1b}'"),
            ("match", "keyword"),
            ("gen", "keyword"),
            ("test", "take another, such as my-test"),
            ("core", "take another"),
            ("giotto", "take another"),
            ("build", "take another"),
            (&"a".repeat(65), "longer than 64"),
        ] {
            let refused = Name::of(Path::new(name)).unwrap_err();
            assert!(refused.contains(problem), "{name:?}: {refused}");
        }
    }
}
