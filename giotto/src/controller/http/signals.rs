//! The signals of Unix that stop the server, or have it read its configuration again.
//!
//! Not a step of a request.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

/// How the server was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// By SIGINT, from a person who waits at a terminal.
    Interrupted,
    /// By SIGTERM, from a supervisor.
    Terminated,
}

/// The signals that came after this was made.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
    user1: Signal,
    user2: Signal,
    reload: Box<dyn Fn() + Send>,
    stop: Arc<Notify>,
}

impl Signals {
    /// SIGHUP calls `reload`, which must not block. What notifies `stop` has the effect of SIGTERM.
    ///
    /// # Errors
    ///
    /// If the process cannot handle signals.
    pub(crate) fn new(reload: impl Fn() + Send + 'static, stop: Arc<Notify>) -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
            reload: Box::new(reload),
            stop,
        })
    }

    /// Ends at the next SIGINT or SIGTERM. SIGHUP reloads. Other signals would end the process by default; they are logged
    /// and ignored, so that they do not cut requests under way.
    pub(super) async fn stop(&mut self) -> Stop {
        loop {
            let ignored = tokio::select! {
                _ = self.interrupt.recv() => return Stop::Interrupted,
                _ = self.terminate.recv() => return Stop::Terminated,
                () = self.stop.notified() => return Stop::Terminated,
                _ = self.hangup.recv() => {
                    (self.reload)();
                    continue;
                }
                _ = self.quit.recv() => "SIGQUIT",
                _ = self.user1.recv() => "SIGUSR1",
                _ = self.user2.recv() => "SIGUSR2",
            };
            tracing::info!(
                signal = ignored,
                "signal ignored: SIGTERM or SIGINT stops the server, SIGHUP reads the configuration again"
            );
        }
    }

    /// Ends at the next SIGINT.
    pub(super) async fn interrupt(&mut self) {
        while self.stop().await != Stop::Interrupted {}
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals").finish_non_exhaustive()
    }
}
