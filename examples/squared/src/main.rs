//! The program of the original's documentation, and one for every way of caching.
//!
//! ```console
//! $ cargo run -p squared -- http
//! $ cargo run -p squared -- cmd squared x=12
//! ```

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use giotto::prelude::*;

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

/// Tells when it was computed, so that you can see whether it was.
#[model]
fn moment(
    /// Anything; another value is another page.
    #[default(1)]
    x: i64,
) -> Moment {
    let unix = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Moment {
        x,
        computed_at: unix.as_secs_f64(),
    }
}

#[derive(Serialize)]
struct Moment {
    x: i64,
    computed_at: f64,
}

/// Takes its time.
#[model]
async fn slow(
    /// Anything; another value is another page.
    x: i64,
    /// How long it takes, in milliseconds.
    #[default(500)]
    ms: u64,
) -> Moment {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    moment(x)
}

/// Multiplies two numbers, in colour.
#[model]
fn multiply(
    /// The first factor.
    x: i64,
    /// The second factor.
    y: i64,
) -> Result<Product, Error> {
    let product = x.checked_mul(y).ok_or_else(|| {
        InvalidInput::new().field("y", y.to_string(), "the product does not fit in 64 bits")
    })?;
    Ok(Product { x, y, product })
}

#[derive(Serialize)]
struct Product {
    x: i64,
    y: i64,
    product: i64,
}

fn coloured() -> View<Product> {
    BasicView::new()
        .html(|p: &Product| {
            let Product { x, y, product } = p;
            format!(
                "<!doctype html>\n<title>{x} × {y}</title>\n<h1 style=\"color:green\">{x} × {y} = \
                 <span style=\"color:crimson\">{product}</span></h1>\n"
            )
        })
        .text(|p: &Product| format!("{} * {} = {}\n", p.x, p.y, p.product))
        .cmd(|p: &Product| format!("\x1b[32m{} * {} = \x1b[31m{}\x1b[0m", p.x, p.y, p.product))
}

fn manifest() -> Manifest {
    let reading = || Program::new(moment).controllers([HTTP_GET, CMD]);
    Manifest::new([
        (
            "squared",
            Program::new(square)
                .controllers([HTTP_GET, CMD])
                .cache(3600) // one hour
                .view(BasicView::new().html(|s: &Square| format!("<p>{}</p>", s.x))),
        ),
        ("forever", reading().cache(0).view(BasicView::new())),
        ("nocache", reading().view(BasicView::new())),
        ("short", reading().cache(1).view(BasicView::new())),
        (
            "slow",
            Program::new(slow)
                .controllers([HTTP_GET, CMD])
                .cache(60)
                .view(BasicView::new()),
        ),
        (
            "multiply",
            Program::new(multiply)
                .controllers([HTTP_GET, CMD])
                .mock(Product {
                    x: 2,
                    y: 3,
                    product: 6,
                })
                .cache(3600)
                .view(coloured()),
        ),
    ])
}

fn main() -> ExitCode {
    giotto::run(manifest())
}
