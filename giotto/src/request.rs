//! What a controller asks of the application, and what it gets: no transport types in either.
//!
//! Made by a controller, read by every step of [`App::invoke`](crate::App::invoke).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{Answer, Mode, Reason, Staleness, Status};
use percent_encoding::{CONTROLS, utf8_percent_encode};
use smallvec::SmallVec;

use crate::view::Mime;

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

/// A finished page.
#[derive(Clone, Debug)]
pub struct Rendered {
    mime: Mime,
    body: Bytes,
    receipt: Option<Receipt>,
    private: bool,
}

/// How a page of a program with a cache was come by. It is shown as a member of `Cache-Status` (RFC 9211):
/// `giotto; hit; ttl=3540`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Receipt {
    /// Hit, stored, collapsed; `None` if the cache was not asked, because models are mocked.
    pub status: Option<Status>,
    /// Why it was not a fresh hit; `None` if it was.
    pub reason: Option<Reason>,
    /// The strong entity tag of the page, quotes included; none once the page was changed.
    pub etag: Option<Bytes>,
    /// How much longer the page is fresh; `None` = for ever.
    pub fresh_for: Option<Duration>,
    /// For how long the page has not been fresh any more; zero while it is.
    pub stale_for: Duration,
}

impl Receipt {
    pub(crate) fn new(answer: &Answer) -> Self {
        Self {
            status: Some(answer.status),
            reason: answer.reason.clone(),
            etag: Some(answer.entry.etag()),
            fresh_for: answer.fresh_for,
            stale_for: answer.stale_for,
        }
    }

    /// Of an answer without a page.
    pub(crate) fn of_failure(reason: Reason) -> Self {
        Self {
            status: Some(Status::NotStored),
            reason: Some(reason),
            ..Self::bypassing()
        }
    }

    const fn bypassing() -> Self {
        Self {
            status: None,
            reason: None,
            etag: None,
            fresh_for: Some(Duration::ZERO),
            stale_for: Duration::ZERO,
        }
    }

    /// The `ttl` parameter of RFC 9211 of a page that is not fresh any more.
    fn negative_ttl(&self) -> i64 {
        -i64::try_from(self.stale_for.as_secs()).unwrap_or(i64::MAX)
    }

    /// The `fwd` parameter of RFC 9211: why the model was asked.
    fn forward(&self) -> &'static str {
        match self.reason {
            Some(Reason::Expired | Reason::Invalidated(_) | Reason::Version) => "stale",
            Some(Reason::Refresh) => "request",
            Some(Reason::Bypass) => "bypass",
            _ => "uri-miss",
        }
    }

    /// What a person wants to know besides: the reason, and what became of the attempt to compute.
    fn detail(&self) -> String {
        let reason = self
            .reason
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let more = match self.status {
            Some(Status::Stale(Staleness::Revalidating)) => ", revalidating",
            Some(Status::Stale(Staleness::Failed)) => ", the model failed",
            Some(Status::Stale(Staleness::Late)) => ", the model is late",
            Some(Status::Stale(Staleness::Throttled)) => ", the model failed lately",
            _ => "",
        };
        format!("{reason}{more}")
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("giotto; ")?;
        let Some(status) = self.status else {
            return f.write_str("fwd=bypass");
        };
        match (status, self.fresh_for) {
            (Status::Hit, Some(fresh_for)) => write!(f, "hit; ttl={}", fresh_for.as_secs())?,
            (Status::Hit, None) => f.write_str("hit")?,
            (Status::Stale(Staleness::Revalidating | Staleness::Throttled), _) => {
                write!(f, "hit; ttl={}", self.negative_ttl())?;
            }
            (Status::Stale(_), _) => {
                write!(f, "fwd={}; ttl={}", self.forward(), self.negative_ttl())?;
            }
            (Status::Stored, _) => write!(f, "fwd={}; stored", self.forward())?,
            (Status::Collapsed, _) => write!(f, "fwd={}; collapsed", self.forward())?,
            _ => write!(f, "fwd={}", self.forward())?,
        }
        let detail = self.detail();
        let is_token = |detail: &str| {
            detail
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || character == '-')
        };
        match detail.as_str() {
            "" => Ok(()),
            token if is_token(token) => write!(f, "; detail={token}"),
            // A string of a structured field is ASCII, with two characters escaped (RFC 9651, 3.3.3).
            text => {
                let text = utf8_percent_encode(text, CONTROLS).to_string();
                let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "; detail=\"{text}\"")
            }
        }
    }
}

impl Rendered {
    pub(crate) fn new(mime: Mime, body: Bytes) -> Self {
        Self {
            mime,
            body,
            receipt: None,
            private: false,
        }
    }

    pub(crate) fn from_cache(mime: Mime, answer: Answer) -> Self {
        let receipt = Receipt::new(&answer);
        Self {
            receipt: Some(receipt),
            ..Self::new(mime, answer.entry.into_body())
        }
    }

    /// A page that a cache could have held, had it been asked.
    pub(crate) fn bypassing(mime: Mime, body: Bytes) -> Self {
        Self {
            receipt: Some(Receipt::bypassing()),
            ..Self::new(mime, body)
        }
    }

    /// From here on only this caller may keep the page.
    pub(crate) const fn make_private(&mut self) {
        self.private = true;
    }

    /// The media type.
    #[must_use]
    pub fn mime(&self) -> &Mime {
        &self.mime
    }

    /// The page itself.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    pub(crate) fn into_body(self) -> Bytes {
        self.body
    }

    /// Replaces the page. What was known of the stored one no longer holds for it: it has no entity tag
    /// and nobody may keep it.
    pub fn set_body(&mut self, body: impl Into<Bytes>) {
        self.body = body.into();
        self.private = true;
        if let Some(receipt) = &mut self.receipt {
            receipt.etag = None;
            receipt.fresh_for = Some(Duration::ZERO);
        }
    }

    /// How it was come by, for a program with a cache.
    #[must_use]
    pub fn receipt(&self) -> Option<&Receipt> {
        self.receipt.as_ref()
    }

    /// Whether shared caches have to leave it alone: middleware decided that this caller may have it.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.private
    }
}
