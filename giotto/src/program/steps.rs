//! What the steps of an invocation ask of a program.
//!
//! Step 2 finds it under its path, step 3 binds arguments to its parameters, step 4 chooses one of its media types, step
//! 5 takes its cache policy, and step 6 has it render.

use giotto_cache::{Key, Policy};

use super::definition::{Pending, Program, Ready, Settings, Source, Tags};
use super::middleware::{Check, unwound};
use crate::arguments::Parameter;
use crate::arguments::{self, Arguments, Typed};
use crate::compression::ContentCoding;
use crate::downstream::no_vary_search;
use crate::error::{Error, InvalidInput, Kept, Result};
use crate::lifetimes::Terms;
use crate::mime::Mime;
use crate::page::Page;
use crate::request::{CMD, Controller, Request, Value};
use crate::state::States;
use crate::varies::Negotiated;
use crate::view::Rendering;

impl Program {
    /// The path in the manifest: its name in messages and in keys.
    pub(crate) fn path(&self) -> &str {
        &self.settings.path
    }

    /// Puts the program under `name` of a manifest.
    pub(crate) fn enter(&mut self, name: &str) {
        let path = &mut self.settings.path;
        *path = if path.is_empty() {
            name.to_owned()
        } else {
            format!("{name}/{path}")
        };
        let key = |mime: &Mime| Key::new(path, "", mime.essence());
        self.stage.keys = self.stage.mimes.iter().map(key).collect();
        self.stage.terms = Terms {
            lifetimes: self.settings.lifetimes,
            no_vary_search: self
                .ignores_others()
                .then(|| no_vary_search(self.parameters())),
        };
    }

    /// The key of its page under these arguments, as the literal that they make, in `mime`.
    pub(crate) fn key(&self, arguments: String, mime: &Mime) -> Key {
        let Ready { mimes, keys, .. } = &self.stage;
        match mimes.iter().zip(keys).find(|(own, _)| *own == mime) {
            Some((_, key)) => key.with_arguments(arguments),
            None => Key::new(self.path(), arguments, mime.essence()),
        }
    }

    /// Its parameters, in declared order.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.stage.parameters.all
    }

    /// Refuses an unknown argument on the command line, where it is a typing mistake, and everywhere if the struct of the
    /// arguments denies unknown fields. Otherwise HTTP ignores it.
    pub(crate) fn check_names(&self, request: &Request<'_>) -> Result<()> {
        match request.controller == CMD || self.stage.parameters.denies_unknown {
            true => arguments::check_known(self.parameters(), request),
            false => Ok(()),
        }
    }

    /// The description by its author; may be empty.
    #[must_use]
    pub fn about(&self) -> &str {
        self.settings
            .description
            .as_deref()
            .unwrap_or(self.stage.documentation.model)
    }

    /// The media types that it renders, the preferred one first.
    #[must_use]
    pub fn mimes(&self) -> &[Mime] {
        &self.stage.mimes
    }

    /// What of the request chooses one of them if the path does not.
    pub(crate) const fn negotiated(&self) -> Negotiated {
        self.stage.negotiated
    }

    /// Whether colours in its pages of `mime` may come from its author, and not from its data.
    pub(crate) fn is_styled(&self, mime: &Mime) -> bool {
        self.stage.styled.contains(mime)
    }

    /// How its pages are cached; `None` = they are not.
    #[must_use]
    pub fn cache_policy(&self) -> Option<&Policy> {
        self.settings.cache.as_ref()
    }

    /// Whether its model may set the fresh time of a page, so that a stored page may live longer than the policy says.
    pub(crate) const fn sets_time(&self) -> bool {
        self.stage.needs.sets_time
    }

    /// The tags of its pages under these arguments, known before they are computed.
    pub(crate) fn tags_of(&self, typed: &Typed) -> Result<Vec<String>> {
        tags(self.settings.tags.as_ref(), typed)
    }

    /// The tags that running it under these arguments invalidates.
    pub(crate) fn invalidated_by(&self, typed: &Typed) -> Result<Vec<String>> {
        tags(self.settings.invalidates.as_ref(), typed)
    }

    pub(crate) fn answers(&self, controller: Controller) -> bool {
        self.settings.controllers.is_empty() || self.settings.controllers.contains(&controller)
    }

    /// Whether a page depends on more than its arguments: middleware may have refused it to others, set an argument
    /// from a field of the request, or changed the page.
    pub(crate) fn is_guarded(&self) -> bool {
        !self.settings.input.is_empty() || !self.settings.output.is_empty()
    }

    /// Whether its stored pages depend on nothing in a query but its parameters, and not on their order. Middleware sees all
    /// that is given, so that a page behind it may depend on more. The names of parts (`address.city`) are not known before
    /// they are given.
    fn ignores_others(&self) -> bool {
        self.settings.cache.is_some()
            && self.settings.collects.is_none()
            && !self.stage.parameters.denies_unknown
            && !self.parameters().iter().any(|one| one.has_parts)
            && !self.is_guarded()
    }

    /// Whether its pages of `mime` may be sent under a content coding before middleware has seen them.
    pub(crate) fn may_be_coded(&self, mime: &Mime) -> bool {
        let Settings {
            uncompressed,
            output,
            ..
        } = &self.settings;
        !uncompressed && output.is_empty() && mime.is_compressible()
    }

    /// The parameter that collects what the others do not take.
    pub(crate) fn collector(&self) -> Option<&'static str> {
        self.settings.collects
    }

    /// Collects the path's segments from `consumed` on, and all unknown arguments, in the parameter that takes them, if there
    /// is one.
    #[inline]
    pub(crate) fn collect(&self, consumed: usize, request: &mut Request<'_>) {
        if let Some(collector) = self.settings.collects {
            self.collect_in(collector, consumed, request);
        }
    }

    fn collect_in(&self, collector: &'static str, consumed: usize, request: &mut Request<'_>) {
        let is_own = |given: &str| {
            let mut parameters = self.parameters().iter();
            parameters.any(|parameter| parameter.is_called(given))
        };
        let segments: Vec<_> = request.path.drain(consumed..).collect();
        let mut words: Vec<_> = segments.into_iter().map(Value::text).collect();
        request.data.retain(|(name, value)| {
            let is_own = is_own(name);
            if !is_own {
                let word = match value.as_str() {
                    Some(text) => format!("{name}={text}"),
                    None => format!("{name}={value}"),
                };
                words.push(Value::text(word));
            }
            is_own
        });
        let words = words.into_iter().map(|word| (collector.into(), word));
        request.data.extend(words);
    }

    /// Puts `check` before the program's own middleware.
    pub(crate) fn guard(&mut self, check: Check) {
        self.settings.input.insert(0, check);
    }

    /// Whether [`admit`](Self::admit) has something to run.
    pub(crate) fn has_input_middleware(&self) -> bool {
        !self.settings.input.is_empty()
    }

    /// Runs the input middleware on the request.
    pub(crate) async fn admit(&self, request: &mut Request<'_>, states: &States) -> Result<()> {
        for check in &self.settings.input {
            check.run(request, states).await?;
        }
        Ok(())
    }

    /// Binds the path's segments from `consumed` on and the request's named values.
    pub(crate) fn bind(&self, consumed: usize, request: &Request<'_>) -> Result<Arguments> {
        unwound("the reading of an argument", || {
            let positional = &request.path[consumed..];
            (self.stage.bind)(self.parameters(), positional, request)
        })
    }

    /// What the path's segments from `consumed` on and the request's named values give for its parameters.
    pub(crate) fn kept(&self, consumed: usize, request: &Request<'_>) -> Vec<Kept> {
        let positional = request.path.get(consumed..).unwrap_or_default();
        arguments::kept(self.parameters(), positional, request)
    }

    /// Leaves out of `request` what was `refused`.
    pub(crate) fn leave_out(&self, refused: &InvalidInput, request: &mut Request<'_>) {
        arguments::leave_out(self.parameters(), refused, request);
    }

    /// Runs the model, and then the view.
    pub(crate) fn render(&self, typed: Typed, source: Source, rendering: Rendering) -> Pending {
        let rendering = match self.stage.parameters.language {
            Some(language) => rendering.in_language(language(&typed)),
            None => rendering,
        };
        let page = (self.stage.render)(typed, source, rendering);
        page.unwrap_or_else(|| {
            let path = self.path();
            let message =
                format!("{path} has no mock: add .mock(..) to it, or run without --model-mock");
            Box::pin(std::future::ready(Err(Error::other(message))))
        })
    }

    /// Writes on the page what caches downstream must know.
    #[inline]
    pub(crate) fn describe(&self, negotiated: Negotiated, page: &mut Page) {
        page.belongs_to(negotiated, self.stage.terms.clone());
        if self.settings.uncompressed {
            page.leave_uncoded(ContentCoding::Never);
        }
    }

    /// Runs the output middleware of a program that [is guarded](Self::is_guarded) on the page.
    pub(crate) async fn finish(
        &self,
        request: &Request<'_>,
        page: &mut Page,
        states: &States,
    ) -> Result<()> {
        page.make_private();
        for finish in &self.settings.output {
            finish.run(request, page, states).await?;
        }
        page.depends_on(request.metadata.take_names());
        Ok(())
    }
}

#[inline]
fn tags(tags: Option<&Tags>, typed: &Typed) -> Result<Vec<String>> {
    match tags {
        None => Ok(Vec::new()),
        Some(tags) => unwound("the closure that names the tags", || Ok(tags(typed))),
    }
}
