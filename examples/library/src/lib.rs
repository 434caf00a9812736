//! A library: 3,000 books, their readers, and a cache that is never older than the last change.
//!
//! `catalogue.rs` has the pages for everybody, `loans.rs` those of one reader, `reviews.rs` a form whose result everybody sees.

mod admin;
mod books;
mod catalogue;
mod formats;
mod language;
mod loans;
mod readers;
mod reviews;
mod seed;
mod store;
mod upload;

use std::path::PathBuf;

use giotto::prelude::*;

use crate::books::Subject;
use crate::language::LANGUAGES;
use crate::readers::AdminPassword;
use crate::store::Library;

/// The table `[app]` of giotto.toml.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// The file of the database.
    #[serde(default = "database")]
    pub database: PathBuf,
    /// The password of the reader `admin`. Without it, nobody can sign in as the admin.
    pub admin_password: Option<String>,
}

fn database() -> PathBuf {
    "library.db".into()
}

/// The tables of each feature.
const TABLES: [&str; 5] = [
    books::TABLES,
    readers::TABLES,
    loans::TABLES,
    reviews::TABLES,
    upload::TABLES,
];

/// The application.
///
/// # Errors
///
/// If the database cannot be opened.
pub fn app(settings: &Settings) -> Result<App, Error> {
    let library = Library::open(&settings.database, &TABLES, seed::fill)?;
    let templates = Templates::new(folder("templates"))
        .global("subjects", Subject::ALL)
        .translations(folder("locales"), LANGUAGES);
    Ok(App::new(manifest())
        .state(library.clone())
        .state(AdminPassword(settings.admin_password.clone()))
        .origin("http://localhost:5000")
        .templates(templates)
        .static_files(folder("static"))
        .sessions(Sessions::new())
        .routes(upload::routes(library))
        .messages("lang", language::messages)
        .error_pages(View::new().html(template("error.html"))))
}

fn manifest() -> Manifest {
    let features = [
        catalogue::add_to,
        formats::add_to,
        readers::add_to,
        loans::add_to,
        reviews::add_to,
        admin::add_to,
    ];
    let manifest = features
        .into_iter()
        .fold(Manifest::default(), |manifest, add_to| add_to(manifest));
    manifest.input_middleware(language::choose)
}

/// A folder of the package; in a release, of the working directory.
fn folder(name: &str) -> String {
    match cfg!(debug_assertions) {
        true => format!("{}/{name}", env!("CARGO_MANIFEST_DIR")),
        false => name.to_owned(),
    }
}
