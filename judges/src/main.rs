//! An application with every kind of response once: judges of HTTP, proxies and a browser ask it.
//!
//! `make judges`, `make proxies` and `make browser` start it. The scripts beside it say what they expect of it.

mod board;

use board::Board;
use giotto::prelude::*;
use giotto::{Bare, Request};

#[derive(Serialize, Deserialize)]
struct Nothing {}

/// The links that a reader in a browser follows.
const HOME: &str = "<!doctype html><title>home</title><p id=\"text\">home</p><a id=\"note\" href=\"/note/1\">note</a> \
    <a id=\"mine\" href=\"/mine\">mine</a> <a id=\"hello\" href=\"/hello\">hello</a>";

/// Names the user of a session to the model; there is none without its cookie.
fn signed_in(request: &mut Request<'_>) -> Result<(), Error> {
    let cookies = request.header("cookie").unwrap_or_default();
    let mut cookies = cookies.split("; ");
    match cookies.find_map(|cookie| cookie.strip_prefix("user=")) {
        Some(user) => {
            let user = user.to_owned();
            request.set("user", user);
            Ok(())
        }
        None => Err(Error::not_authorized("sign in first")),
    }
}

/// Names the language of the reader to the model.
fn translated(request: &mut Request<'_>) -> Result<(), Error> {
    let accepted = request.header("accept-language").unwrap_or_default();
    let lang = if accepted.starts_with("de") {
        "de"
    } else {
        "en"
    };
    request.set("lang", lang);
    Ok(())
}

/// What belongs to one reader.
#[model]
fn mine(user: String) -> String {
    format!("the page of {user}")
}

/// A greeting.
#[model]
fn hello(lang: String) -> &'static str {
    match lang.as_str() {
        "de" => "Guten Tag",
        _ => "Good day",
    }
}

/// About 20 KiB that compress well.
#[model]
fn report() -> Vec<String> {
    let row = |n: u32| format!("flight {n}: from JFK to LAX, {} minutes late", n * 7 % 60);
    (0..450).map(row).collect()
}

/// What nobody may keep.
#[model]
fn secret(cache: CacheControl) -> &'static str {
    cache.no_store();
    "for this moment only"
}

/// What has gone elsewhere.
#[model]
fn moved() -> Redirection {
    Redirection::to("/note/1")
}

/// What is nowhere.
#[model]
fn missing() -> Result<&'static str, Error> {
    Err(Error::not_found("there is nothing here"))
}

/// A model that shows `text`.
fn always(text: &'static str) -> Program<Bare<&'static str, Nothing>> {
    Program::new(move |_: Nothing| text).controllers([HTTP_GET])
}

fn shows<T: AsRef<str> + Serialize + 'static>() -> View<T> {
    BasicView::new().html(|text: &T| {
        let text = escape_html(text.as_ref());
        format!("<!doctype html><title>page</title><p id=\"text\">{text}</p><a id=\"home\" href=\"/\">home</a>")
    })
}

fn manifest() -> Manifest {
    let board = Board::default();
    let hour = || Policy::seconds(3_600);
    let kinds: Vec<(&str, Program<giotto::Ready>)> = vec![
        (
            "",
            always(HOME)
                .cache(3_600)
                .view(View::new().html(|text: &&str| (*text).to_owned())),
        ),
        ("plain", always("plain").cache(3_600).view(shows())),
        ("uncached", always("uncached").view(shows())),
        ("secret", Program::new(secret).cache(3_600).view(shows())),
        (
            "report",
            Program::new(report).cache(0).view(BasicView::new()),
        ),
        ("moved", Program::new(moved).view(BasicView::new())),
        (
            "missing",
            Program::new(missing)
                .cache(hour().negative(60))
                .view(shows()),
        ),
        (
            "mine",
            Program::new(mine)
                .input_middleware(signed_in)
                .cache(3_600)
                .view(shows()),
        ),
        (
            "hello",
            Program::new(hello)
                .input_middleware(translated)
                .cache(3_600)
                .view(shows()),
        ),
    ];
    let mut manifest = Manifest::new(kinds);
    manifest = manifest.with("note", board.programs("note", |note| note.cache(3_600)));
    let old = move |note: board::Shown| note.cache(hour().stale_while_revalidate(600));
    manifest.with("old", board.programs("old", old))
}

fn main() -> ExitCode {
    giotto::run(manifest())
}
