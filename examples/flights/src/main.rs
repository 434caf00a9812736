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
//! Read `delays.rs` first: a model and its report. `templates/delays.html` is the page that the report becomes.

mod data;
mod delays;
mod numbers;
mod routes;
mod table;
mod view;

use giotto::prelude::*;

use crate::delays::{delays_at, delays_table};
use crate::routes::{routes_from, routes_table};
use crate::table::ORIGINS;
use crate::view::{report, templates};

fn main() -> ExitCode {
    giotto::run(App::new(manifest()).templates(templates()))
}

fn manifest() -> Manifest {
    Manifest::new([
        (
            "",
            Program::new(list_reports)
                .controllers([HTTP_GET, CMD])
                .cache(3600)
                .view(BasicView::new().html(template("index.html"))),
        ),
        (
            "delays",
            Program::new(delays_at)
                .controllers([HTTP_GET, CMD])
                .cache(3600) // one hour; the cache's key has the arguments in it
                .view(report("delays.html", delays_table)),
        ),
        (
            "routes",
            Program::new(routes_from)
                .controllers([HTTP_GET, CMD])
                .cache(3600)
                .view(report("routes.html", routes_table)),
        ),
    ])
}

/// Lists the reports.
#[model]
fn list_reports(app: App) -> Result<Vec<String>, Error> {
    let reports = ["delays", "routes"].into_iter();
    let of_origin = |report| ORIGINS.map(|origin| app.url_for(report, [("origin", origin)]));
    reports.flat_map(of_origin).collect()
}
