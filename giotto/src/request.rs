//! What a controller asks of the application: no transport types in it.
//!
//! Made by a controller, read by every step of [`App::invoke`](crate::App::invoke).

use std::borrow::Cow;
use std::fmt;

use giotto_cache::Mode;
use smallvec::SmallVec;

/// Who asks: each front end of an application is a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// HTTP GET and HEAD: `http-get`.
    HttpGet,
    /// HTTP POST: `http-post`.
    HttpPost,
    /// The command line: `cmd`.
    Cmd,
}

/// The HTTP GET (and HEAD) controller, `http-get`.
pub const HTTP_GET: Controller = Controller::HttpGet;
/// The HTTP POST controller, `http-post`.
pub const HTTP_POST: Controller = Controller::HttpPost;
/// The command-line controller, `cmd`.
pub const CMD: Controller = Controller::Cmd;

impl Controller {
    pub(crate) const ALL: [Self; 3] = [HTTP_GET, HTTP_POST, CMD];
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HttpGet => "http-get",
            Self::HttpPost => "http-post",
            Self::Cmd => "cmd",
        })
    }
}

/// One invocation, as a controller understood it.
#[derive(Clone, Debug)]
pub struct Request<'r> {
    /// The segments of the path, decoded: the program's name, then positional arguments.
    pub(crate) path: Segments<'r>,
    /// Named arguments in the order given.
    pub(crate) data: Pairs<'r>,
    /// The media ranges that the caller accepts, as in RFC 9110, 12.5.1.
    pub(crate) accept: Cow<'r, str>,
    pub(crate) controller: Controller,
    /// How far the cache is asked.
    pub(crate) mode: Mode,
    /// Whether an old page is better than waiting for a fresh one.
    pub(crate) takes_stale: bool,
    /// Header fields of the transport, for middleware; a model never sees them.
    pub(crate) metadata: Option<&'r dyn Metadata>,
}

/// Most invocations have no more than so many segments and arguments, and then a hit allocates for neither.
pub(crate) type Segments<'r> = SmallVec<[Cow<'r, str>; 4]>;
pub(crate) type Pairs<'r> = SmallVec<[(Cow<'r, str>, Value<'r>); 4]>;

/// A named argument as it was given.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'r> {
    /// Text of a query, a form or the command line.
    Text(Cow<'r, str>),
    /// A member of a JSON body.
    Json(Box<serde_json::Value>),
}

/// Header fields that came with a request.
pub trait Metadata: fmt::Debug + Sync {
    /// The first value of the field `name`, if there is one and it is text.
    fn get(&self, name: &str) -> Option<&str>;
}

impl<'r> Request<'r> {
    /// An invocation by `controller` of the program at `path`, `squared` or `blog/post/12`; what follows the
    /// program's name are positional arguments. Everything is accepted.
    #[must_use]
    pub fn new(controller: Controller, path: &'r str) -> Self {
        Self {
            path: path
                .split('/')
                .filter(|_| !path.is_empty())
                .map(Cow::from)
                .collect(),
            data: Pairs::new(),
            accept: "*/*".into(),
            controller,
            mode: Mode::Prefer,
            takes_stale: controller != CMD,
            metadata: None,
        }
    }

    /// The same with argument `name` given as the text `value`.
    #[must_use]
    pub fn argument(mut self, name: &'r str, value: impl Into<Cow<'r, str>>) -> Self {
        self.data.push((name.into(), Value::Text(value.into())));
        self
    }

    /// The same, accepting these media ranges only, written as in the `Accept` field of HTTP.
    #[must_use]
    pub fn accept(self, accept: impl Into<Cow<'r, str>>) -> Self {
        Self {
            accept: accept.into(),
            ..self
        }
    }

    /// The same, asking the cache only so far.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The same, taking an old page at once where a fresh one is still to be computed, or not. HTTP takes it if not
    /// told otherwise, the command line waits.
    #[must_use]
    pub fn take_stale(self, takes_stale: bool) -> Self {
        Self {
            takes_stale,
            ..self
        }
    }

    /// Who asks.
    #[must_use]
    pub const fn controller(&self) -> Controller {
        self.controller
    }

    /// The segments of the path, decoded: the program's name, then positional arguments.
    #[must_use]
    pub fn path(&self) -> &[Cow<'r, str>] {
        &self.path
    }

    /// Named arguments in the order given.
    #[must_use]
    pub fn data(&self) -> &[(Cow<'r, str>, Value<'r>)] {
        &self.data
    }

    /// The transport's header field `name`; always `None` on the command line.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.metadata.and_then(|metadata| metadata.get(name))
    }

    /// Gives argument `name` the text `value`, whatever the caller gave. What middleware sets here, the
    /// signed-in user for example, becomes part of the key if the model has a parameter of that name.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.data.retain(|(given, _)| *given != name);
        self.data
            .push((name.into(), Value::Text(Cow::Owned(value.into()))));
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Json(value) => write!(f, "{value}"),
        }
    }
}
