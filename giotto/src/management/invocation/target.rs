//! The page that an invocation names, of a program with a cache.
//!
//! What works on stored pages understands an invocation as the application does, and ignores nothing of it: it must not work
//! on another page than the one that is meant.

use giotto_cache::{Key, Lookup, Policy};

use super::front_end::{FrontEnd, no_front_end};
use super::words::{Invocation, wrong};
use crate::app::App;
use crate::arguments;
use crate::asked::Asked;
use crate::error::Result;
use crate::mime::Mime;
use crate::request::Request;
use crate::site::Site;

/// An invocation that is understood.
pub(in crate::management) struct Target<'a> {
    pub(in crate::management) asked: Asked<'a>,
    pub(in crate::management) policy: &'a Policy,
    pub(in crate::management) request: Request<'a>,
    pub(in crate::management) has_format: bool,
    site: &'a Site,
}

impl<'a> Target<'a> {
    /// What `invocation` names, for the first front end that admits it.
    pub(in crate::management) async fn of(
        invocation: &'a Invocation,
        app: &'a App,
    ) -> Result<Self> {
        let mut refused = None;
        for front_end in FrontEnd::all(invocation, app)? {
            let program = front_end.program;
            let mut request = invocation.request(front_end.controller);
            arguments::check_known(program.parameters(), &request)?;
            let Some(policy) = program.cache_policy() else {
                let keeps_nothing = || wrong(program.path(), &no_cache(program.path()));
                refused = refused.or_else(|| Some(keeps_nothing()));
                break;
            };
            let asked = app.asked(&mut request).await;
            match front_end.admitted(invocation, &request, asked) {
                Ok(asked) => {
                    return Ok(Target {
                        asked,
                        policy,
                        request,
                        has_format: front_end.has_format,
                        site: app.site(),
                    });
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(no_front_end))
    }

    /// The media types that are meant: the one that is named, or all of the program's.
    pub(in crate::management) fn mimes(&self) -> &[Mime] {
        match self.has_format {
            true => std::slice::from_ref(&self.asked.mime),
            false => self.asked.program.mimes(),
        }
    }

    /// The key as `mime`.
    pub(in crate::management) fn key(&self, mime: &Mime) -> Key {
        let Asked { program, args, .. } = &self.asked;
        self.site.key(program.key(args.canonical.clone(), mime))
    }

    /// What the request asks the cache for.
    pub(in crate::management) fn lookup(&self) -> Result<Lookup> {
        self.asked.lookup(self.policy, &self.request, self.site)
    }

    /// `squared {'x': 12}`
    pub(in crate::management) fn name(&self) -> String {
        let Asked { program, args, .. } = &self.asked;
        format!("{} {}", shown(program.path()), args.canonical)
    }
}

/// The path of a program as a person writes it.
pub(in crate::management) fn shown(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

pub(in crate::management) fn no_cache(path: &str) -> String {
    let path = shown(path);
    format!("{path} keeps nothing: it has no .cache(..), and every request runs its model")
}
