//! What `#[cached]` makes of a function: a call of [`Function`], with the errors of the function itself.
//!
//! Before step 1 of a lookup. The attribute knows the text of a type and not the type, so that the compiler chooses what is done
//! with its results (`calls.rs`) and errors (`errors.rs`).

mod calls;
mod errors;

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

pub use serde;
use serde::Serialize;

pub use self::calls::{Fallible, HasErrors, IsPlain, IsResult, Kind, Plain};
pub use self::errors::{
    Errors, IsCloned, IsMade, LateError, Made, MadeError, Own, OwnOrMade, Returned,
};
use crate::cache::Cache;
use crate::function::Function;
use crate::lookup::Mode;
use crate::policy::Policy;

/// Where a function with the attribute is.
#[derive(Debug)]
pub struct Site {
    /// Its name with the modules that it is in.
    path: &'static str,
    /// Its file and line, for messages.
    place: &'static str,
    /// The type that it was first called as a method of, and its name with that.
    method: OnceLock<(&'static str, String)>,
    /// The cache that knows its name.
    known_to: AtomicU64,
}

impl Site {
    #[must_use]
    pub const fn new(path: &'static str, place: &'static str) -> Self {
        Self {
            path,
            place,
            method: OnceLock::new(),
            known_to: AtomicU64::new(0),
        }
    }

    /// The name of a free function.
    #[must_use]
    pub const fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.path)
    }

    /// The name of the method `name` of a `T`.
    #[must_use]
    pub fn method<T: ?Sized>(&'static self, name: &str) -> Cow<'static, str> {
        let own = std::any::type_name::<T>();
        let made = || format!("{own}::{name}");
        match self.method.get_or_init(|| (own, made())) {
            (known, name) if *known == own => Cow::Borrowed(name),
            // A generic type has its methods once for each type.
            _ => Cow::Owned(made()),
        }
    }

    /// Whether it has its name in this cache: once for each function, as long as it has one cache.
    #[inline]
    fn is_known_to(&self, cache: &Cache) -> bool {
        self.known_to.load(Ordering::Relaxed) == cache.engine().functions.id
    }

    /// Takes `name` for this function; `false` if another one has it.
    #[inline(never)]
    fn take_name(&self, cache: &Cache, name: &str) -> bool {
        let (engine, place) = (cache.engine(), self.place);
        let Some(other) = engine.functions.names.take(name, place) else {
            let id = engine.functions.id;
            self.known_to.store(id, Ordering::Relaxed);
            return true;
        };
        let program = name.to_owned();
        engine.log.tell(("two functions", place), move |repeated| {
            tracing::error!(
                program,
                place,
                other,
                repeated,
                "two cached functions have one name: the second is not cached; give it another with #[cached(name = \"..\")]"
            );
        });
        false
    }
}

/// The function at `site`. If another one has its name, every call computes.
#[must_use]
#[inline]
pub fn function<'c>(
    cache: &'c Cache,
    site: &'static Site,
    name: &'c str,
    policy: Policy,
    tags: Vec<String>,
) -> Function<'c> {
    let mode = match site.is_known_to(cache) || site.take_name(cache, name) {
        true => Mode::Prefer,
        false => Mode::Bypass,
    };
    Function {
        cache,
        name,
        policy,
        tags,
        mode,
        is_independent: false,
    }
}

/// The own value of a parameter that is borrowed, for the task that computes.
pub fn owned<T: Borrowed + ?Sized>(value: &T) -> T::Owned {
    value.own()
}

/// What can be borrowed by a function with the attribute.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be borrowed by a cached function",
    label = "it has no `Clone` for the task that computes",
    note = "the function runs in a task of its own, which goes on without its caller: implement `Clone`, or take an `Arc<..>`"
)]
pub trait Borrowed {
    type Owned;

    fn own(&self) -> Self::Owned;
}

impl<T: Clone> Borrowed for T {
    type Owned = T;

    fn own(&self) -> T {
        self.clone()
    }
}

impl<T: Clone> Borrowed for [T] {
    type Owned = Vec<T>;

    fn own(&self) -> Vec<T> {
        self.to_vec()
    }
}

macro_rules! borrow_texts {
    ($($text:ty => $owned:ty,)*) => {$(
        impl Borrowed for $text {
            type Owned = $owned;

            fn own(&self) -> $owned {
                self.to_owned()
            }
        }
    )*};
}

borrow_texts! {
    str => String,
    Path => PathBuf,
    OsStr => OsString,
}

/// A parameter that is part of the key.
pub fn argument<T: Argument + ?Sized>(value: &T) -> &T {
    value
}

/// What can be part of a key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a key",
    label = "it does not implement serde's `Serialize`",
    note = "every parameter of a cached function is part of its key: derive `Serialize`, or leave the parameter out with `#[skip]`"
)]
pub trait Argument: Serialize {}

impl<T: Serialize + ?Sized> Argument for T {}
