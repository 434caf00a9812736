//! What an author declares about a program.
//!
//! Before the first request; see [`Program`].

use std::marker::PhantomData;
use std::sync::Arc;

use giotto_cache::{IntoDuration, IntoPolicy};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(feature = "template")]
use super::call::Call;
use super::definition::{Bare, ErasedModel, Program, Ready, Render, Settings, Source};
use super::middleware::{InputMiddleware, OutputMiddleware};
use super::model::Model;
use crate::arguments::{self, Parameters, parameters};
use crate::error::Error;
use crate::lifetimes::{Terms, seconds};
use crate::negotiate;
use crate::request::Controller;
use crate::response::Response;
use crate::trace::Steps;
use crate::view::View;

impl<T, A> Program<Bare<T, A>>
where
    T: Send + Sync + 'static,
    A: DeserializeOwned + Serialize + Send + 'static,
{
    /// A program that runs `model`: a function marked `#[model]`, or any that takes one struct of arguments.
    #[must_use]
    pub fn new<M>(model: impl Model<M, Arguments = A, Output = T>) -> Self
    where
        M: 'static,
    {
        let mut settings = Settings {
            sets_cookies: model.sets_cookies(),
            ..Settings::default()
        };
        if std::any::type_name::<T>().starts_with("core::result::Result<") {
            let message = "the model returns a Result whose error is not an error type: let it implement \
                           std::error::Error, or return giotto::Error";
            settings.error = Some(Error::configuration(message));
        }
        let stage = Bare {
            name: std::any::type_name_of_val(&model),
            documentation: model.documentation(),
            needs: model.needs(),
            model: Arc::new(move |arguments, context| model.call(arguments.downcast(), context)),
            mock: None,
            arguments: PhantomData,
        };
        Self { settings, stage }
    }

    /// The view of the model's result.
    #[must_use]
    pub fn view(self, view: View<T>) -> Program {
        let Self {
            mut settings,
            stage,
        } = self;
        let Bare {
            model,
            name,
            documentation,
            needs,
            mock,
            ..
        } = stage;
        let parameters = parameters::<A>(documentation.parameters).unwrap_or_else(|error| {
            settings.error.get_or_insert(error);
            Parameters::default()
        });
        if let Some(error) = view.error() {
            settings.error.get_or_insert(error);
        }
        settings.sets_cookies |= view.sets_cookies();
        let mimes = view.mimes();
        let view = Arc::new(view);
        let checked = Arc::clone(&view);
        let stage = Ready {
            parameters,
            documentation,
            name,
            needs,
            check: Box::new(move |startup| checked.check(startup)),
            negotiated: negotiate::by(&mimes),
            mimes,
            styled: view.styled(),
            keys: Vec::new(),
            terms: Terms::default(),
            bind: arguments::bind::<A>,
            render: render(model, mock, view),
        };
        Program { settings, stage }
    }
}

impl<S> Program<S> {
    /// The controllers that the program answers; all of them if it names none.
    #[must_use]
    pub fn controllers(mut self, controllers: impl IntoIterator<Item = Controller>) -> Self {
        self.settings.controllers = controllers.into_iter().collect();
        self
    }

    /// Caches rendered pages for a number of seconds, for a `Duration`, or as a [`Policy`](giotto_cache::Policy) says; `0` =
    /// they never expire, `None` = off.
    #[must_use]
    pub fn cache(mut self, policy: impl IntoPolicy) -> Self {
        match policy.into_policy() {
            Ok(policy) => {
                let version = self.settings.version;
                self.settings.cache = policy.map(|policy| match version {
                    0 => policy,
                    _ => policy.version(version),
                });
            }
            Err(error) => self.settings.error = Some(Error::configuration(error.to_string())),
        }
        self
    }

    /// The version of the program's pages, 0 by default. A page of another version is never fresh, and is served as an old
    /// one only under a policy with [`stale_versions`](giotto_cache::Policy::stale_versions).
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.settings.version = version;
        self.settings.cache = self.settings.cache.map(|policy| policy.version(version));
        self
    }

    /// How long caches downstream, such as the reader's browser, may use a page without asking (`max-age` of RFC 9111). They
    /// may show an old page for that long after an invalidation. By default they ask every time (`no-cache`), which costs a
    /// response 304 and no run of the model.
    ///
    /// The time that is sent is never longer than the page is still fresh, and an old page has none.
    #[must_use]
    pub fn max_age(mut self, time: impl IntoDuration) -> Self {
        let seconds = self.seconds("max_age", time);
        self.settings.lifetimes.max_age = seconds;
        self
    }

    /// How long shared caches, such as a proxy or a CDN, may use a page without asking (`s-maxage` of RFC 9111, and
    /// `CDN-Cache-Control` of RFC 9213). Without [`max_age`](Self::max_age), a browser still asks every time.
    ///
    /// A program with middleware cannot have one: its pages are private.
    #[must_use]
    pub fn shared_max_age(mut self, time: impl IntoDuration) -> Self {
        let seconds = self.seconds("shared_max_age", time);
        self.settings.lifetimes.shared_max_age = seconds;
        self
    }

    /// For pages that never change under the same address: while [`max_age`](Self::max_age) lasts, a browser does not ask
    /// even when its user reloads the page (`immutable` of RFC 8246).
    #[must_use]
    pub fn immutable(mut self) -> Self {
        self.settings.lifetimes.immutable = true;
        self
    }

    /// How long after its `max_age` or `shared_max_age` a cache downstream may still use a page while it asks for a new one
    /// (`stale-while-revalidate` of RFC 5861). It says nothing about giotto's own cache: that is
    /// [`Policy::stale_while_revalidate`](giotto_cache::Policy::stale_while_revalidate).
    #[must_use]
    pub fn downstream_stale_while_revalidate(mut self, time: impl IntoDuration) -> Self {
        let seconds = self.seconds("downstream_stale_while_revalidate", time);
        self.settings.lifetimes.stale_while_revalidate = seconds;
        self
    }

    /// How long after its `max_age` or `shared_max_age` a cache downstream may still use a page if giotto does not answer
    /// (`stale-if-error` of RFC 5861). It says nothing about giotto's own cache: that is
    /// [`Policy::stale_if_error`](giotto_cache::Policy::stale_if_error).
    #[must_use]
    pub fn downstream_stale_if_error(mut self, time: impl IntoDuration) -> Self {
        let seconds = self.seconds("downstream_stale_if_error", time);
        self.settings.lifetimes.stale_if_error = seconds;
        self
    }

    fn seconds(&mut self, name: &str, time: impl IntoDuration) -> u32 {
        seconds(time).unwrap_or_else(|problem| {
            let error = Error::configuration(format!(".{name}(..): {problem}"));
            self.settings.error.get_or_insert(error);
            0
        })
    }

    /// Whether its stored pages may be sent compressed; true by default, with the feature `compression`. Turn it off for pages
    /// that show a secret beside something that a request has chosen: their length tells an observer more and more of the
    /// secret (the attack BREACH).
    #[must_use]
    pub fn compress(mut self, compress: bool) -> Self {
        self.settings.uncompressed = !compress;
        self
    }

    /// The description of the program, instead of the documentation of its model.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.settings.description = Some(description.into());
        self
    }

    /// Collects all arguments that the program does not declare in its parameter `name`, in the order given, as the words of
    /// another invocation: `squared`, `x=12`.
    pub(crate) fn collects(mut self, name: &'static str) -> Self {
        self.settings.collects = Some(name);
        self
    }

    /// Runs `check` on every request, before arguments are bound and the cache is asked. It may refuse the request with an
    /// error or a redirection, or [set](crate::Request::set) arguments, such as the signed-in user. It is a function or an async
    /// function, and may take a state: see [`InputMiddleware`].
    ///
    /// It runs for both front ends; [`Request::controller`](crate::Request::controller) says for which. It runs in the order in which it is given. A client
    /// that disconnects ends async middleware at its next `.await`.
    ///
    /// On a POST with preconditions (`If-Match`) it runs twice, and once more for the page of GET that they are about. The
    /// programs of [`management`](crate::management()) run it to find the page of an invocation.
    #[must_use]
    pub fn input_middleware<M>(mut self, check: impl InputMiddleware<M>) -> Self {
        self.settings.input.push(check.into_check());
        self
    }

    /// Runs `finish` on every page, computed or cached. Its changes are never stored. It is a function or an async function, and
    /// may take a state: see [`OutputMiddleware`].
    #[must_use]
    pub fn output_middleware<M>(mut self, finish: impl OutputMiddleware<M>) -> Self {
        self.settings.output.push(finish.into_finish());
        self
    }
}

/// Runs `model`, or takes its `mock`, and shows the value with `view`.
fn render<T>(model: ErasedModel<T>, mock: Option<Arc<T>>, view: Arc<View<T>>) -> Render
where
    T: Send + Sync + 'static,
{
    Box::new(move |typed, source, rendering| {
        let view = Arc::clone(&view);
        match source {
            Source::Mock => {
                let mock = Arc::clone(mock.as_ref()?);
                Some(Box::pin(async move {
                    let page = view.render(&mock, &rendering)?;
                    let site = rendering.context().site();
                    page.into_page(rendering.into_mime(), &site)
                }))
            }
            Source::Model => {
                let steps = Steps::of(rendering.program());
                let call = model(typed, rendering.context());
                let waits = view.waits(rendering.mime());
                #[cfg(feature = "template")]
                let rendering = {
                    let is_blocking = call.as_ref().is_ok_and(Call::is_blocking);
                    rendering.waiting(waits || is_blocking)
                };
                let show = move |reply: &Response<T>| {
                    let page = view.render(reply.value(), &rendering);
                    let site = rendering.context().site();
                    reply.page(page, rendering.into_mime(), &site)
                };
                Some(Box::pin(
                    async move { call?.then(steps, waits, show).await },
                ))
            }
        }
    })
}
