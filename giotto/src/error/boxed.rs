//! Errors of other types, boxed or not, and [`Error`]: each converts into the other, so that `?` works both ways.
//!
//! Used in the code of an application, wherever it returns an error.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::{Error, ErrorKind, Inner};

type Boxed = Box<dyn std::error::Error + Send + Sync>;

/// Errors that convert into an [`Error`]: those that implement [`std::error::Error`] and are `Send` and `Sync`, a
/// `Box<dyn std::error::Error + Send + Sync>`, and texts.
///
/// Applications do not implement this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error of giotto: implement `std::error::Error` for it, or box it as \
               `Box<dyn std::error::Error + Send + Sync>`",
    note = "a `Box<dyn std::error::Error>` without `Send + Sync` cannot leave the thread that it comes from"
)]
pub trait SendSyncError: Sized {
    #[doc(hidden)]
    fn boxed(self) -> Boxed;
}

#[diagnostic::do_not_recommend]
impl<E: Into<Boxed> + Unpin> SendSyncError for E {
    fn boxed(self) -> Boxed {
        self.into()
    }
}

/// Makes [`Error`] not `Unpin`, which every other error is.
///
/// An `Error` converts into a box, as all types do of which the implementation of [`From`] below speaks. But it already
/// converts into itself. The compiler accepts both because `Unpin` sets it apart.
#[derive(Clone)]
pub(super) struct NotUnpin<T = ()>(PhantomData<T>);

trait Never {}

impl<T: Never> Unpin for NotUnpin<T> {}

impl NotUnpin {
    pub(super) const NEW: Self = Self(PhantomData);
}

impl<E: SendSyncError> From<E> for Error {
    fn from(source: E) -> Self {
        match source.boxed().downcast::<Carried>() {
            Ok(carried) => carried.0,
            Err(source) => {
                let inner = Inner::new(ErrorKind::Other, source.to_string());
                Self::of(Inner {
                    source: Some(Arc::from(source)),
                    ..inner
                })
            }
        }
    }
}

impl From<Error> for Boxed {
    fn from(error: Error) -> Self {
        Box::new(Carried(error))
    }
}

impl From<Error> for Box<dyn std::error::Error> {
    fn from(error: Error) -> Self {
        Box::new(Carried(error))
    }
}

/// An [`Error`] in a box.
struct Carried(Error);

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Carried {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.0.0.source.as_deref()?;
        Some(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{InvalidInput, Redirection, Result};

    fn fails(error: Error) -> Result<(), Boxed> {
        Err(error)?
    }

    fn passes_on(error: Error) -> Result<()> {
        fails(error)?;
        Ok(())
    }

    #[test]
    fn an_error_comes_out_of_a_box_as_it_went_in() {
        let refused = InvalidInput::new().field("x", "y", "it is no number");
        let found = passes_on(refused.into()).unwrap_err();
        assert_eq!(*found.kind(), ErrorKind::InvalidInput);
        assert_eq!(found.invalid_input().fields().len(), 1);
        let moved = passes_on(Redirection::to("/a").into()).unwrap_err();
        assert!(matches!(moved.kind(), ErrorKind::Redirection(_)));
        let broken = passes_on("a".parse::<u8>().unwrap_err().into()).unwrap_err();
        assert_eq!(*broken.kind(), ErrorKind::Other);
        let boxed: Boxed = broken.into();
        let source = boxed.source().unwrap();
        assert!(source.is::<std::num::ParseIntError>());
        assert_eq!(boxed.to_string(), source.to_string());
    }

    #[test]
    fn a_boxed_error_and_a_text_become_an_error() {
        fn of_text() -> Result<u8> {
            let boxed: Result<(), Boxed> = Err("boxed".into());
            boxed?;
            None.ok_or("never")?
        }
        assert_eq!(of_text().unwrap_err().to_string(), "boxed");
        let text = Error::from(String::from("text"));
        assert_eq!(
            (text.kind(), &*text.to_string()),
            (&ErrorKind::Other, "text")
        );
        let owned: Box<dyn std::error::Error> = text.into();
        assert_eq!(owned.to_string(), "text");
    }
}
