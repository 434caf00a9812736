//! The mistakes in a program, which the application reports when it starts.
//!
//! Before the first request; see [`Program`].

use super::definition::{Program, Ready, Settings, Source};
use crate::error::{Error, Result};
use crate::lifetimes::Lifetimes;
use crate::request::HTTP_GET;
use crate::state::Startup;

impl Program {
    /// The mistake in it, if there is one.
    pub(crate) fn error(&self) -> Option<Error> {
        let Settings {
            cache,
            version,
            tags,
            invalidates,
            sets_cookies,
            error,
            ..
        } = &self.settings;
        let contradiction = match cache {
            None if tags.is_some() => {
                Some("it has tags but no cache: give it .cache(..), or leave the tags out")
            }
            None if *version > 0 => {
                Some("it has a version but no cache: give it .cache(..), or leave the version out")
            }
            Some(_) if invalidates.is_some() => Some(
                "it invalidates tags, but a cached page does not run its model: leave out .cache(..) or .invalidates(..)",
            ),
            Some(_) if *sets_cookies => Some(
                "its model or view sets cookies, which are for one client, and its page is for many: leave out .cache(..), or \
                 set them in another program",
            ),
            #[cfg(feature = "session")]
            Some(_) if self.stage.needs.session => Some(
                "its model takes a Session, which belongs to one reader, and its page is for many: leave out .cache(..), or let \
                 middleware read request.session() and request.set(..) what the page depends on, as a part of the key",
            ),
            _ => self.budget_problem().or_else(|| self.lifetimes_problem()),
        };
        error
            .clone()
            .or_else(|| contradiction.map(Error::configuration))
            .or_else(|| self.unknown_secret())
    }

    /// Checks that the application has what it needs, if `source` computes what is shown.
    pub(crate) fn check(&self, startup: &Startup<'_>, source: Source) -> Result<()> {
        let Ready {
            name, needs, check, ..
        } = &self.stage;
        let model = format!("the model {name}");
        let mut states = needs.states.iter().filter(|_| source == Source::Model);
        let model = states.try_for_each(|state| startup.require(*state, &model));
        let Settings { input, output, .. } = &self.settings;
        model
            .and_then(|()| input.iter().try_for_each(|input| input.check(startup)))
            .and_then(|()| output.iter().try_for_each(|output| output.check(startup)))
            .and_then(|()| check(&startup.of_pages(self.settings.cache.is_some())))
            .map_err(|error| Error::configuration(format!("program '{}': {error}", self.path())))
    }

    /// Why its budget makes no sense.
    fn budget_problem(&self) -> Option<&'static str> {
        let is_useless = self.settings.cache.is_none() && !self.settings.budget.is_unlimited();
        is_useless.then_some(
            "it has a budget but no cache: give it .cache(..), or leave .max_entries(..), .new_entries_per_second(..) and \
             .cache_on_second_request() out",
        )
    }

    /// Why what it says to caches downstream makes no sense.
    fn lifetimes_problem(&self) -> Option<&'static str> {
        let lifetimes = self.settings.lifetimes;
        match () {
            () if lifetimes == Lifetimes::default() => None,
            () if self.settings.cache.is_none() => Some(
                "it says how long caches downstream may use a page, but it has no cache, and its pages are stored nowhere: \
                 give it .cache(..), or remove .max_age(..) and the other times for caches downstream",
            ),
            () if !self.answers(HTTP_GET) => Some(
                "it says how long caches downstream may use a page, but it does not answer http-get: name HTTP_GET in \
                 .controllers([..]), or remove .max_age(..) and the other times for caches downstream",
            ),
            () if self.is_guarded() && lifetimes.shared_max_age > 0 => Some(
                "it has middleware, so its pages are private, and no shared cache may store them: leave \
                 .shared_max_age(..) out, or the middleware",
            ),
            () => lifetimes.problem(),
        }
    }
}
