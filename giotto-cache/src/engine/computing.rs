//! What the current task computes, and for whom it looks results up.
//!
//! Steps 3 to 5 of a lookup that is made inside a computation. The computations that a task is in are a chain of frames, the
//! innermost first. A lookup reads it in its caller's task: it gives what it finds to the innermost computation of its engine
//! (`inherited.rs`), and never waits for a computation that it is part of itself.

use std::fmt;
use std::iter::successors;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::answer::Answer;
use crate::clock::Clock;
use crate::engine::inherited::Gathered;
use crate::engine::state::Engine;
use crate::entry::inherited::Blocked;
use crate::error::Result;
use crate::key::Key;

tokio::task_local! {
    static COMPUTING: Computing;
}

/// What a task computes: the computations that it is in, which inherit the tags and the life of every result that is looked up
/// or computed in it.
///
/// A page that is made of the results of three lookups is made old by any tag of theirs, and by an invalidation of their
/// programs; it is fresh for as long as the one whose time is over first, and it is not stored if one of them must not be
/// stored. This happens by itself in the task of the computation. A task that is spawned in it inherits nothing, unless it is
/// given the value of the task that spawns it:
///
/// ```
/// use giotto_cache::{Cache, Computing, Key, LocMemKeyValue, Lookup, Policy};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// # runtime.block_on(async {
/// let cache = Cache::new(LocMemKeyValue::new());
/// let user = {
///     let cache = cache.clone();
///     move || async move {
///         let lookup = Lookup::new(Key::new("user", "7", "text/plain"), Policy::seconds(60));
///         let compute = |_| async { Ok::<_, giotto_cache::Error>(bytes::Bytes::from("Ada").into()) };
///         cache.answer(lookup.tags(vec!["user:7".to_owned()]), compute).await
///     }
/// };
/// let page = Key::new("page", "7", "text/html");
/// let compute = || async move {
///     let task = tokio::spawn(Computing::current().scope(user()));
///     let answer = task.await.expect("it does not panic")?;
///     Ok::<_, giotto_cache::Error>(answer.entry.body())
/// };
/// let answer = cache.get_or_compute(page, Policy::seconds(3600), compute).await?;
/// assert_eq!(answer.entry.tags(), ["user:7"]);
/// assert!(answer.fresh_for.is_some_and(|left| left.as_secs() <= 60));
/// # Ok::<(), giotto_cache::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Opt out with [`Lookup::independent`](crate::Lookup::independent), or with [`independent`] for work of any kind.
#[derive(Clone, Debug, Default)]
pub struct Computing(Option<Arc<Frame>>);

struct Frame {
    kind: Kind,
    outer: Computing,
}

enum Kind {
    Computation {
        engine: Arc<Engine>,
        key: String,
        gathered: Mutex<Gathered>,
    },
    /// Nothing in it is inherited by what is around it.
    Independent,
}

/// The computation that inherits from a lookup of `key`.
pub(crate) struct Heir {
    frame: Arc<Frame>,
    key: Key,
    clock: Clock,
}

impl Computing {
    /// What the current task computes; nothing outside a computation.
    #[must_use]
    pub fn current() -> Self {
        COMPUTING.try_with(Clone::clone).unwrap_or_default()
    }

    /// Does `work` as a part of these computations, which inherit from it until they end.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        COMPUTING.scope(self, work).await
    }

    /// The same for work that is no future: on a thread of `spawn_blocking`, for example.
    pub fn sync_scope<R>(self, work: impl FnOnce() -> R) -> R {
        COMPUTING.sync_scope(self, work)
    }

    /// The computation of `key` inside those of the current task.
    pub(crate) fn of(engine: &Arc<Engine>, key: &Key) -> Self {
        let kind = Kind::Computation {
            engine: Arc::clone(engine),
            key: key.as_str().to_owned(),
            gathered: Mutex::default(),
        };
        Self::inside(kind)
    }

    fn inside(kind: Kind) -> Self {
        let outer = Self::current();
        Self(Some(Arc::new(Frame { kind, outer })))
    }

    /// What the innermost computation has inherited until now, which it does not keep.
    pub(crate) fn take_gathered(&self) -> Gathered {
        let frame = self.0.as_deref();
        let gathered = frame.and_then(Frame::gathered);
        gathered.map_or_else(Gathered::default, |mut gathered| {
            std::mem::take(&mut *gathered)
        })
    }

    /// Has the innermost computation inherit what was `gathered` before it began.
    pub(crate) fn keep(&self, gathered: Gathered) {
        if let Some(mut own) = self.0.as_deref().and_then(Frame::gathered) {
            own.add(gathered);
        }
    }

    fn frames(&self) -> impl Iterator<Item = &Arc<Frame>> {
        successors(self.0.as_ref(), |frame| frame.outer.0.as_ref())
    }
}

/// Does `work` so that the computation around it inherits nothing of it: neither tags nor lives.
pub async fn independent<F: Future>(work: F) -> F::Output {
    Computing::inside(Kind::Independent).scope(work).await
}

impl Frame {
    fn gathered(&self) -> Option<MutexGuard<'_, Gathered>> {
        match &self.kind {
            Kind::Computation { gathered, .. } => {
                Some(gathered.lock().unwrap_or_else(PoisonError::into_inner))
            }
            Kind::Independent => None,
        }
    }

    /// The key of the computation, if it is one of `engine`.
    fn key_of(&self, engine: &Engine) -> Option<&str> {
        match &self.kind {
            Kind::Computation {
                engine: own, key, ..
            } if std::ptr::eq(&raw const **own, engine) => Some(key),
            _ => None,
        }
    }
}

impl Heir {
    /// Inherits from the answer to the lookup; `None` if that is an error.
    pub(crate) fn inherit(&self, answer: Option<&Answer>) {
        if let Some(mut gathered) = self.frame.gathered() {
            match answer {
                Some(answer) => gathered.inherit(&self.key, answer, self.clock.now_ms()),
                None => gathered.block(Blocked::Lifeless, &self.key),
            }
        }
    }
}

/// The computation of `engine` that inherits from a lookup of `key` in the current task.
pub(crate) fn heir(engine: &Engine, key: &Key, is_independent: bool) -> Option<Heir> {
    if is_independent {
        return None;
    }
    let find = |computing: &Computing| {
        let mut frames = computing.frames();
        let is_end = |frame: &&Arc<Frame>| {
            matches!(frame.kind, Kind::Independent) || frame.key_of(engine).is_some()
        };
        let frame = frames.find(is_end)?;
        frame.key_of(engine).map(|_| Heir {
            frame: Arc::clone(frame),
            key: key.clone(),
            clock: engine.clock.clone(),
        })
    };
    COMPUTING.try_with(find).ok().flatten()
}

/// The `answer`, from which `heir` inherits.
pub(crate) async fn inherited_by(
    heir: Option<Heir>,
    answer: impl Future<Output = Result<Answer>>,
) -> Result<Answer> {
    let answer = answer.await;
    if let Some(heir) = heir {
        heir.inherit(answer.as_ref().ok());
    }
    answer
}

/// Has the computation that this task is in inherit from a hit. Only then is the `answer` looked at.
#[inline]
pub(crate) fn note_hit(
    engine: &Engine,
    key: &Key,
    is_independent: bool,
    answer: impl FnOnce() -> Answer,
) {
    if COMPUTING.try_with(|_| ()).is_ok() {
        note_hit_inside(engine, key, is_independent, &answer());
    }
}

#[cold] // So that it is no part of a plain hit.
fn note_hit_inside(engine: &Engine, key: &Key, is_independent: bool, answer: &Answer) {
    if let Some(heir) = heir(engine, key, is_independent) {
        heir.inherit(Some(answer));
    }
}

/// The keys of `engine` in whose computations the current task is, the outermost first.
pub(crate) fn computing(engine: &Engine) -> Vec<String> {
    let keys = |computing: &Computing| {
        let keys = computing.frames().filter_map(|frame| frame.key_of(engine));
        let mut keys: Vec<_> = keys.map(str::to_owned).collect();
        keys.reverse();
        keys
    };
    COMPUTING.try_with(keys).unwrap_or_default()
}

/// Whether the current task is part of the computation of `key`. A computation that asks for its own key would wait for itself.
pub(crate) fn is_computing(engine: &Engine, key: &str) -> bool {
    let has = |computing: &Computing| {
        computing
            .frames()
            .any(|frame| frame.key_of(engine) == Some(key))
    };
    COMPUTING.try_with(has).unwrap_or(false)
}

/// The lookup's own computation and those around it are named by their keys.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.kind {
            Kind::Computation { key, .. } => key,
            Kind::Independent => "independent",
        };
        f.debug_tuple(name).field(&self.outer).finish()
    }
}
