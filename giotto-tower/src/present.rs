//! Which fields a request has, of those that the layer looks at: all of them are found in one pass over its names.
//!
//! The first step of a request.

use std::ops::BitOr;

use http::HeaderMap;

/// A set of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present(u8);

impl Present {
    const NONE: Self = Self(0);
    pub(crate) const UPGRADE: Self = Self(1);
    /// Conditions that only the origin may evaluate (RFC 9111, 4.3.2).
    pub(crate) const PRECONDITIONS: Self = Self(1 << 1);
    /// Conditions that are evaluated on a stored response.
    pub(crate) const CONDITIONS: Self = Self(1 << 2);
    pub(crate) const RANGE: Self = Self(1 << 3);
    pub(crate) const AUTHORIZATION: Self = Self(1 << 4);
    pub(crate) const COOKIE: Self = Self(1 << 5);
    /// Directives for caches.
    pub(crate) const DIRECTIVES: Self = Self(1 << 6);

    /// Those among `fields`.
    pub(crate) fn of(fields: &HeaderMap) -> Self {
        let names = fields.keys();
        names.fold(Self::NONE, |all, name| all | Self::named(name.as_str()))
    }

    fn named(name: &str) -> Self {
        match name {
            "upgrade" => Self::UPGRADE,
            "if-match" | "if-unmodified-since" => Self::PRECONDITIONS,
            "if-none-match" | "if-modified-since" | "if-range" => Self::CONDITIONS,
            "range" => Self::RANGE,
            "authorization" => Self::AUTHORIZATION,
            "cookie" => Self::COOKIE,
            "cache-control" | "pragma" => Self::DIRECTIVES,
            _ => Self::NONE,
        }
    }

    /// Whether there is one of `others`.
    pub(crate) const fn has(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

impl BitOr for Present {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_field_is_found_among_others() {
        for (name, of) in [
            ("Upgrade", Present::UPGRADE),
            ("If-Match", Present::PRECONDITIONS),
            ("If-Unmodified-Since", Present::PRECONDITIONS),
            ("If-None-Match", Present::CONDITIONS),
            ("If-Modified-Since", Present::CONDITIONS),
            ("If-Range", Present::CONDITIONS),
            ("Range", Present::RANGE),
            ("Authorization", Present::AUTHORIZATION),
            ("Cookie", Present::COOKIE),
            ("Cache-Control", Present::DIRECTIVES),
            ("Pragma", Present::DIRECTIVES),
            ("Ranges", Present::NONE),
        ] {
            let mut fields = HeaderMap::new();
            for name in ["host", name, "accept", name] {
                let name: HeaderName = name.parse().unwrap();
                fields.append(name, HeaderValue::from_static(""));
            }
            assert_eq!(Present::of(&fields), of, "{name}");
            assert_eq!(
                Present::of(&fields).has(Present::RANGE),
                of == Present::RANGE
            );
        }
    }
}
