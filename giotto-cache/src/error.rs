//! What can go wrong in the cache.
//!
//! A ground type. An error is cloned to every caller that waited for the same computation.

use std::fmt;
use std::sync::Arc;

use crate::reason::Reason;

/// The result of a cache operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a store, or of a computation.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    #[source]
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    /// Boxed, because most errors have none.
    reason: Option<Box<Reason>>,
}

/// What an [`Error`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A backend could not be reached, or its answer violates the protocol.
    Backend,
    /// The computation returned an error, which is the [`source`](std::error::Error::source).
    Compute,
    /// A setting that cannot be used: a URL or namespace of a store, a signing key, or a tag.
    Configuration,
    /// A value that cannot be written as the arguments of a key.
    Key,
    /// Only a stored result was wanted, and there is none that may be served.
    NotCached,
    /// The computation panicked, or the runtime stopped before it had ended.
    Panic,
    /// A time to live that no entry can have, or settings of a policy that contradict each other.
    Policy,
    /// The computation answered with an error, which is the [`source`](std::error::Error::source).
    Refused,
    /// The backend is healthy, but cannot do this with this key or value.
    Rejected,
    /// One of several servers of a backend failed or is skipped. The backend counts that itself, and the others answer.
    ServerLost,
    /// The computation took longer than its hard timeout allows. It continues, and its result is stored.
    Timeout,
    /// The backend is healthy, but the value is larger than it accepts.
    TooLarge,
}

impl Error {
    /// An error of `kind` that says `message`: what happened and what to do next.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
            reason: None,
        }
    }

    /// A failure of a backend; for implementations of [`KeyValue`](crate::KeyValue).
    #[must_use]
    pub fn backend(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        let message = format!("the store failed: {source}");
        Self {
            kind: ErrorKind::Backend,
            message,
            source: Some(Arc::new(source)),
            reason: None,
        }
    }

    /// The error that a computation returned.
    pub(crate) fn compute(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        let message = source.to_string();
        Self {
            kind: ErrorKind::Compute,
            message,
            source: Some(Arc::new(source)),
            reason: None,
        }
    }

    /// The error that a computation returned, of a type that converts into a box. The type can still be asked for.
    #[cfg(feature = "functions")]
    pub(crate) fn computed_box(source: Box<dyn std::error::Error + Send + Sync>) -> Self {
        let message = source.to_string();
        Self {
            source: Some(Arc::from(source)),
            ..Self::new(ErrorKind::Compute, message)
        }
    }

    /// The error with which a computation answered.
    pub(crate) fn refused(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self {
            kind: ErrorKind::Refused,
            ..Self::compute(source)
        }
    }

    /// What this error is about.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Why there was nothing fresh to serve, for the error of a lookup.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_deref()
    }

    pub(crate) fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(Box::new(reason));
        self
    }

    /// The error of the computation itself, where it is an `E`.
    #[must_use]
    pub fn computed<E: std::error::Error + Send + Sync + 'static>(&self) -> Option<&E> {
        self.source.as_ref()?.downcast_ref()
    }

    /// A copy of the error of the computation itself, where it is an `E`.
    ///
    /// # Errors
    ///
    /// This error itself, where it is not: of a computation that panicked or took too long, or for another type.
    pub fn into_computed<E>(self) -> Result<E, Self>
    where
        E: std::error::Error + Clone + Send + Sync + 'static,
    {
        self.computed::<E>().cloned().ok_or(self)
    }
}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(ErrorKind::Key, message.to_string())
    }
}
