//! Books and authors: what a row is, and how rows are found.

use giotto::prelude::*;
use rusqlite::{OptionalExtension, Row, named_params};

use crate::store::Library;

pub(crate) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE IF NOT EXISTS books (
        id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, author INTEGER NOT NULL REFERENCES authors,
        year INTEGER NOT NULL, subject TEXT NOT NULL, pages INTEGER NOT NULL, copies INTEGER NOT NULL, summary TEXT NOT NULL,
        added TEXT NOT NULL,
        words TEXT NOT NULL -- title and author in lower case, for the search
    );
    CREATE INDEX IF NOT EXISTS books_by_author ON books (author);";

/// What a book is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Subject {
    Fiction,
    Poetry,
    History,
    Science,
    Travel,
    Nature,
    Art,
    Children,
}

impl Subject {
    pub(crate) const ALL: [Self; 8] = [
        Self::Fiction,
        Self::Poetry,
        Self::History,
        Self::Science,
        Self::Travel,
        Self::Nature,
        Self::Art,
        Self::Children,
    ];

    /// As it is written in addresses and in the database.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fiction => "fiction",
            Self::Poetry => "poetry",
            Self::History => "history",
            Self::Science => "science",
            Self::Travel => "travel",
            Self::Nature => "nature",
            Self::Art => "art",
            Self::Children => "children",
        }
    }
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sort {
    #[default]
    Title,
    Author,
    /// The latest first.
    Year,
    /// What came to the library last first.
    New,
}

impl Sort {
    const fn sql(self) -> &'static str {
        match self {
            Self::Title => "title, books.id",
            Self::Author => "name, title, books.id",
            Self::Year => "year DESC, title, books.id",
            Self::New => "books.id DESC",
        }
    }
}

/// A book in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) id: u32,
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) author_id: u32,
    pub(crate) year: u16,
    pub(crate) subject: String,
    /// The day on which it came to the library: `2026-11-27`.
    pub(crate) added: String,
}

/// All that the library knows of a book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Book {
    #[serde(flatten)]
    pub(crate) listed: Listed,
    pub(crate) pages: u16,
    pub(crate) copies: u16,
    pub(crate) summary: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Author {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) books: u32,
}

/// Which books: those that have every word of `q` in their title or in the name of their author.
#[derive(Debug, Default)]
pub(crate) struct Search<'a> {
    pub(crate) q: &'a str,
    pub(crate) subject: Option<Subject>,
    pub(crate) author: Option<u32>,
    pub(crate) sort: Sort,
    pub(crate) skip: u32,
    pub(crate) limit: u32,
}

/// The columns of a [`Listed`].
const LISTED: &str = "books.id, title, name, author, year, subject, added";

impl Library {
    /// How many books there are, and those of one page.
    pub(crate) fn search(&self, search: &Search<'_>) -> Result<(u32, Vec<Listed>), Error> {
        let connection = self.connection()?;
        let words = serde_json::to_string(
            &search
                .q
                .to_lowercase()
                .split_whitespace()
                .collect::<Vec<_>>(),
        )?;
        let found = "FROM books JOIN authors ON authors.id = author
            WHERE (:subject IS NULL OR subject = :subject) AND (:author IS NULL OR author = :author)
            AND NOT EXISTS (SELECT 1 FROM json_each(:words) WHERE NOT instr(words, value))";
        let subject = search.subject.map(Subject::name);
        let total = connection
            .prepare_cached(&format!("SELECT count(*) {found}"))?
            .query_row(
                named_params! { ":subject": subject, ":author": search.author, ":words": words },
                |row| row.get(0),
            )?;
        let sort = search.sort.sql();
        let sql = format!("SELECT {LISTED} {found} ORDER BY {sort} LIMIT :limit OFFSET :skip");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(
            named_params! {
                ":subject": subject, ":author": search.author, ":words": words, ":limit": search.limit, ":skip": search.skip
            },
            Listed::of,
        )?;
        Ok((total, rows.collect::<Result<_, _>>()?))
    }

    pub(crate) fn book(&self, id: u32) -> Result<Option<Book>, Error> {
        let sql = format!(
            "SELECT {LISTED}, pages, copies, summary FROM books JOIN authors ON authors.id = author WHERE books.id = ?1"
        );
        let book = |row: &Row<'_>| {
            Ok(Book {
                listed: Listed::of(row)?,
                pages: row.get(7)?,
                copies: row.get(8)?,
                summary: row.get(9)?,
            })
        };
        Ok(self
            .connection()?
            .prepare_cached(&sql)?
            .query_row([id], book)
            .optional()?)
    }

    /// The book with the number `id`, or the error "not found".
    pub(crate) fn existing(&self, id: u32) -> Result<Book, Error> {
        self.book(id)?
            .ok_or_else(|| Error::not_found(format!("There is no book with the number {id}.")))
    }

    /// The authors by name, or the one with the number `id`.
    pub(crate) fn authors(&self, id: Option<u32>) -> Result<Vec<Author>, Error> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(
            "SELECT authors.id, name, count(books.id) FROM authors JOIN books ON author = authors.id
             WHERE ?1 IS NULL OR authors.id = ?1 GROUP BY authors.id ORDER BY name",
        )?;
        let author = |row: &Row<'_>| {
            Ok(Author {
                id: row.get(0)?,
                name: row.get(1)?,
                books: row.get(2)?,
            })
        };
        let authors = statement
            .query_map([id], author)?
            .collect::<Result<_, _>>()?;
        Ok(authors)
    }
}

impl Listed {
    /// Reads the first seven columns.
    pub(crate) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            title: row.get(1)?,
            author: row.get(2)?,
            author_id: row.get(3)?,
            year: row.get(4)?,
            subject: row.get(5)?,
            added: row.get(6)?,
        })
    }
}
