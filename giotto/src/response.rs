//! A value with what belongs to it besides its page: a status and fields.
//!
//! Step 6 of an invocation: a model returns one, or a renderer. Status and fields are stored with the page and sent with every
//! hit. Cookies are for one client, and only a page that is never stored may have some.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use giotto_cache::Metadata;
use http::{HeaderName, HeaderValue, header};

use crate::cookie::Cookie;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::metadata::{OK, field, may_be_status};
use crate::mime::Mime;
use crate::page::{Page, Told};
use crate::site::Site;

/// A value with a status and fields of HTTP that belong to its page, such as `Content-Language` or `Last-Modified`.
///
/// A model returns one, alone or in a `Result`; then the view gets the value. A renderer returns one around its text or bytes,
/// for fields of one media type, and its fields go before those of the model. They are stored with the page and sent with
/// every hit. The command line prints the page alone.
///
/// ```
/// use giotto::Response;
/// use giotto::prelude::*;
///
/// #[derive(Serialize)]
/// struct Report { year: u16, total: u64 }
///
/// #[model]
/// fn make_report(year: u16) -> Response<Report> {
///     Response::new(Report { year, total: 12 }).header("content-language", "de")
/// }
///
/// let csv = |report: &Report| {
///     let name = format!("attachment; filename=\"report-{}.csv\"", report.year);
///     Response::new(format!("total\n{}\n", report.total)).header("content-disposition", name)
/// };
/// let program = Program::new(make_report).cache(3600).view(BasicView::new().renders("text/csv", csv));
/// ```
///
/// A status or field that cannot be set is an error of the program: HTTP 500, with the reason in the log, and nothing is
/// stored. Refused are:
///
/// - a status that is not 200 to 299, or one without a whole page (204, 205, 206);
/// - `Set-Cookie` as a field; [`cookie`](Self::cookie) sets one;
/// - fields of the connection (RFC 9110, 7.6.1), such as `Connection` and `Transfer-Encoding`;
/// - what giotto writes itself: `Cache-Control`, `ETag`, `Vary`, `Content-Type`, `Content-Length`, `Content-Encoding`, `Date`
///   and the like;
/// - a value that is not visible ASCII, and more than 64 fields or 16 KiB.
///
/// `C` says whether it may set cookies: it is [`Cookies`] after [`cookie`](Self::cookie). A program with a cache whose model or
/// view returns such a response is refused when the application starts.
pub struct Response<T, C = ()> {
    value: T,
    status: Option<u16>,
    fields: Vec<(HeaderName, HeaderValue)>,
    cookies: Vec<Cookie>,
    /// The first mistake.
    error: Option<Error>,
    /// Not `Sync`, unlike every value that a model returns. This is how the compiler knows a `Result<Response<T>, E>`, whose
    /// view gets the `T`, from a `Result<T, E>`.
    is_no_value: PhantomData<Cell<C>>,
}

/// Marks a [`Response`] that may set cookies: `fn sign_in(..) -> Response<Redirection, Cookies>`.
#[derive(Clone, Copy, Debug)]
pub enum Cookies {}

/// Whether a [`Response`] may set cookies: [`Cookies`], or `()`.
#[doc(hidden)]
pub trait MaySetCookies: sealed::MaySetCookies + 'static {
    #[doc(hidden)]
    const SETS_COOKIES: bool;
}

mod sealed {
    //! Keeps applications from implementing the trait of this file.

    pub trait MaySetCookies {}
    impl MaySetCookies for () {}
    impl MaySetCookies for super::Cookies {}
}

impl MaySetCookies for () {
    const SETS_COOKIES: bool = false;
}

impl MaySetCookies for Cookies {
    const SETS_COOKIES: bool = true;
}

impl<T> Response<T> {
    /// `value`, with nothing besides.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self {
            value,
            status: None,
            fields: Vec::new(),
            cookies: Vec::new(),
            error: None,
            is_no_value: PhantomData,
        }
    }
}

impl<T, C> Response<T, C> {
    /// Sends the page with `status`, for example 201, instead of 200.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        match may_be_status(status) {
            true => self.status = Some(status),
            false => self.mistake(format!(
                "{status} cannot be the status of a page: give 200 to 299 without 204, 205 and 206; return a Redirection or \
                 an Error for others"
            )),
        }
        self
    }

    /// Sends the field `name` with the page. It replaces an earlier one of that name; join several values with commas.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<str>) -> Self {
        let value = value.as_ref().trim_matches([' ', '\t']);
        match field(name, value) {
            Ok(field) => self.set(field),
            Err(why) => self.mistake(format!("the field {} cannot be set: {why}", quoted(name))),
        }
        self
    }

    /// Sends `cookie` to the client, over HTTP; the command line has no cookies. It replaces an earlier one of its name. A
    /// program with a cache cannot set cookies: its page is for many clients.
    ///
    /// ```
    /// use giotto::prelude::*;
    /// use giotto::{Cookie, Cookies};
    ///
    /// #[model]
    /// fn choose_theme(theme: String) -> Response<Redirection, Cookies> {
    ///     Response::new(Redirection::to("/")).cookie(Cookie::new("theme", theme))
    /// }
    /// let program = Program::new(choose_theme).controllers([HTTP_POST]).view(View::new());
    /// ```
    #[must_use]
    pub fn cookie(self, cookie: Cookie) -> Response<T, Cookies> {
        self.cookies([cookie])
    }

    /// The same for several cookies, or for none.
    #[must_use]
    pub fn cookies(self, cookies: impl IntoIterator<Item = Cookie>) -> Response<T, Cookies> {
        let mut response = self.marked();
        for cookie in cookies {
            match cookie.field() {
                Ok(_) => {
                    response.cookies.retain(|own| own.name() != cookie.name());
                    response.cookies.push(cookie);
                }
                Err(why) => response.mistake(refused(&cookie, why)),
            }
        }
        response
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> &T {
        &self.value
    }

    fn set(&mut self, (name, value): (HeaderName, HeaderValue)) {
        self.fields.retain(|(own, _)| *own != name);
        self.fields.push((name, value));
    }

    fn mistake(&mut self, message: String) {
        self.error.get_or_insert_with(|| Error::other(message));
    }

    /// The same, unless there is a mistake in it.
    pub(crate) fn checked(self) -> Result<Self> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }

    /// The same around another value, and under another mark. Its cookies stay.
    pub(crate) fn map<V, D>(self, change: impl FnOnce(T) -> V) -> Response<V, D> {
        Response {
            value: change(self.value),
            status: self.status,
            fields: self.fields,
            cookies: self.cookies,
            error: self.error,
            is_no_value: PhantomData,
        }
    }

    /// The same under another mark.
    pub(crate) fn marked<D>(self) -> Response<T, D> {
        self.map(|value| value)
    }

    /// The same with what `other` has besides its value, where this one says nothing else.
    fn or<V, D>(mut self, other: &Response<V, D>) -> Self {
        self.status = self.status.or(other.status);
        for (name, value) in &other.fields {
            if !self.fields.iter().any(|(own, _)| own == name) {
                self.fields.push((name.clone(), value.clone()));
            }
        }
        for cookie in &other.cookies {
            if !self.cookies.iter().any(|own| own.name() == cookie.name()) {
                self.cookies.push(cookie.clone());
            }
        }
        self
    }

    /// The page that a view has `rendered` of its value, with what it has besides. A redirection has its cookies, too. The
    /// application is at `site`.
    pub(crate) fn page(
        &self,
        rendered: Result<Response<Bytes>>,
        mime: Mime,
        site: &Site,
    ) -> Result<Page> {
        match rendered {
            Ok(page) => page.or(self).into_page(mime, site),
            Err(error) if matches!(error.kind(), ErrorKind::Redirection(_)) => {
                Err(error.with_cookies(set_cookies(&self.cookies, site)?))
            }
            Err(error) => Err(error),
        }
    }
}

impl Response<Bytes> {
    /// The page of `mime`, of an application at `site`.
    pub(crate) fn into_page(self, mime: Mime, site: &Site) -> Result<Page> {
        let Self {
            value,
            status,
            fields,
            cookies,
            ..
        } = self;
        let page = Page::new(mime, value).tell_downstream(set_cookies(&cookies, site)?);
        if status.is_none() && fields.is_empty() {
            return Ok(page);
        }
        let status = status.filter(|status| *status != OK);
        let fields = fields.iter();
        let fields = fields.map(|(name, value)| (name.as_str(), value.as_bytes()));
        Ok(page.described(Metadata::new(status, fields)?))
    }
}

/// The fields of these cookies, of an application at `site`.
fn set_cookies(cookies: &[Cookie], site: &Site) -> Result<Vec<Told>> {
    let fields = cookies.iter().map(|cookie| {
        let field = cookie.clone().below(site.cookie_path()).field();
        let field = field.map_err(|why| Error::other(refused(cookie, why)))?;
        Ok((header::SET_COOKIE, field))
    });
    fields.collect()
}

fn refused(cookie: &Cookie, why: &str) -> String {
    format!("the cookie {} cannot be set: {why}", quoted(cookie.name()))
}

impl<B: Into<Bytes>> From<B> for Response<Bytes> {
    fn from(body: B) -> Self {
        Self::new(body.into())
    }
}

impl<T: fmt::Debug, C> fmt::Debug for Response<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("value", &self.value)
            .field("status", &self.status)
            .field("fields", &self.fields)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
