//! Where and how a cache downstream takes purges: the address, and templates of a request.
//!
//! The second part of a purge. Varnish, Fastly and Cloudflare are templates as any other.

use std::fmt;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::Full;

use super::queue::Batch;
use crate::error::{Error, Result};

/// Cloudflare takes no more operations in a request. <https://developers.cloudflare.com/cache/how-to/purge-cache/>
const MOST: usize = 100;
/// <https://www.fastly.com/documentation/reference/api/purging/>
const MOST_OF_FASTLY: usize = 256;

/// What stands in a template for a part of the request.
const PARTS: [&str; 7] = [
    "{tag}", "{tags}", "{list}", "{json}", "{regex}", "{soft}", "{token}",
];

/// Where and how a cache downstream takes purges. Its token is shown nowhere.
#[derive(Clone)]
pub struct EndPoint {
    name: String,
    method: Method,
    uri: Uri,
    fields: Vec<(When, HeaderName, String)>,
    body: String,
    token: String,
    most: usize,
    is_soft: bool,
}

/// The purges that a field is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Any,
    Hard,
    Soft,
}

impl EndPoint {
    /// Varnish with the module xkey: `PURGE` with the tags, separated by spaces, in `xkey`, or in `xkey-softpurge` for a
    /// [soft](Self::soft) purge.
    ///
    /// # Errors
    ///
    /// If `url` is no address of HTTP.
    pub fn varnish_xkey(url: &str) -> Result<Self> {
        let tags = "{tags}";
        Self::http("PURGE", url)?
            .when(When::Hard, "xkey", tags)?
            .when(When::Soft, "xkey-softpurge", tags)
    }

    /// Varnish without modules: `BAN` with a regular expression in `x-cache-tags` that matches a field with one of the tags.
    /// A ban is always hard.
    ///
    /// # Errors
    ///
    /// If `url` is no address of HTTP.
    pub fn varnish_ban(url: &str) -> Result<Self> {
        Self::http("BAN", url)?.field("x-cache-tags", "{regex}")
    }

    /// Fastly: `POST` to `https://api.fastly.com/service/ID/purge`.
    ///
    /// # Errors
    ///
    /// If `url` is no address of HTTP, or `token` cannot stand in a field.
    pub fn fastly(url: &str, token: impl Into<String>) -> Result<Self> {
        let end_point = Self::http("POST", url)?
            .token(token)?
            .field("fastly-key", "{token}")?
            .field("surrogate-key", "{tags}")?
            .when(When::Soft, "fastly-soft-purge", "1")?;
        Ok(end_point.at_most(MOST_OF_FASTLY))
    }

    /// Cloudflare: `POST` to `https://api.cloudflare.com/client/v4/zones/ID/purge_cache`. It knows hard purges only.
    ///
    /// # Errors
    ///
    /// If `url` is no address of HTTP, or `token` cannot stand in a field.
    pub fn cloudflare(url: &str, token: impl Into<String>) -> Result<Self> {
        let end_point = Self::http("POST", url)?
            .token(token)?
            .field("authorization", "Bearer {token}")?
            .field("content-type", "application/json")?;
        Ok(end_point.body(r#"{"tags":{json}}"#))
    }

    /// An end point of any other form. In the values of its fields and in its body stand
    ///
    /// | | |
    /// |---|---|
    /// | `{tags}` | the tags, separated by spaces |
    /// | `{list}` | the tags, separated by commas |
    /// | `{json}` | the tags as a JSON array |
    /// | `{tag}` | the tag; a request has one only |
    /// | `{regex}` | a regular expression for a field with one of the tags |
    /// | `{soft}` | `1` for a [soft](Self::soft) purge, `0` for a hard one |
    /// | `{token}` | the token |
    ///
    /// # Errors
    ///
    /// If `method` is no method, or `url` no address of HTTP.
    pub fn http(method: &str, url: &str) -> Result<Self> {
        let method = Method::try_from(method)
            .map_err(|_| wrong(&format!("{method:?} is no method of HTTP, such as POST")))?;
        let uri = Uri::try_from(url).ok().filter(|uri| {
            let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
            let authority = uri.authority().map(http::uri::Authority::as_str);
            is_http && authority.is_some_and(|authority| !authority.contains('@'))
        });
        let uri = uri.ok_or_else(|| {
            wrong("the URL is not of the form http://host:port/path or https://host/path, without a user")
        })?;
        Ok(Self {
            name: uri.host().unwrap_or_default().to_owned(),
            method,
            uri,
            fields: Vec::new(),
            body: String::new(),
            token: String::new(),
            most: MOST,
            is_soft: false,
        })
    }

    /// The same with the name by which the log knows it, the host's by default.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        let name = name.into();
        Self { name, ..self }
    }

    /// The same with the secret that proves the right to purge.
    ///
    /// # Errors
    ///
    /// If `token` cannot stand in a field.
    pub fn token(self, token: impl Into<String>) -> Result<Self> {
        let token = token.into();
        if token.is_empty() || HeaderValue::try_from(&token).is_err() {
            return Err(wrong(
                "the token is empty, or has characters that a field of HTTP cannot have",
            ));
        }
        Ok(Self { token, ..self })
    }

    /// The same with the field `name`.
    ///
    /// # Errors
    ///
    /// If `name` is no name of a field, or `value` cannot be its value.
    pub fn field(self, name: &str, value: &str) -> Result<Self> {
        self.when(When::Any, name, value)
    }

    /// The same with a body.
    #[must_use]
    pub fn body(self, body: impl Into<String>) -> Self {
        let body = body.into();
        Self { body, ..self }
    }

    /// The same with at most so many tags in a request, 100 by default.
    #[must_use]
    pub fn at_most(self, tags: usize) -> Self {
        let most = tags.max(1);
        Self { most, ..self }
    }

    /// The same with soft purges for soft invalidations: the cache downstream may serve what is old for as long as its own
    /// settings say. By default every purge is hard, because they may allow more than the policy of the program does.
    #[must_use]
    pub fn soft(self, is_soft: bool) -> Self {
        Self { is_soft, ..self }
    }

    fn when(mut self, when: When, name: &str, value: &str) -> Result<Self> {
        let field = HeaderName::try_from(name);
        let field = field.map_err(|_| wrong(&format!("{name:?} is no name of a field of HTTP")))?;
        if HeaderValue::try_from(value).is_err() {
            return Err(wrong(&format!(
                "the value of {name:?} has characters that a field of HTTP cannot have"
            )));
        }
        self.fields.push((when, field, value.to_owned()));
        Ok(self)
    }

    pub(super) fn shown_name(&self) -> &str {
        &self.name
    }

    pub(super) const fn is_soft(&self) -> bool {
        self.is_soft
    }

    /// The most tags of one request.
    pub(super) fn most(&self) -> usize {
        let mut templates = self.fields.iter().map(|(_, _, template)| template);
        match templates.any(|template| template.contains("{tag}")) || self.body.contains("{tag}") {
            true => 1,
            false => self.most,
        }
    }

    /// The request that purges `batch`.
    pub(super) fn request(&self, batch: &Batch) -> Request<Full<Bytes>> {
        let body = self.filled(&self.body, batch);
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        let agent = HeaderValue::from_static(concat!("giotto/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, agent);
        for (when, name, template) in &self.fields {
            let is_meant = match when {
                When::Any => true,
                When::Hard => batch.is_hard,
                When::Soft => !batch.is_hard,
            };
            // Tags are printable ASCII, and the rest is checked.
            if is_meant && let Ok(mut value) = HeaderValue::try_from(self.filled(template, batch)) {
                value.set_sensitive(template.contains("{token}"));
                request.headers_mut().append(name, value);
            }
        }
        request
    }

    /// `template` with its parts. In one pass, because a tag may look like a part.
    fn filled(&self, template: &str, batch: &Batch) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            text.push_str(before);
            let part = PARTS.into_iter().find(|part| from.starts_with(part));
            text.push_str(&part.map_or_else(|| "{".to_owned(), |part| self.part(part, batch)));
            rest = &from[part.map_or(1, str::len)..];
        }
        text + rest
    }

    fn part(&self, part: &str, Batch { tags, is_hard }: &Batch) -> String {
        match part {
            "{list}" => tags.join(","),
            // No tag has a character that JSON escapes.
            "{json}" => format!("[\"{}\"]", tags.join("\",\"")),
            "{regex}" => regex(tags),
            "{soft}" => u8::from(!is_hard).to_string(),
            "{token}" => self.token.clone(),
            _ => tags.join(" "),
        }
    }
}

/// Matches a value of a field that has one of the `tags`. It has no space, which separates the words of a ban of Varnish.
fn regex(tags: &[String]) -> String {
    let escaped = tags.iter().map(|tag| {
        let mut escaped = String::new();
        for character in tag.chars() {
            if ".+*?()[]{}|^$".contains(character) {
                escaped.push('\\');
            }
            escaped.push(character);
        }
        escaped
    });
    let tags: Vec<String> = escaped.collect();
    format!("(^|[[:space:],])({})([[:space:],]|$)", tags.join("|"))
}

fn wrong(problem: &str) -> Error {
    Error::configuration(format!("wrong purge end point: {problem}"))
}

impl fmt::Debug for EndPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndPoint")
            .field("name", &self.name)
            .field("method", &self.method)
            .field("host", &self.uri.host())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
