//! The pages of documentation: every link leads somewhere, every page is found, and says for whom it is.
//!
//! - A relative link of any Markdown file names a file or a folder of the repository, and its fragment a heading there.
//! - Every page below `docs/` is linked from `README.md` or from the index `docs/README.md`, so that it is two clicks away.
//! - Every page below `docs/` says for whom it is before its first section.
//!
//! `markdown.rs` reads one page. Addresses of other hosts are not asked.

mod markdown;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use self::markdown::{Link, Page};
use crate::report::Violation;

const INDEXES: [&str; 2] = ["README.md", "docs/README.md"];
const AUDIENCE: &str = "This page is for";

/// The pages by their paths from the root.
type Pages = BTreeMap<PathBuf, Page>;

/// The violations in the repository at `root`.
pub(crate) fn pages(root: &Path) -> io::Result<Vec<Violation>> {
    let mut pages = Pages::new();
    read(root, root, &mut pages)?;
    Ok(check(&pages, |path| root.join(path).exists()))
}

/// The violations of `pages`, among the files that `exists` knows.
fn check(pages: &Pages, exists: impl Fn(&Path) -> bool) -> Vec<Violation> {
    let links = pages.iter().flat_map(|(path, page)| {
        let links = page.links.iter();
        links.filter_map(|link| broken(path, link, pages, &exists))
    });
    let mut violations: Vec<_> = links.collect();
    let documentation = pages.iter().filter(|(path, _)| path.starts_with("docs"));
    for (path, page) in documentation {
        let mut report = |what: &str, remedy: &str| {
            violations.push(Violation {
                place: path.display().to_string(),
                what: what.to_owned(),
                remedy: remedy.to_owned(),
            });
        };
        if !is_linked(path, pages) {
            report(
                "no reader finds it",
                "link it from docs/README.md, with its question",
            );
        }
        if !page.introduction.contains(AUDIENCE) {
            report(
                "does not say for whom it is",
                "write `This page is for ..` before its first section",
            );
        }
    }
    violations
}

/// Whether one of the indexes leads to `path`. The index itself is found from the README alone.
fn is_linked(path: &Path, pages: &Pages) -> bool {
    let indexes = INDEXES.iter().map(Path::new);
    let mut others = indexes.filter(|index| *index != path);
    others.any(|index| {
        let links = pages.get(index).map(|page| page.links.as_slice());
        let mut links = links.unwrap_or_default().iter();
        links.any(|link| target(index, &link.path).as_deref() == Some(path))
    })
}

/// What is wrong with `link` on the page at `path`, if something is.
fn broken(
    path: &Path,
    link: &Link,
    pages: &Pages,
    exists: &impl Fn(&Path) -> bool,
) -> Option<Violation> {
    let report = |what: String, remedy: &str| {
        Some(Violation {
            place: format!("{}:{}", path.display(), link.line),
            what,
            remedy: remedy.to_owned(),
        })
    };
    let Some(target) = target(path, &link.path) else {
        return report(
            format!("{} leads out of the repository", link.path),
            "link what is in it",
        );
    };
    if !exists(&target) {
        return report(
            format!("{} does not exist", target.display()),
            "name the file by its path from this page",
        );
    }
    let (Some(page), Some(fragment)) = (pages.get(&target), &link.fragment) else {
        return None;
    };
    if page.anchors.contains(fragment) {
        return None;
    }
    report(
        format!("{} has no heading for #{fragment}", target.display()),
        &format!("name a heading as GitHub does{}", near(page, fragment)),
    )
}

/// The anchors of `page` that have a long word of `fragment`, to choose from.
fn near(page: &Page, fragment: &str) -> String {
    let words: Vec<_> = fragment.split('-').filter(|word| word.len() > 3).collect();
    let has_word = |anchor: &&String| anchor.split('-').any(|own| words.contains(&own));
    let near = page.anchors.iter().filter(has_word);
    let near = near.map(|anchor| format!(": #{anchor}"));
    near.collect()
}

/// The path from the root to which `link` on the page at `path` leads; `None` if it is outside.
fn target(path: &Path, link: &str) -> Option<PathBuf> {
    if link.is_empty() {
        return Some(path.to_owned());
    }
    let mut target = path.parent().unwrap_or(Path::new("")).to_owned();
    for component in Path::new(link).components() {
        match component {
            Component::Normal(name) => target.push(name),
            Component::CurDir => {}
            Component::ParentDir if target.pop() => {}
            _ => return None,
        }
    }
    Some(target)
}

/// Every Markdown file below `folder`.
fn read(root: &Path, folder: &Path, pages: &mut Pages) -> io::Result<()> {
    for child in fs::read_dir(folder)? {
        let child = child?;
        let (path, name) = (child.path(), child.file_name());
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        if child.file_type()?.is_dir() {
            if !is_hidden && name != "target" && name != "node_modules" {
                read(root, &path, pages)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let page = Page::read(&fs::read_to_string(&path)?);
            pages.insert(path.strip_prefix(root).unwrap_or(&path).to_owned(), page);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
