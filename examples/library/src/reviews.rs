//! Reviews: a form, and a page that shows the review at once, to everybody.

use giotto::auth::authentication_middleware;
use giotto::cache::Cache;
use giotto::{cached, prelude::*};
use rusqlite::params;

use crate::books::{Book, Listed};
use crate::readers::must_be_signed_in;
use crate::store::Library;

pub(crate) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS reviews (
        book INTEGER NOT NULL REFERENCES books ON DELETE CASCADE, reader TEXT NOT NULL COLLATE NOCASE,
        stars INTEGER NOT NULL, text TEXT NOT NULL, written TEXT NOT NULL, PRIMARY KEY (book, reader)
    );";

const MOST_CHARACTERS: usize = 2_000;

pub(crate) fn add_to(manifest: Manifest) -> Manifest {
    let asks = Program::new(ask)
        .controllers([HTTP_GET])
        .input_middleware(must_be_signed_in)
        .view(View::new().html(template("review.html")));
    let writes = Program::new(write_review)
        .controllers([HTTP_POST])
        .input_middleware(must_be_signed_in)
        .input_middleware(authentication_middleware("reader"))
        .invalidates(|args| [format!("book:{}", args.id), "reviews".to_owned()])
        .view(View::new());
    manifest.with("review", [asks, writes])
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Reviews {
    /// The mean of the stars, from 1 to 5.
    mean: Option<f64>,
    /// The latest first.
    reviews: Vec<Review>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Review {
    reader: String,
    stars: u8,
    text: String,
    written: String,
}

/// A book and its mean of stars.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Rated {
    #[serde(flatten)]
    listed: Listed,
    mean: f64,
}

/// The reviews of a book. A page that asks for them is old when they are: it has their tag without naming it.
#[cached(seconds = 3600, tags = [format!("book:{book}")])]
pub(crate) async fn reviews_of(
    cache: &Cache,
    #[skip] library: &Library,
    book: u32,
) -> Result<Reviews, Error> {
    library.run(move |library| library.reviews(book)).await
}

/// The books that readers like best.
#[cached(seconds = 3600, tags = ["books", "reviews"])]
pub(crate) async fn best_rated(
    cache: &Cache,
    #[skip] library: &Library,
) -> Result<Vec<Rated>, Error> {
    library.run(Library::best_rated).await
}

/// Shows the form.
#[model]
fn ask(id: u32, #[default("en")] lang: String, library: State<Library>) -> Result<Book, Error> {
    library.existing(id)
}

/// Writes a review, or another one in its place.
#[model]
fn write_review(
    id: u32,
    reader: String,
    stars: u8,
    text: String,
    #[default("en")] lang: String,
    library: State<Library>,
    app: App,
) -> Result<Redirection, Error> {
    let text = text.trim();
    InvalidInput::new()
        .require(
            (1..=5).contains(&stars),
            "stars",
            stars.to_string(),
            "choose one to five stars",
        )
        .require(
            (1..=MOST_CHARACTERS).contains(&text.chars().count()),
            "text",
            text,
            "write 1 to 2,000 characters",
        )
        .into_result()?;
    library.existing(id)?;
    library.put_review(id, &reader, stars, text)?;
    Ok(Redirection::to(app.url_for(
        "book",
        [("id", id.to_string()), ("lang", lang)],
    )?))
}

impl Library {
    fn reviews(&self, book: u32) -> Result<Reviews, Error> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(
            "SELECT reader, stars, text, written FROM reviews WHERE book = ?1 ORDER BY written DESC, reader",
        )?;
        let reviews = statement.query_map([book], |row| {
            Ok(Review {
                reader: row.get(0)?,
                stars: row.get(1)?,
                text: row.get(2)?,
                written: row.get(3)?,
            })
        })?;
        let reviews = reviews.collect::<Result<Vec<_>, _>>()?;
        let sum: u32 = reviews.iter().map(|review| u32::from(review.stars)).sum();
        let mean = (!reviews.is_empty()).then(|| f64::from(sum) / reviews.len() as f64);
        Ok(Reviews { mean, reviews })
    }

    fn best_rated(&self) -> Result<Vec<Rated>, Error> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(
            "SELECT books.id, title, name, author, year, subject, added, avg(stars) AS mean FROM reviews
             JOIN books ON books.id = book JOIN authors ON authors.id = author
             GROUP BY books.id ORDER BY mean DESC, count(*) DESC, books.id LIMIT 6",
        )?;
        let rated = statement.query_map([], |row| {
            Ok(Rated {
                listed: Listed::of(row)?,
                mean: row.get("mean")?,
            })
        })?;
        Ok(rated.collect::<Result<_, _>>()?)
    }

    fn put_review(&self, book: u32, reader: &str, stars: u8, text: &str) -> Result<(), Error> {
        let sql = "INSERT OR REPLACE INTO reviews (book, reader, stars, text, written) VALUES (?1, ?2, ?3, ?4, date('now'))";
        self.connection()?
            .execute(sql, params![book, reader, stars, text])?;
        Ok(())
    }
}
