//! What belongs to one reader, in the templates of pages that are stored: an error at the start.

use giotto::prelude::*;

use super::{echo, folder};

const FILES: [(&str, &str); 10] = [
    ("form.html", "<form>\n{{ csrf() }}</form>"),
    (
        "shown.html",
        "{% for message in flashes() %}{{ message.text }}{% endfor %}",
    ),
    (
        "layout.html",
        "{% block form %}\n\n{{ csrf() }}{% block inner %}{% endblock %}{% endblock %}",
    ),
    ("page.html", "{% extends 'layout.html' %}"),
    ("including.html", "{% include 'partial.html' %}"),
    ("partial.html", "{% extends 'page.html' %}"),
    (
        "inner.html",
        "{% extends 'page.html' %}{% block inner %}{{ data }}{% endblock %}",
    ),
    (
        "with-super.html",
        "{% extends 'page.html' %}{% block form %}{{ super() }}{% endblock %}",
    ),
    (
        "without.html",
        "{% extends 'page.html' %}{% block form %}{% endblock %}",
    ),
    (
        "deep.html",
        "{% extends 'without.html' %}{% block other %}{{ csrf() }}{% endblock %}",
    ),
];

/// The mistake in an application with one program whose template is `page`.
fn check(files: &[(&str, &str)], page: &str, is_stored: bool) -> Result<(), String> {
    let folder = folder(files);
    let program = match is_stored {
        true => Program::new(echo).cache(60),
        false => Program::new(echo),
    };
    let program = program.view(View::new().html(template(page)));
    let app = App::new(Manifest::new([("echo", program)])).templates(Templates::new(folder.path()));
    let path = folder.path().display().to_string();
    app.check()
        .map_err(|error| error.to_string().replace(&path, "F"))
}

#[test]
fn what_belongs_to_one_reader_is_refused_on_a_stored_page() {
    const WHY: &str = "belongs to one reader, and the page goes to the cache, for many: leave out .cache(..), or let a script \
                       fetch it from a program without a cache";
    for (page, expected) in [
        ("form.html", format!("F/form.html:2: csrf() {WHY}")),
        ("shown.html", format!("F/shown.html:1: flashes() {WHY}")),
        (
            "page.html",
            format!(
                "F/layout.html:3: csrf() {WHY}; or give \"page.html\" a block of its own in place of the one with csrf()"
            ),
        ),
        (
            "including.html",
            format!("F/layout.html:3: csrf() {WHY}; or give \"including.html\" a block"),
        ),
        ("inner.html", format!("F/layout.html:3: csrf() {WHY}")),
        ("with-super.html", format!("F/layout.html:3: csrf() {WHY}")),
    ] {
        let problem = check(&FILES, page, true).unwrap_err();
        let expected = format!("program 'echo': {expected}");
        assert!(problem.starts_with(&expected), "{problem}\n{expected}");
        check(&FILES, page, false).unwrap();
    }
}

#[test]
fn what_is_not_certainly_on_the_page_is_not_refused() {
    for page in ["without.html", "deep.html"] {
        check(&FILES, page, true).unwrap();
    }
    for text in [
        "{% if data == 'a' %}{{ csrf() }}{% endif %}",
        "{{ csrf() if data == 'a' }}",
        "{% macro field() %}{{ csrf() }}{% endmacro %}",
        "{% from 'macros.html' import csrf %}{{ csrf() }}",
        "{% set flashes = data %}{{ flashes }}",
        "{# {{ csrf() }} #}{% raw %}{{ csrf() }}{% endraw %}{{ 'csrf()' }}",
        "{% if data == 'a' %}{% include 'form.html' %}{% endif %}",
        "{% include 'page.html' ignore missing %}",
    ] {
        let files = [
            ("page.html", text),
            ("form.html", "{{ csrf() }}"),
            ("macros.html", "{% macro csrf() %}{% endmacro %}"),
        ];
        check(&files, "page.html", true)
            .map_err(|problem| format!("{text} {problem}"))
            .unwrap();
    }
}
