//! What operators have of a cache that no manifest is around.
//!
//! Beside the layer of `giotto-tower`, cached functions, or code that asks the cache itself: no step of a request.

use std::process::ExitCode;

use giotto_cache::Cache;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::config::configure;
use crate::error::Result;
use crate::listening;
use crate::management::{self, ManagementSocket, Steering};
use crate::run::run;

/// What operators have of a cache that no manifest is around: the admin listener with metrics and live page (feature `admin`),
/// the Unix socket, and the commands under `mgt/`.
///
/// It is for the cache of a [`giotto_tower::CacheLayer`](https://docs.rs/giotto-tower), of cached functions, or of code that asks
/// the cache itself. The application has a server and a subscriber of log lines of its own; `giotto.toml` and the variables say
/// where the listener and the socket are, as for programs.
///
/// ```no_run
/// use giotto::Operators;
/// use giotto::cache::{Cache, LocMemKeyValue};
///
/// # async fn serve() {}
/// # async fn start() -> Result<(), giotto::Error> {
/// let cache = Cache::new(LocMemKeyValue::new());
/// let operators = Operators::new(cache.clone()).serve().await?;
/// // let router = router.layer(giotto_tower::CacheLayer::new(cache));
/// tokio::select! {
///     () = serve() => {}
///     () = operators.drain_requested() => { /* stop accepting, as after SIGTERM */ }
/// }
/// operators.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Operators(App);

/// The admin listener and the socket of [`Operators::serve`]. They are closed when this is dropped.
#[derive(Debug)]
#[must_use = "the listener and the socket are closed when this is dropped"]
pub struct ServedOperators {
    app: App,
    listener: JoinHandle<()>,
    socket: ManagementSocket,
}

impl Operators {
    /// Those of `cache`, which is the one that the application uses: a clone of it, not another cache on the same store.
    #[must_use]
    pub fn new(cache: Cache) -> Self {
        Self(App::of_cache(cache))
    }

    /// Reads the configuration, and answers on the admin listener (`admin.listen`, off unless it is set) and on the Unix socket
    /// (`admin.socket`) in the background.
    ///
    /// # Errors
    ///
    /// What is wrong with a setting and the remedy; or that it cannot listen there. A socket that cannot be opened is logged.
    pub async fn serve(self) -> Result<ServedOperators> {
        let config = configure(&[])?;
        config.tell();
        let app = self.0.with_config(&config)?;
        let listener = tokio::spawn(listening::admin(&config, &app).await?);
        let socket = listening::or_none(management::open(&app, Steering::default()).await);
        management::tell_at_start(app.clone());
        Ok(ServedOperators {
            app,
            listener,
            socket,
        })
    }

    /// Runs the command line of this process: `shop cmd mgt/cache/stats`. The commands ask the servers of this machine, and read
    /// the store of this cache; a cache in memory is that of the servers.
    ///
    /// ```no_run
    /// # use giotto::Operators;
    /// # use giotto::cache::{Cache, LocMemKeyValue};
    /// # use std::process::ExitCode;
    /// # fn serve(cache: Cache) -> ExitCode { ExitCode::SUCCESS }
    /// fn main() -> ExitCode {
    ///     let cache = Cache::new(LocMemKeyValue::new());
    ///     match std::env::args().nth(1).as_deref() {
    ///         Some("cmd") => Operators::new(cache).run(),
    ///         _ => serve(cache),
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn run(self) -> ExitCode {
        run(self.0)
    }
}

impl ServedOperators {
    /// Ends when an operator has asked this process to drain, by `mgt/drain`.
    pub async fn drain_requested(&self) {
        self.socket.drain_requested().await;
    }

    /// Has `/readyz` say from now on that this process gets no requests any more: the application has been told to stop.
    pub fn stopping(&self) {
        self.app.health.stop();
    }

    /// Closes the admin listener at once, and then the socket, whose file it removes. What is being answered on the socket has a
    /// second.
    pub async fn close(mut self) {
        self.listener.abort();
        let _ = (&mut self.listener).await;
        let socket = std::mem::replace(&mut self.socket, ManagementSocket::none());
        socket.close().await;
    }
}

impl Drop for ServedOperators {
    fn drop(&mut self) {
        self.listener.abort();
    }
}
