//! The pages that all readers share: the books, cached until one of them changes.

use giotto::prelude::*;

use crate::store::{Book, Library};

pub(crate) fn add_to(manifest: Manifest) -> Manifest {
    let over = [HTTP_GET, CMD];
    manifest
        .with(
            "",
            Program::new(welcome)
                .controllers(over)
                .cache(3600)
                .tags(|_| ["books"])
                .view(BasicView::new().html(template("welcome.html"))),
        )
        .with(
            "books",
            Program::new(find_books)
                .controllers(over)
                .cache(3600)
                .tags(|_| ["books"])
                .view(BasicView::new()),
        )
        .with(
            "book",
            Program::new(show_book)
                .controllers(over)
                .cache(Policy::seconds(3600).negative(60))
                .tags(|args| [format!("book:{}", args.id), "books".to_owned()])
                .view(BasicView::new().html(template("book.html"))),
        )
}

#[derive(Serialize)]
struct Welcome {
    books: u32,
}

/// Tells how many books there are.
#[model]
fn welcome(library: State<Library>) -> Result<Welcome, Error> {
    let (books, _) = library.find("", 1)?;
    Ok(Welcome { books })
}

#[derive(Serialize)]
struct Found {
    total: u32,
    page: u32,
    books: Vec<Book>,
}

/// Lists the books that have a word in their title or author.
#[model]
fn find_books(
    /// The word.
    #[default("")]
    word: String,
    /// Which ten of them.
    #[default(1)]
    page: u32,
    library: State<Library>,
) -> Result<Found, Error> {
    if page == 0 {
        return Err(InvalidInput::new()
            .field("page", "0", "pages are counted from 1")
            .into());
    }
    let (total, books) = library.find(&word, page)?;
    Ok(Found { total, page, books })
}

/// Shows a book.
#[model]
fn show_book(
    /// The number of the book.
    id: u32,
    library: State<Library>,
) -> Result<Book, Error> {
    library
        .book(id)?
        .ok_or_else(|| Error::not_found(format!("there is no book {id}")))
}
