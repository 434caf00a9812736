//! One page of Markdown: its links, the anchors of its headings, and what stands before its first section.

use std::collections::BTreeSet;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// What the check asks of a page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) links: Vec<Link>,
    /// The anchors that GitHub gives its headings.
    pub(super) anchors: BTreeSet<String>,
    /// The text before the first section.
    pub(super) introduction: String,
}

/// A link or a picture that is no address of a host.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) line: usize,
    /// Empty for a place on the same page.
    pub(super) path: String,
    pub(super) fragment: Option<String>,
}

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut heading: Option<String> = None;
        let mut is_introduction = true;
        let options =
            Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
        for (event, place) in Parser::new_ext(text, options).into_offset_iter() {
            match event {
                Event::Start(Tag::Heading { level, .. }) => {
                    is_introduction &= level == HeadingLevel::H1;
                    heading = Some(String::new());
                }
                Event::End(TagEnd::Heading(_)) => {
                    let heading = heading.take().unwrap_or_default();
                    page.add_anchor(&heading);
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let line = text[..place.start].matches('\n').count() + 1;
                    page.links.extend(Link::new(line, &dest_url));
                }
                Event::Text(part) | Event::Code(part) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&part);
                    } else if is_introduction {
                        page.introduction.push_str(&part);
                    }
                }
                Event::SoftBreak if is_introduction => page.introduction.push(' '),
                _ => {}
            }
        }
        page
    }

    /// Adds the anchor of `heading`, with a number if another heading has it already.
    fn add_anchor(&mut self, heading: &str) {
        let kept = heading.to_lowercase();
        let kept = kept.chars().filter_map(|character| match character {
            ' ' => Some('-'),
            '-' | '_' => Some(character),
            _ => character.is_alphanumeric().then_some(character),
        });
        let anchor: String = kept.collect();
        let numbered = (1..).map(|number| format!("{anchor}-{number}"));
        let mut names = std::iter::once(anchor.clone()).chain(numbered);
        if let Some(free) = names.find(|name| !self.anchors.contains(name)) {
            self.anchors.insert(free);
        }
    }
}

impl Link {
    /// `None` for an address of a host, or of mail.
    fn new(line: usize, url: &str) -> Option<Self> {
        let scheme = url.split_once(':').map(|(scheme, _)| scheme);
        let is_scheme = |text: &str| {
            text.chars()
                .all(|character| character.is_ascii_alphabetic())
        };
        if scheme.is_some_and(is_scheme) || url.starts_with("//") {
            return None;
        }
        let (path, fragment) = match url.split_once('#') {
            Some((path, fragment)) => (path, Some(fragment.to_owned())),
            None => (url, None),
        };
        Some(Self {
            line,
            path: path.to_owned(),
            fragment,
        })
    }
}
