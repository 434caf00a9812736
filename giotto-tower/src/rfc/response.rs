//! The directives of a response (RFC 9111, 5.2.2; RFC 5861; RFC 9213).
//!
//! Serves `storable.rs`, `freshness.rs` and `fields.rs`. Of what contradicts itself, the most restrictive counts: RFC 9111,
//! 4.2.1 lets a cache take the first of two values or consider the response stale, and the smaller value never does more
//! than the first.

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName};

use super::dictionary::{self, Item};
use super::list;

/// The targeted field of this cache (RFC 9213, 3.1).
const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
/// What a number that does not fit is taken for (RFC 9111, 1.2.2), and the most that any is.
const MOST_SECONDS: u64 = 1 << 31;

/// The directives of a response that mean something to a shared cache. `immutable` and `no-transform` do not: this cache
/// revalidates only what is stale, and transforms nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ResponseDirectives {
    pub(super) public: bool,
    pub(super) private: Scope,
    pub(super) no_store: bool,
    pub(super) no_cache: Scope,
    pub(super) must_revalidate: bool,
    pub(super) proxy_revalidate: bool,
    pub(super) must_understand: bool,
    /// Seconds, like the next three.
    pub(super) max_age: Option<u64>,
    pub(super) s_maxage: Option<u64>,
    pub(super) stale_while_revalidate: Option<u64>,
    pub(super) stale_if_error: Option<u64>,
    /// They are from `CDN-Cache-Control`, so that `Cache-Control` and `Expires` do not count.
    pub(super) targeted: bool,
}

/// What a directive such as `private="set-cookie"` is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Scope {
    #[default]
    Nothing,
    /// These fields.
    Fields(Vec<HeaderName>),
    Everything,
}

/// The argument of a directive.
enum Argument<'a> {
    None,
    Text(&'a [u8]),
    /// It cannot be read.
    Malformed,
}

impl ResponseDirectives {
    /// The directives that count for this cache: those of `CDN-Cache-Control` if it is a dictionary with members (RFC 9213,
    /// 2.2), otherwise those of `Cache-Control`.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self::targeted(headers).unwrap_or_else(|| Self::of_cache_control(headers))
    }

    /// The directives of `Cache-Control`, in any case, with or without quotes around an argument (RFC 9111, 5.2).
    pub(super) fn of_cache_control(headers: &HeaderMap) -> Self {
        let (mut directives, mut is_malformed) = (Self::default(), false);
        for member in list::members(headers, &CACHE_CONTROL) {
            let (name, argument) = split(member);
            if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
                // No directive, but perhaps one that was written wrongly, such as `private; max-age=60`.
                is_malformed = true;
                continue;
            }
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            let unquoted = match argument {
                Argument::Text(text) => list::unquoted(text),
                _ => None,
            };
            let argument = match &unquoted {
                Some(text) => Argument::Text(text),
                None => argument,
            };
            directives.add(&name, &argument);
        }
        if is_malformed {
            // Not by `must-understand`: what was meant is not understood.
            directives.must_understand = false;
            directives.no_store = true;
        }
        directives
    }

    /// The directives of `CDN-Cache-Control`. `None` if it is not there, empty or not well-formed: then it is ignored.
    fn targeted(headers: &HeaderMap) -> Option<Self> {
        let members = dictionary::dictionary(headers, &CDN_CACHE_CONTROL)?;
        let mut directives = Self {
            targeted: true,
            ..Self::default()
        };
        for (name, item) in members {
            let number;
            let argument = match &item {
                Item::Boolean(false) => continue,
                Item::Boolean(true) => Argument::None,
                Item::Integer(seconds) => {
                    number = seconds.to_string();
                    Argument::Text(number.as_bytes())
                }
                // A list of fields; in place of a number it is the wrong type (RFC 9213, 2.1).
                Item::String(fields) if matches!(&*name, "private" | "no-cache") => {
                    Argument::Text(fields.as_bytes())
                }
                Item::String(_) | Item::Other => Argument::Malformed,
            };
            directives.add(&name, &argument);
        }
        Some(directives)
    }

    /// Takes in one directive. An unknown one is ignored (RFC 9111, 5.2.3); so is the argument of one that has none.
    fn add(&mut self, name: &str, argument: &Argument<'_>) {
        match name {
            "public" => self.public = true,
            "private" => self.private.add(argument),
            "no-store" => self.no_store = true,
            "no-cache" => self.no_cache.add(argument),
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            "must-understand" => self.must_understand = true,
            "max-age" => least(&mut self.max_age, argument),
            "s-maxage" => least(&mut self.s_maxage, argument),
            "stale-while-revalidate" => least(&mut self.stale_while_revalidate, argument),
            "stale-if-error" => least(&mut self.stale_if_error, argument),
            _ => {}
        }
    }

    /// Whether a stale response may be served at all: RFC 9111, 4.2.4, and 5.2.2.10 for `s-maxage`, which includes
    /// `proxy-revalidate`.
    pub(super) fn may_be_stale(&self) -> bool {
        let revalidate = self.must_revalidate || self.proxy_revalidate;
        !revalidate && self.s_maxage.is_none() && self.no_cache != Scope::Everything
    }

    /// Whether a response to a request with `Authorization` may be shared (RFC 9111, 3.5).
    pub(super) fn shared_with_authorization(&self) -> bool {
        self.public || self.must_revalidate || self.s_maxage.is_some()
    }
}

impl Scope {
    /// The fields that are named.
    pub(super) fn fields(&self) -> &[HeaderName] {
        match self {
            Self::Fields(fields) => fields,
            Self::Nothing | Self::Everything => &[],
        }
    }

    fn add(&mut self, argument: &Argument<'_>) {
        let named = match argument {
            Argument::Text(text) => {
                let fields: Result<Vec<_>, _> =
                    list::split(text).map(HeaderName::from_bytes).collect();
                fields.ok().filter(|fields| !fields.is_empty())
            }
            Argument::None | Argument::Malformed => None,
        };
        match (&mut *self, named) {
            (Self::Fields(own), Some(named)) => own.extend(named),
            (Self::Nothing, Some(named)) => *self = Self::Fields(named),
            _ => *self = Self::Everything,
        }
    }
}

/// The name and the argument of a directive. Whitespace around the equals sign is an error in the argument.
fn split(member: &[u8]) -> (&[u8], Argument<'_>) {
    let Some(at) = member.iter().position(|&byte| byte == b'=') else {
        return (member, Argument::None);
    };
    let (name, argument) = (&member[..at], &member[at + 1..]);
    let is_tight = name.trim_ascii_end() == name && argument.trim_ascii_start() == argument;
    match is_tight {
        true => (name, Argument::Text(argument)),
        false => (name.trim_ascii_end(), Argument::Malformed),
    }
}

/// The smaller of two values of a directive. One that is no number of seconds is zero: "caches are encouraged to consider
/// responses that have invalid freshness information to be stale" (RFC 9111, 4.2.1).
fn least(own: &mut Option<u64>, argument: &Argument<'_>) {
    let seconds = match argument {
        Argument::Text(text) => seconds(text).unwrap_or_default(),
        Argument::None | Argument::Malformed => 0,
    };
    *own = Some(own.map_or(seconds, |own| own.min(seconds)));
}

/// A number of seconds (RFC 9111, 1.2.2): digits only.
pub(super) fn seconds(text: &[u8]) -> Option<u64> {
    list::number(text).map(|seconds| seconds.min(MOST_SECONDS))
}

/// A byte of a token (RFC 9110, 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of(cache_control: &[&str], targeted: &[&str]) -> ResponseDirectives {
        let mut headers = HeaderMap::new();
        for (name, lines) in [
            (CACHE_CONTROL, cache_control),
            (CDN_CACHE_CONTROL, targeted),
        ] {
            for line in lines {
                headers.append(&name, HeaderValue::from_str(line).unwrap());
            }
        }
        ResponseDirectives::of(&headers)
    }

    fn fields(names: &[&'static str]) -> Scope {
        Scope::Fields(names.iter().copied().map(HeaderName::from_static).collect())
    }

    #[test]
    fn the_most_restrictive_of_conflicting_directives_counts() {
        let none = ResponseDirectives::default;
        let max_age = |seconds| ResponseDirectives {
            max_age: Some(seconds),
            ..none()
        };
        let private = |private| ResponseDirectives { private, ..none() };
        let no_cache = |no_cache| ResponseDirectives { no_cache, ..none() };
        let no_store = || ResponseDirectives {
            no_store: true,
            ..none()
        };
        let cases: [(&[&str], ResponseDirectives); 34] = [
            (&[], none()),
            (&["immutable, foo, foo=bar, foo=\"a, max-age=1\""], none()),
            (&["max-age=3600"], max_age(3600)),
            (&["MaX-aGe=003600"], max_age(3600)),
            (&["max-age=\"3600\""], max_age(3600)),
            (&["max-age='3600'"], max_age(0)),
            (&["max-age=-3600"], max_age(0)),
            (&["max-age=3600.0"], max_age(0)),
            (&["max-age=3600a"], max_age(0)),
            (&["max-age"], max_age(0)),
            (&["max-age="], max_age(0)),
            (&["max-age =3600"], max_age(0)),
            (&["max-age= 3600"], max_age(0)),
            (&["max-age=3600; public"], max_age(0)),
            (&["max-age=99999999999999999999999"], max_age(1 << 31)),
            (&["max-age=1800, max-age=1"], max_age(1)),
            (&["max-age=1", "max-age=1800"], max_age(1)),
            (&["extension=\"max-age=3600\", max-age=1"], max_age(1)),
            (&["No-StOrE"], no_store()),
            (&["no-store=x"], no_store()),
            (&["private; max-age=60"], no_store()),
            (&["=60"], no_store()),
            (&["private"], private(Scope::Everything)),
            (
                &["private=\"Set-Cookie, x\""],
                private(fields(&["set-cookie", "x"])),
            ),
            (&["private=x"], private(fields(&["x"]))),
            (
                &["private=\"x\", private=\"y\""],
                private(fields(&["x", "y"])),
            ),
            (&["private=\"x\", private"], private(Scope::Everything)),
            (&["private, private=\"x\""], private(Scope::Everything)),
            (&["private=\"\""], private(Scope::Everything)),
            (&["private=\"x y\""], private(Scope::Everything)),
            (&["private=\"x"], private(Scope::Everything)),
            (&["private =\"x\""], private(Scope::Everything)),
            (
                &["no-cache=\"a\"", "no-cache=\"b\""],
                no_cache(fields(&["a", "b"])),
            ),
            (&["no-cache"], no_cache(Scope::Everything)),
        ];
        for (lines, expected) in cases {
            assert_eq!(of(lines, &[]), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_targeted_field_counts_alone_if_it_is_well_formed() {
        let plain = ResponseDirectives {
            no_store: true,
            ..Default::default()
        };
        let none = || ResponseDirectives {
            targeted: true,
            ..Default::default()
        };
        let cases: [(&str, Option<ResponseDirectives>); 13] = [
            (
                "max-age=60",
                Some(ResponseDirectives {
                    max_age: Some(60),
                    ..none()
                }),
            ),
            (
                "max-age=99999999999",
                Some(ResponseDirectives {
                    max_age: Some(1 << 31),
                    ..none()
                }),
            ),
            (
                "max-age=-1",
                Some(ResponseDirectives {
                    max_age: Some(0),
                    ..none()
                }),
            ),
            (
                "max-age=\"60\"",
                Some(ResponseDirectives {
                    max_age: Some(0),
                    ..none()
                }),
            ),
            (
                "max-age=60.5",
                Some(ResponseDirectives {
                    max_age: Some(0),
                    ..none()
                }),
            ),
            (
                "max-age=1, max-age=2",
                Some(ResponseDirectives {
                    max_age: Some(2),
                    ..none()
                }),
            ),
            (
                "private",
                Some(ResponseDirectives {
                    private: Scope::Everything,
                    ..none()
                }),
            ),
            (
                "private=\"x\"",
                Some(ResponseDirectives {
                    private: fields(&["x"]),
                    ..none()
                }),
            ),
            (
                "no-store=?0, public",
                Some(ResponseDirectives {
                    public: true,
                    ..none()
                }),
            ),
            ("foo", Some(none())),
            ("", None),
            ("max-age=60, &&&", None),
            ("Max-Age=60", None),
        ];
        for (line, expected) in cases {
            let own = of(&["no-store"], &[line]);
            assert_eq!(own, expected.unwrap_or_else(|| plain.clone()), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn a_directive_more_never_allows_more(
            line in "[a-z=0-9\", -]{0,30}",
            more in proptest::sample::select(vec![
                "no-store", "private", "no-cache", "must-revalidate", "max-age=0", "s-maxage=0",
            ]),
        ) {
            let own = of(&[&line, more], &[]);
            let stays = match more {
                "no-store" => own.no_store,
                "private" => own.private == Scope::Everything,
                "no-cache" => own.no_cache == Scope::Everything,
                "must-revalidate" => own.must_revalidate,
                "max-age=0" => own.max_age == Some(0),
                _ => own.s_maxage == Some(0),
            };
            prop_assert!(stays, "{line:?} {more}: {own:?}");
        }
    }
}
