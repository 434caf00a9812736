//! The words of an invocation, as they were given.
//!
//! The first step of every model that takes one. Nothing is looked up yet.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::controller::cmd::{Fields, is_name};
use crate::error::{Error, Result, quoted};
use crate::management::model::{INVOCATION, refused};
use crate::mime::{Mime, TEXT_CMD};
use crate::request::{Controller, Request, Value};

/// A program and its arguments, as they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::management) struct Invocation {
    /// The segments: the program, and positional arguments.
    pub(in crate::management) path: Vec<String>,
    /// Named arguments.
    pub(in crate::management) data: Vec<(String, String)>,
    /// The header fields that middleware may read.
    pub(in crate::management) fields: Fields,
}

impl Invocation {
    /// Reads the words of a command line, the program first, and the header fields.
    pub(in crate::management) fn read(words: &[String], fields: &[String]) -> Result<Self> {
        let Some((first, rest)) = words.split_first() else {
            return Err(wrong("", "name a program and its arguments: squared x=12"));
        };
        let mut invocation = Self {
            fields: Fields::read(fields)?,
            ..Self::default()
        };
        match first.split_once('?') {
            // A URL is percent-encoded, a word of a command line is not.
            Some((path, query)) => {
                for segment in segments(path) {
                    invocation.path.push(decoded(segment)?);
                }
                for pair in query.split('&').filter(|pair| !pair.is_empty()) {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    let text = |text: &str| decoded(&text.replace('+', " "));
                    invocation.data.push((text(name)?, text(value)?));
                }
            }
            None if named(first).is_some() => {
                let message = format!(
                    "{} is an argument, but of which program? Name it: squared x=12",
                    quoted(first)
                );
                return Err(wrong(first, &message));
            }
            None => invocation.path = segments(first).map(str::to_owned).collect(),
        }
        for word in rest {
            match named(word) {
                Some((name, value)) => invocation.data.push((name.to_owned(), value.to_owned())),
                None => invocation.path.push(word.clone()),
            }
        }
        Ok(invocation)
    }

    /// The request of `controller` for this invocation.
    pub(in crate::management) fn request(&self, controller: Controller) -> Request<'_> {
        let request = Request::new(controller, "").accept(TEXT_CMD);
        let mut request = request.metadata(&self.fields);
        let segments = self.path.iter().cloned();
        request.path.extend(segments.map(Cow::from));
        for (name, value) in &self.data {
            let value = Value::text(value.clone());
            request.data.push((name.clone().into(), value));
        }
        request
    }

    /// The invocation as a person writes it, and `mime`.
    pub(in crate::management) fn shown(&self, mime: &Mime) -> String {
        let data = self.data.iter();
        let data = data.map(|(name, value)| format!(" {name}={value}"));
        let (path, data) = (self.path.join("/"), data.collect::<String>());
        format!("{path}{data} as {}", mime.essence())
    }
}

/// The invocation `given` cannot be worked on.
pub(in crate::management) fn wrong(given: &str, message: &str) -> Error {
    refused(INVOCATION, given, message)
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.trim_matches('/');
    path.split('/').filter(move |_| !path.is_empty())
}

fn named(word: &str) -> Option<(&str, &str)> {
    word.split_once('=').filter(|(name, _)| is_name(name))
}

fn decoded(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| {
        let message = format!(
            "{} is not UTF-8: percent-encode the bytes of UTF-8 text",
            quoted(text)
        );
        wrong(text, &message)
    })?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Option<(String, Vec<(String, String)>)> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let invocation = Invocation::read(&words, &[]).ok()?;
        Some((invocation.path.join("|"), invocation.data))
    }

    #[test]
    fn an_invocation_is_read_as_the_command_line_reads_it() {
        let x = || vec![("x".to_owned(), "12".to_owned())];
        assert_eq!(read(&["squared", "x=12"]), Some(("squared".into(), x())));
        assert_eq!(
            read(&["squared.html/12"]),
            Some(("squared.html|12".into(), vec![]))
        );
        assert_eq!(
            read(&["/squared/", "12"]),
            Some(("squared|12".into(), vec![]))
        );
        assert_eq!(read(&["squared?x=12"]), Some(("squared".into(), x())));
        assert_eq!(
            read(&["echo/a%20b?text=a+%26b", "a/b"]),
            Some((
                "echo|a b|a/b".into(),
                vec![("text".to_owned(), "a &b".to_owned())]
            ))
        );
        assert_eq!(read(&["/", "x=12"]), Some((String::new(), x())));
        assert_eq!(read(&["x=12"]), None);
        assert_eq!(read(&[]), None);
        assert_eq!(read(&["echo?text=%ff"]), None);
    }
}
