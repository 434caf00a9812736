//! Views that are templates: what is escaped, what templates share and call, what is found at the start, and what an error says.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod addresses;
mod environment;
mod errors;
mod escaping;
mod forms;
mod fragments;
mod reload;
mod start;
mod stored;
mod translations;

use std::path::Path;

use giotto::prelude::*;
use giotto::{Page, Request};

/// A folder with the templates `files`: their names and what is in them.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    folder
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Says what it was told.
#[model]
fn echo(text: String) -> String {
    text
}

/// A book, its authors and its price.
#[model]
fn show_book(id: u64, lang: Option<String>) -> Book {
    let _ = lang;
    Book {
        id,
        title: "The <b>Silver</b> Key".to_owned(),
        authors: vec![Author {
            name: "Ada".to_owned(),
        }],
        cents: 1250,
        subtitle: None,
    }
}

#[derive(Serialize)]
struct Book {
    id: u64,
    title: String,
    authors: Vec<Author>,
    cents: u64,
    subtitle: Option<String>,
}

#[derive(Serialize)]
struct Author {
    name: String,
}

/// An application whose program `book` is the template `page.html`, beside some others.
fn library(templates: Templates) -> App {
    let others = Manifest::new([("report", Program::new(echo).view(BasicView::new()))]);
    let manifest = Manifest::new([
        (
            "book",
            Program::new(show_book).view(View::new().html(template("page.html"))),
        ),
        ("echo", Program::new(echo).view(BasicView::new())),
    ]);
    App::new(manifest.with("admin", others)).templates(templates)
}

async fn invoke(app: &App, arguments: &[(&'static str, &str)]) -> Result<Page, Error> {
    let mut request = Request::new(HTTP_GET, "book");
    for (name, value) in arguments {
        request.set(name, *value);
    }
    app.invoke(&mut request).await
}

/// The page of `book` number 7, with these templates.
async fn book(templates: Templates) -> Result<String, Error> {
    let page = invoke(&library(templates), &[("id", "7")]).await?;
    Ok(text(&page))
}

fn text(page: &Page) -> String {
    String::from_utf8(page.body().to_vec()).unwrap()
}

/// The error of `page.html` with this text, without its folder.
async fn problem(page: &str) -> String {
    let folder = folder(&[("page.html", page)]);
    let problem = book(Templates::new(folder.path())).await.unwrap_err();
    let path = format!("{}/", folder.path().display());
    problem.to_string().replace(&path, "")
}

/// What the start of the `library` with these templates says, without its folder.
fn refused(folder: &tempfile::TempDir, templates: Templates) -> String {
    let problem = library(templates).check().unwrap_err().to_string();
    problem.replace(&format!("{}", folder.path().display()), "F")
}
