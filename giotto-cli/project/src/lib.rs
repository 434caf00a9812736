//! A board of notes: one page that is cached, and a form that makes it new.

mod notes;

use std::path::Path;

use giotto::prelude::*;
use giotto::view::Templates;

use crate::notes::Notes;

/// The application, with its notes in `file`: the programs, and what they share.
pub fn app(file: impl AsRef<Path>) -> App {
    App::new(notes::manifest())
        .state(Notes::new(file))
        .templates(Templates::new("templates").global("site", env!("CARGO_PKG_NAME")))
        .static_files("static")
        .error_page(404, View::new().html(template("errors/404.html")))
}
