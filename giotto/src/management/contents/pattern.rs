//! Which stored pages are meant: those of a program whose arguments match, `price sku=app*`.
//!
//! Read by `cache/list` and `cache/purge`. It is compared with the keys that the store has; no model is asked.

use giotto_cache::{Key, ListedEntry};

use super::glob::Glob;
use super::literal;
use crate::app::App;
use crate::arguments::{names, no_such_argument};
use crate::error::Result;
use crate::management::invocation::{FrontEnd, Invocation, no_cache, no_front_end, shown, wrong};
use crate::negotiate;

/// The stored pages of a program whose arguments match.
#[derive(Clone, Debug)]
pub(in crate::management) struct Pattern {
    /// As it is written in a key, as is the media type.
    program: String,
    mimetype: Option<String>,
    arguments: Globs,
    /// What the arguments must be as a whole, of a cache without a manifest.
    whole: Option<Glob>,
    path: String,
    shown: String,
}

impl Pattern {
    /// What `words` mean, in whose values may be a `*`: an invocation, or of a cache without a manifest a program and the
    /// arguments in its keys.
    ///
    /// # Errors
    ///
    /// If they name no program with a cache, or an argument that the program does not have.
    pub(in crate::management) fn of_words(words: &[String], app: &App) -> Result<Self> {
        match words {
            [program, arguments @ ..] if app.is_of_cache() => Ok(Self::of_keys(program, arguments)),
            words => Self::read(&Invocation::read(words, &[])?, app),
        }
    }

    fn of_keys(program: &str, arguments: &[String]) -> Self {
        let arguments = (!arguments.is_empty()).then(|| arguments.join(" "));
        let shown = match &arguments {
            None => program.to_owned(),
            Some(arguments) => format!("{program} {arguments}"),
        };
        Self {
            program: Key::new(program, "", "").program().to_owned(),
            mimetype: None,
            arguments: Globs::new(),
            whole: arguments.map(|arguments| Glob::new(&arguments)),
            path: program.to_owned(),
            shown,
        }
    }

    fn read(invocation: &Invocation, app: &App) -> Result<Self> {
        let front_ends = FrontEnd::all(invocation, app)?;
        let front_end = front_ends.first().ok_or_else(no_front_end)?;
        let program = front_end.program;
        if program.cache_policy().is_none() {
            return Err(wrong(program.path(), &no_cache(program.path())));
        }
        let mimetype = match front_end.superformat(app, invocation) {
            None => None,
            Some(name) => Some(negotiate::choose(Some(&name), "", program.mimes())?),
        };
        let (arguments, segments) = globs(front_end, invocation)?;
        let essence = mimetype.as_ref().map_or("", |mime| mime.essence());
        let key = app.site().key(Key::new(program.path(), "", essence));
        Ok(Self {
            program: key.program().to_owned(),
            mimetype: mimetype.map(|_| key.mimetype().to_owned()),
            arguments,
            whole: None,
            path: program.path().to_owned(),
            shown: told(program.path(), invocation, segments),
        })
    }

    /// What is in every key that it matches.
    pub(in crate::management) fn part(&self) -> String {
        match &self.mimetype {
            None => format!("({})(", self.program),
            Some(mimetype) => format!("({})({mimetype})", self.program),
        }
    }

    /// Whether the page of `key` is meant.
    pub(in crate::management) fn matches(&self, key: &Key) -> bool {
        let is_of_it = |mimetype: &String| key.mimetype() == mimetype;
        key.program() == self.program
            && self.mimetype.as_ref().is_none_or(is_of_it)
            && self.matches_arguments(key.arguments())
    }

    /// Whether `entry` is one of its pages, as far as its key is known.
    pub(in crate::management) fn has(&self, entry: &ListedEntry) -> bool {
        let key = entry.key.as_deref().and_then(Key::read);
        key.is_some_and(|key| self.matches(&key))
    }

    fn matches_arguments(&self, arguments: &str) -> bool {
        // Around the keys of the layer are braces, which are no part of what a person means.
        let bare = arguments.strip_prefix('{');
        let bare = bare.and_then(|bare| bare.strip_suffix('}'));
        let is_whole =
            |whole: &Glob| whole.matches(arguments) || bare.is_some_and(|bare| whole.matches(bare));
        self.whole.as_ref().is_none_or(is_whole)
            && self.arguments.iter().all(|(name, glob)| {
                let value = literal::value_of(arguments, name);
                value.is_some_and(|value| glob.matches(&value) || is_word(glob, &value))
            })
    }

    /// The path of the program.
    pub(in crate::management) fn path(&self) -> &str {
        &self.path
    }

    /// `all pages of price sku=app*`
    pub(in crate::management) fn pages(&self) -> String {
        format!("all pages of {}", self.shown)
    }
}

/// What is given for each parameter, by its name.
type Globs = Vec<(&'static str, Glob)>;

/// What is given for each parameter, and the segments of the positional arguments.
fn globs<'i>(
    front_end: &FrontEnd<'_>,
    invocation: &'i Invocation,
) -> Result<(Globs, &'i [String])> {
    let parameters = front_end.program.parameters();
    let mut arguments = Vec::new();
    for (name, value) in &invocation.data {
        let parameter = parameters.iter().find(|one| one.is_called(name));
        let unknown = || no_such_argument(&names(parameters), name, value.clone());
        arguments.push((parameter.ok_or_else(unknown)?.name, Glob::new(value)));
    }
    let segments = invocation.path.get(front_end.consumed..);
    let segments = segments.unwrap_or_default();
    let open = front_end.open(invocation);
    if let Some(extra) = segments.get(open.len()) {
        return Err(wrong(extra, "the program has no argument for this"));
    }
    let positional = segments.iter().map(|segment| Glob::new(segment));
    arguments.extend(open.into_iter().zip(positional));
    Ok((arguments, segments))
}

/// `True`, `False` and `None` are given as `true`, `false`, and `none`.
fn is_word(glob: &Glob, value: &str) -> bool {
    matches!(value, "True" | "False" | "None") && glob.matches(&value.to_lowercase())
}

fn told(path: &str, invocation: &Invocation, segments: &[String]) -> String {
    let positional = segments.iter().map(|segment| format!(" {segment}"));
    let named = invocation.data.iter();
    let named = named.map(|(name, value)| format!(" {name}={value}"));
    let words = std::iter::once(shown(path).to_owned()).chain(positional);
    words.chain(named).collect()
}
