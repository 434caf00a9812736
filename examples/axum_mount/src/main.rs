//! A giotto application inside an axum application, which keeps its own routes and its own server.
//!
//! ```console
//! $ cargo run -p axum_mount -- 5001
//! $ curl localhost:5001/health           # axum's own
//! $ curl -i localhost:5001/square/12     # giotto's, for whatever axum has no route; twice, for a hit
//! $ curl -i localhost:5001/reports/square/12
//! $ cargo run -p axum_mount -- cmd square 12      # the command line, with the cache of the same giotto.toml
//! ```

use std::io::{self, Write as _};

use axum::Router;
use axum::routing::get;
use giotto::prelude::*;
use tokio::net::TcpListener;

/// Squares a number.
#[model]
fn square(
    /// The number to square.
    x: i32,
) -> i64 {
    i64::from(x) * i64::from(x)
}

fn application() -> App {
    let program = Program::new(square)
        .controllers([HTTP_GET, CMD])
        .cache(60)
        .view(BasicView::new());
    App::new(Manifest::new([("square", program)]))
}

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("cmd") {
        // It reads the configuration itself.
        return giotto::run(application());
    }
    match serve(argument) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn serve(port: Option<String>) -> giotto::Result<()> {
    // Clones share one cache: a page computed at one of the addresses is a hit at the other.
    let app = application().configured()?.into_service()?;
    let router = Router::new()
        .route("/health", get(|| async { "healthy\n" }))
        .nest_service("/reports", app.clone())
        .fallback_service(app);
    let port = match port {
        Some(port) => port.parse()?,
        None => 5001,
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    writeln!(io::stderr(), "Listening on http://{address}")?;
    axum::serve(listener, router).await?;
    Ok(())
}
