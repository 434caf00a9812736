//! The front ends of a program that can ask for a stored page.
//!
//! HTTP and the command line may have different programs under one path, with different middleware.

use super::words::{Invocation, wrong};
use crate::app::App;
use crate::arguments::Parameter;
use crate::asked::Asked;
use crate::controller::cmd::{HEADER, remedy};
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::management::model::refused;
use crate::program::Program;
use crate::request::{CMD, Controller, HTTP_GET, Request};

/// A front end that can ask for a stored page, and the program that it finds.
pub(in crate::management) struct FrontEnd<'a> {
    pub(in crate::management) controller: Controller,
    pub(in crate::management) program: &'a Program,
    /// The number of segments that name the program.
    pub(in crate::management) consumed: usize,
    pub(super) has_format: bool,
}

impl<'a> FrontEnd<'a> {
    /// Those that find a program for `invocation`. The ones whose program has a cache come first.
    ///
    /// # Errors
    ///
    /// If there is none, or if `invocation` has a session, which nobody reads here.
    pub(in crate::management) fn all(invocation: &Invocation, app: &'a App) -> Result<Vec<Self>> {
        #[cfg(feature = "session")]
        check_session(invocation, app)?;
        let mut found = Vec::new();
        let mut unknown = None;
        for controller in [HTTP_GET, CMD] {
            let request = invocation.request(controller);
            match app.manifest().find(request.path(), controller) {
                Ok(at) => found.push(Self {
                    controller,
                    program: at.program,
                    consumed: at.consumed,
                    has_format: at.superformat.is_some(),
                }),
                Err(error) => unknown = Some(error),
            }
        }
        found.sort_by_key(|at: &Self| at.program.cache_policy().is_none());
        match unknown {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    /// The format that `invocation` names, such as `html`.
    pub(in crate::management) fn superformat(
        &self,
        app: &App,
        invocation: &Invocation,
    ) -> Option<String> {
        let request = invocation.request(self.controller);
        app.manifest()
            .find(request.path(), self.controller)
            .ok()?
            .superformat
    }

    /// The arguments of `invocation` that HTTP ignores because the program has no such parameter.
    pub(in crate::management) fn ignored(&self, invocation: &Invocation) -> Vec<String> {
        let is_known = |name: &str| {
            let mut parameters = self.program.parameters().iter();
            parameters.any(|parameter| parameter.takes(name))
        };
        let names = invocation.data.iter().map(|(name, _)| name);
        names.filter(|name| !is_known(name)).cloned().collect()
    }

    /// The parameters that `invocation` does not give by name. Its positional arguments are for these.
    pub(in crate::management) fn open(&self, invocation: &Invocation) -> Vec<&'static str> {
        let data = &invocation.data;
        let is_given = |one: &Parameter| data.iter().any(|(name, _)| one.takes(name));
        let open = self
            .program
            .parameters()
            .iter()
            .filter(|one| !is_given(one));
        open.map(|one| one.name).collect()
    }

    /// The arguments that middleware has changed in `request`: the name, what `invocation` gave, and what it is now.
    pub(in crate::management) fn changed(
        &self,
        invocation: &Invocation,
        request: &Request<'_>,
    ) -> Vec<(&'static str, String, String)> {
        let segments = invocation.path.get(self.consumed..).unwrap_or_default();
        let positional: Vec<_> = self.open(invocation).into_iter().zip(segments).collect();
        let changed = self.program.parameters().iter().filter_map(|parameter| {
            let of_it = |name: &str| parameter.is_called(name);
            let named = invocation.data.iter().filter(|(name, _)| of_it(name));
            let named: Vec<_> = named.map(|(_, value)| value.clone()).collect();
            let by_place = positional.iter().filter(|(name, _)| of_it(name));
            let by_place: Vec<_> = by_place.map(|(_, value)| (*value).clone()).collect();
            let now = request.data.iter().filter(|(name, _)| of_it(name));
            let now: Vec<_> = now.map(|(_, value)| value.to_string()).collect();
            let is_same = match by_place.is_empty() {
                true => named.is_empty() || named == now,
                false => now.is_empty(),
            };
            let given = [named, by_place].concat();
            (!is_same).then(|| (parameter.name, given.join(", "), now.join(", ")))
        });
        changed.collect()
    }

    /// What middleware has `asked` for in `request`, if that is the page that `invocation` names.
    ///
    /// # Errors
    ///
    /// If middleware refuses the request, replaces an argument, or sets one by header fields that were not given: other
    /// readers get another page then, or no reader gets this one.
    pub(in crate::management) fn admitted(
        &self,
        invocation: &Invocation,
        request: &Request<'_>,
        asked: Result<Asked<'a>>,
    ) -> Result<Asked<'a>> {
        let missed = invocation.fields.missed_by(request);
        // A replaced argument is the better error: that of `asked` may follow from it.
        if let Some((name, given, now)) = self.changed(invocation, request).into_iter().next() {
            let (was, is) = (quoted(&given), quoted(&now));
            let message = format!(
                "{was} is given, but middleware sets it to {is}: leave it out to work on that page"
            );
            let message = match missed.is_empty() {
                true => message,
                false => format!("{message} ({})", reads(&missed)),
            };
            return Err(refused(name, given, message));
        }
        match (asked, self.set(invocation, request).first()) {
            (Ok(_), Some(set)) if !missed.is_empty() => {
                let message = format!(
                    "{}. It sets '{set}', so that other readers may get another page; the name of the field alone stands \
                     for readers without it",
                    reads(&missed)
                );
                Err(refused(HEADER, "", message))
            }
            (Err(error), _) => Err(not_admitted(error, &missed)),
            (asked, _) => asked,
        }
    }

    /// The parameters that have a value in `request` and none in `invocation`: middleware has set them.
    fn set(&self, invocation: &Invocation, request: &Request<'_>) -> Vec<&'static str> {
        let segments = invocation.path.get(self.consumed..).unwrap_or_default();
        let open = self.open(invocation);
        let open = open.into_iter().skip(segments.len());
        let is_set = |name: &&str| request.data.iter().any(|(own, _)| own == name);
        open.filter(is_set).collect()
    }
}

/// Refuses the cookie of a session: middleware would see an empty one in its place, and set another reader's page.
#[cfg(feature = "session")]
fn check_session(invocation: &Invocation, app: &App) -> Result<()> {
    let request = invocation.request(HTTP_GET);
    let sessions = app.given_sessions();
    match sessions.and_then(|sessions| request.cookie(sessions.cookie_name())) {
        None => Ok(()),
        Some(_) => {
            let message = "no session is read here: leave its cookie out, and give the arguments that middleware sets by it, \
                           such as user=ada";
            Err(refused(HEADER, "", message))
        }
    }
}

/// The `error` of an invocation that is not admitted. A redirection, which ends a command with success, is a refusal here.
pub(in crate::management) fn not_admitted(error: Error, missed: &[String]) -> Error {
    let error = match error.kind() {
        ErrorKind::Redirection(to) => {
            let message = format!("middleware redirects to {}", quoted(to.location()));
            wrong("", &message)
        }
        _ => error,
    };
    match missed.is_empty() {
        true => error,
        false => error.with_note(&reads(missed)),
    }
}

/// What middleware reads that was not given, and the remedy.
fn reads(missed: &[String]) -> String {
    let names = missed.join(", ");
    format!(
        "middleware reads {names}, which is not given: {}",
        remedy(missed)
    )
}

/// No front end admits the invocation.
pub(in crate::management) fn no_front_end() -> Error {
    wrong("", "no front end can ask for it")
}
