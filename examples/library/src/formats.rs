//! The same books in other formats: a table as CSV, a feed of what is new, and a cover for each book.

use giotto::prelude::*;

use crate::books::{Listed, Search, Sort};
use crate::store::Library;

/// How many books the feed has.
const IN_FEED: u32 = 20;
/// How many characters fit into a line of a cover.
const LINE: usize = 13;

pub(crate) fn add_to(manifest: Manifest) -> Manifest {
    let feed = Program::new(list_new)
        .controllers([HTTP_GET])
        .cache(3600)
        .tags(|_| ["books"]);
    let cover = Program::new(draw_cover)
        .controllers([HTTP_GET])
        .cache(3600)
        .tags(|args| [format!("book:{}", args.id)]);
    manifest
        .with(
            "feed",
            feed.view(View::new().renders("application/atom+xml", template("feed.xml"))),
        )
        .with(
            "cover",
            cover.view(View::new().renders("image/svg+xml", template("cover.svg"))),
        )
}

/// Books as a file of CSV, with the names of the columns.
pub(crate) fn csv(books: &[Listed]) -> Result<Vec<u8>, Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for book in books {
        writer.serialize(book)?;
    }
    Ok(writer.into_inner()?)
}

/// Lists what is new, for readers of feeds.
#[model]
fn list_new(#[default("en")] lang: String, library: State<Library>) -> Result<Vec<Listed>, Error> {
    let (_, books) = library.search(&Search {
        sort: Sort::New,
        limit: IN_FEED,
        ..Search::default()
    })?;
    Ok(books)
}

#[derive(Serialize)]
struct Cover {
    lines: Vec<String>,
    author: String,
    /// The colour, in degrees.
    hue: u32,
    /// Which of four patterns.
    pattern: u32,
    /// An uploaded image, which is shown in place of all that.
    image: Option<String>,
}

/// Draws the cover of a book: always the same for one title.
#[model]
fn draw_cover(
    /// The number of the book.
    id: u32,
    library: State<Library>,
) -> Result<Cover, Error> {
    let book = library.existing(id)?.listed;
    let sum = book.title.bytes().fold(7, |sum: u32, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    Ok(Cover {
        lines: lines(&book.title),
        author: book.author,
        hue: sum % 360,
        pattern: sum / 360 % 4,
        image: library.image(id)?,
    })
}

/// The words of a title, in lines that fit.
fn lines(title: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in title.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < LINE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.truncate(7);
    lines
}
