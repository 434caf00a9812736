//! The pages that are the same for everybody: the books and their authors.

use giotto::prelude::*;

use crate::books::{Author, Book, Listed, Search, Sort, Subject};
use crate::formats::csv;
use crate::reviews::{self, Rated, Reviews};
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
        .tags(|_| ["books"])
        .view(BasicView::new().html(template("welcome.html")));
    let books = Program::new(find_books)
        .controllers(read)
        .cache(3600)
        .tags(|_| ["books"])
        .view(
            BasicView::new()
                .html(template("books.html"))
                .renders("text/csv", |found: &Found| csv(&found.books)),
        );
    let book = Program::new(show_book)
        .controllers(read)
        .cache(3600)
        .tags(|args| [format!("book:{}", args.id)])
        .view(BasicView::new().html(template("book.html")));
    let authors = Program::new(list_authors)
        .controllers(read)
        .cache(3600)
        .tags(|_| ["books"])
        .view(BasicView::new().html(template("authors.html")));
    // That there is no such author is stored, too, for a minute.
    let author = Program::new(show_author)
        .controllers(read)
        .cache(Policy::seconds(3600).negative(60))
        .tags(|_| ["books"])
        .view(BasicView::new().html(template("author.html")));
    // Without a tag: the figures are those of the last minute. For ten minutes after it, the old page is served at once while a new
    // one is computed, and for a day if that fails.
    let about = Program::new(count)
        .controllers(read)
        .cache(
            Policy::seconds(60)
                .stale_while_revalidate(600)
                .stale_if_error(86_400),
        )
        .view(BasicView::new().html(template("about.html")));
    manifest
        .with("", front)
        .with("books", books)
        .with("book", book)
        .with("authors", authors)
        .with("author", author)
        .with("about", about)
}

#[derive(Serialize)]
struct Welcome {
    books: u32,
    authors: usize,
    /// What came last.
    new: Vec<Listed>,
    /// What readers like best.
    best: Vec<Rated>,
}

/// Shows how much there is, what is new, and what readers like best.
#[model]
async fn welcome(
    #[default("en")] lang: String,
    library: State<Library>,
    app: App,
) -> Result<Welcome, Error> {
    let best = reviews::best_rated(app.shared_cache(), &library).await?;
    let search = Search {
        limit: 6,
        sort: Sort::New,
        ..Search::default()
    };
    let work =
        move |library: &Library| Ok((library.search(&search)?, library.authors(None)?.len()));
    let ((books, new), authors) = library.run(work).await?;
    Ok(Welcome {
        books,
        authors,
        new,
        best,
    })
}

#[derive(Serialize)]
pub(crate) struct Found {
    q: String,
    subject: Option<Subject>,
    sort: Sort,
    total: u32,
    page: u32,
    /// How many pages there are.
    pages: u32,
    pub(crate) books: Vec<Listed>,
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
    check("page", page, "pages are counted from 1")?;
    check("limit", limit, "a page has a book at least")?;
    let limit = limit.min(MOST_PER_PAGE);
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

/// Refuses the number 0.
fn check(name: &str, number: u32, words: &str) -> Result<(), InvalidInput> {
    let given = InvalidInput::new().require(number > 0, name, number.to_string(), words);
    given.into_result()
}

#[derive(Serialize)]
struct BookPage {
    #[serde(flatten)]
    book: Book,
    /// How many copies are not on loan.
    available: u16,
    #[serde(flatten)]
    reviews: Reviews,
}

/// Shows a book, and what readers think of it.
#[model]
async fn show_book(
    /// The number of the book.
    id: u32,
    #[default("en")] lang: String,
    library: State<Library>,
    app: App,
) -> Result<BookPage, Error> {
    let (book, available) = library
        .run(move |library| Ok((library.existing(id)?, library.available(id)?)))
        .await?;
    let reviews = reviews::reviews_of(app.shared_cache(), &library, id).await?;
    Ok(BookPage {
        book,
        available,
        reviews,
    })
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
    check("page", page, "pages are counted from 1")?;
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
