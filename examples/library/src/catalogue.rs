//! The pages that are the same for everybody: the books and their authors.

use giotto::prelude::*;

use crate::books::{Author, Book, Listed, Search, Sort, Subject};
use crate::store::Library;

/// How many books a page lists, if it is not told.
const PER_PAGE: u32 = 24;
const MOST_PER_PAGE: u32 = 3_000;
const AUTHORS_PER_PAGE: u32 = 60;

pub(crate) fn add_to(manifest: Manifest) -> Manifest {
    let read = [HTTP_GET, CMD];
    // A page is old as soon as one of its tags is invalidated: `books` by every change of the catalogue.
    let front = Program::new(welcome)
        .controllers(read)
        .cache(3600)
        .tags(|_| ["books"]);
    let books = Program::new(find_books)
        .controllers(read)
        .cache(3600)
        .tags(|_| ["books"]);
    let book = Program::new(show_book)
        .controllers(read)
        .cache(Policy::seconds(3600).negative(60))
        .tags(|args| [format!("book:{}", args.id)]);
    let authors = Program::new(list_authors)
        .controllers(read)
        .cache(3600)
        .tags(|_| ["books"]);
    let author = Program::new(show_author)
        .controllers(read)
        .cache(3600)
        .tags(|_| ["books"]);
    // No tag: the figures are of the last minute. The page of the next ten minutes is served at once while a new one is computed,
    // and for a day if that fails.
    let about = Program::new(count).controllers(read).cache(
        Policy::seconds(60)
            .stale_while_revalidate(600)
            .stale_if_error(86_400),
    );
    manifest
        .with(
            "",
            front.view(BasicView::new().html(template("welcome.html"))),
        )
        .with(
            "books",
            books.view(BasicView::new().html(template("books.html"))),
        )
        .with(
            "book",
            book.view(BasicView::new().html(template("book.html"))),
        )
        .with(
            "authors",
            authors.view(BasicView::new().html(template("authors.html"))),
        )
        .with(
            "about",
            about.view(BasicView::new().html(template("about.html"))),
        )
        .with(
            "author",
            author.view(BasicView::new().html(template("author.html"))),
        )
}

#[derive(Serialize)]
struct Welcome {
    books: u32,
    authors: usize,
    /// What came last.
    new: Vec<Listed>,
}

/// Shows how much there is, and what is new.
#[model]
fn welcome(#[default("en")] lang: String, library: State<Library>) -> Result<Welcome, Error> {
    let (books, new) = library.search(&Search {
        limit: 6,
        sort: Sort::New,
        ..Search::default()
    })?;
    Ok(Welcome {
        books,
        authors: library.authors(None)?.len(),
        new,
    })
}

#[derive(Serialize)]
struct Found {
    q: String,
    subject: Option<Subject>,
    sort: Sort,
    total: u32,
    page: u32,
    /// How many pages there are.
    pages: u32,
    books: Vec<Listed>,
}

/// Lists books, by words of their title and author.
#[model]
fn find_books(
    /// Words of the title, or of the author.
    #[default("")]
    q: String,
    /// What they are about.
    subject: Option<Subject>,
    /// The order.
    #[default(Sort::Title)]
    sort: Sort,
    /// Which page, from 1.
    #[default(1)]
    page: u32,
    /// How many on a page.
    #[default(PER_PAGE)]
    limit: u32,
    #[default("en")] lang: String,
    library: State<Library>,
) -> Result<Found, Error> {
    let wrong = format!("a number from 1 to {MOST_PER_PAGE}");
    InvalidInput::new()
        .require(
            page > 0,
            "page",
            page.to_string(),
            "pages are counted from 1",
        )
        .require(
            (1..=MOST_PER_PAGE).contains(&limit),
            "limit",
            limit.to_string(),
            wrong,
        )
        .into_result()?;
    let skip = (page - 1).saturating_mul(limit);
    let (total, books) = library.search(&Search {
        q: &q,
        subject,
        sort,
        skip,
        limit,
        ..Search::default()
    })?;
    Ok(Found {
        q,
        subject,
        sort,
        total,
        page,
        pages: total.div_ceil(limit).max(1),
        books,
    })
}

/// Shows a book.
#[model]
fn show_book(
    /// The number of the book.
    id: u32,
    #[default("en")] lang: String,
    library: State<Library>,
) -> Result<Book, Error> {
    library
        .book(id)?
        .ok_or_else(|| Error::not_found(format!("There is no book with the number {id}.")))
}

#[derive(Serialize)]
struct Authors {
    page: u32,
    pages: usize,
    authors: Vec<Author>,
}

/// Lists the authors by name.
#[model]
fn list_authors(
    /// Which page, from 1.
    #[default(1)]
    page: u32,
    #[default("en")] lang: String,
    library: State<Library>,
) -> Result<Authors, Error> {
    InvalidInput::new()
        .require(
            page > 0,
            "page",
            page.to_string(),
            "pages are counted from 1",
        )
        .into_result()?;
    let authors = library.authors(None)?;
    let pages = authors.len().div_ceil(AUTHORS_PER_PAGE as usize);
    let skip = (page - 1).saturating_mul(AUTHORS_PER_PAGE) as usize;
    let authors = authors
        .into_iter()
        .skip(skip)
        .take(AUTHORS_PER_PAGE as usize)
        .collect();
    Ok(Authors {
        page,
        pages,
        authors,
    })
}

#[derive(Serialize)]
struct Works {
    name: String,
    books: Vec<Listed>,
}

/// Lists the books of an author, the latest first.
#[model]
fn show_author(
    /// The number of the author.
    id: u32,
    #[default("en")] lang: String,
    library: State<Library>,
) -> Result<Works, Error> {
    let author = library.authors(Some(id))?.pop();
    let author = author
        .ok_or_else(|| Error::not_found(format!("There is no author with the number {id}.")))?;
    let (_, books) = library.search(&Search {
        author: Some(id),
        sort: Sort::Year,
        limit: MOST_PER_PAGE,
        ..Search::default()
    })?;
    Ok(Works {
        name: author.name,
        books,
    })
}

#[derive(Serialize)]
struct Figures {
    books: u32,
    authors: usize,
}

/// Says what the library is, with the figures of the last minute.
#[model]
fn count(#[default("en")] lang: String, library: State<Library>) -> Result<Figures, Error> {
    let (books, _) = library.search(&Search::default())?;
    Ok(Figures {
        books,
        authors: library.authors(None)?.len(),
    })
}
