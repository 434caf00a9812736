//! What `make check` asks of the tree itself.
//!
//! `cargo run -p checks` looks at the structure of every crate: no circles among files, no imports through a
//! crate's own facade or upwards in `order.txt`, no file or function over the limits without a reason in
//! `large.txt`. It reads the text of the sources, so that it sees neither calls of methods nor what macros
//! expand to. It also reads the pages of documentation: every link leads somewhere, and a reader finds every page.
//! `cargo run -p checks -- api` compares the public API with its listing; `--write` writes it.
//! `cargo run -p checks -- tutorial` follows docs/tutorial.md, `--through 3` its first three steps.

mod api;
mod circles;
mod facade;
mod order;
mod pages;
mod report;
mod size;
mod source;
mod structure;
mod tokens;
mod tree;
mod tutorial;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use api::Listing;

#[expect(clippy::print_stdout, reason = "a program of the command line")]
fn main() -> Result<ExitCode, Box<dyn Error>> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let violations = match &arguments[..] {
        [] => [structure::structure(root)?, pages::pages(root)?].concat(),
        ["api"] => api::api(root, Listing::Compare)?,
        ["api", "--write"] => api::api(root, Listing::Write)?,
        ["tutorial"] => tutorial::tutorial(root, None)?,
        ["tutorial", "--through", step] => tutorial::tutorial(root, Some(step.parse()?))?,
        _ => return Err("usage: checks [api [--write] | tutorial [--through STEP]]".into()),
    };
    for violation in &violations {
        println!("{violation}");
    }
    println!("violations: {}", violations.len());
    Ok(match violations.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
