//! Chooses the media type: by the superformat in the path, or else by what the caller accepts.
//!
//! Step 4 of an invocation. The choice is always one of the program's own renderers, never text of the
//! caller, so a page has no more keys than its program has renderers.

use mediatype::{MediaType, MediaTypeList, ReadParams};

use crate::error::{Error, ErrorKind, Result, quoted};
use crate::mime::Mime;
use crate::varies::Negotiated;
use crate::weight::{FULL, thousandths};

/// The most ranges of an `Accept` field that are read (RFC 9110 sets no limit).
const MAX_RANGES: usize = 64;

/// The superformats that do not follow from a media type's name.
const SUPERFORMATS: [(&str, &str); 4] = [
    ("htm", "text/html"),
    ("txt", "text/plain"),
    ("jpg", "image/jpeg"),
    ("xml", "text/xml"),
];

/// The renderer for `superformat` if the path names one, else the best for `accept`.
pub(crate) fn choose(superformat: Option<&str>, accept: &str, mimes: &[Mime]) -> Result<Mime> {
    let chosen = match superformat {
        Some(superformat) => mimes.iter().find(|mime| answers(superformat, mime)),
        None => best(accept, mimes),
    };
    chosen.cloned().ok_or_else(|| {
        let wanted = superformat.map_or_else(|| quoted(accept), |name| quoted(&format!(".{name}")));
        let offered: Vec<_> = mimes
            .iter()
            .map(|mime| format!("{mime} (.{})", name_of(mime)))
            .collect();
        let message = format!("not available as {wanted}; ask for {}", offered.join(", "));
        Error::new(ErrorKind::NotAcceptable, message)
    })
}

/// What of a request chooses one of `mimes` if the path does not.
pub(crate) fn by(mimes: &[Mime]) -> Negotiated {
    match mimes {
        [] | [_] => Negotiated::Nothing,
        // A script gets JSON, which other clients get from such a program only if they prefer it.
        [_, others @ ..]
            if others
                .iter()
                .any(|mime| mime.essence() == "application/json") =>
        {
            Negotiated::AcceptOrScript
        }
        _ => Negotiated::Accept,
    }
}

/// Whether `superformat` names `mime`.
pub(crate) fn answers(superformat: &str, mime: &Mime) -> bool {
    name_of(mime) == superformat || SUPERFORMATS.contains(&(superformat, mime.essence()))
}

/// The superformat of a media type: `csv` of `text/csv`, `svg` of `image/svg+xml`, `txt` of `text/plain`.
pub(crate) fn name_of(mime: &Mime) -> &str {
    let subtype = mime
        .essence()
        .split_once('/')
        .map_or("", |(_, subtype)| subtype);
    match subtype {
        "plain" => "txt",
        _ => subtype
            .trim_start_matches("x-")
            .split('+')
            .next()
            .unwrap_or(subtype),
    }
}

/// The media type of the highest quality (RFC 9110, 12.5.1); among equals the program's first.
fn best<'m>(accept: &str, mimes: &'m [Mime]) -> Option<&'m Mime> {
    if matches!(accept, "" | "*/*") {
        return mimes.first();
    }
    if let Some(exact) = mimes.iter().find(|mime| mime.essence() == accept) {
        return Some(exact);
    }
    let ranges: Vec<_> = MediaTypeList::new(accept)
        .take(MAX_RANGES)
        .flatten()
        .map(Range::from)
        .collect();
    if ranges.is_empty() {
        return mimes.first(); // not an Accept field at all
    }
    let mut best = None;
    let mut highest = 0;
    for mime in mimes {
        let quality = quality(&ranges, mime);
        if quality > highest {
            (best, highest) = (Some(mime), quality);
        }
    }
    best
}

/// One range of an `Accept` field.
struct Range<'a> {
    /// Without its parameters.
    media: MediaType<'a>,
    /// In thousandths.
    quality: u16,
}

impl<'a> From<MediaType<'a>> for Range<'a> {
    fn from(range: MediaType<'a>) -> Self {
        let weight = range
            .params()
            .find(|(name, _)| *name == "q")
            .map(|(_, value)| value);
        Self {
            media: MediaType::from_parts(range.ty, range.subty, range.suffix, &[]),
            quality: weight.map_or(FULL, |value| thousandths(value.as_str())),
        }
    }
}

impl Range<'_> {
    /// How closely the range names `media`: 3 exactly, 2 its type, 1 as anything, `None` not at all.
    fn specificity(&self, media: &MediaType<'_>) -> Option<u8> {
        match (self.media.ty, self.media.subty) {
            (r#type, subtype) if r#type == "*" && subtype == "*" => Some(1),
            (r#type, subtype) if r#type == media.ty && subtype == "*" => Some(2),
            _ => (self.media == *media).then_some(3),
        }
    }
}

/// The quality of `mime`: that of the closest range, 0 if none names it.
fn quality(ranges: &[Range<'_>], mime: &Mime) -> u16 {
    let Ok(media) = MediaType::parse(mime.essence()) else {
        return 0;
    };
    let named = ranges
        .iter()
        .filter_map(|range| Some((range.specificity(&media)?, range.quality)));
    named
        .max_by_key(|(specificity, quality)| (*specificity, *quality))
        .map_or(0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(superformat: Option<&str>, accept: &str) -> Option<String> {
        let mimes = [
            "text/html",
            "application/json",
            "text/plain",
            "image/svg+xml",
        ];
        let mimes: Vec<_> = mimes.iter().map(|mime| Mime::new(mime).unwrap()).collect();
        choose(superformat, accept, &mimes)
            .ok()
            .map(|mime| mime.to_string())
    }

    #[test]
    fn the_accept_field_is_read_as_rfc_9110_says() {
        for (accept, expected) in [
            ("*/*", "text/html"),
            ("", "text/html"),
            ("application/json", "application/json"),
            ("APPLICATION/JSON", "application/json"),
            ("text/html;q=0.1, application/json", "application/json"),
            ("application/json, text/html", "text/html"),
            ("application/*", "application/json"),
            ("text/*;q=0.5, text/plain", "text/plain"),
            ("*/*, text/html;q=0", "application/json"),
            ("image/webp, */*;q=0.1", "text/html"),
            ("image/svg+xml;q=0.9", "image/svg+xml"),
            ("image/avif, IMAGE/SVG+XML, image/*;q=0.1", "image/svg+xml"),
            ("image/svg, image/svg+json, text/plain;q=0.1", "text/plain"),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                "text/html",
            ),
            ("not an accept field", "text/html"),
        ] {
            assert_eq!(choice(None, accept).as_deref(), Some(expected), "{accept}");
        }
        for accept in ["image/webp", "text/html;q=0", "application/json;q=nan"] {
            assert_eq!(choice(None, accept), None, "{accept}");
        }
    }

    #[test]
    fn a_superformat_wins_over_accept() {
        for (superformat, expected) in [
            ("html", "text/html"),
            ("htm", "text/html"),
            ("json", "application/json"),
            ("txt", "text/plain"),
            ("svg", "image/svg+xml"),
        ] {
            assert_eq!(
                choice(Some(superformat), "image/webp").as_deref(),
                Some(expected),
                "{superformat}"
            );
        }
        assert_eq!(choice(Some("css"), "*/*"), None);
        assert_eq!(choice(Some("HTML"), "*/*"), None);
    }
}
