//! What a page depends on besides its address: what of the request chose its media type, and what middleware read.
//!
//! A ground type: a request records it, and its page carries it to the controller.

use std::sync::{Mutex, PoisonError};

/// What of a request chose the media type of its page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Negotiated {
    /// Nothing: the path names it, or the program renders no other.
    #[default]
    Nothing,
    /// What the client accepts.
    Accept,
    /// What the client accepts, or whether it is a script, which gets JSON.
    AcceptOrScript,
}

/// The fields that do not say who the reader is. Every other one may: `Cookie` and `Authorization` do, and one that no
/// browser sends by itself comes from a proxy that has signed the reader in, or from a script.
const IMPERSONAL: [&str; 16] = [
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Dnt",
    "Forwarded",
    "Host",
    "Origin",
    "Referer",
    "Save-Data",
    "User-Agent",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Requested-With",
];

/// The fields of a request that middleware has read, whether they were there or not.
#[derive(Debug, Default)]
pub(crate) struct FieldsRead(Mutex<String>);

/// The names in their canonical form, each once: `Cookie, Accept-Language`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names(String);

impl FieldsRead {
    pub(crate) fn record(&self, name: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut names, name);
    }

    pub(crate) fn names(&self) -> Names {
        Names(
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        )
    }
}

impl Clone for FieldsRead {
    fn clone(&self) -> Self {
        let Names(names) = self.names();
        Self(Mutex::new(names))
    }
}

impl Names {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the fields may say who the reader is.
    pub(crate) fn are_personal(&self) -> bool {
        // `Sec-` is the browser's own: no script can set such a field.
        let is_impersonal = |name: &str| name.starts_with("Sec-") || IMPERSONAL.contains(&name);
        !self.is_empty() && !self.0.split(", ").all(is_impersonal)
    }

    /// These names after `others`, each once.
    pub(crate) fn after(&self, others: &str) -> String {
        let mut names = others.to_owned();
        self.0.split(", ").for_each(|name| add(&mut names, name));
        names
    }
}

/// Adds `name` to `names` if it is not among them. What cannot be the name of a field is in no request.
fn add(names: &mut String, name: &str) {
    let is_in_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_known = names
        .split(", ")
        .any(|known| known.eq_ignore_ascii_case(name));
    if is_known || name.is_empty() || !name.bytes().all(is_in_token) {
        return;
    }
    if !names.is_empty() {
        names.push_str(", ");
    }
    let mut is_first = true;
    names.extend(name.chars().map(|character| {
        let is_capital = std::mem::replace(&mut is_first, character == '-');
        match is_capital {
            true => character.to_ascii_uppercase(),
            false => character.to_ascii_lowercase(),
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_named_once_in_its_canonical_form() {
        let read = FieldsRead::default();
        assert!(read.names().is_empty());
        for name in [
            "accept-language",
            "X-USER",
            "Accept-Language",
            "",
            "a b",
            "a, b",
            "ü",
            "x-user",
        ] {
            read.record(name);
        }
        assert_eq!(read.names().after(""), "Accept-Language, X-User");
        assert_eq!(
            read.names().after("Accept, X-User"),
            "Accept, X-User, Accept-Language"
        );
        let (clone, before) = (read.clone(), read.names());
        read.record("x-later");
        assert_eq!(clone.names(), before);
    }

    #[test]
    fn a_field_is_personal_unless_it_is_known_not_to_be() {
        let read = FieldsRead::default();
        assert!(!read.names().are_personal());
        for name in IMPERSONAL {
            read.record(&name.to_ascii_lowercase());
        }
        read.record("sec-ch-ua-mobile");
        assert!(!read.names().are_personal());
        for name in ["cookie", "AUTHORIZATION", "x-user", "X-Forwarded-User", "x"] {
            let read = read.clone();
            read.record(name);
            assert!(read.names().are_personal(), "{name}");
        }
    }
}
