//! Mistakes that are found when an application starts.

use super::{folder, library, refused};
use giotto::prelude::*;

#[test]
fn a_missing_template_is_named_with_those_that_there_are() {
    let similar = folder(&[("pages.html", ""), ("other.html", "")]);
    assert_eq!(
        refused(&similar, Templates::new(similar.path())),
        "program 'book': there is no template \"page.html\" in F: did you mean \"pages.html\"?"
    );
    let elsewhere = folder(&[("books/page.html", "")]);
    assert_eq!(
        refused(&elsewhere, Templates::new(elsewhere.path())),
        "program 'book': there is no template \"page.html\" in F: did you mean \"books/page.html\"?"
    );
    let others = folder(&[("a.txt", ""), (".hidden", ""), ("b/c.txt", "")]);
    assert_eq!(
        refused(
            &others,
            Templates::new(others.path()).folder(others.path().join("b"))
        ),
        "program 'book': there is no template \"page.html\" in F or F/b: there are \"a.txt\", \"b/c.txt\", \"c.txt\""
    );
    let empty = folder(&[]);
    assert_eq!(
        refused(&empty, Templates::new(empty.path().join("none"))),
        "program 'book': there is no template \"page.html\" in F/none: there is no folder F/none"
    );
    let problem = refused(&empty, Templates::new("no/such/folder"));
    assert!(
        problem.contains("looked up from the working directory, which is "),
        "{problem}"
    );
}

#[test]
fn what_a_template_names_is_checked_with_its_file_and_line() {
    for (page, expected) in [
        (
            "\n{% extends 'bass.html' %}",
            "page.html:2: there is no template \"bass.html\" in F: did you mean \"base.html\"?",
        ),
        (
            "{% include 'none' %}",
            "page.html:1: there is no template \"none\" in F: there are ",
        ),
        (
            "{% include ['x1', 'x2'] %}",
            "page.html:1: there is no template \"x1\" in F: ",
        ),
        (
            "{% from 'none' import x %}",
            "page.html:1: there is no template \"none\" in F: ",
        ),
        (
            "{% import 'none' as x %}",
            "page.html:1: there is no template \"none\" in F: ",
        ),
        (
            "{% extends 'base.html' %}{% include 'deep.html' %}",
            "deep.html:2: there is no template \"deeper.html\" in F: ",
        ),
        ("\n\n{% if %}", "page.html:3: syntax error: "),
        (
            "{{ data.id|nofilter }}",
            "page.html:1: there is no filter nofilter",
        ),
        (
            "{{ url_for('bok') }}",
            "page.html:1: no address of \"bok\": there is no such program; did you mean 'book'?",
        ),
        (
            "{{ url_for('mgt/x') }}",
            "page.html:1: no address of \"mgt/x\": there is no such program; the manifest has ",
        ),
        (
            "\n{{ t('greeting') }}",
            "page.html:2: t(\"greeting\"): the application has no translations: Templates::new(..)",
        ),
        (
            "{{ url_for('book.pdf') }}",
            "page.html:1: no address of \"book.pdf\": the program renders no .pdf",
        ),
    ] {
        let folder = folder(&[
            ("page.html", page),
            ("base.html", ""),
            ("deep.html", "\n{% include 'deeper.html' %}"),
        ]);
        let problem = refused(&folder, Templates::new(folder.path()));
        let expected = format!("program 'book': F/{expected}");
        assert!(
            problem.starts_with(&expected),
            "{page}\n{problem}\n{expected}"
        );
    }
}

#[test]
fn what_may_be_missing_is_not_refused() {
    let folder = folder(&[
        (
            "page.html",
            "{% include 'none' ignore missing %}{% include ['none', 'base.html'] %}{% include data.title %}\
             {# {% include 'none' %} #}{% raw %}{% include 'none' %}{{ x|none }}{% endraw %}{{ data.id|string }}",
        ),
        // A circle ends.
        (
            "base.html",
            "{% if false %}{% include 'page.html' %}{% endif %}",
        ),
    ]);
    library(Templates::new(folder.path())).check().unwrap();
}

#[test]
fn a_name_of_giotto_cannot_be_taken() {
    let folder = folder(&[("page.html", "")]);
    let templates = Templates::new(folder.path());
    let problem = refused(&folder, templates.global("data", 1));
    assert!(
        problem.contains("a name of giotto's own: rename it"),
        "{problem}"
    );
    let templates = Templates::new(folder.path());
    assert!(
        library(templates.function("t", |x: u32| x))
            .check()
            .is_err()
    );
}
