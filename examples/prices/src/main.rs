//! Pages that are never older than the last change: tags, a policy, and a program that writes.
//!
//! `cargo run -p prices -- http`, and then `curl -i http://127.0.0.1:5000/price/apple` twice, `curl
//! -d cents=75 http://127.0.0.1:5000/price/apple`, and the first again.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use giotto::prelude::*;

/// Where the prices stand, in the working directory.
const FILE: &str = "prices.json";

type Prices = BTreeMap<String, u32>;

#[derive(Serialize)]
struct Price {
    sku: String,
    cents: u32,
}

/// The price of an article.
#[model]
fn show(
    /// The article.
    sku: String,
) -> Result<Price, Error> {
    match read()?.get(&sku) {
        Some(&cents) => Ok(Price { sku, cents }),
        None => Err(Error::not_found(format!("there is no article {sku:?}"))),
    }
}

/// Changes the price of an article, or adds one.
#[model]
fn change(
    /// The article.
    sku: String,
    /// Its new price.
    cents: u32,
) -> Result<Price, Error> {
    let mut prices = read()?;
    prices.insert(sku.clone(), cents);
    fs::write(FILE, serde_json::to_string_pretty(&prices)?)?;
    Ok(Price { sku, cents })
}

fn read() -> Result<Prices, Error> {
    match fs::read_to_string(FILE) {
        Ok(text) => Ok(serde_json::from_str(&text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Prices::from([
            ("apple".to_owned(), 60),
            ("pear".to_owned(), 80),
        ])),
        Err(error) => Err(error.into()),
    }
}

fn manifest() -> Manifest {
    // Fresh for an hour, or until somebody changes the price; if the file cannot be read then, the old page for a
    // day. That there is no such article is remembered, too.
    let policy = Policy::seconds(3_600)
        .stale_if_error(86_400)
        .negative(3_600);
    let shown = Program::new(show)
        .controllers([HTTP_GET, CMD])
        .cache(policy)
        .tags(|args| [format!("price:{}", args.sku)])
        .view(view());
    let changing = || Program::new(change).invalidates(|args| [format!("price:{}", args.sku)]);
    Manifest::default()
        .with(
            "price",
            [shown, changing().controllers([HTTP_POST]).view(view())],
        )
        .with("change", changing().controllers([CMD]).view(view()))
}

fn view() -> View<Price> {
    BasicView::new().html(|price: &Price| {
        let Price { sku, cents } = price;
        let sku = escape_html(sku);
        format!("<h1>{sku}</h1><p>{}.{:02}</p>\n", cents / 100, cents % 100)
    })
}

fn main() -> ExitCode {
    giotto::run(manifest())
}
