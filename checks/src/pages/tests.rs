//! The check finds what is wrong with pages, each by its place.

use std::path::Path;

use super::{Page, Pages, check};

const README: &str =
    "# A\n\n[index](docs/README.md) [code](src/lib.rs) [web](https://example.org/x#y)\n";
const INDEX: &str = "# Index\n\nThis page is for all.\n\n- [one](one.md)\n";
const ONE: &str = "# One\n\nThis page\nis for all.\n\n## `a_b`: C, d\n## C\n## C\n\n[c](#c-1) [a](#a_b-c-d) [up](../README.md#a)\n\n```\n[not](a-link.md)\n```\n";

/// The places and the beginnings of what is wrong, with these pages in place of, or beside, sound ones.
fn found(changed: &[(&str, &str)]) -> Vec<(String, String)> {
    let sound = [
        ("README.md", README),
        ("docs/README.md", INDEX),
        ("docs/one.md", ONE),
    ];
    let all = sound.iter().chain(changed);
    let pages: Pages = all
        .map(|(path, text)| (path.into(), Page::read(text)))
        .collect();
    let exists = |path: &Path| pages.contains_key(path) || path == Path::new("src/lib.rs");
    let violations = check(&pages, exists).into_iter();
    violations
        .map(|violation| (violation.place, violation.what))
        .collect()
}

#[test]
fn sound_pages_have_no_violation() {
    assert_eq!(found(&[]), []);
}

#[test]
fn a_link_to_nothing_is_found_with_its_line() {
    let readme = format!("{README}\n| a |\n|---|\n| ![p](docs/p.png) |\n\n[x](../x.md)\n");
    let expected = [
        (
            "README.md:7".to_owned(),
            "docs/p.png does not exist".to_owned(),
        ),
        (
            "README.md:9".to_owned(),
            "../x.md leads out of the repository".to_owned(),
        ),
    ];
    assert_eq!(found(&[("README.md", &readme)]), expected);
}

#[test]
fn an_anchor_that_no_heading_has_is_found() {
    let index = format!("{INDEX}[d](one.md#c-2) [e](#indexes)\n");
    let what = [
        "docs/one.md has no heading for #c-2",
        "docs/README.md has no heading for #indexes",
    ];
    let place = || "docs/README.md:6".to_owned();
    assert_eq!(
        found(&[("docs/README.md", &index)]),
        what.map(|what| (place(), what.to_owned()))
    );
}

#[test]
fn a_page_that_nobody_finds_or_that_is_for_nobody_is_found() {
    let place = || "docs/two.md".to_owned();
    let expected = [
        (place(), "no reader finds it".to_owned()),
        (place(), "does not say for whom it is".to_owned()),
    ];
    let two = "# Two\n\n[self](two.md)\n\n## Section\n\nThis page is for all.\n";
    assert_eq!(found(&[("docs/two.md", two)]), expected);
    // The index alone does not make itself found.
    let alone = format!("{INDEX}[self](README.md)\n");
    let readme = [("README.md", "# A\n"), ("docs/README.md", alone.as_str())];
    assert_eq!(
        found(&readme),
        [("docs/README.md".to_owned(), "no reader finds it".to_owned())]
    );
}
