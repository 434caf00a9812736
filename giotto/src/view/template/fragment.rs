//! A fragment: a part of a page that the cache has by itself, also on a page that it does not have.
//!
//! Step 6 of an invocation: `{% call cache("sidebar", user.id, seconds=60) %}..{% endcall %}`. A template renders on the thread
//! that calls it, and the cache may have to be waited for. A page with fragments therefore renders on a thread that may wait:
//! one of the blocking pool, which works with every runtime and keeps no worker from other requests. There the fragment is an
//! ordinary lookup. If its computation is to run, the engine's task asks this thread for the body, which only it can render,
//! and the thread goes on waiting for the answer.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::{error, fmt};

use bytes::Bytes;
use giotto_cache::{Answer, Cache, Computed, Computing, Key, Lookup, Policy, literal};
use minijinja::value::{Kwargs, Value, from_args};
use minijinja::{Error, ErrorKind, State};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::site::Site;

/// How to write a fragment, for errors.
const EXAMPLE: &str =
    "{% call cache(\"sidebar\", user.id, seconds=60, tags=[\"nav\"]) %}..{% endcall %}";

/// What the fragments of one page share.
#[derive(Debug)]
pub(super) struct Fragments {
    /// `None` = they are rendered, and nothing is stored.
    stored: Option<Stored>,
    /// Whether a template of this renderer has any.
    are_met: Arc<AtomicBool>,
    /// How many the place is in that is rendered now.
    depth: AtomicUsize,
    /// The tokens of forms that are on this page, each of which is written in another way.
    tokens: Mutex<Vec<String>>,
    /// Whether the page shows messages to its reader, once.
    shows_flashes: AtomicBool,
}

/// Where fragments are stored, and what all their keys have.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) cache: Cache,
    pub(super) mimetype: String,
    /// Of all templates: a changed one is another fragment.
    pub(super) version: String,
    /// Whose addresses are in them.
    pub(super) site: Site,
}

impl Stored {
    /// The key of the fragment `name`.
    fn key(&self, name: &str, arguments: String) -> Key {
        let key = Key::new(&format!("fragment:{name}"), arguments, &self.mimetype);
        self.site.key(key)
    }
}

/// What a fragment depends on besides its name and the media type.
#[derive(Serialize)]
struct Arguments<'a> {
    arguments: &'a [Value],
    lang: Option<&'a str>,
    template: &'a str,
    escaping: String,
    version: &'a str,
}

/// A fragment as its call describes it.
struct Fragment {
    lookup: Option<Lookup>,
    /// The macro that renders it.
    caller: Value,
}

/// The thread that was to render has gone.
#[derive(Debug)]
struct Unrendered;

impl Fragments {
    /// Where they are `stored`; `are_met` tells whether a template of this renderer has any.
    pub(super) fn new(stored: Option<Stored>, are_met: &Arc<AtomicBool>) -> Self {
        Self {
            stored,
            are_met: Arc::clone(are_met),
            depth: AtomicUsize::new(0),
            tokens: Mutex::default(),
            shows_flashes: AtomicBool::new(false),
        }
    }

    /// Notes the token in `field`, the hidden field of a form.
    #[cfg(feature = "session")]
    pub(super) fn note_token(&self, field: &str) {
        let tokens = self.tokens.lock();
        let mut tokens = tokens.unwrap_or_else(PoisonError::into_inner);
        tokens.extend(field.rsplit('"').nth(1).map(str::to_owned));
    }

    /// Notes that the page shows messages to its reader.
    #[cfg(feature = "session")]
    pub(super) fn note_flashes(&self) {
        self.shows_flashes.store(true, Ordering::Relaxed);
    }

    /// Refuses what belongs to one reader, in a fragment, which is for many.
    #[cfg(feature = "session")]
    pub(super) fn refuse(&self, what: &str) -> Result<(), Error> {
        match self.depth.load(Ordering::Relaxed) {
            0 => Ok(()),
            _ => Err(of_one_reader(what)),
        }
    }
}

/// The call of `cache` with these `arguments`, on a page in the language `lang`.
pub(super) fn cache(
    fragments: &Fragments,
    lang: Option<&str>,
    state: &mut State<'_, '_>,
    arguments: &[Value],
) -> Result<Value, Error> {
    fragments.are_met.store(true, Ordering::Relaxed);
    // What is shown to one reader, once, may be in a variable.
    let is_shared = !fragments.shows_flashes.load(Ordering::Relaxed);
    let stored = fragments.stored.as_ref().filter(|_| is_shared);
    let Fragment { lookup, caller } = read(stored, lang, state, arguments)?;
    let mut rendered = None;
    let answer = match (stored, lookup) {
        (Some(stored), Some(lookup)) => answered(&stored.cache, lookup, || {
            let body = rendered.insert(render(fragments, state, &caller)).as_ref();
            body.ok().map(|body| Bytes::from(body.clone()))
        }),
        _ => None,
    };
    let text = match (rendered, answer) {
        (Some(Err(error)), _) => return Err(error),
        (_, Some(answer)) => String::from_utf8_lossy(&answer.entry.body()).into_owned(),
        (Some(Ok(text)), None) => text,
        // It is not to be stored, or another page has failed to render it.
        (None, None) => render(fragments, state, &caller)?,
    };
    Ok(Value::from_safe_string(text))
}

/// Reads a call: the lookup of what is `stored`, and the macro that renders it.
fn read(
    stored: Option<&Stored>,
    lang: Option<&str>,
    state: &State<'_, '_>,
    arguments: &[Value],
) -> Result<Fragment, Error> {
    let (given, named): (&[Value], Kwargs) = from_args(arguments)?;
    let usage = |problem: &str| {
        let message = format!("{problem}; write {EXAMPLE}");
        Error::new(ErrorKind::MissingArgument, message)
    };
    let caller: Option<Value> = named.get("caller")?;
    let caller = caller.ok_or_else(|| usage("cache(..) encloses what it stores"))?;
    let seconds: Option<u64> = named.get("seconds")?;
    let seconds = seconds.ok_or_else(|| usage("cache(..) needs the time that it is fresh for"))?;
    let tags: Option<Vec<String>> = named.get("tags")?;
    named.assert_all_used()?;
    let (name, given) = given
        .split_first()
        .and_then(|(name, given)| Some((name.as_str()?, given)))
        .ok_or_else(|| usage("cache(..) needs a name"))?;
    if let Some(at) = given.iter().position(Value::is_undefined) {
        let message = format!("cache({name:?}): argument {} is undefined", at + 2);
        return Err(Error::new(ErrorKind::UndefinedError, message));
    }
    let lookup = |stored: &Stored| {
        let arguments = Arguments {
            arguments: given,
            lang,
            template: state.name(),
            escaping: format!("{:?}", state.auto_escape()),
            version: &stored.version,
        };
        let arguments = literal::to_string(&arguments).map_err(|error| failed(&error))?;
        let key = stored.key(name, arguments);
        Ok::<_, Error>(Lookup::new(key, Policy::seconds(seconds)).tags(tags.unwrap_or_default()))
    };
    let lookup = stored.map(lookup).transpose()?;
    Ok(Fragment { lookup, caller })
}

/// The body of a fragment, which `caller` renders.
fn render(
    fragments: &Fragments,
    state: &mut State<'_, '_>,
    caller: &Value,
) -> Result<String, Error> {
    fragments.depth.fetch_add(1, Ordering::Relaxed);
    let body = caller.call(state, &[]);
    fragments.depth.fetch_sub(1, Ordering::Relaxed);
    let body = body?.to_string();
    let tokens = fragments.tokens.lock();
    let tokens = tokens.unwrap_or_else(PoisonError::into_inner);
    match tokens.iter().any(|token| body.contains(token)) {
        true => Err(of_one_reader("csrf()")),
        false => Ok(body),
    }
}

/// The answer to `lookup`, for which it may `render` the body; `None` if there is none.
///
/// It waits, so that it is only called on a thread that may. A disconnecting client does not interrupt it.
fn answered(
    cache: &Cache,
    lookup: Lookup,
    render: impl FnOnce() -> Option<Bytes>,
) -> Option<Answer> {
    let (ask, mut asked) = oneshot::channel();
    let compute = |_| async move {
        let (give, given) = oneshot::channel::<Bytes>();
        let computing = Computing::current();
        ask.send((computing, give)).map_err(|_| Unrendered)?;
        given.await.map(Computed::Page).map_err(|_| Unrendered)
    };
    let runtime = Handle::current();
    let mut answer = pin!(cache.answer(lookup, compute));
    let mut may_ask = true;
    let asked = poll_fn(|context| {
        if let Poll::Ready(answer) = answer.as_mut().poll(context) {
            return Poll::Ready(Err(answer));
        }
        if may_ask && let Poll::Ready(asked) = Pin::new(&mut asked).poll(context) {
            // Without a question, another page renders it.
            may_ask = asked.is_ok();
            return asked.map_or(Poll::Pending, |asked| Poll::Ready(Ok(asked)));
        }
        Poll::Pending
    });
    let (computing, give) = match runtime.block_on(asked) {
        Err(answer) => return answer.ok(),
        Ok(asked) => asked,
    };
    // Fragments in it, and what they are made of, count for this one.
    match computing.sync_scope(render) {
        Some(body) => _ = give.send(body),
        None => drop(give),
    }
    runtime.block_on(answer).ok()
}

fn of_one_reader(what: &str) -> Error {
    let message = format!(
        "{what} belongs to one reader, and the fragment goes to the cache, for many: put it outside of {{% call cache(..) %}}"
    );
    Error::new(ErrorKind::InvalidOperation, message)
}

fn failed(problem: &impl fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem.to_string())
}

impl fmt::Display for Unrendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the page that was to render the fragment has failed")
    }
}

impl error::Error for Unrendered {}
