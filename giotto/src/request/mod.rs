//! What a controller asks of the application, without types of a transport.
//!
//! Made by a controller, read by every step of [`App::invoke`](crate::App::invoke).

mod fields;
mod origin;
#[cfg(feature = "session")]
mod session;
mod value;

use std::borrow::Cow;
use std::fmt;

use giotto_cache::Mode;
use smallvec::SmallVec;

pub use self::fields::Metadata;
pub(crate) use self::fields::{Asked, Recorded};
pub(crate) use self::value::Given;
pub use self::value::Value;
use crate::language;
#[cfg(feature = "session")]
use crate::session::{Carried, Session};

/// A front end of an application: HTTP reading, HTTP writing, or the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

    /// Whether it is HTTP, and not the command line.
    #[must_use]
    pub const fn is_http(self) -> bool {
        !matches!(self, Self::Cmd)
    }
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
    /// Whether the named arguments come from a form, which does not send check boxes that are not ticked.
    pub(crate) is_form: bool,
    /// How the request may use the cache.
    pub(crate) mode: Mode,
    /// Whether the caller prefers an old page to waiting for a fresh one.
    pub(crate) takes_stale: bool,
    /// Whether the controller can pass a page on as it is stored, under zstd.
    pub(crate) takes_coded: bool,
    /// Whether a new page is stored whatever the rate of its program's budget, and at the first request.
    pub(crate) is_admitted: bool,
    /// Header fields of the transport, for middleware; a model never sees them.
    pub(crate) metadata: Recorded<'r>,
    /// What its origin is, besides the fields.
    pub(crate) asked: Asked<'r>,
    #[cfg(feature = "session")]
    pub(crate) session: Carried<'r>,
}

/// Most invocations have at most four segments and four arguments. A hit allocates for neither then.
pub(crate) type Segments<'r> = SmallVec<[Cow<'r, str>; 4]>;
pub(crate) type Pairs<'r> = SmallVec<[(Cow<'r, str>, Value<'r>); 4]>;

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
            is_form: false,
            mode: Mode::Prefer,
            takes_stale: controller != CMD,
            takes_coded: false,
            is_admitted: controller == CMD,
            metadata: Recorded::default(),
            asked: Asked::default(),
            #[cfg(feature = "session")]
            session: Carried::Given(Session::default()),
        }
    }

    /// The same with argument `name` given as the text `value`.
    #[must_use]
    pub fn argument(mut self, name: &'r str, value: impl Into<Cow<'r, str>>) -> Self {
        self.data.push((name.into(), Value::text(value)));
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

    /// The same with another use of the cache.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The same, with the choice whether an old page is served at once while a fresh one is computed. By default, HTTP
    /// takes the old page and the command line waits.
    #[must_use]
    pub fn take_stale(self, takes_stale: bool) -> Self {
        Self {
            takes_stale,
            ..self
        }
    }

    /// The same with the header fields `metadata`, for tests of middleware.
    ///
    /// ```
    /// use giotto::{HTTP_GET, Request};
    ///
    /// let mut fields = http::HeaderMap::new();
    /// fields.insert("x-user", http::HeaderValue::from_static("ada"));
    /// let request = Request::new(HTTP_GET, "account").metadata(&fields);
    /// assert_eq!(request.header("x-user"), Some("ada"));
    /// ```
    #[must_use]
    pub fn metadata(self, metadata: &'r dyn Metadata) -> Self {
        Self {
            metadata: Recorded::new(metadata),
            ..self
        }
    }

    /// The controller that the request is for; [`is_http`](Controller::is_http) says which front end that is. A program of
    /// [`management`](crate::management()) looks for the page that readers of HTTP get, on the command line, too.
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

    /// The transport's header field `name`. The command line has the fields that `--header='accept-language: de'` gives.
    ///
    /// The response names this field in `Vary`, even if the request does not have it. If the field may identify the reader,
    /// as `Cookie` and `Authorization` do, no cache downstream stores the page, not even the browser, unless the program has
    /// a [`max_age`](crate::Program::max_age). Every field counts as such, except a list of fields that browsers and proxies
    /// send by themselves, such as `Accept-Language`, `User-Agent` and `X-Forwarded-Proto`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.metadata.read(name)?.get(name)
    }

    /// The value of the cookie `name` (RFC 6265), as it was sent. The page depends on the field `Cookie` then, as with
    /// [`header`](Self::header).
    ///
    /// ```
    /// use giotto::{HTTP_GET, Request};
    ///
    /// let mut fields = http::HeaderMap::new();
    /// fields.insert("cookie", http::HeaderValue::from_static("theme=dark; session=31d4d96e"));
    /// let request = Request::new(HTTP_GET, "account").metadata(&fields);
    /// assert_eq!(request.cookie("session"), Some("31d4d96e"));
    /// assert_eq!(request.cookie("sess"), None);
    /// ```
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        cookies(self.metadata.read("cookie")?, name).next()
    }

    /// The one of the `offered` languages that suits the reader best, by `Accept-Language` and the lookup of RFC 4647: a
    /// reader of `de-AT` gets `de`. The first is the default. The page depends on the field then, as with
    /// [`header`](Self::header).
    ///
    /// ```
    /// use giotto::{HTTP_GET, Request};
    ///
    /// let mut fields = http::HeaderMap::new();
    /// fields.insert("accept-language", http::HeaderValue::from_static("de-AT, en;q=0.5"));
    /// let mut request = Request::new(HTTP_GET, "news").metadata(&fields);
    /// assert_eq!(request.language(&["en", "de"]), "de");
    /// request.set("lang", request.language(&["en", "de"])); // part of the key
    /// ```
    #[must_use]
    pub fn language<'o>(&self, offered: &[&'o str]) -> &'o str {
        let fields = self.metadata.read("accept-language");
        let accepted = fields.map(|fields| fields.get_all("accept-language"));
        language::choose(&accepted.unwrap_or_default().join(","), offered)
    }

    /// Sets argument `name` to the text `value` and replaces what the caller gave. What middleware sets, for example the
    /// signed-in user, becomes part of the key if the model has a parameter of that name.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.data.retain(|(given, _)| *given != name);
        self.data.push((name.into(), Value::text(value.into())));
    }

    /// Sets argument `name` to nothing, whatever the caller gave, also as a positional argument: an `Option` is `None`.
    pub fn set_none(&mut self, name: &'static str) {
        self.data.retain(|(given, _)| *given != name);
        self.data
            .push((name.into(), Value::json(serde_json::Value::Null)));
    }
}

/// The values of the cookies `name`, in the order sent.
fn cookies<'r>(fields: &'r dyn Metadata, name: &str) -> impl Iterator<Item = &'r str> {
    let cookies = fields.get_all("cookie").into_iter();
    let pairs = cookies.flat_map(|cookies| cookies.split(';'));
    pairs.filter_map(move |pair| {
        let (given, value) = pair.split_once('=')?;
        (given.trim() == name).then(|| value.trim())
    })
}
