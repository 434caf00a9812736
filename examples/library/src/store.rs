//! The library's database, which is a state of the application: all requests share it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use giotto::prelude::*;
use rusqlite::{Connection, OptionalExtension, params};

/// What is sent of books at once.
pub(crate) const PER_PAGE: u32 = 10;

/// A book on a shelf.
#[derive(Debug, Serialize)]
pub(crate) struct Book {
    pub(crate) id: u32,
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) year: u16,
    pub(crate) copies: u16,
}

/// A member of the library.
#[derive(Debug)]
pub(crate) struct Member {
    /// As `hash_password` made it.
    pub(crate) password: String,
}

/// The books, the members and the loans, in a file of SQLite.
#[derive(Debug)]
pub(crate) struct Library {
    connection: Mutex<Connection>,
}

const TABLES: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS books (
        id INTEGER PRIMARY KEY, title TEXT NOT NULL, author TEXT NOT NULL, year INTEGER NOT NULL, copies INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS members (name TEXT PRIMARY KEY, password TEXT NOT NULL, card TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS loans (member TEXT NOT NULL, book INTEGER NOT NULL, PRIMARY KEY (member, book));";

const FIRST: [(&str, &str, u16, u16); 12] = [
    ("Emma", "Jane Austen", 1815, 3),
    ("Frankenstein", "Mary Shelley", 1818, 2),
    ("Jane Eyre", "Charlotte Brontë", 1847, 4),
    ("Moby-Dick", "Herman Melville", 1851, 1),
    ("Bleak House", "Charles Dickens", 1853, 2),
    ("Middlemarch", "George Eliot", 1871, 3),
    ("Anna Karenina", "Leo Tolstoy", 1878, 12),
    ("Treasure Island", "Robert Louis Stevenson", 1883, 5),
    ("Dracula", "Bram Stoker", 1897, 2),
    ("The War of the Worlds", "H. G. Wells", 1898, 3),
    ("Kim", "Rudyard Kipling", 1901, 1),
    ("The Secret Garden", "Frances Hodgson Burnett", 1911, 6),
];

impl Library {
    /// The library in the file at `path`; a new one has some books and no members.
    pub(crate) fn open(path: &str) -> Result<Self, Error> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.execute_batch(TABLES)?;
        for (id, (title, author, year, copies)) in (1_u32..).zip(FIRST) {
            connection.execute(
                "INSERT OR IGNORE INTO books VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id, title, author, year, copies],
            )?;
        }
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How many books have `word` in their title or author, and a page of them.
    pub(crate) fn find(&self, word: &str, page: u32) -> Result<(u32, Vec<Book>), Error> {
        let connection = self.connection();
        let of = "FROM books WHERE instr(lower(title || ' ' || author), lower(?1))";
        let total =
            connection.query_row(&format!("SELECT count(*) {of}"), [word], |row| row.get(0))?;
        let mut rows = connection.prepare_cached(&format!(
            "SELECT id, title, author, year, copies {of} ORDER BY title LIMIT ?2 OFFSET ?3"
        ))?;
        let skipped = i64::from(page - 1) * i64::from(PER_PAGE);
        let books = rows.query_map(params![word, PER_PAGE, skipped], book)?;
        Ok((total, books.collect::<Result<_, _>>()?))
    }

    pub(crate) fn book(&self, id: u32) -> Result<Option<Book>, Error> {
        let sql = "SELECT id, title, author, year, copies FROM books WHERE id = ?1";
        Ok(self.connection().query_row(sql, [id], book).optional()?)
    }

    /// Adds a book; its number.
    pub(crate) fn add(
        &self,
        title: &str,
        author: &str,
        year: u16,
        copies: u16,
    ) -> Result<i64, Error> {
        let connection = self.connection();
        let sql = "INSERT INTO books (title, author, year, copies) VALUES (?1, ?2, ?3, ?4)";
        connection.execute(sql, params![title, author, year, copies])?;
        Ok(connection.last_insert_rowid())
    }

    pub(crate) fn member(&self, name: &str) -> Result<Option<Member>, Error> {
        let sql = "SELECT password FROM members WHERE name = ?1";
        let member = |row: &rusqlite::Row<'_>| {
            Ok(Member {
                password: row.get(0)?,
            })
        };
        Ok(self
            .connection()
            .query_row(sql, [name], member)
            .optional()?)
    }

    /// Makes `name` a member, unless there is one of that name.
    pub(crate) fn join(&self, name: &str, password: &str) -> Result<bool, Error> {
        let sql = "INSERT OR IGNORE INTO members VALUES (?1, ?2, lower(hex(randomblob(16))))";
        Ok(self.connection().execute(sql, [name, password])? > 0)
    }

    /// The number on the card of a member, which only that member may see.
    pub(crate) fn card(&self, name: &str) -> Result<Option<String>, Error> {
        let sql = "SELECT card FROM members WHERE name = ?1";
        let card = self.connection().query_row(sql, [name], |row| row.get(0));
        Ok(card.optional()?)
    }

    pub(crate) fn lend(&self, name: &str, book: u32) -> Result<(), Error> {
        let sql = "INSERT OR IGNORE INTO loans VALUES (?1, ?2)";
        self.connection().execute(sql, params![name, book])?;
        Ok(())
    }

    /// The titles that a member has borrowed.
    pub(crate) fn loans(&self, name: &str) -> Result<Vec<String>, Error> {
        let connection = self.connection();
        let mut rows = connection.prepare_cached(
            "SELECT title FROM loans JOIN books ON books.id = book WHERE member = ?1 ORDER BY title",
        )?;
        let titles = rows.query_map([name], |row| row.get(0))?;
        Ok(titles.collect::<Result<_, _>>()?)
    }
}

fn book(row: &rusqlite::Row<'_>) -> rusqlite::Result<Book> {
    Ok(Book {
        id: row.get(0)?,
        title: row.get(1)?,
        author: row.get(2)?,
        year: row.get(3)?,
        copies: row.get(4)?,
    })
}
