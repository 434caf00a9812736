//! The manifest of the tests as a program of its own, for tests of sockets, argument vectors and signals.
//!
//! `cargo test -p giotto` builds it with the examples.

#[path = "../common/mod.rs"]
mod common;

use giotto::ErrorPage;
use giotto::prelude::*;

/// What it reads of `[app]`.
#[derive(Default, Deserialize)]
struct Settings {
    /// What the program `asked` says; without it, there is no such program.
    greeting: Option<String>,
    #[serde(default)]
    repeat: u8,
}

/// The origin that was asked, and the greeting.
#[model]
fn say_asked(origin: String, settings: State<Settings>) -> String {
    let greeting = settings.greeting.as_deref().unwrap_or_default();
    format!("{} {origin}", greeting.repeat(settings.repeat.into()))
}

fn tell_origin(request: &mut Request<'_>) -> Result<(), Error> {
    let origin = request.origin().unwrap_or_else(|| "-".to_owned());
    request.set("origin", origin);
    Ok(())
}

fn app(settings: &Settings) -> Result<App, Error> {
    // Of a media type that a client gets only if it asks for it: all others have the usual pages.
    let page = View::new().renders("application/problem+json", |page: &ErrorPage| {
        serde_json::to_vec(page)
    });
    let asked = Program::new(say_asked).input_middleware(tell_origin);
    let manifest = match &settings.greeting {
        Some(greeting) if greeting == "refused" => return Err(Error::other("cannot be opened")),
        Some(_) => common::manifest().with("asked", asked.view(BasicView::new())),
        None => common::manifest(),
    };
    Ok(App::new(manifest).error_pages(page))
}

/// The variable SETTINGS has it read settings of its own.
fn main() -> ExitCode {
    match std::env::var_os("SETTINGS") {
        Some(_) => giotto::run_with(app),
        None => match app(&Settings::default()) {
            Ok(app) => giotto::run(app),
            Err(_) => ExitCode::from(99),
        },
    }
}
