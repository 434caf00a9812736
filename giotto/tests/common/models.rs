//! The models that the tests ask, with their results and views.

use std::time::{SystemTime, UNIX_EPOCH};

use giotto::Request;
use giotto::prelude::*;

/// Squares a number.
#[model]
pub(super) fn square(
    /// The number to square.
    x: i64,
) -> Result<Square, Error> {
    let x = x.checked_mul(x).ok_or_else(|| {
        InvalidInput::new().field("x", x.to_string(), "its square does not fit in 64 bits")
    })?;
    Ok(Square { x })
}

#[derive(Serialize)]
pub(super) struct Square {
    pub(super) x: i64,
}

/// Multiplies two numbers.
#[model]
pub(super) fn multiply(
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
pub(super) struct Product {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) product: i64,
}

pub(super) fn product_view() -> View<Product> {
    BasicView::new()
        .cmd(|p: &Product| format!("\x1b[32m{} * {} = \x1b[31m{}\x1b[0m", p.x, p.y, p.product))
        .renders("text/csv", |p: &Product| {
            let mut csv = csv::Writer::from_writer(Vec::new());
            csv.serialize(p)?;
            let csv = csv
                .into_inner()
                .map_err(|error| Error::other(error.to_string()))?;
            let disposition = format!("attachment; filename=\"{}.csv\"", p.product);
            Ok::<_, Error>(Response::new(csv).header("content-disposition", disposition))
        })
}

/// Says what it was told.
#[model]
pub(super) fn echo(
    /// What to say.
    text: String,
) -> String {
    text
}

/// Tells which process computed it, and when.
#[model]
pub(super) fn stamp(x: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = now.unwrap_or_default().as_nanos();
    format!("{x} by {} at {nanoseconds}", std::process::id())
}

/// Adds numbers.
#[model]
pub(super) fn sum(
    /// The numbers to add.
    numbers: Vec<i64>,
) -> i64 {
    numbers.into_iter().sum()
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Colour {
    Red,
    Green,
}

/// Paints a wall.
#[model]
pub(super) fn paint(
    /// Of what colour.
    colour: Colour,
    /// How many coats.
    #[default(4)]
    coats: u8,
) -> Wall {
    Wall { colour, coats }
}

#[derive(Serialize)]
pub(super) struct Wall {
    colour: Colour,
    coats: u8,
}

/// Greets somebody, or everybody.
#[model]
pub(super) async fn greet(name: Option<String>, #[default("Hello")] greeting: String) -> String {
    tokio::task::yield_now().await;
    format!("{greeting} {}", name.as_deref().unwrap_or("everybody"))
}

/// A page of many bytes.
#[model]
pub(super) fn large(bytes: usize) -> String {
    "0123456789abcdef".chars().cycle().take(bytes).collect()
}

/// Speaks.
#[model]
pub(super) fn speak(#[default(false)] loud: bool) -> &'static str {
    if loud { "HELLO" } else { "hello" }
}

/// Has parameters that are called like the options of every program.
#[model]
pub(super) fn odd(
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
pub(super) fn post(id: u32) -> Result<String, Error> {
    match id {
        1 => Ok("The first post".to_owned()),
        _ => Err(Error::not_found(format!("there is no post {id}"))),
    }
}

/// Says which number it is.
#[model]
pub(super) fn number(x: f64, #[default(0)] y: i128) -> String {
    format!("{x:?} {y}")
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Filter {
    a: i64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Searched {
    filter: Filter,
    #[serde(default = "three", alias = "n")]
    numbers: Vec<i64>,
    #[serde(alias = "order_by")]
    sort: Option<String>,
}

pub(super) fn three() -> Vec<i64> {
    vec![3]
}

#[expect(clippy::needless_pass_by_value, reason = "a model owns its arguments")]
pub(super) fn search(searched: Searched) -> String {
    format!("{searched:?}")
}

#[model]
pub(super) fn nothing() {}

#[model]
pub(super) fn secret() -> Result<String, Error> {
    Err(Error::not_authorized("this is not for you"))
}

#[model]
pub(super) fn fails() -> Result<String, Error> {
    Err(Error::other(
        "postgres://admin:hunter2@db refused\nat src/secret.rs:7",
    ))
}

/// Fails with what it read somewhere.
#[model]
pub(super) fn hostile() -> Result<String, Error> {
    Err(Error::other(
        "a\x1b[2J\x1b]0;title\x07\x1b[31mb\u{9b}1A\u{9d}0;t\u{9c}\u{202e}c\u{2066}\x08\x7f\rd",
    ))
}

/// Fails with what it was told.
#[model]
pub(super) fn quotes(text: String) -> Result<String, Error> {
    Err(Error::other(format!("there is no price of {text}")))
}

#[model]
pub(super) fn panics(#[default("")] text: String) -> String {
    panic!("a secret of the implementation{text}")
}

#[model]
pub(super) fn elsewhere() -> Redirection {
    Redirection::to("/squared/12")
}

/// The form: empty, or as it was posted.
#[model]
pub(super) fn form(email: Option<String>) -> Subscription {
    Subscription {
        email: email.unwrap_or_default(),
    }
}

/// Subscribes an address.
#[model]
pub(super) fn subscribe(email: String) -> Result<Subscription, InvalidInput> {
    if email.contains('@') {
        return Ok(Subscription { email });
    }
    Err(InvalidInput::new().field("email", email, "it has no @"))
}

#[derive(Serialize)]
pub(super) struct Subscription {
    email: String,
}

/// Who asks, as middleware found out.
#[model]
pub(super) fn whoami(user: String) -> String {
    user
}

pub(super) fn sign_in(request: &mut Request<'_>) -> Result<(), Error> {
    let user = request
        .header("x-user")
        .ok_or_else(|| Error::not_authorized("sign in first"))?
        .to_owned();
    request.set("user", user);
    Ok(())
}
