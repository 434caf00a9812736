//! Whether this process should get requests.
//!
//! Beside every request: a supervisor asks over HTTP, on the admin listener or on the public port.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::manifest::Manifest;

/// Whether the process lives.
pub(crate) const LIVE: &str = "healthz";
/// Whether it should get requests.
pub(crate) const READY: &str = "readyz";

/// The health of a process. Cloning it shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    is_stopping: Arc<AtomicBool>,
    is_public: bool,
}

impl Health {
    /// Whether the public port tells it, at [`LIVE`] and [`READY`].
    pub(crate) fn public(self, is_public: bool) -> Self {
        Self { is_public, ..self }
    }

    pub(crate) const fn is_public(&self) -> bool {
        self.is_public
    }

    /// The process gets no requests any more.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Refuses a `manifest` that has a program in the way.
    pub(crate) fn check(&self, manifest: &Manifest) -> Result<()> {
        let mut names = [LIVE, READY].into_iter().filter(|_| self.is_public);
        match names.find(|name| manifest.has(name)) {
            None => Ok(()),
            Some(name) => Err(Error::configuration(format!(
                "http.health is true, but the manifest has '{name}', which answers there: rename it, or leave the setting out \
                 and let the admin listener (admin.listen) tell the health"
            ))),
        }
    }
}
