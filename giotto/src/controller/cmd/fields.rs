//! Header fields on the command line, `--header='accept-language: de'`: middleware reads them as it does over HTTP.
//!
//! Part of the first step of an invocation. The programs of the operator take them for the invocation that they work on.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, InvalidInput, Result, quoted};
use crate::request::{Metadata, Pairs, Request};

/// The name of the option, and of the parameter of a program of the operator.
pub(crate) const HEADER: &str = "header";

/// Header fields that were given, and the names of those that the request does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    given: HeaderMap,
    absent: Vec<HeaderName>,
}

impl Fields {
    /// Reads fields as they were given: `accept-language: de`, or a name alone for a field that the request does not have.
    pub(crate) fn read<S: AsRef<str>>(given: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut fields = Self::default();
        for text in given {
            let text = text.as_ref();
            let (name, value) = match text.split_once(':') {
                Some((name, value)) => (name, Some(value.trim_matches([' ', '\t']))),
                None => (text, None),
            };
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = value.map(HeaderValue::from_str).transpose();
            match (name, value) {
                (Ok(name), Ok(Some(value))) => drop(fields.given.append(name, value)),
                (Ok(name), Ok(None)) => fields.absent.push(name),
                _ => return Err(refused(text)),
            }
        }
        Ok(fields)
    }

    /// Those of the fields that middleware has read in `request` and that were not given, by their names in the usual form.
    pub(crate) fn missed_by(&self, request: &Request<'_>) -> Vec<String> {
        let read = request.metadata.take_names().after("");
        let names = read.split(", ").filter(|name| !name.is_empty());
        let is_given = |name: &str| {
            self.given.contains_key(name)
                || self
                    .absent
                    .iter()
                    .any(|absent| name.eq_ignore_ascii_case(absent.as_str()))
        };
        names
            .filter(|name| !is_given(name))
            .map(str::to_owned)
            .collect()
    }
}

impl Metadata for Fields {
    fn get(&self, name: &str) -> Option<&str> {
        Metadata::get(&self.given, name)
    }

    fn get_all<'m>(&'m self, name: &str) -> Vec<&'m str> {
        Metadata::get_all(&self.given, name)
    }
}

/// `--header='accept-language: ..'`, how the fields of these names are given.
pub(crate) fn remedy(names: &[String]) -> String {
    let options = names
        .iter()
        .map(|name| format!("--{HEADER}='{}: ..'", name.to_lowercase()));
    options.collect::<Vec<_>>().join(" ")
}

/// What middleware has made of the arguments that were `given`, a line for each that it has replaced.
pub(super) fn replaced(given: &Pairs<'_>, request: &Request<'_>) -> Vec<String> {
    let values = |pairs: &Pairs<'_>, name: &str| -> Vec<String> {
        let of_name = pairs.iter().filter(|(own, _)| own == name);
        of_name.map(|(_, value)| value.to_string()).collect()
    };
    let mut lines = Vec::new();
    for (name, _) in given {
        let (was, is) = (values(given, name), values(&request.data, name));
        let (was, is) = (quoted(&was.join(", ")), quoted(&is.join(", ")));
        let line = format!("note: '{name}': {was} is given, but middleware sets it to {is}");
        if was != is && !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn refused(text: &str) -> Error {
    let message = format!(
        "{} is not a header field: write NAME: VALUE, such as 'accept-language: de', or a name alone for a field that the \
         request does not have",
        quoted(text)
    );
    InvalidInput::new().field(HEADER, text, message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_http_writes_them() {
        let fields = Fields::read([
            "Accept-Language:de, en;q=0.5",
            "x-user: ada: b ",
            "x-user: bob",
            "cookie",
        ]);
        let fields = fields.unwrap();
        assert_eq!(fields.get("accept-language"), Some("de, en;q=0.5"));
        assert_eq!(fields.get_all("X-User"), ["ada: b", "bob"]);
        assert_eq!(fields.get("cookie"), None);
        for text in ["", ": de", "a b: c", "x: \u{1}", "x: a\nb", "ü"] {
            let error = Fields::read([text]).unwrap_err().to_string();
            assert!(error.contains("'accept-language: de'"), "{error}");
        }
    }

    #[test]
    fn what_is_read_and_not_given_is_missed() {
        let fields = Fields::read(["accept-language: de", "cookie"]).unwrap();
        let request = Request::new(crate::request::CMD, "a").metadata(&fields);
        for name in ["Accept-Language", "COOKIE", "x-tenant", "host", "host"] {
            let _ = request.header(name);
        }
        let missed = fields.missed_by(&request);
        assert_eq!(missed, ["X-Tenant", "Host"]);
        assert_eq!(
            remedy(&missed),
            "--header='x-tenant: ..' --header='host: ..'"
        );
        assert!(fields.missed_by(&request).is_empty());
    }
}
