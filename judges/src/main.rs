//! An application with every kind of response once: judges of HTTP, proxies and a browser ask it.
//!
//! `make judges`, `make proxies` and `make browser` start it. The scripts beside it say what they expect of it.

mod board;
mod models;

use giotto::prelude::*;
use giotto::{Bare, Ready, Request};

use board::{Board, Shown};
use models::{colours, file, hello, mine, missing, moved, report, search, secret};

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

/// Pages that are the same for everybody, and say how long others may keep them.
fn public() -> Manifest {
    let home = View::new().html(|text: &&str| (*text).to_owned());
    let hour = Policy::seconds(3_600);
    let stale = |program: Program<Bare<&'static str, Nothing>>| {
        program
            .downstream_stale_while_revalidate(30)
            .downstream_stale_if_error(600)
    };
    let asset = always("asset").max_age(600).immutable();
    Manifest::new([
        ("", always(HOME).view(home)),
        ("plain", always("plain").view(shows())),
        (
            "uncached",
            always("uncached").cache(None::<i64>).view(shows()),
        ),
        ("max_age", always("max_age").max_age(60).view(shows())),
        ("asset", asset.view(shows())),
        (
            "kept",
            stale(always("kept").max_age(60).shared_max_age(600)).view(shows()),
        ),
        ("secret", Program::new(secret).cache(hour).view(shows())),
        (
            "report",
            Program::new(report).cache(0).view(BasicView::new()),
        ),
        (
            "atlas",
            Program::new(report)
                .cache(0)
                .shared_max_age(600)
                .view(BasicView::new()),
        ),
        (
            "file",
            Program::new(file).cache(hour).view(BasicView::new()),
        ),
        ("search", Program::new(search).cache(hour).view(shows())),
        ("moved", Program::new(moved).view(BasicView::new())),
        (
            "missing",
            Program::new(missing).cache(hour.negative(60)).view(shows()),
        ),
    ])
}

/// Pages that depend on who reads them.
fn personal() -> [(&'static str, Program<Ready>); 3] {
    [
        (
            "mine",
            Program::new(mine)
                .input_middleware(signed_in)
                .cache(3_600)
                .view(shows()),
        ),
        (
            "theme",
            Program::new(colours)
                .input_middleware(themed)
                .cache(3_600)
                .max_age(60)
                .view(shows()),
        ),
        (
            "hello",
            Program::new(hello)
                .input_middleware(translated)
                .cache(3_600)
                .view(shows()),
        ),
    ]
}

/// Notes that one reader changes and others read.
fn notes() -> [(&'static str, [Program<Ready>; 2]); 4] {
    let board = Board::default();
    let hour = Policy::seconds(3_600);
    let old = move |note: Shown| note.cache(hour.stale_while_revalidate(600)).max_age(60);
    let shared = |note: Shown| note.cache(3_600).shared_max_age(SHARED);
    let purged = |note: Shown| note.cache(3_600).shared_max_age(3_600);
    [
        ("note", board.programs("note", |note| note.cache(3_600))),
        ("old", board.programs("old", old)),
        ("shared", board.programs("shared", shared)),
        ("purged", board.programs("purged", purged)),
    ]
}

fn manifest() -> Manifest {
    let manifest = personal()
        .into_iter()
        .fold(public(), |manifest, (name, program)| {
            manifest.with(name, program)
        });
    notes()
        .into_iter()
        .fold(manifest, |manifest, (name, programs)| {
            manifest.with(name, programs)
        })
}

fn main() -> ExitCode {
    giotto::run(manifest())
}
