//! The functions that every template has: `url_for`, `url` and both with the origin, `asset`, `csrf`, `flashes`, `t` and `cache`.
//!
//! Step 6 of an invocation calls them.

use std::fmt::Write as _;
use std::sync::Arc;

use giotto_cache::log::{Cut, Limiter};
#[cfg(feature = "session")]
use minijinja::value::Serde;
use minijinja::value::{Kwargs, Value, from_args};
use minijinja::{AutoEscape, Error, ErrorKind};

use super::fragment::{Fragments, cache};
#[cfg(feature = "static")]
use super::sources::Sources;
use super::translations::{Part, Translations, parts};
use super::urls;
use super::wrong::{detail, failed, undefined, usage};
#[cfg(feature = "static")]
use crate::assets::Assets;
use crate::context::Context;
use crate::state::States;
use crate::view::escape::escape_html;

/// What the functions of one page know.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) context: Context,
    /// The argument `lang` of the page, or what suits the reader of an error page.
    pub(super) language: Option<String>,
    pub(super) translations: Option<Arc<Translations>>,
    pub(super) fragments: Fragments,
    /// Limits the log lines of messages that are missing.
    pub(super) log: Limiter,
}

impl Page {
    /// The language of the page, if there are messages in it, and otherwise their first language.
    pub(super) fn language(&self) -> Option<&str> {
        let given = self.language.as_deref();
        match &self.translations {
            Some(translations) => Some(translations.language(given)),
            None => given,
        }
    }
}

/// A function that depends on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    UrlFor,
    AbsoluteUrlFor,
    Url,
    AbsoluteUrl,
    Asset,
    Csrf,
    Flashes,
    T,
    Cache,
}

impl Function {
    /// The functions whose first argument is checked when the application starts.
    pub(super) const CHECKED: [&str; 6] = [
        "url_for",
        "absolute_url_for",
        "url",
        "absolute_url",
        "asset",
        "t",
    ];

    /// The functions that no stored page has.
    pub(super) const OF_ONE_READER: [&str; 2] = ["csrf", "flashes"];

    const ALL: [Self; 9] = [
        Self::UrlFor,
        Self::AbsoluteUrlFor,
        Self::Url,
        Self::AbsoluteUrl,
        Self::Asset,
        Self::Csrf,
        Self::Flashes,
        Self::T,
        Self::Cache,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::UrlFor => "url_for",
            Self::AbsoluteUrlFor => "absolute_url_for",
            Self::Url => "url",
            Self::AbsoluteUrl => "absolute_url",
            Self::Asset => "asset",
            Self::Csrf => "csrf",
            Self::Flashes => "flashes",
            Self::T => "t",
            Self::Cache => "cache",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|function| function.name() == name)
    }

    pub(super) fn call(
        self,
        page: &Page,
        state: &mut minijinja::State<'_, '_>,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        match self {
            Self::UrlFor => urls::url_for(&page.context, arguments).map(Value::from),
            Self::AbsoluteUrlFor => urls::absolute_url_for(&page.context, arguments),
            Self::Url => urls::url(&page.context, arguments),
            Self::AbsoluteUrl => urls::absolute_url(&page.context, arguments),
            Self::Asset => asset(page, arguments),
            Self::Csrf => csrf(page, arguments),
            Self::Flashes => flashes(page, arguments),
            Self::T => t(page, state, arguments),
            Self::Cache => cache(&page.fragments, page.language(), state, arguments),
        }
    }
}

/// The address of a static file.
fn asset(page: &Page, arguments: &[Value]) -> Result<Value, Error> {
    let (name,): (&str,) =
        from_args(arguments).map_err(|error| usage(&error, "asset(\"app.css\")"))?;
    let url = asset_url(page.context.states(), name);
    url.map(Value::from).map_err(|problem| failed(&problem))
}

/// The address of the static file `name`, or why there is none.
#[cfg(feature = "static")]
pub(super) fn asset_url(states: &States, name: &str) -> Result<String, String> {
    let Some(assets) = states.find::<Assets>() else {
        return Err(format!(
            "asset({name:?}): the application serves no static files: add them with App::static_files(\"static\")"
        ));
    };
    assets.url(name).ok_or_else(|| {
        let folder = assets.folder().display();
        let missing = Sources::of(assets.folder()).similar(name);
        format!(
            "asset({name:?}): the folder of static files, '{folder}', has no such file{missing}"
        )
    })
}

#[cfg(not(feature = "static"))]
pub(super) fn asset_url(_: &States, name: &str) -> Result<String, String> {
    Err(format!(
        "asset({name:?}): the application serves no static files: turn on giotto's feature `static`"
    ))
}

/// The hidden field of a form that protects it.
#[cfg(feature = "session")]
fn csrf(page: &Page, arguments: &[Value]) -> Result<Value, Error> {
    let (): () = from_args(arguments).map_err(|error| usage(&error, "csrf()"))?;
    page.fragments.refuse("csrf()")?;
    let session = page.context.session("csrf()");
    let field = session.map_err(|error| failed(&error))?.csrf_field();
    page.fragments.note_token(&field);
    Ok(Value::from_safe_string(field))
}

/// The messages for the reader, each of which has a `kind` and a `text`.
#[cfg(feature = "session")]
fn flashes(page: &Page, arguments: &[Value]) -> Result<Value, Error> {
    let (): () = from_args(arguments).map_err(|error| usage(&error, "flashes()"))?;
    page.fragments.refuse("flashes()")?;
    let session = page.context.session("flashes()");
    let flashes = session.map_err(|error| failed(&error))?.flashes();
    if !flashes.is_empty() {
        page.fragments.note_flashes();
    }
    Ok(Value::from(Serde(flashes)))
}

#[cfg(not(feature = "session"))]
fn csrf(_: &Page, _: &[Value]) -> Result<Value, Error> {
    Err(no_sessions("csrf()"))
}

#[cfg(not(feature = "session"))]
fn flashes(_: &Page, _: &[Value]) -> Result<Value, Error> {
    Err(no_sessions("flashes()"))
}

#[cfg(not(feature = "session"))]
fn no_sessions(call: &str) -> Error {
    failed(&format!(
        "{call}: the application has no sessions: turn on giotto's feature `session`"
    ))
}

/// A message in the language of the page.
fn t(page: &Page, state: &minijinja::State<'_, '_>, arguments: &[Value]) -> Result<Value, Error> {
    let (key, named): (&str, Kwargs) =
        from_args(arguments).map_err(|error| usage(&error, "t(\"greeting\", name=\"Ada\")"))?;
    let translations = page.translations.as_deref();
    let translations = translations.ok_or_else(|| failed(&no_translations(key)))?;
    let message = translations.message(page.language.as_deref(), key);
    let message = message.map_err(|error| failed(&error))?;
    if let Some(language) = message.missing_in {
        let (language, key) = (language.to_owned(), Cut(key).to_string());
        let event = ("a message is missing", language.clone(), key.clone());
        page.log.tell(event, move |repeated| {
            tracing::warn!(
                language,
                key,
                repeated,
                "message missing: the first language is shown"
            );
        });
    }
    // A message whose key ends in `_html` is markup of its author. What is put into it is escaped.
    let is_markup = key.ends_with("_html") && *state.auto_escape() == AutoEscape::Html;
    let text = filled(message.text, &named, is_markup);
    let text =
        text.map_err(|error| Error::new(error.kind(), format!("t({key:?}): {}", detail(&error))))?;
    // A placeholder that one language does not have may be in another one.
    Ok(match is_markup {
        true => Value::from_safe_string(text),
        false => Value::from(text),
    })
}

pub(super) fn no_translations(key: &str) -> String {
    format!(
        "t({key:?}): the application has no translations: Templates::new(..).translations(\"locales\", [\"en\", \"de\"])"
    )
}

/// A message with the `named` values in place of its placeholders.
fn filled(message: &str, named: &Kwargs, is_markup: bool) -> Result<String, Error> {
    let mut text = String::with_capacity(message.len());
    for part in parts(message).map_err(|problem| failed(&problem))? {
        let name = match part {
            Part::Text(part) => {
                text.push_str(part);
                continue;
            }
            Part::Placeholder(name) => name,
        };
        let value: Value = named.get(name).map_err(|_| {
            let message = format!("the message has the placeholder {{{name}}}: give it {name}=..");
            Error::new(ErrorKind::MissingArgument, message)
        })?;
        if value.is_undefined() {
            return Err(undefined(name));
        }
        // What a macro made is markup, too.
        match is_markup && !value.is_safe() {
            true => text.push_str(&escape_html(&value.to_string())),
            false => _ = write!(text, "{value}"),
        }
    }
    Ok(text)
}
