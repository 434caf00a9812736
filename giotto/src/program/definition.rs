//! The parts of a program, at its two stages.
//!
//! `builder.rs` fills them in before the first request. The steps of an invocation ask for them through `steps.rs`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use giotto_cache::{Budget, Key, Policy};

use super::call::Call;
use super::middleware::{Check, Finish};
use super::model::Documentation;
use crate::arguments::{Arguments, Typed};
use crate::arguments::{Parameter, Parameters};
use crate::context::{Context, Needs};
use crate::error::{Error, Result};
use crate::lifetimes::{Lifetimes, Terms};
use crate::mime::Mime;
use crate::page::Page;
use crate::request::{Controller, Request};
use crate::state::Startup;
use crate::varies::Negotiated;
use crate::view::Rendering;

/// A model and a view under one name, for the controllers that it names.
///
/// `Program::new(model)` is incomplete (`Program<Bare<T, A>>`) until [`view`](Program::view) gives it the view of what
/// the model computes. Then it is a `Program`, whatever the model, and can enter a [`Manifest`](crate::Manifest). The
/// order of all other calls does not matter.
pub struct Program<S = Ready> {
    pub(super) settings: Settings,
    pub(super) stage: S,
}

/// The stage of a [`Program`] that has a model but no view yet. `T` is what the model computes, `A` the struct of its
/// arguments.
pub struct Bare<T, A> {
    pub(super) model: ErasedModel<T>,
    /// The path of the function.
    pub(super) name: &'static str,
    pub(super) documentation: Documentation,
    pub(super) needs: Needs,
    pub(super) mock: Option<Arc<T>>,
    pub(super) arguments: PhantomData<fn(A)>,
}

/// The stage of a [`Program`] that can run.
pub struct Ready {
    pub(super) parameters: Parameters,
    pub(super) documentation: Documentation,
    /// The path of the function that is the model.
    pub(super) name: &'static str,
    pub(super) needs: Needs,
    /// The check of the view when the application starts.
    pub(super) check: ViewCheck,
    pub(super) mimes: Vec<Mime>,
    /// What chooses one of them if the path does not.
    pub(super) negotiated: Negotiated,
    /// The media types whose pages may have colours of their author.
    pub(super) styled: Vec<Mime>,
    /// The end of the keys of its pages, for each of the media types.
    pub(super) keys: Vec<Key>,
    /// What caches downstream are told of its pages.
    pub(super) terms: Terms,
    pub(super) bind: Bind,
    pub(super) render: Render,
}

#[derive(Default)]
pub(super) struct Settings {
    pub(super) path: String,
    pub(super) controllers: Vec<Controller>,
    pub(super) cache: Option<Policy>,
    pub(super) budget: Budget,
    pub(super) version: u32,
    pub(super) lifetimes: Lifetimes,
    /// Whether its pages are never compressed.
    pub(super) uncompressed: bool,
    /// Whether its model or view may set cookies.
    pub(super) sets_cookies: bool,
    /// Whether a POST needs a token, if that is said.
    #[cfg(feature = "session")]
    pub(super) wants_token: Option<bool>,
    pub(super) tags: Option<Tags>,
    pub(super) invalidates: Option<Tags>,
    pub(super) description: Option<String>,
    /// The parameters whose values nobody is shown again.
    pub(super) secrets: Vec<String>,
    pub(super) collects: Option<&'static str>,
    pub(super) input: Vec<Check>,
    pub(super) output: Vec<Finish>,
    pub(super) error: Option<Error>,
}

/// The tags of an invocation, by its arguments.
pub(super) type Tags = Box<dyn Fn(&Typed) -> Vec<String> + Send + Sync>;

/// A model whose function type and arguments are erased.
pub(super) type ErasedModel<T> = Arc<dyn Fn(Typed, &Context) -> Result<Call<T>> + Send + Sync>;

/// The check of a view when the application starts.
pub(super) type ViewCheck = Box<dyn Fn(&Startup<'_>) -> Result<()> + Send + Sync>;

/// Binds positional segments and named values to parameters.
pub(super) type Bind = fn(&[Parameter], &[Cow<'_, str>], &Request<'_>) -> Result<Arguments>;

/// Runs the model and then the view, whose common type is erased here; `None` if a mock is asked for and there is none.
pub(super) type Render = Box<dyn Fn(Typed, Source, Rendering) -> Option<Pending> + Send + Sync>;

/// A page that is being computed.
pub(super) type Pending = Pin<Box<dyn Future<Output = Result<Page>> + Send>>;

/// What computes the value that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Model,
    Mock,
}

impl<S> fmt::Debug for Program<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("path", &self.settings.path)
            .field("controllers", &self.settings.controllers)
            .field("cache", &self.settings.cache)
            .finish_non_exhaustive()
    }
}

impl<T, A> fmt::Debug for Bare<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bare")
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("mimes", &self.mimes)
            .finish_non_exhaustive()
    }
}
