//! Every check of the structure, over every crate of the repository: `make structure`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::circles::circles;
use crate::facade::facade;
use crate::order::Order;
use crate::report::Violation;
use crate::size::Sizes;
use crate::tree::Tree;

/// The violations in the repository at `root`.
pub(crate) fn structure(root: &Path) -> io::Result<Vec<Violation>> {
    let order = fs::read_to_string(root.join("checks/order.txt"))?;
    let large = fs::read_to_string(root.join("checks/large.txt"))?;
    let mut crates = BTreeMap::new();
    find_crates(root, root, &mut crates)?;
    Ok(check(&crates, &order, &large))
}

/// The texts of a crate by their paths below `src`.
type Texts = BTreeMap<String, String>;

/// The violations of `crates`, which are named by their folders.
fn check(crates: &BTreeMap<String, Texts>, order: &str, large: &str) -> Vec<Violation> {
    let mut sizes = Sizes::new(large);
    let mut violations = Vec::new();
    for (folder, texts) in crates {
        let roots = ["lib.rs", "main.rs"]
            .into_iter()
            .filter(|root| texts.contains_key(*root));
        for tree in roots.map(|root| Tree::new(root, texts)) {
            let mut found = [circles(&tree), facade(&tree), sizes.check(folder, &tree)].concat();
            found.extend(tree.missing.iter().map(|module| Violation {
                place: format!("{module}.rs"),
                what: "declared as a module and not found".to_owned(),
                remedy: "give the file the module's name".to_owned(),
            }));
            if let Some(order) = Order::of(folder, order) {
                found.extend(order.check(&tree));
            }
            for violation in &mut found {
                if !violation.place.starts_with("checks/order.txt") {
                    violation.place = format!("{folder}/src/{}", violation.place);
                }
            }
            violations.append(&mut found);
        }
    }
    violations.extend(sizes.unused());
    violations
}

/// Every folder below `folder` that has a `Cargo.toml`, with the sources in its `src`.
fn find_crates(root: &Path, folder: &Path, crates: &mut BTreeMap<String, Texts>) -> io::Result<()> {
    for child in fs::read_dir(folder)? {
        let child = child?;
        let name = child.file_name();
        if !child.file_type()?.is_dir()
            || name == "target"
            || name == "tutorial" && folder == root
            || name.as_encoded_bytes().starts_with(b".")
        {
            continue;
        }
        let path = child.path();
        if path.join("Cargo.toml").exists() {
            let mut texts = Texts::new();
            let src = path.join("src");
            if src.is_dir() {
                read(&src, &src, &mut texts)?;
            }
            crates.insert(relative(root, &path), texts);
        }
        find_crates(root, &path, crates)?;
    }
    Ok(())
}

fn read(src: &Path, folder: &Path, texts: &mut Texts) -> io::Result<()> {
    for child in fs::read_dir(folder)? {
        let path = child?.path();
        if path.is_dir() {
            read(src, &path, texts)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.insert(relative(src, &path), fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

fn relative(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
