//! A store under test, and how time passes for it.
//!
//! No step of a request.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::case::Case;
use crate::clock::Clock;
use crate::keyvalue::KeyValue;

/// The expiry that is waited for: a second, because some servers count in whole ones.
pub(super) const EXPIRE: Duration = Duration::from_secs(1);

/// What a server may take to notice, on a machine under load.
pub(super) const SLACK: Duration = Duration::from_millis(100);

/// A store under test, and how time passes for it.
#[derive(Debug)]
pub struct Subject {
    pub(super) store: Arc<dyn KeyValue>,
    pub(super) clock: Option<Clock>,
    pub(super) neighbour: Option<Arc<dyn KeyValue>>,
    pub(super) only_get_and_set: bool,
    pub(super) is_atomic: bool,
    pub(super) is_enumerable: bool,
    pub(super) prefix: String,
}

impl Subject {
    /// `store`, whose time is that of the system. All keys begin with a prefix that no other
    /// subject has, so that the server behind it may be shared.
    #[must_use]
    pub fn new(store: Arc<dyn KeyValue>) -> Self {
        let run = RandomState::new().build_hasher().finish();
        let prefix = format!("conformance-{run:016x}-");
        Self {
            store,
            clock: None,
            neighbour: None,
            only_get_and_set: false,
            is_atomic: false,
            is_enumerable: false,
            prefix,
        }
    }

    /// Advances `clock`, a manual one by which the store tells the time, instead of waiting.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self {
            clock: Some(clock),
            ..self
        }
    }

    /// A store of another namespace on the same server, which `clear` must leave alone.
    #[must_use]
    pub fn neighbour(self, store: Arc<dyn KeyValue>) -> Self {
        Self {
            neighbour: Some(store),
            ..self
        }
    }

    /// Leaves out the sentences on `delete` and `clear`, for a store of your own that has only `get` and `set`.
    #[must_use]
    pub fn without_delete_and_clear(self) -> Self {
        Self {
            only_get_and_set: true,
            ..self
        }
    }

    /// Also has many callers replace one value at once, of which the store must tell exactly one that it did: for a store
    /// whose `replace` is one step, which the default is not.
    #[must_use]
    pub fn atomic(self) -> Self {
        Self {
            is_atomic: true,
            ..self
        }
    }

    /// Also enumerates what the store has: for a store that implements `scan`, which the default does not.
    #[must_use]
    pub fn enumerable(self) -> Self {
        Self {
            is_enumerable: true,
            ..self
        }
    }

    pub(super) async fn pass(&self, time: Duration) {
        match &self.clock {
            Some(clock) => clock.advance(time),
            None => tokio::time::sleep(time).await,
        }
    }

    pub(super) fn case(&self, sentence: &'static str, key: &str) -> Case<'_> {
        Case {
            store: &*self.store,
            sentence,
            key: format!("{}{key}", self.prefix),
            until: None,
        }
    }

    /// The case of a value that is from now on set to expire in [`EXPIRE`]: what is seen after that is not judged,
    /// because on a machine under load the value may have expired before the store was asked.
    pub(super) fn brief(&self, sentence: &'static str, key: &str) -> Case<'_> {
        Case {
            // By a manual clock no time passes by itself.
            until: self.clock.is_none().then(|| Instant::now() + EXPIRE),
            ..self.case(sentence, key)
        }
    }
}
