//! The admin's area: books are added, changed and removed.

use giotto::prelude::*;
use rusqlite::{Transaction, TransactionBehavior, params};

use crate::books::{Book, Listed, Search, Sort, Subject};
use crate::readers::{ADMIN, must_be_signed_in};
use crate::store::Library;

const LATEST: u32 = 10;

pub(crate) fn add_to(manifest: Manifest) -> Manifest {
    let area = Program::new(list_latest)
        .controllers([HTTP_GET])
        .view(View::new().html(template("admin/area.html")));
    let blank = Program::new(start_book)
        .controllers([HTTP_GET])
        .view(View::new().html(template("admin/add.html")));
    let adds = Program::new(add_book)
        .controllers([HTTP_POST])
        .invalidates(|_| ["books"])
        .view(View::new());
    let shown = Program::new(edit_book)
        .controllers([HTTP_GET])
        .view(View::new().html(template("admin/edit.html")));
    let changes = Program::new(change_book)
        .controllers([HTTP_POST])
        .invalidates(|args| [format!("book:{}", args.id), "books".to_owned()])
        .view(View::new());
    let removes = Program::new(remove_book)
        .controllers([HTTP_POST])
        .invalidates(|args| [format!("book:{}", args.id), "books".to_owned()])
        .view(View::new());
    let admin = Manifest::default()
        .with("", area)
        .with("add", [blank, adds])
        .with("edit", [shown, changes])
        .with("delete", removes)
        .input_middleware(must_be_admin);
    manifest.with("admin", admin)
}

/// Lets the admin pass; who has not signed in is asked to. For middleware.
fn must_be_admin(request: &mut Request<'_>) -> Result<(), Error> {
    must_be_signed_in(request)?;
    match request.session()?.user().as_deref() {
        Some(ADMIN) => Ok(()),
        _ => Err(Error::not_authorized("This page is for the admin.")),
    }
}

/// Shows the books that came last.
#[model]
fn list_latest(
    #[default("en")] lang: String,
    library: State<Library>,
) -> Result<Vec<Listed>, Error> {
    let (_, books) = library.search(&Search {
        sort: Sort::New,
        limit: LATEST,
        ..Search::default()
    })?;
    Ok(books)
}

/// Shows the form for a new book.
#[model]
fn start_book(#[default("en")] lang: String) {}

/// Shows the form for a book.
#[model]
fn edit_book(
    id: u32,
    #[default("en")] lang: String,
    library: State<Library>,
) -> Result<Book, Error> {
    library.existing(id)
}

/// Adds a book.
#[model]
fn add_book(
    title: String,
    author: String,
    year: u16,
    subject: Subject,
    pages: u16,
    copies: u16,
    summary: String,
    #[default("en")] lang: String,
    library: State<Library>,
    app: App,
) -> Result<Redirection, Error> {
    let details = Details {
        title,
        author,
        year,
        subject,
        pages,
        copies,
        summary,
    }
    .checked()?;
    let id = library.put(None, &details)?;
    Ok(Redirection::to(app.url_for(
        "book",
        [("id", id.to_string()), ("lang", lang)],
    )?))
}

/// Changes a book.
#[model]
fn change_book(
    id: u32,
    title: String,
    author: String,
    year: u16,
    subject: Subject,
    pages: u16,
    copies: u16,
    summary: String,
    #[default("en")] lang: String,
    library: State<Library>,
    app: App,
) -> Result<Redirection, Error> {
    let details = Details {
        title,
        author,
        year,
        subject,
        pages,
        copies,
        summary,
    }
    .checked()?;
    library.existing(id)?;
    library.put(Some(id), &details)?;
    Ok(Redirection::to(app.url_for(
        "book",
        [("id", id.to_string()), ("lang", lang)],
    )?))
}

/// Removes a book, with its loans and reviews.
#[model]
fn remove_book(
    id: u32,
    #[default("en")] lang: String,
    session: Session,
    library: State<Library>,
    app: App,
) -> Result<Redirection, Error> {
    let book = library.existing(id)?;
    library
        .connection()?
        .execute("DELETE FROM books WHERE id = ?1", [id])?;
    session.flash("info", book.listed.title)?;
    Ok(Redirection::to(app.url_for("admin", [("lang", lang)])?))
}

/// What a form says of a book.
struct Details {
    title: String,
    author: String,
    year: u16,
    subject: Subject,
    pages: u16,
    copies: u16,
    summary: String,
}

impl Details {
    fn checked(mut self) -> Result<Self, InvalidInput> {
        for text in [&mut self.title, &mut self.author, &mut self.summary] {
            *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        let is_line = |text: &str| (1..=200).contains(&text.chars().count());
        InvalidInput::new()
            .require(
                is_line(&self.title),
                "title",
                &self.title,
                "write up to 200 characters",
            )
            .require(
                is_line(&self.author),
                "author",
                &self.author,
                "write up to 200 characters",
            )
            .require(
                self.year >= 1450,
                "year",
                self.year.to_string(),
                "books were printed from 1450 on",
            )
            .require(
                self.pages > 0,
                "pages",
                self.pages.to_string(),
                "a book has pages",
            )
            .require(
                self.copies > 0,
                "copies",
                self.copies.to_string(),
                "the library has a copy at least",
            )
            .require(
                (1..=2_000).contains(&self.summary.chars().count()),
                "summary",
                &self.summary,
                "write 1 to 2,000 characters",
            )
            .into_result()?;
        Ok(self)
    }
}

impl Library {
    /// Writes a new book, or the one with the number `id` anew; its number.
    fn put(&self, id: Option<u32>, details: &Details) -> Result<u32, Error> {
        let mut connection = self.connection()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let author = author(&transaction, &details.author)?;
        let Details {
            title,
            year,
            subject,
            pages,
            copies,
            summary,
            ..
        } = details;
        let words = format!("{title} {}", details.author).to_lowercase();
        transaction.execute(
            "INSERT INTO books (id, title, author, year, subject, pages, copies, summary, words, added)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, date('now'))
             ON CONFLICT (id) DO UPDATE SET title = ?2, author = ?3, year = ?4, subject = ?5, pages = ?6, copies = ?7,
             summary = ?8, words = ?9",
            params![id, title, author, year, subject.name(), pages, copies, summary, words],
        )?;
        let id = id.map_or_else(|| transaction.last_insert_rowid(), i64::from);
        transaction.commit()?;
        Ok(u32::try_from(id)?)
    }
}

/// The number of an author, who gets one if need be.
fn author(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<i64> {
    transaction.execute("INSERT OR IGNORE INTO authors (name) VALUES (?1)", [name])?;
    transaction.query_row("SELECT id FROM authors WHERE name = ?1", [name], |row| {
        row.get(0)
    })
}
