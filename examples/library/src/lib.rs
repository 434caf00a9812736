//! A library: 3,000 books, their readers, and a cache that is never older than the last change.
//!
//! `catalogue.rs` has the pages for everybody. README.md says how to run it, docs/tutorial.md how it is built.

mod books;
mod catalogue;
mod seed;
mod store;

use giotto::prelude::*;

use crate::books::Subject;
pub use crate::store::Library;

/// The application, with the library in the file `library.db`.
///
/// # Errors
///
/// If the database cannot be opened.
pub fn app() -> Result<App, Error> {
    let templates = Templates::new(folder("templates"))
        .global("subjects", Subject::ALL)
        .translations(folder("locales"), ["en"]);
    Ok(App::new(manifest())
        .state(Library::open("library.db")?)
        .templates(templates)
        .static_files(folder("static"))
        .sessions(Sessions::new())
        .error_pages(View::new().html(template("error.html"))))
}

fn manifest() -> Manifest {
    catalogue::add_to(Manifest::default())
}

/// A folder of the package; in a release, of the working directory.
fn folder(name: &str) -> String {
    match cfg!(debug_assertions) {
        true => format!("{}/{name}", env!("CARGO_MANIFEST_DIR")),
        false => name.to_owned(),
    }
}
