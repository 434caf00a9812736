//! Filters and functions that an application adds to its templates.
//!
//! Step 6 of an invocation calls them.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Serde, Value, ValueOrKwargs};
use minijinja::{Error, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error as GiottoError;

/// A function of an application, its types erased.
#[derive(Clone)]
pub(super) struct Callable(Arc<Call>);

type Call = dyn Fn(&[Value]) -> Result<Value, Error> + Send + Sync;

impl Callable {
    pub(super) fn new<M>(function: impl TemplateFunction<M>) -> Self {
        Self(Arc::new(move |arguments| {
            function.call(Arguments(arguments)).map(|result| result.0)
        }))
    }

    pub(super) fn call(&self, arguments: Vec<ValueOrKwargs>) -> Result<Value, Error> {
        let arguments: Vec<_> = arguments
            .into_iter()
            .map(ValueOrKwargs::into_value)
            .collect();
        (self.0)(&arguments)
    }
}

impl fmt::Debug for Callable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callable")
    }
}

/// What templates can call, as a filter (`{{ price|euros }}`) or as a function (`{{ euros(price) }}`): a function of up to four
/// values that implement `Deserialize`, which returns a value that implements `Serialize`, or a `Result` of one.
///
/// An `Option` may be left out. The last parameter of a call with named arguments (`icon("cart", size=24)`) is a struct or a
/// map of them. A text that is returned is escaped like any other value.
///
/// `M` distinguishes the implementations and is never written. Applications do not implement this trait.
#[diagnostic::on_unimplemented(
    message = "templates cannot call `{Self}`",
    note = "a filter or function of templates is a closure such as |price: f64| format!(\"{{price:.2}}\"); write the types of \
            its parameters, which are owned. It returns a value that implements Serialize, or a Result of one whose error \
            implements std::error::Error or is a giotto::Error"
)]
pub trait TemplateFunction<M>: Send + Sync + 'static {
    /// Calls it.
    #[doc(hidden)]
    fn call(&self, arguments: Arguments<'_>) -> Result<Returned, Error>;
}

/// The arguments of a call in a template.
#[doc(hidden)]
#[derive(Debug)]
pub struct Arguments<'a>(&'a [Value]);

/// What a call in a template returned.
#[doc(hidden)]
#[derive(Debug)]
pub struct Returned(Value);

impl Arguments<'_> {
    fn get<T: DeserializeOwned>(&self, at: usize) -> Result<T, Error> {
        let place = || format!("argument {} ", at + 1);
        let (value, problem) = match self.0.get(at) {
            Some(value) if value.is_undefined() => (
                Value::from(()),
                Some((ErrorKind::UndefinedError, "is undefined")),
            ),
            Some(value) => (value.clone(), None),
            None => (
                Value::from(()),
                Some((ErrorKind::MissingArgument, "is missing")),
            ),
        };
        T::deserialize(value).map_err(|error| match problem {
            Some((kind, problem)) => Error::new(kind, place() + problem),
            None => {
                let problem = error
                    .detail()
                    .map_or_else(|| error.to_string(), str::to_owned);
                Error::new(
                    ErrorKind::CannotDeserialize,
                    format!("{}is not what it takes: {problem}", place()),
                )
            }
        })
    }

    fn end(&self, count: usize) -> Result<(), Error> {
        match self.0.len() {
            given if given > count => Err(Error::new(
                ErrorKind::TooManyArguments,
                format!("it takes {count} arguments and was given {given}"),
            )),
            _ => Ok(()),
        }
    }
}

/// What a [`TemplateFunction`] may return.
#[doc(hidden)]
pub trait TemplateReply<M> {
    fn into_value(self) -> Result<Returned, Error>;
}

/// Marks a [`TemplateReply`] that is a value.
#[doc(hidden)]
#[derive(Debug)]
pub struct Plain;

/// Marks a [`TemplateReply`] that is a `Result`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fallible;

impl<T: Serialize> TemplateReply<Plain> for T {
    fn into_value(self) -> Result<Returned, Error> {
        Ok(Returned(Value::from(Serde(self))))
    }
}

impl<T: Serialize, E: Into<GiottoError>> TemplateReply<Fallible> for Result<T, E> {
    fn into_value(self) -> Result<Returned, Error> {
        match self {
            Ok(value) => value.into_value(),
            Err(error) => Err(Error::new(
                ErrorKind::InvalidOperation,
                error.into().to_string(),
            )),
        }
    }
}

/// Functions with these parameters.
macro_rules! callable {
    ($count:literal $($parameter:ident $at:literal)*) => {
        impl<F, R, M, $($parameter),*> TemplateFunction<(fn($($parameter),*) -> R, M)> for F
        where
            F: Fn($($parameter),*) -> R + Send + Sync + 'static,
            R: TemplateReply<M>,
            $($parameter: DeserializeOwned,)*
        {
            fn call(&self, arguments: Arguments<'_>) -> Result<Returned, Error> {
                arguments.end($count)?;
                self($(arguments.get::<$parameter>($at)?),*).into_value()
            }
        }
    };
}

callable!(0);
callable!(1 A 0);
callable!(2 A 0 B 1);
callable!(3 A 0 B 1 C 2);
callable!(4 A 0 B 1 C 2 D 3);
