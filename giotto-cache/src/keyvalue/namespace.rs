//! The text in front of every key of one deployment, so that several can share a store.
//!
//! Used by the stores outside this process: what they store, and what `clear` may remove.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind, Result};

/// `prod:` in front of every key of a store, or nothing. For implementations of [`KeyValue`](crate::KeyValue).
#[derive(Clone, Debug, Default)]
pub struct Namespace {
    prefix: String,
}

impl Namespace {
    /// The namespace `name`: letters, digits, `.`, `_` and `-`, so that it cannot be mistaken for part of a key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] if `name` has other characters, or none.
    pub fn new(name: &str) -> Result<Self> {
        if !is_name(name) {
            let message =
                format!("the namespace {name:?} must be letters, digits, '.', '_' and '-'");
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        Ok(Self {
            prefix: format!("{name}:"),
        })
    }

    /// `key` as it is stored: `prod:{'x': 12}(squared)(text/html)`.
    #[must_use]
    pub fn stored<'k>(&self, key: &'k str) -> Cow<'k, str> {
        match self.prefix.is_empty() {
            true => Cow::Borrowed(key),
            false => Cow::Owned(format!("{}{key}", self.prefix)),
        }
    }

    /// What every stored key of this namespace begins with, and none of another. The [keys](crate::Key) of
    /// programs begin with `{` where there is no namespace.
    #[must_use]
    pub fn prefix(&self) -> &str {
        match self.prefix.as_str() {
            "" => "{",
            prefix => prefix,
        }
    }

    /// Whether `stored` may be a key of this namespace. Without one, these are all keys that do not begin like those of a
    /// namespace: also `GET example.com/(http)()` and `settings`, and not `user:7`.
    #[cfg(feature = "redis")]
    pub(crate) fn has(&self, stored: &str) -> bool {
        match self.prefix.as_str() {
            "" => !stored
                .split_once(':')
                .is_some_and(|(name, _)| is_name(name)),
            prefix => stored.starts_with(prefix),
        }
    }

    #[cfg(feature = "redis")]
    pub(crate) const fn is_none(&self) -> bool {
        self.prefix.is_empty()
    }
}

fn is_name(name: &str) -> bool {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    !name.is_empty() && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_stands_in_front() {
        let key = "{'x': 12}(squared)(text/html)";
        let namespace = Namespace::new("prod").unwrap();
        assert_eq!(namespace.stored(key), "prod:{'x': 12}(squared)(text/html)");
        assert_eq!(namespace.prefix(), "prod:");
        assert_eq!(Namespace::default().stored(key), key);
        assert_eq!(Namespace::default().prefix(), "{");
    }

    #[cfg(feature = "redis")]
    #[test]
    fn a_key_is_of_one_namespace_or_of_none() {
        let (none, prod) = (Namespace::default(), Namespace::new("prod").unwrap());
        for own in [
            "{'x': 12}(squared)(text/html)",
            "GET localhost:80/(http)()",
            "settings",
            ":a",
        ] {
            assert!(none.has(own), "{own}");
            assert!(!none.has(&prod.stored(own)) && prod.has(&prod.stored(own)));
            assert!(!prod.has(own));
        }
    }

    #[test]
    fn a_namespace_that_could_be_mistaken_for_part_of_a_key_is_refused() {
        for name in [
            "", "a:b", "a b", "a(", "{'x'", "é", "a\n", "a/b", "a\0", "a*",
        ] {
            let error = Namespace::new(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{name:?}");
        }
        assert!(Namespace::new("My-app_1.2").is_ok());
    }
}
