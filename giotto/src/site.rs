//! Where an application answers: the path before all of its addresses (`http.base`), and its origin (`http.origin`).
//!
//! Known before the first request. The first step of an invocation over HTTP takes the base off the path, and whatever makes an
//! address puts it before it.

use std::borrow::Cow;
use std::sync::Arc;

use giotto_cache::Key;
use http::Uri;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::error::{Error, Result, quoted};

/// The characters that a URI (RFC 3986, 2) cannot contain, besides those that are not ASCII. `%` is not among them: an address
/// may be encoded already.
const NOT_IN_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Where an application answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Site {
    /// `/library`; empty = at the root of its host.
    base: Arc<str>,
    /// `https://example.org`
    origin: Option<Arc<str>>,
    /// Whether requests arrive without the base.
    is_stripped: bool,
    /// Both, for the keys of pages, which show them; `None` if there is neither.
    mark: Option<Arc<str>>,
}

impl Site {
    /// The same under the path `base`, or why that is none.
    pub(crate) fn with_base(self, base: &str) -> Result<Self, &'static str> {
        let base = parse_base(base)?.into();
        Ok(Self { base, ..self }.marked())
    }

    /// The same at `origin`, or why that is none.
    pub(crate) fn with_origin(self, origin: &str) -> Result<Self, &'static str> {
        let origin = Some(parse_origin(origin)?.into());
        Ok(Self { origin, ..self }.marked())
    }

    /// The same, whose requests arrive without the base if it `is_stripped`.
    pub(crate) fn stripped(self, is_stripped: bool) -> Self {
        Self {
            is_stripped,
            ..self
        }
    }

    fn marked(mut self) -> Self {
        let origin = self.origin.as_deref().unwrap_or_default();
        let mark = [origin, &*self.base].concat();
        self.mark = (!mark.is_empty()).then(|| mark.into());
        self
    }

    /// `/library`, or an empty text.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn has_base(&self) -> bool {
        !self.base.is_empty()
    }

    pub(crate) fn origin(&self) -> Option<&Arc<str>> {
        self.origin.as_ref()
    }

    /// The path to which cookies belong.
    pub(crate) fn cookie_path(&self) -> &str {
        match self.has_base() {
            true => &self.base,
            false => "/",
        }
    }

    /// The path before all addresses in requests as they arrive; empty if a proxy takes it off.
    pub(crate) fn base_of_requests(&self) -> &str {
        match self.is_stripped {
            true => "",
            false => &self.base,
        }
    }

    /// What follows the base in the `path` of a request; `None` if it is not below the base.
    pub(crate) fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        let base = self.base_of_requests();
        if base.is_empty() {
            return Some(path);
        }
        let rest = match path.strip_prefix(base) {
            Some(rest) => rest,
            None => self.below_encoded(path)?,
        };
        match rest {
            "" => Some("/"),
            rest => rest.starts_with('/').then_some(rest),
        }
    }

    /// The same for a base with characters that are percent-encoded without need: `/%6Cibrary`.
    fn below_encoded<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut rest = path;
        for segment in self.base.split('/').skip(1) {
            let after = rest.strip_prefix('/')?;
            let end = after.find('/').unwrap_or(after.len());
            let given = percent_decode_str(&after[..end]);
            if !given.eq(segment.bytes()) {
                return None;
            }
            rest = &after[end..];
        }
        Some(rest)
    }

    /// The `address` with the base, if it is a path on this host that is not below the base already. Any other stays.
    pub(crate) fn local<'a>(&self, address: &'a str) -> Cow<'a, str> {
        match self.has_base() && is_local(address) && !self.has(address) {
            true => format!("{}{address}", self.base).into(),
            false => address.into(),
        }
    }

    fn has(&self, address: &str) -> bool {
        let rest = address.strip_prefix(&*self.base);
        rest.is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'/' | b'?' | b'#')))
    }

    /// The address of `path`, which begins with one slash.
    pub(crate) fn url(&self, path: &str) -> Result<String> {
        match is_local(path) {
            true => Ok(encoded(&self.local(path))),
            false => Err(Error::other(format!(
                "{} is not a path on this host: write it with one slash at its beginning, such as \"/admin/cover\"",
                quoted(path)
            ))),
        }
    }

    /// The same with the origin.
    pub(crate) fn absolute(&self, path: &str) -> Result<String> {
        let origin = self.origin.as_ref().ok_or_else(no_origin)?;
        Ok(format!("{origin}{}", self.url(path)?))
    }

    /// Refuses absolute addresses where there is no origin.
    #[cfg(feature = "template")]
    pub(crate) fn check_origin(&self) -> Result<()> {
        self.origin.as_ref().map(drop).ok_or_else(no_origin)
    }

    /// The `key` of a page whose addresses begin as they do here. Pages of different bases or origins have different keys.
    #[inline]
    pub(crate) fn key(&self, key: Key) -> Key {
        match &self.mark {
            None => key,
            Some(mark) => marked(&key, mark),
        }
    }
}

/// The `key` with the `mark` as a parameter of its media type.
#[cold]
fn marked(key: &Key, mark: &str) -> Key {
    let text = key.as_str();
    let open = text.strip_suffix(')').unwrap_or(text);
    Key::read(format!("{open}; at={mark})")).expect("a mark has no parenthesis")
}

/// `address` as a field or a page has it: without a character that a URI cannot have.
pub(crate) fn encoded(address: &str) -> String {
    utf8_percent_encode(address, NOT_IN_URI).to_string()
}

/// Whether `address` is a path on the same host. `//host` names another one, and browsers read `/\host` so, too.
fn is_local(address: &str) -> bool {
    let rest = address.strip_prefix('/');
    rest.is_some_and(|rest| !rest.starts_with(['/', '\\']))
}

/// `base` without a slash at its end.
fn parse_base(base: &str) -> Result<&str, &'static str> {
    let bare = base.strip_suffix('/').unwrap_or(base);
    if bare.is_empty() {
        return Ok(bare);
    }
    let Some(segments) = bare.strip_prefix('/') else {
        return Err("a path that begins with a slash, such as \"/library\"");
    };
    let is_segment = |segment: &str| {
        let mut bytes = segment.bytes();
        !matches!(segment, "" | "." | "..")
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    match segments.split('/').all(is_segment) {
        true => Ok(bare),
        false => Err(
            "a path such as \"/library\" or \"/apps/library\": letters and digits of ASCII, -, ., _ and ~ between single \
             slashes, and no . or .. alone",
        ),
    }
}

/// `origin` in lower case, without a slash at its end.
pub(crate) fn parse_origin(origin: &str) -> Result<String, &'static str> {
    let expected = "a scheme and a host, such as \"https://example.org\" or \"http://localhost:5000\"; a path is http.base";
    let bare = origin.strip_suffix('/').unwrap_or(origin);
    let uri: Uri = bare.parse().map_err(|_| expected)?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let is_bare = bare.len() == uri.scheme_str().map_or(0, str::len) + "://".len() + host.len();
    match is_web && is_bare && !host.starts_with(':') && host.bytes().all(is_host) {
        true if !host.is_empty() => Ok(bare.to_ascii_lowercase()),
        _ => Err(expected),
    }
}

fn no_origin() -> Error {
    Error::configuration(
        "an absolute address needs the origin of the application: write origin = \"https://example.org\" under [http] into \
         giotto.toml, or give it App::origin(..)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(base: &str) -> Site {
        Site::default().with_base(base).unwrap()
    }

    #[test]
    fn a_base_is_a_path_of_plain_segments() {
        for (given, base) in [
            ("", ""),
            ("/", ""),
            ("/library", "/library"),
            ("/library/", "/library"),
            ("/a/b-c.d_e~1", "/a/b-c.d_e~1"),
            ("/...", "/..."),
        ] {
            assert_eq!(site(given).base(), base, "{given}");
        }
        for wrong in [
            "library",
            "library/",
            "//",
            "//evil.com",
            "/a//b",
            "/library//",
            "/a/../b",
            "/.",
            "/..",
            "/a/./b",
            "/%6Cibrary",
            "/b\u{fc}cher",
            "/a b",
            "/a?b",
            "/a#b",
            "/a;b",
            "/a\\b",
            "/a(b)",
            "/{id}",
            "/*",
            "https://example.org/library",
            " /library",
            "/a\n",
        ] {
            let problem = Site::default().with_base(wrong).unwrap_err();
            assert!(problem.contains("\"/library\""), "{wrong}: {problem}");
        }
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for (given, origin) in [
            ("https://example.org", "https://example.org"),
            ("HTTPS://Example.org/", "https://example.org"),
            ("http://localhost:5000", "http://localhost:5000"),
            ("http://[::1]:80", "http://[::1]:80"),
        ] {
            let site = Site::default().with_origin(given).unwrap();
            assert_eq!(site.origin().unwrap().as_ref(), origin, "{given}");
        }
        for wrong in [
            "",
            "example.org",
            "//example.org",
            "ftp://example.org",
            "https://",
            "https://:80",
            "https://example.org/library",
            "https://example.org?a",
            "https://example.org#a",
            "https://ada:secret@example.org",
            "https://exa(mple.org",
            "https://example.org//",
            "https://exa mple.org",
            "javascript:alert(1)",
        ] {
            let problem = Site::default().with_origin(wrong).unwrap_err();
            assert!(problem.contains("http.base"), "{wrong}: {problem}");
        }
    }

    #[test]
    fn a_request_is_below_the_base_by_whole_segments() {
        let library = site("/library");
        for (path, rest) in [
            ("/library", Some("/")),
            ("/library/", Some("/")),
            ("/library/book/7", Some("/book/7")),
            ("/library//book", Some("//book")),
            ("/library//evil.com", Some("//evil.com")),
            ("/library/library/book", Some("/library/book")),
            ("/%6Cibrary/book", Some("/book")),
            ("/%6cib%72ary", Some("/")),
            ("/library/..", Some("/..")),
            ("/libraryx", None),
            ("/librar", None),
            ("/lib", None),
            ("/Library/book", None),
            ("/library%2Fbook", None),
            ("/x/../library/book", None),
            ("//library/book", None),
            ("/./library/book", None),
            ("/", None),
            ("/book/7", None),
            ("library", None),
            ("", None),
        ] {
            assert_eq!(library.below(path), rest, "{path}");
        }
        assert_eq!(site("/lib").below("/library"), None);
        assert_eq!(site("/a/b").below("/a/b/c"), Some("/c"));
        assert_eq!(site("/a/b").below("/a%2Fb/c"), None);
        assert_eq!(site("/a/b").below("/a/%62/c"), Some("/c"));
        let stripped = library.stripped(true);
        assert_eq!(stripped.below("/library/book"), Some("/library/book"));
    }

    #[test]
    fn only_a_path_of_this_host_gets_the_base_and_once() {
        let library = site("/library");
        for (address, with_base) in [
            ("/", "/library/"),
            ("/book/7?a=b#c", "/library/book/7?a=b#c"),
            ("/libraryx", "/library/libraryx"),
            ("/library", "/library"),
            ("/library/book", "/library/book"),
            ("/library?page=2", "/library?page=2"),
            ("/library#top", "/library#top"),
            ("book/7", "book/7"),
            ("?page=2", "?page=2"),
            ("#top", "#top"),
            ("", ""),
            ("//evil.com", "//evil.com"),
            ("/\\evil.com", "/\\evil.com"),
            ("https://example.org/", "https://example.org/"),
            ("javascript:alert(1)", "javascript:alert(1)"),
        ] {
            assert_eq!(library.local(address), with_base, "{address}");
            assert_eq!(Site::default().local(address), address);
        }
    }

    #[test]
    fn an_address_is_made_of_a_path_of_this_host_alone() {
        let at = site("/library").with_origin("https://example.org").unwrap();
        assert_eq!(at.url("/a b\u{fc}").unwrap(), "/library/a%20b%C3%BC");
        let absolute = at.absolute("/library/a").unwrap();
        assert_eq!(absolute, "https://example.org/library/a");
        for wrong in ["", "a", "//evil.com", "/\\evil.com", "https://evil.com"] {
            let error = at.absolute(wrong).unwrap_err().to_string();
            assert!(error.contains("one slash"), "{wrong}: {error}");
        }
        let error = site("/library").absolute("/a").unwrap_err().to_string();
        assert!(error.contains("origin = \"https://"), "{error}");
    }

    #[test]
    fn pages_of_two_sites_have_two_keys() {
        let key = || Key::new("book", "{'id': 7}", "text/html");
        assert_eq!(Site::default().key(key()), key());
        let library = site("/library");
        let at = library.clone().with_origin("https://a.org").unwrap();
        let root = Site::default().with_origin("https://a.org").unwrap();
        let texts = [&library, &at, &root].map(|site| site.key(key()).to_string());
        assert_eq!(texts[0], "{'id': 7}(book)(text/html; at=/library)");
        assert_eq!(
            texts[1],
            "{'id': 7}(book)(text/html; at=https://a.org/library)"
        );
        assert_eq!(texts[2], "{'id': 7}(book)(text/html; at=https://a.org)");
        assert_eq!(library.key(key()).program(), "book");
    }
}
