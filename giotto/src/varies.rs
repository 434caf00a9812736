//! What a page depends on besides its address: what of the request chose its media type, and what middleware read.
//!
//! A ground type: a request records it, and its page carries it to the controller.

use std::sync::{Mutex, PoisonError};

use http::HeaderName;

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
pub(crate) struct FieldsRead(Mutex<Names>);

/// Their names in the canonical form, each once: `Cookie, Accept-Language`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
// Boxed, because every page has them, and most are empty.
pub(crate) struct Names(Option<Box<Listed>>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Listed {
    names: String,
    are_personal: bool,
}

impl FieldsRead {
    pub(crate) fn record(&self, name: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.add(name);
    }

    pub(crate) fn take(&self) -> Names {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clone for FieldsRead {
    fn clone(&self) -> Self {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Self(Mutex::new(names.clone()))
    }
}

impl Names {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether one of the fields may say who the reader is.
    pub(crate) fn are_personal(&self) -> bool {
        self.0.as_ref().is_some_and(|listed| listed.are_personal)
    }

    /// These names after `others`, each once.
    pub(crate) fn after(&self, others: &str) -> String {
        let own = self.0.as_ref().map_or("", |listed| &listed.names);
        if own.is_empty() || others.is_empty() {
            return [others, own].concat();
        }
        let mut all = others.to_owned();
        own.split(", ").for_each(|name| add(&mut all, name));
        all
    }

    /// Adds `name`. What cannot be the name of a field is in no request.
    fn add(&mut self, name: &str) {
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return;
        }
        let listed = self.0.get_or_insert_default();
        let start = listed.names.len();
        add(&mut listed.names, name);
        let added = listed.names[start..].trim_start_matches(", ");
        // `Sec-` is the browser's own: no script can set such a field.
        let is_impersonal =
            added.is_empty() || added.starts_with("Sec-") || IMPERSONAL.contains(&added);
        listed.are_personal |= !is_impersonal;
    }
}

/// Adds `name` to `names` if it is not among them.
fn add(names: &mut String, name: &str) {
    let mut known = names.split(", ");
    if known.any(|known| known.eq_ignore_ascii_case(name)) {
        return;
    }
    if !names.is_empty() {
        names.push_str(", ");
    }
    names.reserve(name.len());
    let mut starts_word = true;
    names.extend(name.chars().map(|character| {
        let is_capital = std::mem::replace(&mut starts_word, character == '-');
        match is_capital {
            true => character.to_ascii_uppercase(),
            false => character.to_ascii_lowercase(),
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'n>(names: impl IntoIterator<Item = &'n str>) -> Names {
        let read = FieldsRead::default();
        names.into_iter().for_each(|name| read.record(name));
        read.take()
    }

    #[test]
    fn each_field_is_named_once_in_its_canonical_form() {
        let names = [
            "accept-language",
            "X-USER",
            "Accept-Language",
            "",
            "a b",
            "a, b",
            "ü",
            "x-user",
        ];
        let names = read(names);
        assert_eq!(names.after(""), "Accept-Language, X-User");
        let others = "Accept, X-User";
        assert_eq!(names.after(others), "Accept, X-User, Accept-Language");
        assert!(read([]).is_empty() && read(["", "a b"]).is_empty());
        assert_eq!(read([]).after(others), others);
    }

    #[test]
    fn a_field_is_personal_unless_it_is_known_not_to_be() {
        assert!(!read([]).are_personal());
        assert!(!read(IMPERSONAL).are_personal());
        assert!(!read(["sec-ch-ua-mobile", "HOST", "host"]).are_personal());
        for name in ["cookie", "AUTHORIZATION", "x-user", "X-Forwarded-User", "x"] {
            assert!(
                read(["host", name, "accept", name]).are_personal(),
                "{name}"
            );
        }
    }
}
