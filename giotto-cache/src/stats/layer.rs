//! What is counted of one layer of a store.
//!
//! Beside every call to a store: steps 1, 4 and 6 of a lookup.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::times::{Histogram, Times};
use super::{Counter, Counts};

/// What one layer of a store did since the cache was made. A store without layers is one.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LayerCounts {
    /// Its [name](crate::KeyValue::name), with a number if several layers have the same: `redis`, `redis-2`.
    pub name: String,
    /// Reads of an entry that found a value here. A lookup that computes may read several times.
    pub hits: u64,
    /// How long the calls of each operation took that were made, those that failed included. Calls to the memory of this
    /// process, and to others that return at once, are not timed.
    pub calls: Vec<(&'static str, Times)>,
    /// Calls that failed or took longer than the deadline; with those to each of its servers, if they are several.
    pub errors: u64,
    /// Calls that an open circuit breaker skipped, in the same way.
    pub skipped: u64,
    /// Whether the circuit breaker for all calls is open.
    pub reads_open: bool,
    /// Whether the circuit breaker for calls that store a value is open.
    pub writes_open: bool,
}

/// A call to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Get,
    GetMany,
    Set,
    Add,
    Replace,
    Delete,
}

impl Operation {
    const ALL: [Self; 6] = [
        Self::Get,
        Self::GetMany,
        Self::Set,
        Self::Add,
        Self::Replace,
        Self::Delete,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::GetMany => "get_many",
            Self::Set => "set",
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Delete => "delete",
        }
    }
}

/// The failures of a store, or of its servers.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    pub(crate) errors: Counter,
    pub(crate) skipped: Counter,
}

impl Failures {
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            backend_errors: self.errors.value(),
            backend_skipped: self.skipped.value(),
            ..Counts::default()
        }
    }
}

/// What is counted of one layer.
#[derive(Debug)]
pub(crate) struct LayerMeter {
    /// Reads of an entry that found one.
    pub(crate) hits: Counter,
    calls: [Histogram; Operation::ALL.len()],
    pub(crate) failures: Arc<Failures>,
}

impl LayerMeter {
    pub(crate) fn new() -> Self {
        Self {
            hits: Counter::default(),
            calls: Operation::ALL.map(|_| Histogram::of_store()),
            failures: Arc::default(),
        }
    }

    pub(crate) fn called(&self, operation: Operation, time: Duration) {
        self.calls[operation as usize].observe(time);
    }

    /// What was counted, with `counted` by the store itself.
    pub(crate) fn snapshot(&self, name: &str, counted: Counts, is_open: [bool; 2]) -> LayerCounts {
        let calls = Operation::ALL.map(|operation| {
            let times = self.calls[operation as usize].snapshot();
            (operation.name(), times)
        });
        let [reads_open, writes_open] = is_open;
        let counted = self.failures.counts() + counted;
        LayerCounts {
            name: name.to_owned(),
            hits: self.hits.value(),
            calls: calls.into(),
            errors: counted.backend_errors,
            skipped: counted.backend_skipped,
            reads_open,
            writes_open,
        }
    }
}
