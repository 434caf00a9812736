//! The invocation that a program here is told about: read from its words, and understood as any other is.
//!
//! The first step of every model under `mgt/cache/`.

use std::borrow::Cow;

use giotto_cache::{Key, Lookup, Policy};
use percent_encoding::percent_decode_str;

use super::{INVOCATION, refused};
use crate::app::{self, App, Asked};
use crate::arguments;
use crate::arguments::Parameter;
use crate::controller::cmd::is_name;
use crate::error::{Error, Result, quoted};
use crate::program::Program;
use crate::request::{CMD, Controller, HTTP_GET, Request, Value};
use crate::view::Mime;
use crate::view::TEXT_CMD;

/// A program and its arguments, as they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Invocation {
    /// The segments: the program, and positional arguments.
    pub(super) path: Vec<String>,
    /// Named arguments.
    pub(super) data: Vec<(String, String)>,
}

/// A front end that can ask for a stored page, and the program that it finds.
pub(super) struct FrontEnd<'a> {
    pub(super) controller: Controller,
    pub(super) program: &'a Program,
    /// How many segments name the program.
    pub(super) consumed: usize,
    has_format: bool,
}

/// An invocation that is understood, of a program with a cache.
pub(super) struct Target<'a> {
    pub(super) asked: Asked<'a>,
    pub(super) policy: &'a Policy,
    pub(super) request: Request<'static>,
    pub(super) has_format: bool,
}

impl Invocation {
    /// Reads the words of a command line, the program first.
    pub(super) fn read(words: &[String]) -> Result<Self> {
        let Some((first, rest)) = words.split_first() else {
            return Err(wrong("", "name a program and its arguments: squared x=12"));
        };
        let mut invocation = Self::default();
        match first.split_once('?') {
            // An address has its own way to write what a word has as it is.
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

    /// The same as `controller` asks it.
    pub(super) fn request(&self, controller: Controller) -> Request<'static> {
        let mut request = Request::new(controller, "").accept(TEXT_CMD);
        let segments = self.path.iter().cloned();
        request.path.extend(segments.map(Cow::from));
        for (name, value) in &self.data {
            let value = Value::Text(value.clone().into());
            request.data.push((name.clone().into(), value));
        }
        request
    }

    /// The front ends that can ask for a stored page and have a program here, those first whose program has a cache.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(super) fn front_ends<'a>(&self, app: &'a App) -> Result<Vec<FrontEnd<'a>>> {
        let mut found = Vec::new();
        let mut unknown = None;
        for controller in [HTTP_GET, CMD] {
            let request = self.request(controller);
            match app.manifest().find(request.path(), controller) {
                Ok(at) => found.push(FrontEnd {
                    controller,
                    program: at.program,
                    consumed: at.consumed,
                    has_format: at.superformat.is_some(),
                }),
                Err(error) => unknown = Some(error),
            }
        }
        found.sort_by_key(|at: &FrontEnd<'_>| at.program.cache_policy().is_none());
        match unknown {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    /// The invocation as one writes it, as `mime`.
    pub(super) fn shown(&self, mime: &Mime) -> String {
        let data = self.data.iter();
        let data = data.map(|(name, value)| format!(" {name}={value}"));
        let (path, data) = (self.path.join("/"), data.collect::<String>());
        format!("{path}{data} as {}", mime.essence())
    }

    /// The arguments that a front end leaves out of account.
    pub(super) fn ignored(&self, program: &Program) -> Vec<String> {
        let is_known = |name: &str| {
            let mut parameters = program.parameters().iter();
            parameters.any(|parameter| parameter.is_called(name))
        };
        let names = self.data.iter().map(|(name, _)| name);
        names.filter(|name| !is_known(name)).cloned().collect()
    }

    /// The names of the parameters of `program` that are not given by name: positional arguments are for these.
    pub(super) fn open(&self, program: &Program) -> Vec<&'static str> {
        let is_given = |one: &Parameter| self.data.iter().any(|(name, _)| one.is_called(name));
        let open = program.parameters().iter().filter(|one| !is_given(one));
        open.map(|one| one.name).collect()
    }

    /// The arguments that are not what was given, once middleware has made `request` of it: the name, what was given, and
    /// what it is now.
    pub(super) fn changed(
        &self,
        at: &FrontEnd<'_>,
        request: &Request<'_>,
    ) -> Vec<(&'static str, String, String)> {
        let segments = self.path.get(at.consumed..).unwrap_or_default();
        let open = self.open(at.program);
        let positional: Vec<_> = open.into_iter().zip(segments).collect();
        let parameters = at.program.parameters().iter();
        let changed = parameters.filter_map(|parameter| {
            let of_it = |name: &str| parameter.is_called(name);
            let named = self.data.iter().filter(|(name, _)| of_it(name));
            let by_place = positional.iter().filter(|(name, _)| of_it(name));
            let named = named.map(|(_, value)| value.clone());
            let by_place: Vec<_> = by_place.map(|(_, value)| (*value).clone()).collect();
            let now = request.data.iter().filter(|(name, _)| of_it(name));
            let now: Vec<_> = now.map(|(_, value)| value.to_string()).collect();
            let is_same = match by_place.is_empty() {
                true => named.clone().eq(now.iter().cloned()) || named.clone().next().is_none(),
                false => now.is_empty(),
            };
            let given: Vec<_> = named.chain(by_place).collect();
            (!is_same).then(|| (parameter.name, given.join(", "), now.join(", ")))
        });
        changed.collect()
    }

    /// Refuses an argument that middleware has replaced: the page would be another than the one that was named.
    pub(super) fn check_unchanged(&self, at: &FrontEnd<'_>, request: &Request<'_>) -> Result<()> {
        match self.changed(at, request).into_iter().next() {
            None => Ok(()),
            Some((name, given, now)) => {
                let (was, is) = (quoted(&given), quoted(&now));
                let message = format!(
                    "{was} is given, but middleware sets it to {is}: leave it out to work on that page"
                );
                Err(refused(name, given, message))
            }
        }
    }

    /// Understands the invocation as the application does, for the first front end that lets it in. Nothing is left out
    /// of account: what works on entries works on no other entry than the one that was meant.
    pub(super) fn target<'a>(&self, app: &'a App) -> Result<Target<'a>> {
        let mut refused = None;
        for front_end in self.front_ends(app)? {
            let program = front_end.program;
            let mut request = self.request(front_end.controller);
            arguments::check_known(program.parameters(), &request)?;
            let Some(policy) = program.cache_policy() else {
                refused = refused.or_else(|| Some(keeps_nothing(program)));
                break;
            };
            let understood = app.understand(&mut request);
            // First of all: what was given for an argument that is replaced may be the one that is too many.
            let understood = self.check_unchanged(&front_end, &request).and(understood);
            match understood {
                Ok(asked) => {
                    return Ok(Target {
                        asked,
                        policy,
                        request,
                        has_format: front_end.has_format,
                    });
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(|| wrong("", "no front end can ask for it")))
    }
}

impl Target<'_> {
    /// The media types that are meant: the one that was named, else all of the program's.
    pub(super) fn mimes(&self) -> &[Mime] {
        match self.has_format {
            true => std::slice::from_ref(&self.asked.mime),
            false => self.asked.program.mimes(),
        }
    }

    /// The key as `mime`.
    pub(super) fn key(&self, mime: &Mime) -> Key {
        let Asked { program, args, .. } = &self.asked;
        program.key(args.canonical.clone(), mime)
    }

    /// What the request asks the cache for.
    pub(super) fn lookup(&self) -> Result<Lookup<'_>> {
        lookup(&self.asked, self.policy, &self.request)
    }

    /// `squared {'x': 12}`
    pub(super) fn name(&self) -> String {
        let Asked { program, args, .. } = &self.asked;
        format!("{} {}", shown(program.path()), args.canonical)
    }
}

pub(super) fn lookup<'p>(
    asked: &Asked<'_>,
    policy: &'p Policy,
    request: &Request<'_>,
) -> Result<Lookup<'p>> {
    let (typed, canonical) = (&asked.args.typed, asked.args.canonical.clone());
    app::lookup(
        asked.program,
        policy,
        typed,
        canonical,
        &asked.mime,
        request,
    )
}

/// The path of a program as one writes it.
pub(super) fn shown(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

pub(super) fn no_cache(path: &str) -> String {
    let path = shown(path);
    format!("{path} keeps nothing: it has no .cache(..), and every request runs its model")
}

fn keeps_nothing(program: &Program) -> Error {
    wrong(program.path(), &no_cache(program.path()))
}

/// The invocation `given` cannot be worked on.
pub(super) fn wrong(given: &str, message: &str) -> Error {
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
        let invocation = Invocation::read(&words).ok()?;
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
