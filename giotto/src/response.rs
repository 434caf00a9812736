//! A value with what belongs to it besides its page: a status and fields.
//!
//! Step 6 of an invocation: a model returns one, or a renderer. They are stored with the page and sent with every hit.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use giotto_cache::Metadata;
use http::{HeaderName, HeaderValue, header};

use crate::error::{Error, Result, quoted};
use crate::metadata::{OK, may_be_status, why_not};
use crate::mime::Mime;
use crate::page::Page;

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
/// - `Set-Cookie`, because a page may be stored for many clients;
/// - fields of the connection (RFC 9110, 7.6.1), such as `Connection` and `Transfer-Encoding`;
/// - what giotto writes itself: `Cache-Control`, `ETag`, `Vary`, `Content-Type`, `Content-Length`, `Content-Encoding`, `Date`
///   and the like;
/// - a value that is not visible ASCII, and more than 32 fields or 8 KiB.
pub struct Response<T> {
    value: T,
    status: Option<u16>,
    fields: Vec<(HeaderName, HeaderValue)>,
    /// The first mistake.
    error: Option<Error>,
    /// Not `Sync`, unlike every value that a model returns. This is how the compiler knows a `Result<Response<T>, E>`, whose
    /// view gets the `T`, from a `Result<T, E>`.
    is_no_value: PhantomData<Cell<()>>,
}

impl<T> Response<T> {
    /// `value`, with nothing besides.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self {
            value,
            status: None,
            fields: Vec::new(),
            error: None,
            is_no_value: PhantomData,
        }
    }

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

    /// The same around another value.
    pub(crate) fn map<V>(self, change: impl FnOnce(T) -> V) -> Response<V> {
        Response {
            value: change(self.value),
            status: self.status,
            fields: self.fields,
            error: self.error,
            is_no_value: PhantomData,
        }
    }

    /// The same with what `other` has besides its value, where this one says nothing else.
    pub(crate) fn or<V>(mut self, other: &Response<V>) -> Self {
        self.status = self.status.or(other.status);
        for (name, value) in &other.fields {
            if !self.fields.iter().any(|(own, _)| own == name) {
                self.fields.push((name.clone(), value.clone()));
            }
        }
        self
    }
}

impl Response<Bytes> {
    /// The page of `mime`.
    pub(crate) fn into_page(self, mime: Mime) -> Result<Page> {
        let page = Page::new(mime, self.value);
        if self.status.is_none() && self.fields.is_empty() {
            return Ok(page);
        }
        let status = self.status.filter(|status| *status != OK);
        let fields = self.fields.iter();
        let fields = fields.map(|(name, value)| (name.as_str(), value.as_bytes()));
        Ok(page.described(Metadata::new(status, fields)?))
    }
}

impl<B: Into<Bytes>> From<B> for Response<Bytes> {
    fn from(body: B) -> Self {
        Self::new(body.into())
    }
}

impl<T: fmt::Debug> fmt::Debug for Response<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("value", &self.value)
            .field("status", &self.status)
            .field("fields", &self.fields)
            .field("error", &self.error)
            .finish()
    }
}

/// The field `name`, or why it cannot be set.
fn field(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "a name is a token of RFC 9110, such as \"content-language\"")?;
    if let Some(why) = why_not(name.as_str()) {
        return Err(why);
    }
    let date;
    let value = match name == header::LAST_MODIFIED {
        false => value,
        true => {
            date = past(value, SystemTime::now()).ok_or(
                "its value is not a date such as \"Sun, 06 Nov 1994 08:49:37 GMT\" (RFC 9110, 5.6.7)",
            )?;
            &date
        }
    };
    // `HeaderValue` refuses control characters.
    let encoded = HeaderValue::from_str(value)
        .ok()
        .filter(|_| value.is_ascii());
    let value = encoded.ok_or(
        "its value is not visible ASCII: encode the rest, for example as filename*=UTF-8''f%C3%BCr.csv (RFC 8187)",
    )?;
    Ok((name, value))
}

/// The date `text`, or `now` if it is later: nothing was modified in the future (RFC 9110, 8.8.2.1). A clock that was set to
/// before 1970 cannot be written.
fn past(text: &str, now: SystemTime) -> Option<String> {
    let date = httpdate::parse_http_date(text).ok()?;
    Some(httpdate::fmt_http_date(date.min(now.max(UNIX_EPOCH))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn nothing_was_modified_in_the_future_by_any_clock() {
        let day = Duration::from_secs(24 * 3600);
        let [first, second] = [
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Fri, 02 Jan 1970 00:00:00 GMT",
        ];
        for (now, is) in [
            (UNIX_EPOCH + 2 * day, second),
            (UNIX_EPOCH + day, second),
            (UNIX_EPOCH, first),
            (UNIX_EPOCH - day, first),
        ] {
            assert_eq!(past(second, now).as_deref(), Some(is), "{now:?}");
        }
        assert_eq!(past("yesterday", UNIX_EPOCH), None);
    }
}
