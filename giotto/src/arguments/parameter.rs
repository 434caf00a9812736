//! One parameter of a program, and all of them.

use super::typed::Typed;

/// One parameter of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Other names that it may be given under: serde's `alias`.
    pub aliases: Vec<&'static str>,
    /// What it takes, in a word or two: `integer`, `number`, `text`, `true or false`, `JSON object`, a list of choices.
    pub kind: String,
    /// Whether it may be given several times.
    pub is_list: bool,
    /// Whether an invocation has to give it.
    pub required: bool,
    /// The value that it has when it is not given, as JSON; not known for every type.
    pub default: Option<String>,
    /// Its documentation.
    pub doc: &'static str,
    /// Whether no invocation is right without it. Not known for every type that is `required`.
    pub(crate) must_be_given: bool,
    /// Whether it may be given in parts: `address.city=..`
    pub(crate) has_parts: bool,
    /// Whether it is true or false, as a check box is.
    pub(crate) is_switch: bool,
    /// Whether it is a list of any length.
    pub(crate) is_open: bool,
    /// Whether every value of it is written in full, as far as this is known before there is one.
    pub(crate) is_plain: bool,
    /// The names of its variants, if it takes one variant of an enum.
    pub(crate) variants: &'static [&'static str],
    /// Whether it is an enum without data whose variants are all written under names of their own.
    pub(super) is_choice: bool,
}

impl Parameter {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            aliases: Vec::new(),
            kind: "value".to_owned(),
            is_list: false,
            required: true,
            default: None,
            doc: "",
            must_be_given: false,
            has_parts: false,
            is_switch: false,
            is_open: false,
            is_plain: false,
            variants: &[],
            is_choice: false,
        }
    }

    /// Whether `name` is its name, or another that it may be given under.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// Whether it takes what is given as `name`: it is called so, or it has this part.
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.is_called(name) || (self.has_parts && self.part(name).is_some())
    }

    /// What is given as `name`, by its own name instead of an alias; `None` if it does not take that.
    pub(super) fn own_name(&self, name: &str) -> Option<String> {
        match self.part(name).filter(|_| self.has_parts) {
            Some((_, part)) => Some(format!("{}.{part}", self.name)),
            None => self.is_called(name).then(|| self.name.to_owned()),
        }
    }

    /// Its name and the rest, if `name` may be that of a part of it: `address.city`.
    pub(super) fn part<'n>(&self, name: &'n str) -> Option<(&'static str, &'n str)> {
        let mut own = std::iter::once(&self.name).chain(&self.aliases);
        own.find_map(|own| Some((*own, name.strip_prefix(own)?.strip_prefix('.')?)))
    }
}

/// What a model takes: the fields of its argument struct.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    /// In declared order.
    pub(crate) all: Vec<Parameter>,
    /// Whether its struct refuses names that it does not know: serde's `deny_unknown_fields`.
    pub(crate) denies_unknown: bool,
    /// Finds the language of a page in its arguments, if one of them is the language.
    pub(crate) language: Option<fn(&Typed) -> Option<String>>,
}
