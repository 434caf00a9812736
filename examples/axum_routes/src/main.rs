//! Three programs, and beside them what axum and its crates have: an upload, a folder of uploads, sessions, CORS, compression.
//!
//! ```console
//! $ cargo run -p axum_routes -- http
//! $ curl -i localhost:5000/books                                     # a program; twice, for a hit
//! $ curl -d title=Dune localhost:5000/add                            # a program that makes the page old
//! $ curl -F cover=@cover.png localhost:5000/covers                   # a route: multipart, as a stream into a file
//! $ curl -i localhost:5000/covers/1                                  # a route: tower-http's ServeDir
//! $ curl -c jar -b jar localhost:5000/visits                         # a route: tower-sessions
//! $ curl -i -H 'Origin: http://localhost' localhost:5000/books       # a layer: tower-http's CORS
//! $ curl -i --compressed localhost:5000/books                        # a layer: tower-http's compression
//! ```

mod routes;
mod shelf;

use giotto::Assets;
use giotto::prelude::*;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{Any, CorsLayer};

use crate::shelf::Shelf;

/// All books.
#[model]
fn list_books(shelf: State<Shelf>) -> Vec<String> {
    shelf.books()
}

/// One book.
#[model]
fn show_book(
    /// Its number on the shelf, from 1.
    number: usize,
    shelf: State<Shelf>,
) -> Result<String, Error> {
    let books = shelf.books().into_iter();
    let mut books = books.skip(number.saturating_sub(1));
    books
        .next()
        .ok_or_else(|| Error::not_found("there is no such book"))
}

/// Adds a book.
#[model]
fn add_book(
    /// Its title.
    title: String,
    shelf: State<Shelf>,
) -> Redirection {
    shelf.add(title);
    Redirection::to("/books")
}

fn page(books: &[String], assets: &Assets) -> String {
    let style = assets.url("style.css").unwrap_or_default();
    let books = books
        .iter()
        .map(|title| format!("<li>{}</li>", escape_html(title)));
    let books: String = books.collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Books</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<link rel=\"stylesheet\" href=\"{style}\">\n\
         <h1>Books</h1>\n<ol>{books}</ol>\n\
         <form method=\"post\" action=\"/add\"><label>Title <input name=\"title\" required></label> <button>Add</button></form>\n\
         </html>\n"
    )
}

fn manifest() -> Manifest {
    let html = |books: &Vec<String>, assets: State<Assets>| page(books, &assets);
    Manifest::new([
        (
            "books",
            Program::new(list_books)
                .cache(3600)
                .tags(|_| ["books"])
                .view(BasicView::new().html(html)),
        ),
        (
            "book",
            Program::new(show_book)
                .cache(3600)
                .tags(|_| ["books"])
                .view(BasicView::new()),
        ),
        (
            "add",
            Program::new(add_book)
                .controllers([HTTP_POST, CMD])
                .invalidates(|_| ["books"])
                .view(BasicView::new()),
        ),
    ])
}

fn main() -> ExitCode {
    let shelf = Shelf::default();
    shelf.add("The Silver Key".to_owned());
    let app = App::new(manifest())
        .state(shelf.clone())
        .static_files(concat!(env!("CARGO_MANIFEST_DIR"), "/static"))
        .routes(routes::routes(shelf))
        // The last one is the outermost: what CORS answers itself is not compressed.
        .layer(CompressionLayer::new())
        .layer(CorsLayer::new().allow_origin(Any));
    giotto::run(app)
}
