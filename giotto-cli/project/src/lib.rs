//! A board of notes: one page that is cached, and a form that makes it new.

mod notes;

use std::path::PathBuf;

use giotto::prelude::*;
use giotto::view::Templates;

use crate::notes::Notes;

/// The table `[app]` of `giotto.toml`, and the variables `GIOTTO_APP_..`
#[derive(Deserialize)]
pub struct Settings {
    /// The file that has the notes.
    pub notes: PathBuf,
}

/// The application: its programs, and what they share.
pub fn app(settings: &Settings) -> Result<App, Error> {
    let app = App::new(notes::manifest())
        .state(Notes::new(&settings.notes))
        .templates(Templates::new("templates").global("site", env!("CARGO_PKG_NAME")))
        .static_files("static")
        .error_page(404, View::new().html(template("errors/404.html")));
    Ok(app)
}
