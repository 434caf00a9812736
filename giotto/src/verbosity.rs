//! How much is logged, which can change while the process runs.
//!
//! Set before the first request, when the configuration is reloaded, and by `mgt/log`.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::reload::{Handle, Layer};

/// The level of the log lines of this process.
#[derive(Clone, Debug)]
pub(crate) struct Verbosity(Handle<LevelFilter, Registry>);

impl Verbosity {
    /// The filter of a subscriber that logs lines of `level` and above, and what changes it.
    pub(crate) fn new(level: tracing::Level) -> (Layer<LevelFilter, Registry>, Self) {
        let (filter, handle) = Layer::new(LevelFilter::from_level(level));
        (filter, Self(handle))
    }

    /// Logs lines of `level` and above from now on. False if the application has a subscriber of its own, which has not
    /// changed.
    pub(crate) fn set(&self, level: tracing::Level) -> bool {
        self.0.reload(LevelFilter::from_level(level)).is_ok()
    }
}
