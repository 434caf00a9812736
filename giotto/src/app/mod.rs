//! An application: a manifest and a cache, and what they are set to.
//!
//! `invoke.rs` has every step of an invocation, in order, `errors.rs` what readers see of an error, and `place.rs` the addresses.

mod errors;
mod invoke;
mod place;
mod stores;

use std::sync::Arc;

use giotto_cache::log::Limiter;
use giotto_cache::{Cache, Downstream, DummyKeyValue, KeyValue, Mode};

pub(crate) use self::invoke::Begun;
pub(crate) use self::stores::Stores;
use crate::beside::Beside;
use crate::compression::Compression;
use crate::compute::Models;
use crate::context::{Context, FromContext, sealed};
use crate::downstream::TagFields;
use crate::error::{Error, Field, Result};
use crate::error_page::{ErrorPage, ErrorPages};
use crate::health::Health;
use crate::log::{Access, Proxies};
use crate::manifest::Manifest;
use crate::messages::Messages;
#[cfg(feature = "session")]
use crate::program::Program;
use crate::program::Source;
#[cfg(feature = "session")]
use crate::session::Sessions;
use crate::site::Site;
use crate::socket::Sockets;
use crate::state::{Startup, States};
use crate::trace::TraceContext;
use crate::view::View;

/// A manifest with the cache that its programs share. Cloning it shares both.
#[derive(Clone, Debug)]
pub struct App {
    manifest: Arc<Manifest>,
    cache: Cache,
    cache_is_given: bool,
    /// Its cache is the one of other doors than programs, and it is for operators alone.
    is_of_cache: bool,
    models: Models,
    /// How requests over HTTP may use the cache.
    pub(crate) mode: Mode,
    /// Where it answers.
    site: Site,
    /// What is wrong with that.
    site_error: Option<Error>,
    states: States,
    #[cfg(feature = "session")]
    sessions: Option<Arc<Sessions>>,
    pub(crate) compression: Compression,
    tag_fields: Arc<TagFields>,
    downstream: Vec<Arc<dyn Downstream>>,
    messages: Messages,
    error_pages: ErrorPages,
    /// What answers beside the programs.
    pub(crate) beside: Beside,
    pub(crate) configured: Option<Configured>,
    /// The proxies in front of its server.
    pub(crate) proxies: Arc<Proxies>,
    /// The access log of its server, if there is one.
    pub(crate) access: Option<Arc<Access>>,
    pub(crate) health: Health,
    /// What the configuration can open; `None` without one.
    pub(crate) stores: Option<Stores>,
    /// The trace that a caller has begun.
    pub(crate) trace_context: TraceContext,
    /// Where the servers of this application have sockets.
    sockets: Sockets,
    store_is_configured: bool,
    log: Limiter,
}

/// What the configuration says of an application that runs in a server of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Configured {
    pub(crate) debug: bool,
    /// A setting that the code has changed after the configuration was read.
    pub(crate) replaced: Option<&'static str>,
}

impl App {
    /// The application of `manifest`. It caches nothing until [`cache`](Self::cache) gives it a store, or
    /// [`run`](crate::run()) the cache of the configuration.
    #[must_use]
    pub fn new(manifest: Manifest) -> Self {
        let site = Site::default();
        let addresses = manifest.addresses(&site);
        Self {
            manifest: Arc::new(manifest),
            cache: Cache::new(DummyKeyValue::new()),
            cache_is_given: false,
            is_of_cache: false,
            models: Models::default(),
            mode: Mode::Prefer,
            site,
            site_error: None,
            states: States::default().keep(addresses).keep(Site::default()),
            #[cfg(feature = "session")]
            sessions: None,
            compression: Compression::new(true),
            tag_fields: Arc::default(),
            downstream: Vec::new(),
            messages: Messages::default(),
            error_pages: ErrorPages::default(),
            beside: Beside::default(),
            configured: None,
            proxies: Arc::default(),
            access: None,
            health: Health::default(),
            stores: None,
            trace_context: TraceContext::default(),
            sockets: Sockets::default(),
            store_is_configured: false,
            log: Limiter::default(),
        }
    }

    /// Caches rendered pages in `store`.
    #[must_use]
    pub fn cache(self, store: impl KeyValue) -> Self {
        self.with_cache(Cache::new(store))
    }

    /// Caches rendered pages in `cache`, which may have its own settings.
    #[must_use]
    pub fn with_cache(self, cache: Cache) -> Self {
        for downstream in &self.downstream {
            cache.add_downstream(Arc::clone(downstream));
        }
        for (path, budget) in self.manifest.budgets() {
            // A budget that makes no sense is an error of its program, which ends the start.
            let _ = cache.set_budget(path, budget);
        }
        Self {
            cache,
            cache_is_given: true,
            ..self.replacing("cache")
        }
    }

    /// The same, which replaces a setting: a mistake after the configuration was read, because the command line would have
    /// another one than the server.
    fn replacing(mut self, setting: &'static str) -> Self {
        if let Some(configured) = &mut self.configured {
            configured.replaced.get_or_insert(setting);
        }
        self
    }

    /// Shows the mocks of the programs instead of running their models. Mocks are not cached, and no cached page is shown.
    #[must_use]
    pub fn model_mock(self, mock: bool) -> Self {
        let source = match mock {
            true => Source::Mock,
            false => Source::Model,
        };
        Self {
            models: self.models.source(source),
            ..self
        }
    }

    /// Answers requests over HTTP only with what is stored: no model runs. Where nothing is stored that may be served, the
    /// answer is 504, and `Cache-Status` has the reason. Programs without `.cache(..)` and every POST are 504, too; files and
    /// axum's routes are not affected. The command line is not, either.
    #[must_use]
    pub fn frozen(self, frozen: bool) -> Self {
        let mode = match frozen {
            true => Mode::Only,
            false => Mode::Prefer,
        };
        Self { mode, ..self }
    }

    /// Gives `value` to the models, middleware and views that take a [`State`](crate::State) of its type.
    ///
    /// ```
    /// # use giotto::prelude::*;
    /// # let manifest = Manifest::default();
    /// # struct Pool;
    /// let app = App::new(manifest).state(Pool);
    /// ```
    ///
    /// An application has one state of a type. A second one is refused at the start, and so is a missing one.
    #[must_use]
    pub fn state(self, value: impl Send + Sync + 'static) -> Self {
        let states = self.states.with(value);
        Self { states, ..self }
    }

    /// Gives readers sessions, which models and middleware read and change. Every POST then needs a token of its reader's session,
    /// unless [`Program::csrf`](crate::Program::csrf) says otherwise.
    ///
    /// [`run`](crate::run()) takes the keys of the configuration; an application without a key does not serve.
    #[cfg(feature = "session")]
    #[must_use]
    pub fn sessions(self, sessions: Sessions) -> Self {
        self.replacing("sessions").with_sessions(sessions)
    }

    #[cfg(feature = "session")]
    fn with_sessions(self, sessions: Sessions) -> Self {
        let sessions = Some(Arc::new(sessions));
        Self { sessions, ..self }
    }

    /// The same for a server, which has no sessions without a key.
    #[cfg(feature = "session")]
    pub(crate) fn with_session_keys(self) -> Result<Self> {
        match &self.sessions {
            None => Ok(self),
            Some(sessions) => {
                let sessions = sessions.serving()?.under(self.site.cookie_path());
                Ok(self.with_sessions(sessions))
            }
        }
    }

    #[cfg(feature = "session")]
    pub(crate) const fn given_sessions(&self) -> Option<&Arc<Sessions>> {
        self.sessions.as_ref()
    }

    /// Renders `template(..)` in views with these templates.
    ///
    /// ```
    /// # use giotto::prelude::*;
    /// # let manifest = Manifest::default();
    /// let app = App::new(manifest).templates(Templates::new("templates").global("site", "The Library"));
    /// ```
    #[cfg(feature = "template")]
    #[must_use]
    pub fn templates(self, templates: crate::view::Templates) -> Self {
        self.state(templates)
    }

    /// Has the span of each request over HTTP be part of the trace that its caller has begun, as the fields of the request tell.
    ///
    /// `enter` makes that trace the current one, for as long as what it returns lives. With the crates `opentelemetry` and
    /// `tracing-opentelemetry`, that is the guard of a context:
    ///
    /// ```ignore
    /// App::new(manifest).trace_context(|fields| {
    ///     TraceContextPropagator::new().extract(&HeaderExtractor(fields)).attach()
    /// })
    /// ```
    ///
    /// It is called only for a request that has a span: if a subscriber asks for the spans of the target `giotto::trace`, whose
    /// level is `DEBUG`.
    #[must_use]
    pub fn trace_context<G>(
        self,
        enter: impl Fn(&http::HeaderMap) -> G + Send + Sync + 'static,
    ) -> Self {
        let trace_context = TraceContext::new(enter);
        Self {
            trace_context,
            ..self
        }
    }

    /// Limits the models that run at the same time, 1,024 by default. Requests above the limit fail with HTTP 503.
    #[must_use]
    pub fn max_models(self, limit: usize) -> Self {
        Self {
            models: self.models.limit(limit),
            ..self
        }
    }

    /// Whether stored pages are sent compressed to clients that accept it; true by default, with the feature `compression`.
    /// [`Program::compress`](crate::Program::compress) is the same for one program, and says when to turn it off.
    #[must_use]
    pub fn compression(self, is_on: bool) -> Self {
        Self {
            compression: Compression::new(is_on),
            ..self.replacing("compression")
        }
    }

    /// Sends the tags of each page to caches downstream, over HTTP, in these header fields: `.tag_fields(["Cache-Tag"])`. By
    /// default no page has such a field. `Cache-Groups` has the form of RFC 9875, a name that ends in `key` or `keys`, such
    /// as `Surrogate-Key` or `xkey`, separates tags by spaces, and any other by commas.
    ///
    /// Beside its own tags, a page has `giotto:program:` with the path of its program, and `giotto:all`.
    #[must_use]
    pub fn tag_fields<S: AsRef<str>>(self, names: impl IntoIterator<Item = S>) -> Self {
        Self {
            tag_fields: Arc::new(TagFields::new(names)),
            ..self.replacing("tag_fields")
        }
    }

    /// Tells `downstream` of every invalidation, for example `giotto::purge::Purger` (feature `purge`), which sends it to a CDN.
    #[must_use]
    pub fn downstream(self, downstream: impl Downstream + 'static) -> Self {
        self.tell(Arc::new(downstream))
    }

    pub(crate) fn tell(mut self, downstream: Arc<dyn Downstream>) -> Self {
        self.cache.add_downstream(Arc::clone(&downstream));
        self.downstream.push(downstream);
        self
    }

    /// The words in which the reader of a page is told why a field was refused, in place of those of
    /// [`Refusal::words`](crate::Refusal::words). `words` gets the value of the argument `language`, which is empty if there is
    /// none, and the field; `None` leaves it the usual words.
    ///
    /// ```
    /// use giotto::{Field, Refusal};
    /// # use giotto::prelude::*;
    /// # let manifest = Manifest::default();
    ///
    /// let app = App::new(manifest).messages("lang", |language, field: &Field| match (language, field.refusal()) {
    ///     ("de", Refusal::Missing) => Some("Bitte ausfüllen".to_owned()),
    ///     ("de", Refusal::OutOfRange { least, most }) => Some(format!("Eine ganze Zahl von {least} bis {most}")),
    ///     _ => None,
    /// });
    /// ```
    ///
    /// What a model refuses with [`InvalidInput::field`](crate::InvalidInput::field) has the words of the model, and comes here, too. The command line
    /// keeps the words of the error.
    #[must_use]
    pub fn messages(
        self,
        language: impl Into<String>,
        words: impl Fn(&str, &Field) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let messages = Messages::new(language.into(), words);
        Self { messages, ..self }
    }

    /// Shows the errors of HTTP with this `status` by `view`, in the media types that it renders; the usual page shows them in
    /// the others. If the view fails, the client gets the usual page.
    ///
    /// ```
    /// use giotto::ErrorPage;
    /// use giotto::view::escape_html;
    /// # use giotto::prelude::*;
    /// # let manifest = Manifest::default();
    ///
    /// let not_found = View::new().html(|page: &ErrorPage| {
    ///     format!("<h1>{}</h1><p>{}", page.title(), escape_html(page.message()))
    /// });
    /// let app = App::new(manifest).error_page(404, not_found);
    /// ```
    ///
    /// The view runs in place, also for requests that no program answers: it should be quick, and read no database. Status and
    /// fields of the error stay as they are, and no cache stores the page.
    #[must_use]
    pub fn error_page(self, status: u16, view: View<ErrorPage>) -> Self {
        let error_pages = self.error_pages.with(Some(status), view);
        Self {
            error_pages,
            ..self
        }
    }

    /// Shows the errors of HTTP by `view` that have no [page of their own](Self::error_page).
    #[must_use]
    pub fn error_pages(self, view: View<ErrorPage>) -> Self {
        let error_pages = self.error_pages.with(None, view);
        Self {
            error_pages,
            ..self
        }
    }

    /// Checks the manifest, and that the application has the states and the templates that its programs take. Every front end
    /// does so before it starts.
    ///
    /// # Errors
    ///
    /// The first mistake, and its remedy.
    pub fn check(&self) -> Result<()> {
        if let Some(setting) = self.configured.and_then(|configured| configured.replaced) {
            return Err(Error::configuration(format!(
                "App::{setting} stands after App::configured, which has read the setting: call it before"
            )));
        }
        self.site_error.clone().map_or(Ok(()), Err)?;
        self.tag_fields.check()?;
        self.states.check()?;
        self.manifest.check()?;
        self.beside.check(&self.manifest)?;
        self.health.check(&self.manifest)?;
        let programs = self.manifest.all();
        #[cfg(feature = "session")]
        self.check_sessions(&programs)?;
        let mut paths: Vec<_> = programs.iter().map(|program| program.path()).collect();
        paths.sort_unstable();
        paths.dedup();
        let startup = Startup::new(&self.states, &paths);
        self.error_pages.check(&startup)?;
        let mut programs = programs.into_iter();
        programs.try_for_each(|program| program.check(&startup, self.models.shown()))
    }

    pub(crate) const fn own_error_pages(&self) -> &ErrorPages {
        &self.error_pages
    }

    #[cfg(feature = "session")]
    fn check_sessions(&self, programs: &[&Program]) -> Result<()> {
        if let Some(sessions) = &self.sessions {
            sessions.check()?;
        }
        let mut programs = programs.iter();
        programs.try_for_each(|program| program.check_session(self.sessions.is_some()))
    }

    /// Limits the log lines that clients can cause.
    pub(crate) const fn log(&self) -> &Limiter {
        &self.log
    }

    /// The same, which tells its health on the public port if it `is_public`.
    pub(crate) fn with_public_health(self, is_public: bool) -> Self {
        let health = self.health.clone().public(is_public);
        Self { health, ..self }
    }

    /// The same, whose servers have `sockets`. Its store may be that of the configuration, and not one of the code.
    pub(crate) fn with_sockets(self, sockets: Sockets, store_is_configured: bool) -> Self {
        Self {
            sockets,
            store_is_configured,
            ..self
        }
    }

    pub(crate) const fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// Whether the store is that of the configuration, so that its name distinguishes it.
    pub(crate) const fn has_configured_store(&self) -> bool {
        self.store_is_configured
    }

    pub(crate) fn tells_downstream(&self) -> bool {
        !self.downstream.is_empty()
    }

    pub(crate) fn has_tag_fields(&self) -> bool {
        !self.tag_fields.is_empty()
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The same with `manifest` instead of its own.
    pub(crate) fn with_manifest(self, manifest: Manifest) -> Self {
        Self {
            states: self.states.clone().keep(manifest.addresses(&self.site)),
            manifest: Arc::new(manifest),
            ..self
        }
    }

    /// What operators ask of `cache`, whose keys are not those of programs of a manifest.
    pub(crate) fn of_cache(cache: Cache) -> Self {
        Self {
            is_of_cache: true,
            ..Self::new(Manifest::default()).with_cache(cache)
        }
    }

    pub(crate) const fn is_of_cache(&self) -> bool {
        self.is_of_cache
    }

    pub(crate) const fn cache_is_given(&self) -> bool {
        self.cache_is_given
    }

    /// The cache that the programs share, with its counters and its store.
    #[must_use]
    pub const fn shared_cache(&self) -> &Cache {
        &self.cache
    }
}

impl sealed::FromContext for App {}

impl FromContext for App {
    fn from_context(context: &Context) -> Result<Self> {
        Ok(context.app())
    }
}

impl From<Manifest> for App {
    fn from(manifest: Manifest) -> Self {
        Self::new(manifest)
    }
}
