//! An application with every kind of response once: judges of HTTP, proxies and a browser ask it.
//!
//! `make judges`, `make proxies` and `make browser` start it. The scripts beside it say what they expect of it.

mod board;
mod library;
mod models;

use giotto::prelude::*;
use giotto::{Bare, Request};

use board::{Board, Shown};
use models::{colours, file, missing, moved, report, search, secret, uncached};

#[derive(Serialize, Deserialize)]
struct Nothing {}

/// The links that a reader in a browser follows.
const HOME: &str = "<!doctype html><title>home</title><p id=\"text\">home</p><a id=\"note\" href=\"/note/1\">note</a> \
    <a id=\"mine\" href=\"/mine\">mine</a> <a id=\"hello\" href=\"/hello\">hello</a>";

/// The life of shared pages, in seconds.
const SHARED: u64 = 2;

/// Names the user of a session to the model; there is none without its cookie.
fn signed_in(request: &mut Request<'_>) -> Result<(), Error> {
    let user = request.cookie("user").map(ToOwned::to_owned);
    let user = user.ok_or_else(|| Error::not_authorized("sign in first"))?;
    request.set("user", user);
    Ok(())
}

/// Names the colours that a reader has chosen, who need not be signed in.
fn themed(request: &mut Request<'_>) -> Result<(), Error> {
    let theme = request.cookie("theme").unwrap_or("light").to_owned();
    request.set("theme", theme);
    Ok(())
}

/// Names the language of the reader to the model.
fn translated(request: &mut Request<'_>) -> Result<(), Error> {
    let lang = request.language(&["en", "de"]);
    request.set("lang", lang);
    Ok(())
}

/// A model that shows `text`, kept for an hour.
fn always(text: &'static str) -> Program<Bare<&'static str, Nothing>> {
    let model = move |_: Nothing| text;
    Program::new(model).controllers([HTTP_GET]).cache(3_600)
}

fn shows<T: AsRef<str> + Serialize + 'static>() -> View<T> {
    BasicView::new().html(|text: &T| {
        let text = escape_html(text.as_ref());
        format!("<!doctype html><title>page</title><p id=\"text\">{text}</p><a id=\"home\" href=\"/\">home</a>")
    })
}

/// Pages that are the same for everybody.
fn public() -> Manifest {
    let home = View::new().html(|text: &&str| (*text).to_owned());
    let hour = Policy::seconds(3_600);
    let rows = Program::new(report).cache(0);
    let numbers = Program::new(file).cache(hour);
    let nothing = Program::new(missing).cache(hour.negative(60));
    Manifest::default()
        .with("", always(HOME).view(home))
        .with("plain", always("plain").view(shows()))
        .with("uncached", Program::new(uncached).view(shows()))
        .with("secret", Program::new(secret).cache(hour).view(shows()))
        .with("report", rows.view(BasicView::new()))
        .with("file", numbers.view(BasicView::new()))
        .with("search", Program::new(search).cache(hour).view(shows()))
        .with("moved", Program::new(moved).view(BasicView::new()))
        .with("missing", nothing.view(shows()))
}

/// Pages that others may keep.
fn lasting(manifest: Manifest) -> Manifest {
    let kept = always("kept")
        .max_age(60)
        .shared_max_age(600)
        .downstream_stale_while_revalidate(30)
        .downstream_stale_if_error(600);
    let asset = always("asset").max_age(600).immutable();
    let rows = Program::new(report).cache(0).shared_max_age(600);
    manifest
        .with("max_age", always("max_age").max_age(60).view(shows()))
        .with("asset", asset.view(shows()))
        .with("kept", kept.view(shows()))
        .with("atlas", rows.view(BasicView::new()))
}

/// Pages that depend on who reads them.
fn personal(manifest: Manifest) -> Manifest {
    let mine = Program::new(models::mine).input_middleware(signed_in);
    let theme = Program::new(colours).input_middleware(themed);
    let hello = Program::new(models::hello).input_middleware(translated);
    manifest
        .with("mine", mine.cache(3_600).view(shows()))
        .with("theme", theme.cache(3_600).max_age(60).view(shows()))
        .with("hello", hello.cache(3_600).view(shows()))
}

/// Notes that one reader changes and others read.
fn notes(manifest: Manifest) -> Manifest {
    let board = Board::default();
    let hour = Policy::seconds(3_600);
    let old = move |note: Shown| note.cache(hour.stale_while_revalidate(600)).max_age(60);
    let shared = |note: Shown| note.cache(3_600).shared_max_age(SHARED);
    let purged = |note: Shown| note.cache(3_600).shared_max_age(3_600);
    manifest
        .with("note", board.programs("note", |note| note.cache(3_600)))
        .with("old", board.programs("old", old))
        .with("shared", board.programs("shared", shared))
        .with("purged", board.programs("purged", purged))
}

/// A list as it is shown without a view of its own, and a form.
fn library(manifest: Manifest) -> Manifest {
    let form = Program::new(library::registration).controllers([HTTP_GET]);
    let target = Program::new(library::register).controllers([HTTP_POST]);
    let form = form.view(BasicView::new().html(library::form));
    let style = Program::new(|_: Nothing| BasicView::STYLE_SOURCE);
    let style = style.view(View::new().text(|source: &&str| (*source).to_owned()));
    manifest
        .with("style", style)
        .with(
            "books",
            Program::new(library::books)
                .cache(3_600)
                .view(BasicView::new()),
        )
        .with("loans", Program::new(library::loans).view(BasicView::new()))
        .with("register", [form, target.view(View::new())])
}

fn manifest() -> Manifest {
    library(notes(personal(lasting(public()))))
}

fn main() -> ExitCode {
    giotto::run(manifest())
}
