//! What all requests share: the states of an application.
//!
//! [`App::state`](crate::App::state) takes them in before the first request. Step 6 of an invocation gives them to models and
//! views, and middleware gets them before.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::error::{Error, Result};

/// A value that all requests share, such as the pool of a database, as a parameter of a model, of middleware or of a view.
///
/// [`App::state`](crate::App::state) gives it to the application. It dereferences to the value, and a clone shares it. A missing
/// state is refused when the application starts.
///
/// ```
/// use giotto::prelude::*;
///
/// struct Books {
///     titles: Vec<String>,
/// }
///
/// /// Lists the books whose titles contain a word.
/// #[model]
/// async fn find_books(word: String, books: State<Books>) -> Vec<String> {
///     let titles = books.titles.iter();
///     titles.filter(|title| title.contains(&word)).cloned().collect()
/// }
///
/// let manifest = Manifest::new([("books", Program::new(find_books).cache(60).view(BasicView::new()))]);
/// let books = Books { titles: vec!["The Silver Key".to_owned()] };
/// let app = App::new(manifest).state(books);
/// assert!(app.check().is_ok());
/// ```
///
/// A state is not an argument and no part of the key of a page: `/books?word=Key` has one page, whoever asks. What belongs to one
/// request, such as its reader, is therefore never in a state. A page does not become old when a state changes: see
/// [`Program::invalidates`](crate::Program::invalidates).
pub struct State<T>(Arc<T>);

impl<T> State<T> {
    /// `value` as a state, for tests that call a model: `find_books("Key".to_owned(), State::new(books))`.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("State").field(&self.0).finish()
    }
}

/// A type of your own as a parameter of a model, of middleware or of a view, made from a [`State`].
///
/// In a function marked `#[model]`, the parameter has the attribute `#[state]`, which says that it is not an argument.
///
/// ```
/// use giotto::prelude::*;
/// use giotto::{FromState, Result};
///
/// #[derive(Clone)]
/// struct Pool;
///
/// /// The shelves in the database.
/// struct Shelves {
///     pool: Pool,
/// }
///
/// impl FromState for Shelves {
///     type State = Pool;
///
///     fn from_state(pool: &State<Pool>) -> Result<Self> {
///         Ok(Self { pool: Pool::clone(pool) })
///     }
/// }
///
/// #[model]
/// async fn count_books(shelf: String, #[state] shelves: Shelves) -> usize {
/// #   let _ = shelves.pool;
///     shelf.len()
/// }
///
/// let program = Program::new(count_books).view(BasicView::new());
/// let app = App::new(Manifest::new([("count", program)])).state(Pool);
/// assert!(app.check().is_ok());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not made from a state",
    note = "take a State<..>, or implement giotto::FromState for the type"
)]
pub trait FromState: Sized + Send + 'static {
    /// The state that it is made from. An application without it does not start.
    type State: Send + Sync + 'static;

    /// Makes the parameter, once for each call that takes it.
    ///
    /// # Errors
    ///
    /// The reason why there is none now. It is the error of the request.
    fn from_state(state: &State<Self::State>) -> Result<Self>;
}

impl<T: Send + Sync + 'static> FromState for State<T> {
    type State = T;

    fn from_state(state: &Self) -> Result<Self> {
        Ok(state.clone())
    }
}

/// The type of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StateType {
    id: TypeId,
    name: &'static str,
}

impl StateType {
    pub(crate) fn of<T: 'static>() -> Self {
        Self {
            id: TypeId::of::<T>(),
            name: std::any::type_name::<T>(),
        }
    }
}

/// The states of an application, one of each type. A clone shares them.
#[derive(Clone, Default)]
pub(crate) struct States(Arc<Held>);

#[derive(Clone, Default)]
struct Held {
    values: HashMap<TypeId, Value>,
    /// The first type that was given twice.
    twice: Option<&'static str>,
}

#[derive(Clone)]
struct Value {
    name: &'static str,
    /// Whether it is giotto's own and not the application's.
    is_own: bool,
    /// A `State<T>`.
    state: Arc<dyn Any + Send + Sync>,
}

impl States {
    /// The same with `value`. A second one of its type is a mistake that [`check`](Self::check) reports.
    pub(crate) fn with<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        let StateType { id, name } = StateType::of::<T>();
        let held = Arc::make_mut(&mut self.0);
        let value = Value {
            name,
            is_own: false,
            state: Arc::new(State::new(value)),
        };
        if held.values.insert(id, value).is_some() {
            held.twice.get_or_insert(name);
        }
        self
    }

    /// The same with `value`, which is giotto's own. It replaces an earlier one.
    pub(crate) fn keep<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        let StateType { id, name } = StateType::of::<T>();
        let value = Value {
            name,
            is_own: true,
            state: Arc::new(State::new(value)),
        };
        Arc::make_mut(&mut self.0).values.insert(id, value);
        self
    }

    /// The state of type `T`, if there is one.
    pub(crate) fn find<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        let value = self.0.values.get(&TypeId::of::<T>())?;
        value.state.downcast_ref::<State<T>>().cloned()
    }

    /// The state of type `T`, for `who`, such as "the view".
    pub(crate) fn get<T: Send + Sync + 'static>(&self, who: &str) -> Result<State<T>> {
        self.find()
            .ok_or_else(|| self.missing(StateType::of::<T>(), who))
    }

    /// Refuses two values of one type: a model could get only one of them.
    pub(crate) fn check(&self) -> Result<()> {
        self.0.twice.map_or(Ok(()), |name| {
            Err(Error::configuration(format!(
                "the application has two states of the type {name}: remove one .state(..), or wrap one in a type of its own"
            )))
        })
    }

    fn missing(&self, missing: StateType, who: &str) -> Error {
        let others = self.0.values.values().filter(|value| !value.is_own);
        let mut others: Vec<_> = others.map(|value| value.name).collect();
        others.sort_unstable();
        let others = match others.is_empty() {
            true => String::new(),
            false => format!(" (its states are of the types {})", others.join(", ")),
        };
        Error::configuration(format!(
            "{who} takes a State<{}>, and the application has none: add it with App::new(manifest).state(..){others}",
            missing.name
        ))
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.values.values().map(|value| value.name);
        f.debug_set().entries(names).finish()
    }
}

/// What an application has when it starts, for the checks of its renderers ([`Renderer::checked`](crate::view::Renderer::checked)).
#[derive(Debug)]
pub struct Startup<'a> {
    states: &'a States,
    programs: &'a [&'a str],
    is_stored: bool,
}

impl<'a> Startup<'a> {
    pub(crate) const fn new(states: &'a States, programs: &'a [&'a str]) -> Self {
        Self {
            states,
            programs,
            is_stored: false,
        }
    }

    /// The same for the view of a program whose pages go to the cache, or do not.
    pub(crate) const fn of_pages(&self, is_stored: bool) -> Self {
        Self {
            states: self.states,
            programs: self.programs,
            is_stored,
        }
    }

    /// Whether the pages of the view go to the cache, so that nothing in them may belong to one reader.
    #[must_use]
    pub const fn is_stored(&self) -> bool {
        self.is_stored
    }

    /// The state of type `T`.
    ///
    /// # Errors
    ///
    /// If there is none. The error names the remedy.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<State<T>> {
        self.states.get("the view")
    }

    /// The paths of all programs, in alphabetical order.
    #[must_use]
    pub const fn programs(&self) -> &'a [&'a str] {
        self.programs
    }

    #[cfg(feature = "template")]
    pub(crate) const fn states(&self) -> &States {
        self.states
    }

    /// Refuses to start without the state that `who` takes.
    pub(crate) fn require(&self, needed: StateType, who: &str) -> Result<()> {
        match self.states.0.values.contains_key(&needed.id) {
            true => Ok(()),
            false => Err(self.states.missing(needed, who)),
        }
    }
}
