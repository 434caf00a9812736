//! Reports over all 336,776 flights that left New York in 2013: models whose work is worth keeping.
//!
//! Every model reads the compressed file from its first byte to its last, which takes more than a tenth of
//! a second; a page in the cache skips that. Compare `Cache-Status` and the time of two equal requests.
//!
//! ```console
//! $ cargo run -p flights -- http     # and open http://127.0.0.1:5000
//! $ cargo run -p flights -- cmd delays origin=JFK month=7
//! $ cargo run -p flights -- cmd routes EWR 5
//! $ cargo run -p flights -- cmd routes.json EWR --top 5
//! ```
//!
//! Read `delays.rs` first: a model, its report, and the page that the report becomes.

mod data;
mod delays;
mod html;
mod numbers;
mod page;
mod routes;
mod view;

use giotto::prelude::*;

use crate::delays::{delays_at, delays_page};
use crate::html::{document, navigation};
use crate::page::origins;
use crate::routes::{routes_from, routes_page};
use crate::view::report;

fn main() -> ExitCode {
    giotto::run(manifest())
}

fn manifest() -> Manifest {
    Manifest::new([
        (
            "",
            Program::new(list_reports)
                .controllers([HTTP_GET, CMD])
                .cache(3600)
                .view(BasicView::new().html(index_html)),
        ),
        (
            "delays",
            Program::new(delays_at)
                .controllers([HTTP_GET, CMD])
                .cache(3600) // one hour; the cache's key has the arguments in it
                .view(report(delays_page)),
        ),
        (
            "routes",
            Program::new(routes_from)
                .controllers([HTTP_GET, CMD])
                .cache(3600)
                .view(report(routes_page)),
        ),
    ])
}

/// Lists the reports.
#[model]
fn list_reports() -> Vec<String> {
    let reports = [origins("delays", ""), origins("routes", "")].concat();
    reports.into_iter().map(|(_, address)| address).collect()
}

fn index_html(_: &Vec<String>) -> String {
    let links = [
        ("Delays at", origins("delays", "")),
        ("Routes from", origins("routes", "")),
    ];
    document(INDEX_TITLE, &[ABOUT, &navigation(&links, "/")].concat())
}

const INDEX_TITLE: &str = "Flights from New York in 2013";
const ABOUT: &str = r#"<p>Reports over the 336,776 flights that left Newark (EWR), John F. Kennedy (JFK) and
LaGuardia (LGA): which carriers were late, and where the flights went.</p>
<p>The first request for a report unpacks and reads all flights. Its page then stays in the cache for an hour,
and the next request takes well under a millisecond.</p>
"#;
