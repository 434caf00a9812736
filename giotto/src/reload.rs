//! Reads the configuration again while the server runs, and takes what can change then.
//!
//! On SIGHUP, beside all requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::Level;

use crate::app::App;
use crate::config::Config;
use crate::controller::http::Stopping;
use crate::error::Result;
use crate::verbosity::Verbosity;

/// The level of a server's log, if nothing is said of it.
pub(crate) const LEVEL: Level = Level::INFO;

/// The configuration of a running server. Cloning it shares it.
#[derive(Clone)]
pub(crate) struct Running(Arc<Inner>);

struct Inner {
    read: Box<dyn Fn() -> Result<Config> + Send + Sync>,
    app: App,
    verbosity: Verbosity,
    current: Mutex<Current>,
}

/// What is in force: the configuration of the start, with what was taken since.
struct Current {
    config: Config,
    level: Level,
    stopping: Stopping,
}

impl Running {
    /// `config` of `app`, which is read again by `read`.
    pub(crate) fn new(
        config: Config,
        app: App,
        verbosity: Verbosity,
        read: impl Fn() -> Result<Config> + Send + Sync + 'static,
    ) -> Self {
        let current = Current {
            level: config.log.level.unwrap_or(LEVEL),
            stopping: stopping(&config),
            config,
        };
        Self(Arc::new(Inner {
            read: Box::new(read),
            app,
            verbosity,
            current: Mutex::new(current),
        }))
    }

    /// How long the server takes to stop.
    pub(crate) fn stopping(&self) -> Stopping {
        self.0.current().stopping
    }

    /// Reads the configuration again, takes what can change, and logs what was taken and what needs a restart. A mistake in
    /// it changes nothing.
    pub(crate) fn reload(&self) {
        let read = (self.0.read)().and_then(|new| new.check().map(|()| new));
        // Budgets are checked by the programs that they are of, and all of them before one is set.
        let read = read.and_then(|new| self.0.app.set_budgets(&new).map(|()| new));
        match read {
            Ok(new) => self.0.take(&new),
            Err(error) => {
                tracing::error!(%error, "configuration not reloaded: nothing has changed");
            }
        }
    }
}

impl Inner {
    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, new: &Config) {
        let mut current = self.current();
        let level = new.log.level.unwrap_or(LEVEL);
        // So that the line below is written if the old level or the new one allows it.
        let sets_level = self.verbosity.set(level.max(current.level));
        let (taken, waiting): (Vec<_>, Vec<_>) =
            current
                .config
                .changed(new)
                .into_iter()
                .partition(|key| match key.as_str() {
                    "log" | "log.level" => sets_level,
                    "http.drain_seconds" | "http.lame_duck_seconds" => true,
                    key if key.starts_with("budget.") => true,
                    key => self.takes_of_store(key, new),
                });
        current.stopping = stopping(new);
        current.config.take(&taken, new);
        match waiting.is_empty() {
            true => tracing::info!(changed = taken.join(", "), "configuration reloaded"),
            false => tracing::warn!(
                changed = taken.join(", "),
                unchanged = waiting.join(", "),
                "configuration reloaded; what is unchanged needs a restart"
            ),
        }
        self.verbosity.set(level);
        current.level = level;
    }

    /// Whether the store follows the setting of `key`. The settings are not about a store that the code has opened.
    fn takes_of_store(&self, key: &str, new: &Config) -> bool {
        let (true, Ok((deadline, max_bytes))) =
            (self.app.has_configured_store(), new.store_limits())
        else {
            return false;
        };
        let cache = self.app.shared_cache();
        match (key, deadline, max_bytes) {
            ("cache.deadline_ms", Some(deadline), _) => cache.set_deadline(deadline),
            ("cache.max_bytes", _, Some(bytes)) => cache.set_max_bytes(bytes),
            _ => false,
        }
    }
}

fn stopping(config: &Config) -> Stopping {
    Stopping {
        lame_duck: config.lame_duck,
        drain: config.drain,
    }
}
