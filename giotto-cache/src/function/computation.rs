//! One run of a function: its result becomes the bytes that are stored, and the value for the caller that began it.
//!
//! Step 5 of a lookup, in the task that computes.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::encoding::{self, Encoded, Unusable};
use super::value::{BoxError, Value};
use crate::computed::{CacheControl, Computed};
use crate::engine::state::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::log::Cut;

/// Where a run leaves the value for the caller that began it. The others decode it.
pub(super) struct Outcome<T>(Arc<Mutex<Option<Arc<T>>>>);

impl<T> Default for Outcome<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Outcome<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Value> Outcome<T> {
    pub(super) fn take(&self) -> Option<Arc<T>> {
        let mut value = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        value.take()
    }

    fn set(&self, value: T) {
        let mut outcome = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *outcome = Some(Arc::new(value));
    }

    /// Runs the function, whose name is `program`.
    ///
    /// Its caller gets the value that was decoded, as all others do: a field that is not encoded is missing at once, and not
    /// only in a hit. A value that cannot be stored is for its caller alone.
    pub(super) async fn fill<E, F>(
        self,
        engine: Arc<Engine>,
        program: String,
        control: CacheControl,
        function: Option<F>,
    ) -> Result<Computed>
    where
        E: Into<BoxError> + 'static,
        F: Future<Output = Result<T, E>>,
    {
        let function = function.ok_or_else(begun)?;
        let value = function
            .await
            .map_err(|error| Error::computed_box(error.into()))?;
        match verified(&value) {
            Ok((decoded, Encoded { bytes, is_negative })) => {
                self.set(decoded);
                Ok(match is_negative {
                    true => Computed::Negative(bytes.into()),
                    false => Computed::Page(bytes.into()),
                })
            }
            Err(why) => {
                log_unusable(&engine, program, &why);
                control.no_store();
                self.set(value);
                Ok(Computed::Page(Bytes::new()))
            }
        }
    }
}

/// The result of `computation` as a value that is stored: also an error that is `negative`.
pub(super) async fn storing<T, E>(
    negative: impl FnOnce(&E) -> bool,
    computation: impl Future<Output = Result<T, E>>,
) -> Result<Result<T, E>, E> {
    match computation.await {
        Err(error) if !negative(&error) => Err(error),
        result => Ok(result),
    }
}

/// The bytes of `value`, and the value that they are.
fn verified<T: Value>(value: &T) -> Result<(T, Encoded), Unusable> {
    let encoded = encoding::encode(value)?;
    Ok((encoding::decode(&encoded.bytes)?, encoded))
}

fn log_unusable(engine: &Engine, program: String, why: &Unusable) {
    let error = Cut(why).to_string();
    let event = ("not storable", program.clone());
    engine.log.tell(event, move |repeated| {
        tracing::warn!(
            program,
            error,
            repeated,
            "a result cannot be stored: every call computes; change the type of the result"
        );
    });
}

/// The function was given to a run that has ended or is in the background.
fn begun() -> Error {
    Error::new(
        ErrorKind::Compute,
        "the function has run already: call it again",
    )
}
