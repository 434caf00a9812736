//! The addresses of programs, the inverse of routing: `url_for("book", id=7)` is `/book/7`.
//!
//! Step 6 of an invocation, for links in pages and for redirections. Every address that giotto makes is made here.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde_json::Value;

use crate::arguments::{Parameter, nearest, no_such_argument};
use crate::error::{Error, Result, listed, quoted};
use crate::mime::Mime;
use crate::negotiate;
use crate::request::{Controller, HTTP_GET, HTTP_POST};
use crate::site::Site;

/// All but the unreserved characters of a URI (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The most programs that an error lists.
const MAX_LISTED: usize = 20;

/// The addresses of the programs of a manifest. It is made once, before the first request.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    /// In alphabetical order of their paths.
    places: Vec<Place>,
    site: Site,
}

/// A path of the manifest, and a program there.
#[derive(Debug)]
pub(crate) struct Place {
    /// The path under which it is found, an alias included.
    pub(crate) name: String,
    /// The path of the program.
    pub(crate) path: String,
    /// Whether segments that follow the path are its positional arguments. They are not at the root of a manifest, where
    /// they would name other programs.
    pub(crate) takes_segments: bool,
    pub(crate) controllers: Vec<Controller>,
    pub(crate) parameters: Vec<Parameter>,
    /// Whether it has input middleware, which may set a required argument that an address leaves out.
    pub(crate) has_middleware: bool,
    pub(crate) mimes: Vec<Mime>,
}

impl Addresses {
    pub(crate) fn new(mut places: Vec<Place>, site: Site) -> Self {
        places.sort_by(|one, other| one.name.cmp(&other.name));
        Self { places, site }
    }

    /// The address of the program at `path`, whose last name may have a superformat (`books.json`), with `arguments`: an
    /// object, a list of pairs, or null.
    ///
    /// Required arguments are segments of the path, in declared order, and the others are in the query.
    pub(crate) fn url_for(&self, path: &str, arguments: &Value) -> Result<String> {
        let arguments = pairs(arguments)
            .ok_or_else(|| failed(path, "the arguments are not named: write [(\"id\", 7)]"))?;
        let (name, superformat) = split(path);
        let place = self.place(path, name, superformat, &arguments)?;
        let mut url = self.site.base().to_owned();
        url.push_str(&place.path_as(superformat));
        let mut query = String::new();
        let mut is_contiguous = place.takes_segments;
        for parameter in &place.parameters {
            let texts = given(parameter, &arguments, place);
            let texts = texts.map_err(|problem| failed(path, &problem))?;
            is_contiguous &= parameter.required && !parameter.is_list;
            match texts.as_slice() {
                [text] if is_contiguous && is_segment(text) => {
                    url.push('/');
                    url.extend(encoded(text));
                }
                texts => {
                    is_contiguous = false;
                    for text in texts {
                        query.push(if query.is_empty() { '?' } else { '&' });
                        query.extend(encoded(parameter.name));
                        query.push('=');
                        query.extend(encoded(text));
                    }
                }
            }
        }
        Ok(url + &query)
    }

    /// Refuses a `path` that names no program, and arguments of these names if they are known: one that is unknown, or too few.
    #[cfg(feature = "template")]
    pub(crate) fn check(&self, path: &str, names: Option<&[String]>) -> Result<()> {
        let (name, superformat) = split(path);
        let Some(names) = names else {
            return self.named(path, name, superformat).map(drop);
        };
        let arguments = names.iter().map(|name| (name.as_str(), &Value::Bool(true)));
        let arguments: Vec<_> = arguments.collect();
        let place = self.place(path, name, superformat, &arguments)?;
        let mut parameters = place.parameters.iter();
        parameters.try_for_each(|parameter| {
            let given = given(parameter, &arguments, place).map(drop);
            given.map_err(|problem| failed(path, &problem))
        })
    }

    /// The places called `name` that answer over HTTP, as `superformat` if the path has one.
    fn named(&self, path: &str, name: &str, superformat: Option<&str>) -> Result<Vec<&Place>> {
        let named = self.places.iter().filter(|place| place.name == name);
        let named: Vec<_> = named.collect();
        if named.is_empty() {
            return Err(self.unknown(path, name));
        }
        let over_http = named
            .into_iter()
            .filter(|place| place.answers(HTTP_GET) || place.answers(HTTP_POST));
        let over_http: Vec<_> = over_http.collect();
        let Some(place) = over_http.first() else {
            return Err(failed(path, "the program does not answer over HTTP"));
        };
        let renders = |format: &str| {
            let mut mimes = over_http.iter().flat_map(|place| &place.mimes);
            mimes.any(|mime| negotiate::answers(format, mime))
        };
        match superformat.filter(|format| !renders(format)) {
            None => Ok(over_http),
            Some(format) => {
                let formats: Vec<_> = place.mimes.iter().map(negotiate::name_of).collect();
                let problem = format!(
                    "the program renders no .{format}, only .{}",
                    formats.join(", .")
                );
                Err(failed(path, &problem))
            }
        }
    }

    /// The place called `name` that takes all of the `arguments`; the one that answers GET if several do.
    fn place(
        &self,
        path: &str,
        name: &str,
        superformat: Option<&str>,
        arguments: &[(&str, &Value)],
    ) -> Result<&Place> {
        let mut places = self.named(path, name, superformat)?;
        places.sort_by_key(|place| !place.answers(HTTP_GET));
        let unknown = |place: &Place| {
            let is_known = |name: &str| place.parameters.iter().any(|known| known.is_called(name));
            let mut names = arguments.iter();
            names.find(|(name, _)| !is_known(name)).copied()
        };
        match places.iter().find(|place| unknown(place).is_none()) {
            Some(place) => Ok(place),
            None => {
                let place = places[0];
                let names: Vec<_> = place.parameters.iter().map(|known| known.name).collect();
                let (name, value) = unknown(place).unwrap_or(("", &Value::Null));
                let problem = no_such_argument(&names, name, value.to_string());
                Err(failed(path, &problem.to_string()))
            }
        }
    }

    fn unknown(&self, path: &str, name: &str) -> Error {
        let mut names: Vec<_> = self
            .places
            .iter()
            .map(|place| place.name.as_str())
            .collect();
        names.dedup();
        let known = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean '{near}'?"),
            None if names.is_empty() => "the manifest has no programs".to_owned(),
            None => {
                let names = names.iter().map(|name| format!("'{name}'"));
                format!("the manifest has {}", listed(names, MAX_LISTED))
            }
        };
        failed(path, &format!("there is no such program; {known}"))
    }
}

impl Place {
    fn answers(&self, controller: Controller) -> bool {
        self.controllers.contains(&controller)
    }

    /// Its path in an address, without arguments.
    fn path_as(&self, superformat: Option<&str>) -> String {
        let mut url = String::new();
        for name in self.path.split('/') {
            url.push('/');
            url.extend(encoded(name));
        }
        if let Some(superformat) = superformat {
            url.push('.');
            url.extend(encoded(superformat));
        }
        url
    }
}

/// A path and the superformat of its last name.
fn split(path: &str) -> (&str, Option<&str>) {
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    match path[start..].find('.') {
        Some(dot) => (&path[..start + dot], Some(&path[start + dot + 1..])),
        None => (path, None),
    }
}

/// Names and values of an object, or of a list of pairs.
fn pairs(arguments: &Value) -> Option<Vec<(&str, &Value)>> {
    match arguments {
        Value::Null => Some(Vec::new()),
        Value::Object(members) => {
            let pairs = members.iter().map(|(name, value)| (name.as_str(), value));
            Some(pairs.collect())
        }
        Value::Array(items) => items
            .iter()
            .map(|item| match item.as_array()?.as_slice() {
                [Value::String(name), value] => Some((name.as_str(), value)),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// The texts of `parameter` of `place` among the `arguments`; none if it is left out.
fn given(
    parameter: &Parameter,
    arguments: &[(&str, &Value)],
    place: &Place,
) -> Result<Vec<String>, String> {
    let Parameter { name, kind, .. } = parameter;
    let mut given = arguments
        .iter()
        .filter(|(name, _)| parameter.is_called(name));
    let texts = given
        .next()
        .map_or(Vec::new(), |(_, value)| texts(parameter, value));
    match given.next() {
        Some(_) => Err(format!("the parameter '{name}' is given twice")),
        None if texts.is_empty() && parameter.required && !place.has_middleware => Err(format!(
            "the parameter '{name}' ({kind}) is missing, and it has no default"
        )),
        None => Ok(texts),
    }
}

fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, RESERVED)
}

/// `value` as the texts that [binding](crate::arguments) reads back; none if it is left out.
fn texts(parameter: &Parameter, value: &Value) -> Vec<String> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) if parameter.is_list => {
            let texts: Option<Vec<_>> = items.iter().map(scalar).collect();
            match texts {
                // The only item would be read as a list if it looked like one.
                Some(texts) if texts.len() > 1 => texts,
                Some(texts) if texts.iter().any(|text| !text.trim_start().starts_with('[')) => {
                    texts
                }
                _ => vec![value.to_string()],
            }
        }
        value => vec![scalar(value).unwrap_or_else(|| value.to_string())],
    }
}

/// Whether `text` can be a segment of a path: clients and proxies remove empty segments and dots, and some decode slashes.
fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.contains(['/', '\\', '\0'])
}

fn failed(path: &str, problem: &(impl fmt::Display + ?Sized)) -> Error {
    Error::other(format!("no address of {}: {problem}", quoted(path)))
}
