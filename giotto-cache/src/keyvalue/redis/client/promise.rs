//! A value that a task of its own makes while its callers wait for it together.
//!
//! Before a request is sent: connecting completes even if the caller that started it gives up at its deadline.

use tokio::sync::watch;

use super::failure::{Cure, Failure};
use crate::error::{Error, ErrorKind};

type Outcome<T> = Option<Result<T, Failure>>;

#[derive(Clone)]
pub(super) struct Promise<T>(watch::Receiver<Outcome<T>>);

impl<T: Clone + Send + Sync + 'static> Promise<T> {
    pub(super) fn new(making: impl Future<Output = Result<T, Failure>> + Send + 'static) -> Self {
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move { sender.send_replace(Some(making.await)) });
        Self(receiver)
    }

    pub(super) async fn wait(mut self) -> Result<T, Failure> {
        let outcome = self.0.wait_for(Option::is_some).await;
        let outcome = outcome.ok().and_then(|outcome| outcome.clone());
        outcome.unwrap_or_else(|| Err(runtime_ended()))
    }

    /// Looks at the value, if it has been made.
    pub(super) fn peek<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        let outcome = self.0.borrow();
        outcome.as_ref()?.as_ref().ok().map(look)
    }

    /// Whether it is still being made.
    pub(super) fn is_pending(&self) -> bool {
        self.0.borrow().is_none() && self.0.has_changed().is_ok()
    }
}

fn runtime_ended() -> Failure {
    let message = "the runtime that was connecting to Redis has ended: try again";
    Failure::from(Error::new(ErrorKind::Backend, message), Cure::Reconnect)
}
