//! What caches downstream, such as a CDN, are told with a page: its tags, and the parameters that it does not depend on.
//!
//! After step 6 of an invocation. The tags are written in the same form into the fields of a page and into the requests
//! that purge it (`purge/`), so that both agree.

use std::borrow::Cow;

use bytes::Bytes;
use giotto_cache::log::Limiter;
use http::header::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::arguments::Parameter;
use crate::error::{Error, Result};
use crate::page::{Page, Told};
use crate::request::{Controller, HTTP_POST};

/// The tag of every page, in place of a request for all pages, which would also purge what is not of this application.
pub(crate) const ALL: &str = "giotto:all";

/// The longest value of a field with tags. CDNs take 16 KiB, proxies 8 KiB for all fields together.
const MAX_VALUE: usize = 4 << 10;

/// The characters of a tag that a field cannot have, or that separate tags in one of its forms, besides those that are not
/// ASCII; and `%` itself.
const NOT_IN_TAG: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%').add(b',').add(b'\\');

/// The characters of a name that stand for themselves in `No-Vary-Search`.
const NOT_IN_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// `tag` as caches downstream know it: printable ASCII without spaces, commas, quotes and backslashes.
pub(crate) fn encoded(tag: &str) -> Cow<'_, str> {
    utf8_percent_encode(tag, NOT_IN_TAG).into()
}

/// The tag of every page of the program at `path`.
pub(crate) fn program_tag(path: &str) -> String {
    format!("giotto:program:{}", encoded(path))
}

/// `No-Vary-Search` of the pages of a program: they depend on these parameters, in any order, and on no others.
pub(crate) fn no_vary_search(parameters: &[Parameter]) -> HeaderValue {
    let names = parameters.iter().flat_map(|parameter| {
        let aliases = parameter.aliases.iter().copied();
        std::iter::once(parameter.name).chain(aliases)
    });
    let names = names.map(|name| format!("\"{}\"", utf8_percent_encode(name, NOT_IN_NAME)));
    let names: Vec<String> = names.collect();
    match names.is_empty() {
        true => HeaderValue::from_static("params"),
        false => value(format!("key-order, params, except=({})", names.join(" "))),
    }
}

/// The fields that carry the tags of pages; none by default.
#[derive(Clone, Debug, Default)]
pub(crate) struct TagFields {
    fields: Vec<(HeaderName, Form)>,
    /// The first name that cannot be one.
    error: Option<Error>,
}

/// How a field separates its tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `a,b`, as `Cache-Tag`.
    Commas,
    /// `a b`, as `Surrogate-Key` and `xkey`.
    Spaces,
    /// `"a", "b"`, as `Cache-Groups` (RFC 9875).
    Strings,
}

impl Form {
    fn of(name: &HeaderName) -> Self {
        match name.as_str() {
            "cache-groups" => Self::Strings,
            name if name.ends_with("key") || name.ends_with("keys") => Self::Spaces,
            _ => Self::Commas,
        }
    }

    fn write<S: AsRef<str>>(self, tags: &[S]) -> String {
        let separator = match self {
            Self::Commas => ",",
            Self::Spaces => " ",
            // No tag has a character that a string of a structured field escapes (RFC 9651, 3.3.3).
            Self::Strings => "\", \"",
        };
        let tags: Vec<&str> = tags.iter().map(AsRef::as_ref).collect();
        match self {
            Self::Strings => format!("\"{}\"", tags.join(separator)),
            _ => tags.join(separator),
        }
    }
}

impl TagFields {
    pub(crate) fn new(names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut all = Self::default();
        for name in names {
            let name = name.as_ref();
            match HeaderName::try_from(name) {
                Ok(name) => all.fields.push((name.clone(), Form::of(&name))),
                Err(_) => {
                    let message = format!(
                        "{name:?} is not the name of a field that tags can stand in: write it like \"Cache-Tag\""
                    );
                    all.error.get_or_insert(Error::configuration(message));
                }
            }
        }
        all
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.error.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Tells the `tags` of `page`, and the paths of its programs: its own, and those of the results that it is made of. A cache that does not know all tags of a page must not keep it: if
    /// they are too long for a field, the page is private.
    pub(crate) fn tell(
        &self,
        mut page: Page,
        tags: &[String],
        paths: &[&str],
        log: &Limiter,
    ) -> Page {
        if let Some(fields) = self.of(tags, paths) {
            return page.tell_downstream(fields);
        }
        page.make_private();
        let program = paths.first().copied().unwrap_or_default().to_owned();
        log.tell(("long tags", program.clone()), move |repeated| {
            tracing::warn!(
                program,
                repeated,
                "the tags of a page are too long for a field: it is private, so that no shared cache keeps it"
            );
        });
        page
    }

    /// The fields of a page; `None` if one is too long.
    fn of(&self, tags: &[String], paths: &[&str]) -> Option<Vec<Told>> {
        let mut tags: Vec<Cow<'_, str>> = tags.iter().map(|tag| encoded(tag)).collect();
        let own = tags.len();
        tags.extend(paths.iter().map(|path| program_tag(path).into()));
        tags.push(ALL.into());
        let mut fields = Vec::with_capacity(self.fields.len());
        for (name, form) in &self.fields {
            let tags = match form {
                // A cache that invalidates one page may invalidate all of its groups with it (RFC 9875, 2.2.1): a POST to one
                // would empty it.
                Form::Strings => &tags[..own],
                _ => &tags,
            };
            if tags.is_empty() {
                continue;
            }
            let text = form.write(tags);
            if text.len() > MAX_VALUE {
                return None;
            }
            fields.push((name.clone(), value(text)));
        }
        Some(fields)
    }

    /// `Cache-Group-Invalidation` (RFC 9875, 3) of a program that has invalidated `tags`, if pages have groups. After a safe
    /// method, caches ignore it.
    pub(crate) fn invalidation(
        &self,
        tags: &[String],
        controller: Controller,
        log: &Limiter,
    ) -> Option<Told> {
        let has_groups = self.fields.iter().any(|(_, form)| *form == Form::Strings);
        if controller != HTTP_POST || tags.is_empty() || !has_groups {
            return None;
        }
        let tags: Vec<_> = tags.iter().map(|tag| encoded(tag)).collect();
        let text = Form::Strings.write(&tags);
        if text.len() > MAX_VALUE {
            log.tell("long groups", move |repeated| {
                tracing::warn!(
                    repeated,
                    "the invalidated tags are too long for a field: caches with groups are not told of them"
                );
            });
            return None;
        }
        let name = HeaderName::from_static("cache-group-invalidation");
        Some((name, value(text)))
    }
}

fn value(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("printable ASCII only")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_written_so_that_every_form_of_field_can_have_it() {
        for (tag, written) in [
            ("user:7", "user:7"),
            ("a b,c", "a%20b%2Cc"),
            ("50%", "50%25"),
            ("\"\\", "%22%5C"),
            ("é", "%C3%A9"),
        ] {
            assert_eq!(encoded(tag), written);
        }
        let tags = ["a", "b"];
        assert_eq!(Form::Commas.write(&tags), "a,b");
        assert_eq!(Form::Spaces.write(&tags), "a b");
        assert_eq!(Form::Strings.write(&tags), "\"a\", \"b\"");
    }

    #[test]
    fn the_name_of_a_field_says_how_its_tags_are_separated() {
        let form = |name| Form::of(&HeaderName::try_from(name).unwrap());
        for name in ["Surrogate-Key", "xkey", "Surrogate-Keys"] {
            assert_eq!(form(name), Form::Spaces);
        }
        for name in ["Cache-Tag", "Edge-Cache-Tag", "CDN-Tag", "X-Cache-Tags"] {
            assert_eq!(form(name), Form::Commas);
        }
        assert_eq!(form("Cache-Groups"), Form::Strings);
        assert!(TagFields::new(["Cache Tag"]).check().is_err());
    }

    #[test]
    fn tags_that_are_invalidated_are_told_where_pages_have_groups() {
        let tags = ["a b".to_owned(), "c".to_owned()];
        assert_eq!(
            TagFields::new(["Cache-Tag"]).invalidation(&tags, HTTP_POST, &Limiter::default()),
            None
        );
        let groups = TagFields::new(["Cache-Tag", "Cache-Groups"]);
        let (name, value) = groups
            .invalidation(&tags, HTTP_POST, &Limiter::default())
            .unwrap();
        assert_eq!(name, "cache-group-invalidation");
        assert_eq!(value, "\"a%20b\", \"c\"");
        assert_eq!(
            groups.invalidation(&[], HTTP_POST, &Limiter::default()),
            None
        );
    }
}
