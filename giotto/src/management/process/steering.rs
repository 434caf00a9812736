//! What an operator may change of a server while it runs.
//!
//! Part of the programs that a server answers on its Unix socket.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::app::App;
use crate::error::{Error, Result};
use crate::verbosity::Verbosity;

/// What can be changed of a server.
#[derive(Clone, Default)]
pub(crate) struct Steering {
    /// `None` in a server of the application, which has a subscriber of its own.
    level: Option<Verbosity>,
    /// Notified when the server is to stop, as by SIGTERM.
    stop: Arc<Notify>,
}

impl Steering {
    /// With the log level of this process, and what is notified when it is to stop.
    pub(crate) fn new(level: Verbosity, stop: Arc<Notify>) -> Self {
        let level = Some(level);
        Self { level, stop }
    }

    pub(super) fn set_level(&self, level: tracing::Level) -> Result<()> {
        match self.level.as_ref().is_some_and(|own| own.set(level)) {
            true => Ok(()),
            false => Err(Error::other(
                "the application writes its log lines itself: change the level there",
            )),
        }
    }

    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }

    /// Ends when the server is to stop.
    pub(crate) async fn stopped(&self) {
        self.stop.notified().await;
    }
}

impl fmt::Debug for Steering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steering").finish_non_exhaustive()
    }
}

/// The application that a socket is for. It is a state of the small application that answers there.
#[derive(Clone, Debug)]
pub(in crate::management) struct Administered {
    pub(in crate::management) app: App,
    pub(in crate::management) steering: Steering,
}
