//! Chooses the language for a reader: the lookup of RFC 4647, 3.4, with the weights of RFC 9110, 12.5.4.
//!
//! For middleware, which may set an argument to it.

use crate::weight::{FULL, thousandths};

/// The most ranges of an `Accept-Language` field that are read (RFC 9110 sets no limit).
const MAX_RANGES: usize = 64;
/// A longer range names no language (RFC 5646, 4.4.1 has 35 characters for tags without extensions).
const MAX_RANGE: usize = 64;

/// The one of `offered` that the reader prefers; the first of those that it does not refuse if it names none of them.
pub(crate) fn choose<'o>(accepted: &str, offered: &[&'o str]) -> &'o str {
    let ranges = accepted.split(',').take(MAX_RANGES).map(weighted);
    let mut ranges: Vec<_> = ranges
        .filter(|(range, _)| range.len() <= MAX_RANGE)
        .collect();
    // A stable sort: among equals, the reader's order counts.
    ranges.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    let is_refused = |language: &str| {
        let mut refused = ranges.iter().filter(|(_, weight)| *weight == 0);
        refused.any(|(range, _)| range.eq_ignore_ascii_case(language))
    };
    let allowed = offered.iter().copied();
    let allowed: Vec<_> = allowed.filter(|language| !is_refused(language)).collect();
    let named = |range: &str| {
        let mut allowed = allowed.iter().copied();
        allowed.find(|language| range.eq_ignore_ascii_case(language))
    };
    let mut wanted = ranges.iter().filter(|(_, weight)| *weight > 0);
    let chosen = wanted.find_map(|(range, _)| shortened(range).find_map(named));
    let first = || allowed.first().or(offered.first()).copied();
    chosen.or_else(first).unwrap_or_default()
}

/// A range and its weight in thousandths.
fn weighted(range: &str) -> (&str, u16) {
    let (range, parameters) = range.split_once(';').unwrap_or((range, ""));
    let weight = match parameters.trim() {
        "" => FULL,
        weight => weight
            .strip_prefix(['q', 'Q'])
            .and_then(|weight| weight.trim_start().strip_prefix('='))
            .map_or(0, |weight| thousandths(weight.trim_start())),
    };
    (range.trim(), weight)
}

/// `de-Latn-DE`, then `de-Latn`, then `de`. A subtag of one character goes together with the one after it.
fn shortened(range: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(range), |range| {
        let (shorter, _) = range.rsplit_once('-')?;
        match shorter.rsplit_once('-') {
            Some((shortest, single)) if single.len() == 1 => Some(shortest),
            _ => Some(shorter),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lookup_is_that_of_rfc_4647() {
        for (accepted, expected) in [
            ("", "en"),
            ("de", "de"),
            ("DE-at", "de"),
            ("de-AT, fr;q=0.9", "de"),
            ("fr;q=0.5, de;q=0.7", "de"),
            ("fr;q=0.5, de", "de"),
            ("fr, de", "fr"),
            ("pt-BR, fr;q=0.1", "fr"),
            ("pt-BR, pt", "en"),
            ("*", "en"),
            ("*, de;q=0.5", "de"),
            ("zh-Hant-CN-x-private1-private2", "zh-Hant"),
            ("zh-Hans-CN", "en"),
            ("zh", "en"),
            ("de;q=0", "en"),
            ("en;q=0, *", "de"),
            ("en;q=0, de-AT;q=0.1", "de"),
            ("en;q=0, de;q=0, fr;q=0, zh-Hant;q=0", "en"),
            ("de;q=2, fr;q=0.1", "fr"),
            ("de;q=nan, fr;q=x", "en"),
            ("de ; q = 0.5 , fr ; q=0.6", "fr"),
            ("-,;,;;q=1,--,x-", "en"),
        ] {
            assert_eq!(
                choose(accepted, &["en", "de", "fr", "zh-Hant"]),
                expected,
                "{accepted}"
            );
        }
        assert_eq!(choose("de", &[]), "");
        let many = "fr,".repeat(MAX_RANGES) + "de";
        assert_eq!(choose(&many, &["en", "de"]), "en");
    }
}
