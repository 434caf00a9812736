//! The manifest that the tests ask: every kind of entry, model, view and failure once.
//!
//! Shared by the tests in this process and by `programs/testbed.rs`, which serves it in another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use giotto::Request;
use giotto::prelude::*;
use tokio::sync::Semaphore;

/// Squares a number.
#[model]
fn square(
    /// The number to square.
    x: i64,
) -> Result<Square, Error> {
    let x = x.checked_mul(x).ok_or_else(|| {
        InvalidInput::new().field("x", x.to_string(), "its square does not fit in 64 bits")
    })?;
    Ok(Square { x })
}

#[derive(Serialize)]
struct Square {
    x: i64,
}

/// Multiplies two numbers.
#[model]
fn multiply(
    /// The first factor.
    x: i64,
    /// The second factor.
    y: i64,
) -> Product {
    Product {
        x,
        y,
        product: x.wrapping_mul(y),
    }
}

#[derive(Serialize)]
struct Product {
    x: i64,
    y: i64,
    product: i64,
}

fn product_view() -> View<Product> {
    BasicView::new()
        .cmd(|p: &Product| format!("\x1b[32m{} * {} = \x1b[31m{}\x1b[0m", p.x, p.y, p.product))
        .renders("text/csv", |p: &Product| {
            let mut csv = csv::Writer::from_writer(Vec::new());
            csv.serialize(p)?;
            csv.into_inner()
                .map_err(|error| Error::other(error.to_string()))
        })
}

/// Says what it was told.
#[model]
fn echo(
    /// What to say.
    text: String,
) -> String {
    text
}

/// Tells which process computed it, and when.
#[model]
fn stamp(x: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = now.unwrap_or_default().as_nanos();
    format!("{x} by {} at {nanoseconds}", std::process::id())
}

/// Adds numbers.
#[model]
fn sum(
    /// The numbers to add.
    numbers: Vec<i64>,
) -> i64 {
    numbers.into_iter().sum()
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Green,
}

/// Paints a wall.
#[model]
fn paint(
    /// Of what colour.
    colour: Colour,
    /// How many coats.
    #[default(4)]
    coats: u8,
) -> Wall {
    Wall { colour, coats }
}

#[derive(Serialize)]
struct Wall {
    colour: Colour,
    coats: u8,
}

/// Greets somebody, or everybody.
#[model]
async fn greet(name: Option<String>, #[default("Hello")] greeting: String) -> String {
    tokio::task::yield_now().await;
    format!("{greeting} {}", name.as_deref().unwrap_or("everybody"))
}

/// Speaks.
#[model]
fn speak(#[default(false)] loud: bool) -> &'static str {
    if loud { "HELLO" } else { "hello" }
}

/// Has parameters that are called like the options of every program.
#[model]
fn odd(
    help: String,
    #[default("")] model_mock: String,
    #[default(0)] long_name: i64,
    #[default("")] set: String,
    #[default("")] config: String,
) -> String {
    [help, model_mock, long_name.to_string(), set, config].concat()
}

/// A post of the blog.
#[model]
fn post(id: u32) -> Result<String, Error> {
    match id {
        1 => Ok("The first post".to_owned()),
        _ => Err(Error::not_found(format!("there is no post {id}"))),
    }
}

/// Says which number it is.
#[model]
fn number(x: f64, #[default(0)] y: i128) -> String {
    format!("{x:?} {y}")
}

#[derive(Debug, Serialize, Deserialize)]
struct Filter {
    a: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Searched {
    filter: Filter,
    #[serde(default = "three", alias = "n")]
    numbers: Vec<i64>,
    #[serde(alias = "order_by")]
    sort: Option<String>,
}

fn three() -> Vec<i64> {
    vec![3]
}

#[expect(clippy::needless_pass_by_value, reason = "a model owns its arguments")]
fn search(searched: Searched) -> String {
    format!("{searched:?}")
}

#[model]
fn nothing() {}

#[model]
fn secret() -> Result<String, Error> {
    Err(Error::not_authorized("this is not for you"))
}

#[model]
fn fails() -> Result<String, Error> {
    Err(Error::other(
        "postgres://admin:hunter2@db refused\nat src/secret.rs:7",
    ))
}

/// Fails with what it read somewhere.
#[model]
fn hostile() -> Result<String, Error> {
    Err(Error::other(
        "a\x1b[2J\x1b]0;title\x07\x1b[31mb\u{9b}1A\u{9d}0;t\u{9c}\u{202e}c\u{2066}\x08\x7f\rd",
    ))
}

/// Fails with what it was told.
#[model]
fn quotes(text: String) -> Result<String, Error> {
    Err(Error::other(format!("there is no price of {text}")))
}

#[model]
fn panics() -> String {
    panic!("a secret of the implementation")
}

#[model]
fn elsewhere() -> Redirection {
    Redirection::to("/squared/12")
}

/// The form: empty, or as it was posted.
#[model]
fn form(email: Option<String>) -> Subscription {
    Subscription {
        email: email.unwrap_or_default(),
    }
}

/// Subscribes an address.
#[model]
fn subscribe(email: String) -> Result<Subscription, InvalidInput> {
    if email.contains('@') {
        return Ok(Subscription { email });
    }
    Err(InvalidInput::new().field("email", email, "it has no @"))
}

#[derive(Serialize)]
struct Subscription {
    email: String,
}

/// Who asks, as middleware found out.
#[model]
fn whoami(user: String) -> String {
    user
}

fn sign_in(request: &mut Request<'_>) -> Result<(), Error> {
    let user = request
        .header("x-user")
        .ok_or_else(|| Error::not_authorized("sign in first"))?
        .to_owned();
    request.set("user", user);
    Ok(())
}

/// Counts runs and holds them back, for tests that stage what happens when.
#[derive(Debug, Default)]
pub(crate) struct Lab {
    runs: Mutex<BTreeMap<String, u64>>,
    gates: Mutex<BTreeMap<String, Arc<Gate>>>,
}

#[derive(Debug)]
struct Gate {
    started: Semaphore,
    opened: Semaphore,
}

#[derive(Serialize, Deserialize)]
struct Named {
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Counted {
    x: i64,
    #[serde(default)]
    text: String,
}

#[derive(Serialize, Deserialize)]
struct Opened {
    name: String,
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

impl Lab {
    fn count(&self, name: &str) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        *runs.entry(name.to_owned()).or_default() += 1;
    }

    fn runs(&self, name: &str) -> u64 {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.get(name).copied().unwrap_or(0)
    }

    fn gate(&self, name: &str) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry(name.to_owned()).or_insert_with(|| {
            Arc::new(Gate {
                started: Semaphore::new(0),
                opened: Semaphore::new(0),
            })
        });
        Arc::clone(gate)
    }

    /// `counted` counts under its name; `gated` tells that it started and waits until it is opened.
    fn manifest(self: Arc<Self>) -> Manifest {
        let (counted, gated, started, opened) = (
            Arc::clone(&self),
            Arc::clone(&self),
            Arc::clone(&self),
            Arc::clone(&self),
        );
        let gated = move |Named { name }: Named| {
            let lab = Arc::clone(&gated);
            async move {
                lab.count(&name);
                let gate = lab.gate(&name);
                gate.started.add_permits(1);
                gate.opened.acquire().await?.forget();
                Ok::<_, Error>(name)
            }
        };
        let started = move |Named { name }: Named| {
            let gate = started.gate(&name);
            async move {
                gate.started.acquire().await?.forget();
                Ok::<_, Error>(name)
            }
        };
        let opened = move |Opened { name, times }: Opened| {
            opened.gate(&name).opened.add_permits(times);
            name
        };
        let counted = move |Counted { x, text }: Counted| {
            counted.count("counted");
            format!("{x}{text}")
        };
        let runs = move |Named { name }: Named| self.runs(&name);
        Manifest::new([
            (
                "counted",
                Program::new(counted).cache(3600).view(BasicView::new()),
            ),
            (
                "gated",
                Program::new(gated).cache(3600).view(BasicView::new()),
            ),
            ("started", Program::new(started).view(BasicView::new())),
            ("opened", Program::new(opened).view(BasicView::new())),
            ("runs", Program::new(runs).view(BasicView::new())),
        ])
    }
}

/// The programs whose models may fail: a client sees 4xx or 5xx of them.
fn failing() -> Manifest {
    Manifest::new([
        (
            "secret",
            Program::new(secret).cache(3600).view(BasicView::new()),
        ),
        (
            "fails",
            Program::new(fails).cache(3600).view(BasicView::new()),
        ),
        ("hostile", Program::new(hostile).view(BasicView::new())),
        ("quotes", Program::new(quotes).view(BasicView::new())),
        (
            "panics",
            Program::new(panics).cache(3600).view(BasicView::new()),
        ),
        (
            "elsewhere",
            Program::new(elsewhere).cache(3600).view(BasicView::new()),
        ),
    ])
}

fn blog() -> Manifest {
    let archived = || Program::new(post).cache(3600).view(BasicView::new());
    Manifest::new([
        (
            "",
            Program::new(|_: Nothing| "The blog").view(BasicView::new()),
        ),
        (
            "post",
            Program::new(post).cache(3600).view(BasicView::new()),
        ),
    ])
    .with("archive", Manifest::new([("post", archived())]))
}

#[derive(Serialize, Deserialize)]
struct Nothing {}

/// Everything.
pub(crate) fn manifest() -> Manifest {
    let over = [HTTP_GET, CMD];
    Manifest::new([
        (
            "",
            Program::new(|_: Nothing| "Welcome").view(BasicView::new()),
        ),
        (
            "squared",
            Program::new(square)
                .controllers(over)
                .cache(3600)
                .view(BasicView::new().html(|s: &Square| format!("<p>{}</p>", s.x))),
        ),
        (
            "multiply",
            Program::new(multiply)
                .controllers(over)
                .mock(Product {
                    x: 2,
                    y: 3,
                    product: 6,
                })
                .cache(3600)
                .view(product_view()),
        ),
        (
            "echo",
            Program::new(echo).cache(3600).view(BasicView::new()),
        ),
        ("sum", Program::new(sum).cache(3600).view(BasicView::new())),
        (
            "paint",
            Program::new(paint).cache(3600).view(BasicView::new()),
        ),
        (
            "greet",
            Program::new(greet).cache(60).view(BasicView::new()),
        ),
        (
            "speak",
            Program::new(speak).cache(60).view(BasicView::new()),
        ),
        ("odd", Program::new(odd).view(BasicView::new())),
        (
            "number",
            Program::new(number).cache(60).view(BasicView::new()),
        ),
        (
            "search",
            Program::new(search).cache(60).view(BasicView::new()),
        ),
        (
            "forever",
            Program::new(square).cache(0).view(BasicView::new()),
        ),
        ("nocache", Program::new(square).view(BasicView::new())),
        (
            "stamp",
            Program::new(stamp).cache(3600).view(BasicView::new()),
        ),
        ("kept", Program::new(stamp).cache(0).view(BasicView::new())),
        (
            "empty",
            Program::new(nothing)
                .cache(60)
                .view(View::new().html(|(): &()| "")),
        ),
        (
            "batch",
            Program::new(nothing)
                .controllers([CMD])
                .view(View::new().cmd(|(): &()| "done")),
        ),
        (
            "submit",
            Program::new(square)
                .controllers([HTTP_POST])
                .cache(60)
                .view(BasicView::new()),
        ),
        (
            "page",
            Program::new(square)
                .controllers([HTTP_GET])
                .view(BasicView::new()),
        ),
        (
            "whoami",
            Program::new(whoami)
                .cache(60)
                .input_middleware(sign_in)
                .view(BasicView::new()),
        ),
    ])
    .with(
        "subscribe",
        [
            Program::new(form)
                .controllers([HTTP_GET])
                .cache(60)
                .view(BasicView::new()),
            Program::new(subscribe)
                .controllers([HTTP_POST, CMD])
                .view(BasicView::new()),
        ],
    )
    .with("blog", blog())
    .with("old", "blog/post")
    .with("older", "old")
    .with("failing", failing())
    .with("lab", Arc::<Lab>::default().manifest())
}
