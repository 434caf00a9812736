use std::collections::BTreeMap;

use super::{Texts, check};

/// What is reported of one crate `a`, by its files.
fn reported(files: &[(&str, &str)], order: &str, large: &str) -> Vec<String> {
    let text = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
    let texts: Texts = files.iter().map(text).collect();
    let crates = BTreeMap::from([("a".to_owned(), texts)]);
    let violations = check(&crates, order, large);
    violations.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn is_reported(files: &[(&str, &str)], order: &str, large: &str, expected: &[&str]) {
    let reported = reported(files, order, large);
    assert_eq!(reported.len(), expected.len(), "{reported:#?}");
    for (line, expected) in reported.iter().zip(expected) {
        assert!(line.contains(expected), "{line} has no {expected}");
    }
}

/// Without lists.
#[track_caller]
fn has(files: &[(&str, &str)], expected: &[&str]) {
    is_reported(files, "", "", expected);
}

#[test]
fn a_circle_is_shown_with_its_arrows() {
    let lib = ("lib.rs", "mod b; mod c; mod d;");
    has(
        &[
            lib,
            ("b.rs", "use crate::c::C;"),
            ("c.rs", "fn c() { super::d::D::new() }"),
            ("d.rs", "use super::b;"),
        ],
        &[
            "a/src/b.rs: a circle of 3 files: move what both need into a file below them, or pass it as an argument\n    \
           b.rs:1 -> c.rs (crate::c::C)\n    c.rs:1 -> d.rs (super::d::D::new)\n    d.rs:1 -> b.rs (super::b)",
        ],
    );
    has(
        &[
            lib,
            ("b.rs", "use crate::{c::C, d::D};"),
            ("c.rs", "use crate::d::D;"),
            ("d.rs", ""),
        ],
        &[],
    );
}

#[test]
fn the_shortest_circle_is_shown_and_the_others_named() {
    has(
        &[
            ("lib.rs", "mod b; mod c; mod d;"),
            ("b.rs", "use crate::c::C;"),
            ("c.rs", "use crate::d::D;"),
            ("d.rs", "use crate::{b::B, c::C};"),
        ],
        &["a/src/c.rs: a circle of 2 files"],
    );
}

#[test]
fn a_module_and_its_child_are_a_circle_but_not_by_a_reexport() {
    let lib = ("lib.rs", "mod b;");
    let child = ("b/c.rs", "use super::B; pub struct C;");
    has(
        &[
            lib,
            ("b/mod.rs", "mod c; pub use c::C; pub trait B {}"),
            child,
        ],
        &[],
    );
    has(
        &[
            lib,
            ("b/mod.rs", "mod c; pub use c::C; pub fn b(_: C) {}"),
            child,
        ],
        &["a circle of 2 files"],
    );
    has(
        &[lib, ("b/mod.rs", "mod c; fn b() { c::d() }"), child],
        &["a circle of 2 files"],
    );
}

#[test]
fn a_reexport_is_followed_to_the_file_of_the_item() {
    let lib = ("lib.rs", "mod b; mod d;");
    let (room, child) = (
        ("b/mod.rs", "mod c; pub(crate) use self::c::*;"),
        ("b/c.rs", "use crate::d; pub struct C;"),
    );
    has(
        &[lib, room, child, ("d.rs", "fn d() -> crate::b::C {}")],
        &["a circle of 2 files"],
    );
    has(
        &[
            lib,
            room,
            child,
            ("d.rs", "use crate::b; fn d() -> b::C {}"),
        ],
        &["a circle of 2 files"],
    );
    has(
        &[
            lib,
            room,
            child,
            ("d.rs", "use crate::b; fn d() -> b::E {}"),
        ],
        &[],
    );
}

#[test]
fn tests_may_import_what_they_like() {
    let files = [
        ("lib.rs", "mod b; mod c; pub use b::B;"),
        ("b.rs", "#[cfg(test)] mod tests { use crate::{B, c::C}; }"),
        ("c.rs", "use crate::b::B;"),
    ];
    has(&files, &[]);
}

#[test]
fn an_import_through_the_facade_is_reported_with_the_direct_path() {
    has(
        &[
            (
                "lib.rs",
                "mod b; mod c; pub use b::B; pub use bytes::Bytes; macro_rules! m { () => { $crate::B } }",
            ),
            ("b.rs", "pub struct B;"),
            (
                "c.rs",
                "use crate::{B, Bytes};\nfn c() -> super::B { crate::B::new() }\nuse crate::b::B as D;",
            ),
        ],
        &[
            "a/src/c.rs:1: crate::B goes through the facade: write crate::b::B",
            "a/src/c.rs:1: crate::Bytes goes through the facade: write bytes::Bytes",
            "a/src/c.rs:2: super::B goes through the facade: write crate::b::B",
            "a/src/c.rs:2: crate::B::new goes through the facade: write crate::b::B",
        ],
    );
}

#[test]
fn nothing_is_taken_from_the_facade_itself() {
    let b = ("b.rs", "use crate::prelude::*;");
    has(
        &[("lib.rs", "mod b; pub mod prelude { pub use std::io; }"), b],
        &["a/src/b.rs:1: crate::prelude is defined in lib.rs"],
    );
    has(
        &[("main.rs", "mod b; struct C;"), ("b.rs", "use crate::C;")],
        &[],
    );
}

#[test]
fn an_import_upwards_is_reported() {
    let files = [
        ("lib.rs", "mod b; mod c; mod d;"),
        ("b.rs", "use crate::{c::C, d::D};"),
        ("c/mod.rs", "mod e;"),
        ("c/e.rs", "use crate::d::D;"),
        ("d.rs", ""),
    ];
    is_reported(
        &files,
        "[other]\nb.rs\n[a]\n# ground last\nb.rs\nc/\nd.rs\n",
        "",
        &[],
    );
    is_reported(&files, "[a]\nb.rs c/ d.rs\n", "", &[]);
    is_reported(
        &files,
        "[a]\nb.rs\nd.rs\nc/\n[other]\nc/\n",
        "",
        &[
            "a/src/c/e.rs:1: crate::d::D goes up from c/ to d.rs: move what is needed of d.rs to c/ or below",
        ],
    );
}

#[test]
fn the_order_has_every_file_and_no_other() {
    let files = [("lib.rs", "mod b; mod c;"), ("b.rs", ""), ("c.rs", "")];
    is_reported(
        &files,
        "[a]\nb.rs\nd/\n",
        "",
        &[
            "a/src/c.rs: has no place in the order of rooms",
            "checks/order.txt:3: d/ has no file",
        ],
    );
}

#[test]
fn a_file_over_the_limit_needs_a_reason() {
    let lib = "\n".repeat(301);
    let files = [("lib.rs", lib.as_str())];
    let place = "a/src/lib.rs: 301 lines, more than 300: split it, or write into checks/large.txt `a/src/lib.rs: the reason`";
    has(&files, &[place]);
    is_reported(&files, "", "a/src/lib.rs:\n", &[place]);
    is_reported(&files, "", "# exceptions\na/src/lib.rs: one table\n", &[]);
    let tests = format!(
        "{}#[cfg(test)] mod tests {{{}}}",
        "\n".repeat(299),
        "\n".repeat(99)
    );
    has(&[("lib.rs", &tests)], &[]);
}

#[test]
fn a_function_over_the_limit_needs_a_reason() {
    let lib = format!(
        "\nfn long() {{{}}}\nfn short() {{{}}}",
        "\n".repeat(40),
        "\n".repeat(39)
    );
    let files = [("lib.rs", lib.as_str())];
    has(
        &files,
        &["a/src/lib.rs:2: fn long has 41 lines, more than 40"],
    );
    is_reported(&files, "", "a/src/lib.rs fn long: one match\n", &[]);
}

#[test]
fn an_exception_that_nothing_needs_is_reported() {
    is_reported(
        &[("lib.rs", "fn short() {}")],
        "",
        "a/src/lib.rs: one table\n\na/src/lib.rs fn short: one match\n",
        &[
            "checks/large.txt:1: the exception of a/src/lib.rs is no longer needed: remove it from the list",
            "checks/large.txt:3: the exception of a/src/lib.rs fn short is no longer needed",
        ],
    );
}

#[test]
fn a_module_without_its_file_is_reported() {
    has(
        &[("main.rs", "mod b;")],
        &["a/src/b.rs: declared as a module and not found"],
    );
}
