//! The programs that the incidents happen to: a small shop, whose data are files of the working directory.

use std::io;
use std::time::Duration;

use giotto::prelude::*;

/// The length of a page of the catalogue.
pub(crate) const LARGE: usize = 60_000;

/// The version of the shop's pages, which a deployment may change.
pub(crate) const VERSION: &str = "SHOP_VERSION";

/// The length of the report, which a deployment may change. It is larger than the largest page that is stored.
pub(crate) const LENGTH: &str = "SHOP_REPORT_LENGTH";
/// A length that is not too large.
pub(crate) const REPORT: usize = 100_000;

#[derive(Serialize, Deserialize)]
struct Sku {
    sku: String,
}

#[derive(Serialize, Deserialize)]
struct Numbered {
    number: u64,
}

#[derive(Serialize, Deserialize)]
struct Words {
    words: String,
}

#[derive(Serialize, Deserialize)]
struct Nothing {}

/// What is written in the file `name`. Names of files are no paths here.
fn read(name: &str) -> Result<String, Error> {
    match std::fs::read_to_string(name) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::not_found("no such file"))
        }
        Err(error) => Err(Error::other(error.to_string())),
    }
}

/// The number in the variable `name`.
fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

fn version() -> u32 {
    number(VERSION)
        .and_then(|version| version.try_into().ok())
        .unwrap_or(0)
}

pub(crate) fn programs() -> [(&'static str, Program); 5] {
    let text = || View::new().html(String::clone).cmd(String::clone);
    let price = |Sku { sku }: Sku| -> Result<String, Error> {
        let price = read(&sku)?;
        match price.parse::<f64>() {
            Ok(_) => Ok(format!("{sku} costs {price}")),
            Err(error) => Err(Error::other(format!("the price of {sku}: {error}"))),
        }
    };
    let catalogue = |Numbered { number }: Numbered| format!("{number:0>LARGE$}");
    let search = |Words { words }: Words| format!("nothing is called {words}");
    let report = |Nothing {}: Nothing| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        "x".repeat(number(LENGTH).unwrap_or(2 << 20))
    };
    let banner = |Nothing {}: Nothing| "Hello".to_owned();
    let welcomed =
        |hello: &String| read("banner").map(|banner| format!("<h1>{banner}</h1> {hello}"));
    [
        (
            "price",
            Program::new(price)
                .cache(3600)
                .tags(|Sku { sku }: &Sku| [format!("price:{sku}")])
                .version(version())
                .view(text()),
        ),
        (
            "catalogue",
            Program::new(catalogue).cache(3600).view(text()),
        ),
        ("search", Program::new(search).cache(3600).view(text())),
        ("report", Program::new(report).cache(3600).view(text())),
        (
            "banner",
            Program::new(banner)
                .cache(0)
                .view(View::new().html(welcomed)),
        ),
    ]
}
