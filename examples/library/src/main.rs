//! A library's catalogue: a whole application, with a database, sessions, forms, templates and static files.
//!
//! Pages that are the same for everybody are cached for all readers, those of a reader for that reader alone, and those with a
//! form not at all.

mod catalogue;
mod desk;
mod members;
mod store;

use giotto::Sessions;
use giotto::prelude::*;
use giotto::view::Templates;

use crate::store::Library;

/// Where templates and static files are.
const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

#[expect(clippy::print_stderr, reason = "the log begins with the configuration")]
fn main() -> ExitCode {
    let library = match Library::open("library.db") {
        Ok(library) => library,
        Err(error) => {
            eprintln!("library.db: {error}");
            return ExitCode::FAILURE;
        }
    };
    let templates = Templates::new(format!("{FOLDER}/templates")).global("library", "The library");
    let app = App::new(manifest())
        .state(library)
        .templates(templates)
        .static_files(format!("{FOLDER}/static"))
        .sessions(Sessions::new())
        .error_page(404, View::new().html(template("errors/404.html")));
    giotto::run(app)
}

fn manifest() -> Manifest {
    let manifest = catalogue::add_to(Manifest::default());
    members::add_to(desk::add_to(manifest))
}
