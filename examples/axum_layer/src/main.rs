//! An axum application with a cache around its routes. Operators see and steer it as one of giotto's programs.
//!
//! ```console
//! $ GIOTTO_ADMIN_LISTEN=127.0.0.1:5001 cargo run -p axum_layer -- 5000
//! $ curl -i localhost:5000/hello/Ada                     # twice, for a hit
//! $ curl localhost:5001/metrics                          # and the live page at http://localhost:5001/
//! $ cargo run -p axum_layer -- cmd mgt/cache/list
//! $ cargo run -p axum_layer -- cmd mgt/cache/purge 'http' 'GET localhost:5000/hello/*' --yes
//! ```

use std::io::{self, Write as _};
use std::pin::pin;
use std::process::ExitCode;

use axum::Router;
use axum::extract::Path;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use axum::routing::get;
use giotto::Operators;
use giotto::cache::{Cache, LocMemKeyValue};
use giotto_tower::CacheLayer;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

async fn hello(Path(name): Path<String>) -> impl IntoResponse {
    (
        [(CACHE_CONTROL, "s-maxage=3600")],
        format!("Hello, {name}\n"),
    )
}

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    let cache = Cache::new(LocMemKeyValue::new());
    if argument.as_deref() == Some("cmd") {
        return Operators::new(cache).run();
    }
    match serve(cache, argument) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn serve(cache: Cache, port: Option<String>) -> giotto::Result<()> {
    let operators = Operators::new(cache.clone()).serve().await?;
    let router = Router::new()
        .route("/hello/{name}", get(hello))
        .layer(CacheLayer::new(cache));
    let port = match port {
        Some(port) => port.parse()?,
        None => 5000,
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    writeln!(io::stderr(), "Listening on http://{address}")?;
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let mut serving = pin!(serving.into_future());
    tokio::select! {
        served = &mut serving => served?,
        // As on SIGTERM: what is under way is finished.
        () = operators.drain_requested() => {
            operators.stopping();
            let _ = stop.send(());
            serving.await?;
        }
    }
    operators.close().await;
    Ok(())
}
