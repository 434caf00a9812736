//! The templates of an application: folders, and what all of them share.
//!
//! Before the first request, [`App::templates`](crate::App::templates) takes them in. Step 6 of an invocation renders with them.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use giotto_cache::log::Limiter;
use minijinja::value::{Rest, Serde, Value, ValueOrKwargs};
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, escape_formatter};
use serde::Serialize;

use super::explain::Explainer;
use super::fragment::{Fragments, Stored};
use super::functions::Page;
use super::page::{self, Errors, NAMES, Variables};
use super::sources::Sources;
use super::translations::{Languages, Translations};
use super::values::{Callable, TemplateFunction};
use crate::error::{Error, Result};
use crate::view::escape::escape_html;
use crate::view::renderer::Rendering;

/// The templates of an application: one environment for all its views.
///
/// ```
/// use giotto::prelude::*;
/// use giotto::view::Templates;
///
/// # let manifest = Manifest::default();
/// let templates = Templates::new("templates")
///     .global("site", "The Library")
///     .filter("euros", |cents: u64| format!("{}.{:02} €", cents / 100, cents % 100))
///     .function("shelf", |number: u32| format!("shelf {number}"));
/// let app = App::new(manifest).templates(templates);
/// ```
///
/// In a template, `{{ site }}`, `{{ data.price|euros }}` and `{{ shelf(7) }}` are what these say. Besides, every template has
/// `data`, `errors`, `form`, `url_for`, `asset`, `csrf`, `t` and `cache`. What is undefined is an error, except in a condition.
///
/// A debug build reads a changed file at once. A release build reads every template once, when the application starts.
#[must_use]
pub struct Templates {
    sources: Sources,
    globals: Vec<(String, Value)>,
    filters: Vec<(String, Callable)>,
    functions: Vec<(String, Callable)>,
    languages: Option<Languages>,
    reloads: bool,
    /// One for each way to escape, which a compiled template has in it.
    environments: [OnceLock<Environment<'static>>; 3],
    translations: OnceLock<Arc<Translations>>,
    /// The digest of all templates, for fragments.
    version: OnceLock<String>,
    log: Limiter,
}

impl Templates {
    /// The templates in `folder`, and in the folders in it: `template("books/list.html")`. A relative folder is looked up from
    /// the working directory.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            sources: Sources::of(folder),
            globals: Vec::new(),
            filters: Vec::new(),
            functions: Vec::new(),
            languages: None,
            reloads: cfg!(debug_assertions),
            environments: Default::default(),
            translations: OnceLock::new(),
            version: OnceLock::new(),
            log: Limiter::default(),
        }
    }

    /// Looks for templates in `folder`, too, if the folders before have none of that name.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.sources.folders.push(folder.into());
        self
    }

    /// The variable `name` of all templates. It is part of stored pages, so it is never about one reader.
    pub fn global(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.globals.push((name.into(), Value::from(Serde(value))));
        self
    }

    /// The filter `name` of all templates: `{{ data.price|euros }}`.
    pub fn filter<M>(mut self, name: impl Into<String>, filter: impl TemplateFunction<M>) -> Self {
        self.filters.push((name.into(), Callable::new(filter)));
        self
    }

    /// The function `name` of all templates: `{{ shelf(7) }}`.
    pub fn function<M>(
        mut self,
        name: impl Into<String>,
        function: impl TemplateFunction<M>,
    ) -> Self {
        self.functions.push((name.into(), Callable::new(function)));
        self
    }

    /// The messages of `t("key")`, from one TOML file for each language: `locales/en.toml` and so on. The first language is the
    /// default, and has every message.
    ///
    /// The language of a page is the parameter `lang` of its program, so that it is part of the page's key.
    pub fn translations<S: Into<String>>(
        self,
        folder: impl Into<PathBuf>,
        languages: impl IntoIterator<Item = S>,
    ) -> Self {
        let languages = Some(Languages {
            folder: folder.into(),
            names: languages.into_iter().map(Into::into).collect(),
        });
        Self { languages, ..self }
    }

    /// Whether a changed file is read at once: by default in a debug build only, because it costs a look at every file for
    /// every page.
    pub fn reload(self, reloads: bool) -> Self {
        Self { reloads, ..self }
    }

    pub(super) const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Refuses names that a template would never see.
    pub(super) fn check_names(&self) -> Result<()> {
        let names = self.globals.iter().map(|(name, _)| name);
        let mut names = names.chain(self.functions.iter().map(|(name, _)| name));
        match names.find(|name| NAMES.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(Error::configuration(format!(
                "the templates have a global or a function '{name}', which is a name of giotto's own: rename it"
            ))),
        }
    }

    /// The messages; `None` if there are no translations.
    pub(super) fn messages(&self) -> Result<Option<Arc<Translations>>> {
        let Some(languages) = &self.languages else {
            return Ok(None);
        };
        if self.reloads {
            return Ok(Some(Arc::new(languages.read()?)));
        }
        if let Some(translations) = self.translations.get() {
            return Ok(Some(Arc::clone(translations)));
        }
        let read = Arc::new(languages.read()?);
        Ok(Some(Arc::clone(self.translations.get_or_init(|| read))))
    }

    /// The environment that escapes like this.
    pub(super) fn environment(&self, escaping: &AutoEscape) -> &Environment<'static> {
        let index = match escaping {
            AutoEscape::Html => 0,
            AutoEscape::Json => 1,
            _ => 2,
        };
        self.environments[index].get_or_init(|| self.make(escaping.clone()))
    }

    fn make(&self, escaping: AutoEscape) -> Environment<'static> {
        let mut environment = Environment::new();
        let sources = self.sources.clone();
        environment.set_loader(move |name| sources.load(name));
        environment.set_auto_reload(self.reloads);
        environment.set_auto_escape_callback(move |_| escaping.clone());
        environment.set_formatter(format);
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        // Errors name the expression that is undefined.
        environment.set_debug(true);
        environment.add_test("defined", |value: &Value| page::is_defined(value));
        environment.add_test("undefined", |value: &Value| !page::is_defined(value));
        environment.add_filter("default", page::or_default);
        environment.add_filter("d", page::or_default);
        for (name, value) in &self.globals {
            environment.add_global(name.clone(), value.clone());
        }
        for (name, filter) in &self.filters {
            let filter = filter.clone();
            let call = move |arguments: Rest<ValueOrKwargs>| filter.call(arguments.0);
            environment.add_filter(name.clone(), call);
        }
        for (name, function) in &self.functions {
            let function = function.clone();
            let call = move |arguments: Rest<ValueOrKwargs>| function.call(arguments.0);
            environment.add_function(name.clone(), call);
        }
        environment
    }

    /// Where the fragments of the page are stored. They are not for a page that shows what one reader has posted, nor where this
    /// thread may not wait.
    fn stored(&self, rendering: &Rendering) -> Option<Stored> {
        let cache = rendering.context().fragments()?;
        let is_stored = rendering.may_wait() && rendering.refused().is_empty();
        is_stored.then(|| Stored {
            cache: cache.clone(),
            mimetype: rendering.mime().essence().to_owned(),
            site: rendering.context().site(),
            version: match self.reloads {
                true => self.sources.version(),
                false => self.version.get_or_init(|| self.sources.version()).clone(),
            },
        })
    }

    /// The page of the template `name`. `are_met` tells whether it has fragments, as far as is known.
    pub(super) fn render<T: Serialize>(
        &self,
        name: &str,
        escaping: &AutoEscape,
        data: &T,
        rendering: &Rendering,
        are_met: &Arc<AtomicBool>,
    ) -> Result<Bytes> {
        let has_fragments = are_met.load(Ordering::Relaxed);
        let stored = has_fragments.then(|| self.stored(rendering)).flatten();
        let translations = self.messages()?;
        let page = Page {
            context: rendering.context().clone(),
            language: language(rendering, translations.as_deref()),
            translations,
            fragments: Fragments::new(stored, are_met),
            log: self.log.clone(),
        };
        let errors = Value::from(Serde(rendering.refused().by_name()));
        let form = Value::from(Serde(rendering.refused().form()));
        let variables = Value::from_object(Variables {
            data: Value::from(Serde(data)),
            errors: Value::from_object(Errors(errors)),
            form: Value::from_object(Errors(form)),
            page: Arc::new(page),
        });
        let environment = self.environment(escaping);
        let rendered = environment
            .get_template(name)
            .and_then(|template| template.render(variables.clone()));
        match rendered {
            Ok(page) => Ok(page.into()),
            Err(error) => {
                let explainer = self.explainer(environment, variables);
                Err(Error::other(explainer.explain(&error)))
            }
        }
    }

    /// What words the errors of templates that see these `variables`.
    pub(super) fn explainer<'t>(
        &'t self,
        environment: &'t Environment<'static>,
        variables: Value,
    ) -> Explainer<'t> {
        Explainer {
            sources: &self.sources,
            filters: self.filters.iter().map(|(name, _)| name.clone()).collect(),
            environment,
            variables,
        }
    }
}

/// The language of the page: its argument `lang`, or on an error page the one of the messages that suits the reader.
fn language(rendering: &Rendering, translations: Option<&Translations>) -> Option<String> {
    let of_reader = || rendering.language_of_reader(&translations?.names());
    rendering.language().or_else(of_reader).map(str::to_owned)
}

/// Writes `value` as the page escapes it. A slash stays as it is, so that addresses can be read, and what is `None` is empty.
fn format(
    output: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    match (state.auto_escape(), value.as_str()) {
        (AutoEscape::Html, Some(text)) if !value.is_safe() => {
            output.write_str(&escape_html(text)).map_err(Into::into)
        }
        (AutoEscape::Html | AutoEscape::None, None) if value.is_none() => Ok(()),
        _ => escape_formatter(output, state, value),
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates")
            .field("folders", &self.sources.folders)
            .field("reloads", &self.reloads)
            .finish_non_exhaustive()
    }
}
