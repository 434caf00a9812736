//! The folder that a reader fills: whole files, changes of files, and what it has in the end.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use diffy::{Line, Patch};

use super::page::{PAGE, at};
use crate::report::Violation;

/// Writes a whole file below `folder`.
pub(crate) fn write(folder: &Path, path: &str, text: &str) -> io::Result<()> {
    let path = folder.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text)
}

/// Applies a change to the file that it names; `line` is that of its first line in the text.
pub(crate) fn change(folder: &Path, line: usize, diff: &str) -> Result<(), Violation> {
    let patch = Patch::from_str(diff)
        .map_err(|error| at(line, format!("no change: {error}"), "write a unified diff"))?;
    let path = folder.join(patch.modified().unwrap_or_default());
    let before = fs::read_to_string(&path).map_err(|error| {
        let what = format!("cannot read {}: {error}", path.display());
        at(line, what, "name a file that an earlier block writes")
    })?;
    if let Some(place) = misfit(&patch, &before) {
        let what = "from this line on, the change does not fit the file";
        return Err(at(
            line + place,
            what,
            "make the change from the file as it is",
        ));
    }
    let after = diffy::apply(&before, &patch).map_err(|error| error.to_string());
    let written =
        after.and_then(|after| fs::write(&path, after).map_err(|error| error.to_string()));
    written.map_err(|error| at(line, error, "make the change from the file as it is"))
}

/// The first line of a change that is not in the file at the place where it should be.
fn misfit(patch: &Patch<'_, str>, before: &str) -> Option<usize> {
    let before: Vec<_> = before.split_inclusive('\n').collect();
    // The two names of the file.
    let mut place = 2;
    for hunk in patch.hunks() {
        place += 1;
        let mut next = hunk.old_range().start().saturating_sub(1);
        for line in hunk.lines() {
            if let Line::Context(text) | Line::Delete(text) = line {
                if before.get(next) != Some(text) {
                    return Some(place);
                }
                next += 1;
            }
            place += 1;
        }
    }
    None
}

/// What differs between the folder that was made and the one in the repository.
pub(crate) fn differences(made: &Path, original: &Path) -> io::Result<Vec<Violation>> {
    let (mut here, mut there) = (BTreeMap::new(), BTreeMap::new());
    read(made, made, &mut here)?;
    read(original, original, &mut there)?;
    let mut violations = Vec::new();
    let mut differs = |path: &str, what: &str| {
        violations.push(Violation {
            place: format!("{}/{path}", original.display()),
            what: what.to_owned(),
            remedy: format!("change {PAGE} or the file"),
        });
    };
    for (path, text) in &there {
        match here.remove(path) {
            None => differs(path, "the tutorial does not make this file"),
            Some(made) if made != *text => differs(path, "the tutorial makes it otherwise"),
            Some(_) => {}
        }
    }
    for path in here.keys() {
        differs(path, "only the tutorial makes this file");
    }
    Ok(violations)
}

/// All files by their paths below `root`, without what Cargo and the application make.
fn read(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for child in fs::read_dir(folder)? {
        let path = child?.path();
        let below = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
        let is_made = below == "target"
            || below == "Cargo.lock"
            || below.contains(".db")
            || below.contains(".sqlite3");
        if is_made {
            continue;
        }
        if path.is_dir() {
            read(root, &path, files)?;
        } else {
            files.insert(below.into_owned(), fs::read(&path)?);
        }
    }
    Ok(())
}
