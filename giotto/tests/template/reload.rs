//! A debug build reads changed files at once; a release build reads each file once.

use super::{folder, invoke, library, text, write};
use giotto::prelude::*;

async fn shown(app: &App) -> String {
    match invoke(app, &[("id", "7")]).await {
        Ok(page) => text(&page),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_changed_file_is_read_at_once() {
    let first = folder(&[]);
    let second = folder(&[
        (
            "page.html",
            "{% extends 'base.html' %}{% block body %}{% include 'part.html' %}{% endblock %}",
        ),
        ("base.html", "a{% block body %}{% endblock %}"),
        ("part.html", "1"),
    ]);
    let app = library(
        Templates::new(first.path())
            .folder(second.path())
            .reload(true),
    );
    app.check().unwrap();
    assert_eq!(shown(&app).await, "a1");
    write(second.path(), &[("part.html", "2")]);
    assert_eq!(shown(&app).await, "a2");
    write(
        second.path(),
        &[("base.html", "b{% block body %}{% endblock %}")],
    );
    assert_eq!(shown(&app).await, "b2");
    // A file that appears in an earlier folder takes the place of the other one, until it is gone.
    write(first.path(), &[("part.html", "3")]);
    assert_eq!(shown(&app).await, "b3");
    std::fs::remove_file(first.path().join("part.html")).unwrap();
    assert_eq!(shown(&app).await, "b2");
    write(second.path(), &[("part.html", "{{")]);
    assert!(shown(&app).await.contains("part.html:1: syntax error"));
    std::fs::remove_file(second.path().join("part.html")).unwrap();
    let problem = shown(&app).await;
    assert!(
        problem.contains("there is no template \"part.html\""),
        "{problem}"
    );
    write(second.path(), &[("part.html", "4")]);
    assert_eq!(shown(&app).await, "b4");
}

#[tokio::test]
async fn without_reload_a_file_is_read_once_at_the_start() {
    let folder = folder(&[
        (
            "page.html",
            "{% extends 'base.html' %}{% block body %}{% include 'part.html' %}{{ t('x') }}{% endblock %}",
        ),
        ("base.html", "a{% block body %}{% endblock %}"),
        ("part.html", "1"),
        ("en.toml", "x = 'y'"),
    ]);
    let templates = Templates::new(folder.path()).translations(folder.path(), ["en"]);
    let app = library(templates.reload(false));
    app.check().unwrap();
    std::fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(shown(&app).await, "a1y");
}
