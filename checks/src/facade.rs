//! No import through the crate's own facade: a file names the file of what it uses, not a re-export of `lib.rs`.

use std::collections::BTreeSet;

use crate::report::Violation;
use crate::tree::Tree;

/// One violation for each name that a file takes from the root of its crate.
pub(crate) fn facade(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.files.iter().skip(1) {
        let imports = file
            .source
            .imports
            .iter()
            .map(|import| (&import.within, &import.path, import.line));
        let mentions = file
            .source
            .mentions
            .iter()
            .map(|mention| (&mention.within, &mention.path, mention.line));
        let mut seen = BTreeSet::new();
        for (within, path, line) in imports.chain(mentions) {
            let module = [&*file.module, within].concat();
            let Some(direct) = direct(tree, &module, path) else {
                continue;
            };
            let path = path.join("::");
            if seen.insert(path.clone()) {
                violations.push(Violation {
                    place: format!("{}:{line}", file.path),
                    what: format!("{path} goes through the facade"),
                    remedy: format!("write {direct}"),
                });
            }
        }
    }
    violations.extend(of_root(tree));
    violations
}

/// One violation for each file that uses what `lib.rs` defines itself.
fn of_root(tree: &Tree) -> Vec<Violation> {
    let arrows = tree.arrows().into_iter().zip(&tree.files).skip(1);
    let to_root = arrows.filter_map(|(mut arrows, file)| Some((arrows.remove(&0)?, file)));
    let violations = to_root
        .filter(|_| tree.files[0].path == "lib.rs")
        .map(|(arrow, file)| Violation {
            place: format!("{}:{}", file.path, arrow.line),
            what: format!("{} is defined in lib.rs", arrow.path),
            remedy: "move it to a file that says what it is".to_owned(),
        });
    violations.collect()
}

/// The path that does not go through the root, if `path` does.
fn direct(tree: &Tree, module: &[String], path: &[String]) -> Option<String> {
    let (begin, rest) = tree.begin(module, path)?;
    let is_written = matches!(&*path[0], "crate" | "self" | "super");
    if !begin.is_empty() || !is_written {
        return None;
    }
    let name = rest.first()?;
    let is_module = tree
        .find(&[], path)
        .is_some_and(|place| place.module.first() == Some(name));
    let import = tree.named_import(&[], name).filter(|_| !is_module)?;
    Some(match tree.find(&[], &import.path) {
        Some(place) => [&["crate".to_owned()], &*place.module, &*place.rest]
            .concat()
            .join("::"),
        None => import.path.join("::"),
    })
}
