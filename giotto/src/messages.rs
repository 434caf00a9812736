//! The words in which a reader is told what is wrong with a form.
//!
//! After step 3 of an invocation over HTTP, and only of one that is refused. The command line keeps the words of the error,
//! which name the remedy there.

use std::fmt;
use std::sync::Arc;

use crate::error::{Field, InvalidInput};

/// The words of an application in place of those of [`Refusal`](crate::Refusal).
#[derive(Clone, Default)]
pub(crate) struct Messages(Option<Arc<Own>>);

struct Own {
    /// The argument that is the language.
    language: String,
    words: Box<Words>,
}

type Words = dyn Fn(&str, &Field) -> Option<String> + Send + Sync;

impl Messages {
    pub(crate) fn new(
        language: String,
        words: impl Fn(&str, &Field) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let words = Box::new(words);
        Self(Some(Arc::new(Own { language, words })))
    }

    /// What was `refused`, in words for the reader.
    pub(crate) fn tell(&self, refused: InvalidInput) -> InvalidInput {
        let usual = |field: &Field| field.refusal().words().map(Into::into);
        let Some(own) = &self.0 else {
            return refused.in_words(usual);
        };
        let language = refused.value(&own.language).unwrap_or_default().to_owned();
        refused.in_words(|field| (own.words)(&language, field).or_else(|| usual(field)))
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Messages").field(&self.0.is_some()).finish()
    }
}
