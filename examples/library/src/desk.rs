//! The desk: forms that change something. Their pages are not cached, because each has a token of its reader.

use giotto::auth::{authenticated_or_redirect, authentication_middleware};
use giotto::prelude::*;
use giotto::{Redirection, Session};

use crate::store::{Book, Library};

pub(crate) fn add_to(manifest: Manifest) -> Manifest {
    let own = || authenticated_or_redirect("/sign_in");
    let blank = Program::new(|_: Nothing| Blank {})
        .controllers([HTTP_GET])
        .view(View::new().html(template("add.html")));
    let adds = Program::new(add_book)
        .controllers([HTTP_POST, CMD])
        .invalidates(|_| ["books"])
        .view(View::new());
    let asks = Program::new(ask_for)
        .controllers([HTTP_GET])
        .input_middleware(own())
        .view(View::new().html(template("borrow.html")));
    let lends = Program::new(lend)
        .controllers([HTTP_POST])
        .input_middleware(own())
        .input_middleware(authentication_middleware("user"))
        .invalidates(|args| [format!("reader:{}", args.user)])
        .view(View::new());
    manifest
        .with("add", [blank, adds])
        .with("borrow", [asks, lends])
}

#[derive(Serialize, Deserialize)]
struct Nothing {}

/// What a form shows before it is filled in.
#[derive(Serialize)]
struct Blank {}

/// How a book is bound.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Binding {
    Hardback,
    Paperback,
}

/// Adds a book to the catalogue.
#[model]
fn add_book(
    /// Its title.
    title: String,
    /// Who wrote it.
    author: String,
    /// When it was published.
    year: u16,
    /// How many copies there are.
    copies: u16,
    /// How it is bound.
    binding: Binding,
    /// Notes for the shelf.
    #[default("")]
    notes: String,
    library: State<Library>,
) -> Result<Redirection, Error> {
    let _ = (binding, notes);
    InvalidInput::new()
        .require(
            !title.trim().is_empty(),
            "title",
            &title,
            "a book has a title",
        )
        .require(
            (1450..=2100).contains(&year),
            "year",
            year.to_string(),
            "books were printed from 1450 on",
        )
        .require(
            copies > 0,
            "copies",
            copies.to_string(),
            "the library needs a copy at least",
        )
        .into_result()?;
    let id = library.add(&title, &author, year, copies)?;
    Ok(Redirection::to(format!("/book/{id}")))
}

/// Shows the form by which a reader borrows a book.
#[model]
fn ask_for(id: u32, library: State<Library>) -> Result<Book, Error> {
    library
        .book(id)?
        .ok_or_else(|| Error::not_found(format!("there is no book {id}")))
}

/// Lends a book to the reader who has signed in.
#[model]
fn lend(
    id: u32,
    user: String,
    session: Session,
    library: State<Library>,
) -> Result<Redirection, Error> {
    let book = library
        .book(id)?
        .ok_or_else(|| Error::not_found(format!("there is no book {id}")))?;
    library.lend(&user, id)?;
    session.flash("info", format!("{} is yours for a month.", book.title))?;
    Ok(Redirection::to("/mine"))
}
