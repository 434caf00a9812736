//! Borrowing: a page for each reader that nobody else gets, and the last copy that only one reader gets.

use giotto::auth::authentication_middleware;
use giotto::prelude::*;
use rusqlite::{TransactionBehavior, params};

use crate::books::Book;
use crate::readers::must_be_signed_in;
use crate::store::Library;

pub(crate) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS loans (
        reader TEXT NOT NULL COLLATE NOCASE, book INTEGER NOT NULL REFERENCES books ON DELETE CASCADE, due TEXT NOT NULL,
        PRIMARY KEY (reader, book)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS loans_by_book ON loans (book);";

pub(crate) fn add_to(manifest: Manifest) -> Manifest {
    // The reader is an argument, so that each has a page, and its key has the name.
    let loans = Program::new(list_loans)
        .controllers([HTTP_GET, CMD])
        .input_middleware(must_be_signed_in)
        .input_middleware(authentication_middleware("reader"))
        .cache(3600)
        .tags(|args| [format!("reader:{}", args.reader), "books".to_owned()])
        .view(BasicView::new().html(template("loans.html")));
    let asks = |page: &'static str| {
        let shown = Program::new(ask)
            .controllers([HTTP_GET])
            .input_middleware(must_be_signed_in);
        shown.view(View::new().html(template(page)))
    };
    let borrows = Program::new(borrow)
        .controllers([HTTP_POST])
        .input_middleware(must_be_signed_in)
        .input_middleware(authentication_middleware("reader"))
        .invalidates(|args| {
            [
                format!("book:{}", args.id),
                format!("reader:{}", args.reader),
            ]
        })
        .view(View::new());
    let gives_back = Program::new(give_back)
        .controllers([HTTP_POST])
        .input_middleware(must_be_signed_in)
        .input_middleware(authentication_middleware("reader"))
        .invalidates(|args| {
            [
                format!("book:{}", args.id),
                format!("reader:{}", args.reader),
            ]
        })
        .view(View::new());
    manifest
        .with("loans", loans)
        .with("borrow", [asks("borrow.html"), borrows])
        .with("give-back", [asks("give-back.html"), gives_back])
}

#[derive(Serialize)]
struct Loans {
    reader: String,
    card: Option<String>,
    loans: Vec<Loan>,
}

#[derive(Serialize)]
struct Loan {
    id: u32,
    title: String,
    author: String,
    due: String,
}

/// Lists what a reader has borrowed.
#[model]
fn list_loans(
    /// The reader.
    reader: String,
    #[default("en")] lang: String,
    library: State<Library>,
) -> Result<Loans, Error> {
    Ok(Loans {
        card: library.card(&reader)?,
        loans: library.loans(&reader)?,
        reader,
    })
}

/// Asks before a book is borrowed or given back.
#[model]
fn ask(id: u32, #[default("en")] lang: String, library: State<Library>) -> Result<Book, Error> {
    library.existing(id)
}

/// Lends a book to the reader who has signed in.
#[model]
fn borrow(
    id: u32,
    reader: String,
    #[default("en")] lang: String,
    library: State<Library>,
    app: App,
) -> Result<Redirection, Error> {
    if !library.lend(id, &reader)? {
        return Err(InvalidInput::new()
            .field("id", id.to_string(), "all copies are on loan")
            .into());
    }
    Ok(Redirection::to(app.url_for("loans", [("lang", lang)])?))
}

/// Takes a book back.
#[model]
fn give_back(
    id: u32,
    reader: String,
    #[default("en")] lang: String,
    library: State<Library>,
    app: App,
) -> Result<Redirection, Error> {
    library.take_back(id, &reader)?;
    Ok(Redirection::to(app.url_for("loans", [("lang", lang)])?))
}

impl Library {
    fn loans(&self, reader: &str) -> Result<Vec<Loan>, Error> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(
            "SELECT books.id, title, name, due FROM loans JOIN books ON books.id = book JOIN authors ON authors.id = author
             WHERE reader = ?1 ORDER BY due, title",
        )?;
        let loans = statement.query_map([reader], |row| {
            Ok(Loan {
                id: row.get(0)?,
                title: row.get(1)?,
                author: row.get(2)?,
                due: row.get(3)?,
            })
        })?;
        Ok(loans.collect::<Result<_, _>>()?)
    }

    /// Lends a copy for a month. False if all are on loan, true also if the reader has one already.
    fn lend(&self, book: u32, reader: &str) -> Result<bool, Error> {
        let mut connection = self.connection()?;
        // It writes from its first statement on: nobody takes the last copy between the question and the answer.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "INSERT INTO loans (reader, book, due) SELECT ?1, ?2, date('now', '+1 month')
            WHERE (SELECT copies FROM books WHERE id = ?2) > (SELECT count(*) FROM loans WHERE book = ?2) ON CONFLICT DO NOTHING";
        transaction.execute(sql, params![reader, book])?;
        let sql = "SELECT EXISTS (SELECT 1 FROM loans WHERE reader = ?1 AND book = ?2)";
        let is_lent = transaction.query_row(sql, params![reader, book], |row| row.get(0))?;
        transaction.commit()?;
        Ok(is_lent)
    }

    fn take_back(&self, book: u32, reader: &str) -> Result<(), Error> {
        self.connection()?.execute(
            "DELETE FROM loans WHERE reader = ?1 AND book = ?2",
            params![reader, book],
        )?;
        Ok(())
    }

    /// How many copies of a book are not on loan.
    pub(crate) fn available(&self, book: u32) -> Result<u16, Error> {
        let sql = "SELECT max(0, copies - (SELECT count(*) FROM loans WHERE book = id)) FROM books WHERE id = ?1";
        Ok(self
            .connection()?
            .query_row(sql, [book], |row| row.get(0))?)
    }
}
