//! The public API of the crates that are published, beside the listing that is committed with them.
//!
//! rustdoc describes a crate in JSON. That output is unstable: `RUSTC_BOOTSTRAP` enables it in a stable toolchain, and
//! its format changes with releases, so that a version of the crate `public-api` reads the format of one of them.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use public_api::Builder;

use crate::report::Violation;

/// The folders of the crates with a listing, which are also their names.
const CRATES: [&str; 3] = ["giotto", "giotto-cache", "giotto-tower"];

/// What to do with the listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    Compare,
    Write,
}

/// Writes the listings, or reports what differs from them.
pub(crate) fn api(root: &Path, listing: Listing) -> Result<Vec<Violation>, Box<dyn Error>> {
    document(root)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or("target".into());
    let doc = root.join(target).join("doc");
    let mut violations = Vec::new();
    for folder in CRATES {
        let json = doc.join(format!("{}.json", folder.replace('-', "_")));
        let items = Builder::from_rustdoc_json(&json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .omit_auto_derived_impls(true)
            .build()
            .map_err(|error| {
                format!(
                    "cannot read {}: {error}; the listing is made with Rust 1.95",
                    json.display()
                )
            })?;
        let place = format!("{folder}/public-api.txt");
        let file = root.join(&place);
        let now = shortened(&items.to_string());
        match listing {
            Listing::Write => fs::write(file, now)?,
            Listing::Compare => {
                violations.extend(differences(&place, &fs::read_to_string(file)?, &now))
            }
        }
    }
    Ok(violations)
}

/// The listing without the functions of `impl Trait for Type`, which the trait has already.
fn shortened(listing: &str) -> String {
    let mut short = String::new();
    let mut prefix = None;
    for line in listing.lines() {
        if line.starts_with("impl") {
            let of_trait = line.split_once(" for ");
            prefix = of_trait
                .map(|(_, rest)| format!("{}::", rest.split(" where ").next().unwrap_or(rest)));
        }
        let function = line
            .strip_prefix("pub fn ")
            .or(line.strip_prefix("pub async fn "));
        let is_of_trait = function
            .zip(prefix.as_deref())
            .is_some_and(|(function, prefix)| function.starts_with(prefix));
        if !is_of_trait {
            short.push_str(line);
            short.push('\n');
        }
    }
    short
}

/// Has rustdoc describe every library, with what `make doc` has compiled.
fn document(root: &Path) -> Result<(), Box<dyn Error>> {
    let status = Command::new(env!("CARGO"))
        .args([
            "doc",
            "--quiet",
            "--locked",
            "--workspace",
            "--lib",
            "--all-features",
            "--no-deps",
        ])
        .current_dir(root)
        // Not for cargo and rustc: build scripts look at the variable, and all would be compiled anew.
        .env("RUSTDOC", root.join("checks/rustdoc.sh"))
        .env("RUSTDOCFLAGS", "-Z unstable-options --output-format json")
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("cargo doc: {status}").into()),
    }
}

/// One violation for each line that only one of the listings has.
fn differences(place: &str, committed: &str, now: &str) -> Vec<Violation> {
    let only = |these: &str, those: &str, what: &str| {
        let those: Vec<&str> = those.lines().collect();
        let only = these.lines().filter(|line| !those.contains(line));
        let violations = only.map(|line| Violation {
            place: place.to_owned(),
            what: format!("{what} `{line}`"),
            remedy: "if this is intended, run `make api` and commit the listing".to_owned(),
        });
        violations.collect::<Vec<_>>()
    };
    [
        only(committed, now, "the API has lost"),
        only(now, committed, "the API has gained"),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::{differences, shortened};

    #[test]
    fn functions_of_traits_are_listed_once() {
        let listing = "pub trait a::B\npub fn a::B::b(self)\npub struct a::C<T>\nimpl<T> a::C<T>\npub fn a::C<T>::c()\n\
                       impl<T> a::B for a::C<T> where T: Copy\npub fn a::C<T>::b(self)\npub type a::C<T>::D = T\npub fn a::e()\n";
        let short = listing.replace("pub fn a::C<T>::b(self)\n", "");
        assert_eq!(shortened(listing), short);
    }

    #[test]
    fn what_the_api_loses_and_gains_is_reported() {
        let told = differences(
            "a/public-api.txt",
            "pub fn a()\npub fn b()\n",
            "pub fn b()\npub fn c()\n",
        );
        let told: Vec<_> = told
            .iter()
            .map(|violation| violation.what.as_str())
            .collect();
        assert_eq!(
            told,
            [
                "the API has lost `pub fn a()`",
                "the API has gained `pub fn c()`"
            ]
        );
        assert_eq!(
            differences("a/public-api.txt", "pub fn a()\n", "pub fn a()\n"),
            []
        );
    }
}
