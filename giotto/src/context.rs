//! What a model, middleware or a view gets besides its arguments.
//!
//! Step 6 of an invocation makes it, for a computation.

use std::any::Any;
use std::sync::Arc;

#[cfg(feature = "template")]
use giotto_cache::Cache;
use giotto_cache::CacheControl;

#[cfg(feature = "session")]
use crate::error::Error;
use crate::error::Result;
use crate::request::Controller;
#[cfg(feature = "session")]
use crate::session::Session;
use crate::site::Site;
use crate::state::{FromState, State, StateType, States};

/// What a model may ask for in addition to its arguments.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) control: CacheControl,
    /// For the management programs only. A cached page must not depend on it: it would be served to the other
    /// controllers, too.
    pub(crate) controller: Controller,
    /// The `App`. Its type is erased because an application contains models, directly or not, and `app/` imports
    /// this file.
    app: Arc<dyn Any + Send + Sync>,
    states: States,
    is_stored: bool,
    /// Where fragments are stored; `None` = nowhere.
    #[cfg(feature = "template")]
    fragments: Option<Cache>,
    /// The reader's, for a page that is not stored; `None` = the application has no sessions, or the page is for all readers.
    #[cfg(feature = "session")]
    session: Option<Session>,
}

impl Context {
    /// The context of a computation whose page is not stored.
    pub(crate) fn new(
        controller: Controller,
        app: impl Send + Sync + 'static,
        states: States,
    ) -> Self {
        Self {
            control: CacheControl::default(),
            controller,
            app: Arc::new(app),
            states,
            is_stored: false,
            #[cfg(feature = "template")]
            fragments: None,
            #[cfg(feature = "session")]
            session: None,
        }
    }

    /// The same with fragments in `cache`.
    #[cfg(feature = "template")]
    pub(crate) fn with_fragments(self, cache: Option<Cache>) -> Self {
        Self {
            fragments: cache,
            ..self
        }
    }

    /// Where the fragments of the page are stored.
    #[cfg(feature = "template")]
    pub(crate) const fn fragments(&self) -> Option<&Cache> {
        self.fragments.as_ref()
    }

    /// The same with the session of the only reader.
    #[cfg(feature = "session")]
    pub(crate) fn of_reader(self, session: Option<Session>) -> Self {
        Self { session, ..self }
    }

    /// The session of the only reader, for `what`, such as "the token of a form".
    #[cfg(feature = "session")]
    pub(crate) fn session(&self, what: &str) -> Result<Session> {
        match (self.is_stored, &self.session) {
            (false, Some(session)) => Ok(session.clone()),
            (false, None) => Err(Error::configuration(format!(
                "{what} needs a session, and there is none: give the application App::sessions(Sessions::new()); the page of an \
                 error has none"
            ))),
            (true, _) => Err(Error::configuration(of_one_reader(what))),
        }
    }

    /// The same for a computation whose page the cache stores, as `control` says.
    pub(crate) fn stored(self, control: CacheControl) -> Self {
        Self {
            control,
            is_stored: true,
            ..self
        }
    }

    /// The `App` that the model runs in.
    pub(crate) fn app<A: Clone + 'static>(&self) -> A {
        let app = self.app.downcast_ref::<A>();
        app.expect("only an App makes a context").clone()
    }

    /// The state of type `T`, for `who`, such as "the view".
    pub(crate) fn state<T: Send + Sync + 'static>(&self, who: &str) -> Result<State<T>> {
        self.states.get(who)
    }

    /// Where the application answers.
    pub(crate) fn site(&self) -> Site {
        let site = self.states.find::<Site>();
        site.map_or_else(Site::default, |site| Site::clone(&site))
    }

    #[cfg(feature = "template")]
    pub(crate) const fn states(&self) -> &States {
        &self.states
    }

    /// Whether the cache gets the page, and other readers with it.
    pub(crate) const fn is_stored(&self) -> bool {
        self.is_stored
    }
}

/// Why `what` cannot be on a page that is stored.
#[cfg(any(feature = "session", feature = "template"))]
pub(crate) fn of_one_reader(what: &str) -> String {
    format!(
        "{what} belongs to one reader, and the page goes to the cache, for many: leave out .cache(..), or let a script fetch it \
         from a program without a cache"
    )
}

/// What the parameters of a model that are not arguments ask for, known when the application starts.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Needs {
    /// Whether the model may set the fresh time of its result.
    pub(crate) sets_time: bool,
    pub(crate) states: Vec<StateType>,
    /// Whether it reads or changes the session of its reader.
    #[cfg(feature = "session")]
    pub(crate) session: bool,
}

impl Needs {
    /// The same with what the parameter `P` asks for.
    #[must_use]
    pub fn of<P: FromContext>(mut self) -> Self {
        P::needs(&mut self);
        self
    }
}

pub(crate) mod sealed {
    //! Keeps applications from implementing the trait of this file, which may change.

    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be a parameter that the application provides: take a `State<..>`, or implement \
                   `giotto::FromState` for it; the application gets the value with `.state(..)`"
    )]
    pub trait FromContext {}
}

/// A parameter of a model that is not an argument: a [`State`], a type of your own that is made [from one](FromState), a
/// [`CacheControl`], a `Session` (feature `session`), or the [`App`](crate::App) that the model runs in.
///
/// Applications do not implement this trait, but [`FromState`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter that the application provides: take a `State<..>`, or implement \
               `giotto::FromState` for it; the application gets the value with `.state(..)`",
    note = "a parameter besides the arguments is a State<..>, a CacheControl, an App, or a type that implements FromState"
)]
pub trait FromContext: sealed::FromContext + Sized + Send + 'static {
    /// Adds what the parameter asks for.
    #[doc(hidden)]
    fn needs(_: &mut Needs) {}

    /// The parameter.
    #[doc(hidden)]
    fn from_context(context: &Context) -> Result<Self>;
}

#[diagnostic::do_not_recommend]
impl<P: FromState> sealed::FromContext for P {}

#[diagnostic::do_not_recommend]
impl<P: FromState> FromContext for P {
    fn needs(needs: &mut Needs) {
        needs.states.push(StateType::of::<P::State>());
    }

    fn from_context(context: &Context) -> Result<Self> {
        Self::from_state(&context.state("the model")?)
    }
}

#[cfg(feature = "session")]
impl sealed::FromContext for Session {}

#[cfg(feature = "session")]
impl FromContext for Session {
    fn needs(needs: &mut Needs) {
        needs.session = true;
    }

    fn from_context(context: &Context) -> Result<Self> {
        context.session("the parameter Session of a model")
    }
}

impl sealed::FromContext for CacheControl {}

impl FromContext for CacheControl {
    fn needs(needs: &mut Needs) {
        needs.sets_time = true;
    }

    fn from_context(context: &Context) -> Result<Self> {
        Ok(context.control.clone())
    }
}
