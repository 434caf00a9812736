//! Which fields of a request select among the stored responses of a resource (RFC 9110, 12.5.5; RFC 9111, 4.1).
//!
//! Serves the key of a variant.

use http::header::{
    ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION,
    REFERER, USER_AGENT, VARY,
};
use http::{HeaderMap, HeaderName};

use super::list;
use super::refusal::Refusal;

/// The most fields that may select. A response that varies by more has a variant for hardly any second request.
const MAX_FIELDS: usize = 16;

/// The fields that `Vary` names, in order of their names, each once.
///
/// # Errors
///
/// [`Refusal::VaryStar`] if it has a member `*`, which no request matches (RFC 9111, 4.1); [`Refusal::VaryFields`] if a member
/// is no name of a field, or there are too many.
pub(super) fn selecting(response: &HeaderMap) -> Result<Vec<HeaderName>, Refusal> {
    let members: Vec<_> = list::members(response, &VARY).collect();
    if members.contains(&&b"*"[..]) {
        return Err(Refusal::VaryStar);
    }
    let names: Result<Vec<_>, _> = members.into_iter().map(HeaderName::from_bytes).collect();
    let mut names = names.map_err(|_| Refusal::VaryFields)?;
    names.sort_unstable_by(|name, other| name.as_str().cmp(other.as_str()));
    names.dedup();
    match names.len() > MAX_FIELDS {
        true => Err(Refusal::VaryFields),
        false => Ok(names),
    }
}

/// The value of a selecting field in a request, normalised as far as RFC 9111, 4.1 allows: two requests with the same value
/// ask for the same thing. An absent field differs from an empty one.
///
/// - The lines of a field are one list, and whitespace around its members does not count.
/// - Languages, codings and character sets have no case. They are ordered by their quality values, and codings of the same
///   quality by name. Languages of the same quality stay in their order: "some recipients treat the order as an indication
///   of descending priority" (RFC 9110, 12.5.4), so the service behind may, and then the two are not the same.
/// - The fields of credentials, and those that are no list, count byte by byte.
pub(crate) fn vary_value(name: &HeaderName, request: &HeaderMap) -> String {
    let lines: Vec<_> = request.get_all(name).iter().collect();
    if lines.is_empty() {
        return "-".to_owned();
    }
    let is_exact = [
        COOKIE,
        AUTHORIZATION,
        PROXY_AUTHORIZATION,
        USER_AGENT,
        REFERER,
    ]
    .contains(name);
    let members: Vec<Vec<u8>> = match is_exact {
        true => lines.iter().map(|line| line.as_bytes().to_vec()).collect(),
        false => {
            let members = lines
                .iter()
                .flat_map(|line| list::split_all(line.as_bytes()));
            members.map(<[u8]>::to_vec).collect()
        }
    };
    let has_no_case = [ACCEPT_LANGUAGE, ACCEPT_ENCODING, ACCEPT_CHARSET].contains(name);
    let ordered = has_no_case
        .then(|| by_quality(&members, *name != ACCEPT_LANGUAGE))
        .flatten();
    // Bytes that are no UTF-8 must not become the same replacement character: all of them are written apart. The separator
    // of exact lines occurs in no field.
    let separator = if is_exact { "\n" } else { "," };
    let members = ordered.unwrap_or(members);
    let members: Vec<_> = members.iter().map(|member| written(member)).collect();
    format!("={}", members.join(separator))
}

/// Members such as `de;q=0.5` in lower case by descending quality, those of the same quality by name if `by_name`. `None` if
/// one of them is not well-formed.
fn by_quality(members: &[Vec<u8>], by_name: bool) -> Option<Vec<Vec<u8>>> {
    let mut qualified = Vec::with_capacity(members.len());
    for member in members {
        let mut parts = member.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let value = parts.next()?.to_ascii_lowercase();
        let quality = match (parts.next(), parts.next()) {
            (None, _) => 1_000,
            (Some(weight), None) => quality(weight)?,
            (Some(_), Some(_)) => return None,
        };
        qualified.push((value, quality));
    }
    match by_name {
        true => qualified.sort_by(|(name, quality), (other, others)| {
            others.cmp(quality).then_with(|| name.cmp(other))
        }),
        false => qualified.sort_by_key(|&(_, quality)| std::cmp::Reverse(quality)),
    }
    let members = qualified.into_iter().map(|(mut value, quality)| {
        if quality != 1_000 {
            value.extend(format!(";q={quality}").into_bytes());
        }
        value
    });
    Some(members.collect())
}

/// A weight (RFC 9110, 12.4.2) in thousandths.
fn quality(weight: &[u8]) -> Option<u16> {
    let value = weight
        .strip_prefix(b"q=")
        .or_else(|| weight.strip_prefix(b"Q="))?;
    let (whole, fraction) = match value {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let mut thousandths = match whole {
        b'0' => 0,
        b'1' => 1_000,
        _ => return None,
    };
    for (digit, worth) in fraction.iter().zip([100, 10, 1]) {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        thousandths += u16::from(digit) * worth;
    }
    (thousandths <= 1_000).then_some(thousandths)
}

/// Bytes as text, without two that become the same.
fn written(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        // A backslash marks the other form.
        Ok(text) if !text.contains('\\') => text.to_owned(),
        _ => bytes.escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
        let lines = lines.iter().map(|line| HeaderValue::from_str(line));
        lines.map(|line| (name.clone(), line.unwrap())).collect()
    }

    #[test]
    fn the_names_of_all_lines_are_in_order_and_a_star_is_a_star() {
        for (lines, expected) in [
            (&[][..], Ok(vec![])),
            (&["", " , "], Ok(vec![])),
            (&["Foo, bar", "BAR, baz"], Ok(vec!["bar", "baz", "foo"])),
            (&["*"], Err(Refusal::VaryStar)),
            (&["", ", *"], Err(Refusal::VaryStar)),
            (&["foo, *"], Err(Refusal::VaryStar)),
            (&["*, foo"], Err(Refusal::VaryStar)),
            (&["foo bar"], Err(Refusal::VaryFields)),
        ] {
            let names = selecting(&headers(&VARY, lines));
            let names = names
                .as_ref()
                .map(|names| names.iter().map(HeaderName::as_str).collect::<Vec<_>>());
            assert_eq!(names.map_err(|refusal| *refusal), expected, "{lines:?}");
        }
        let many: Vec<_> = (0..=MAX_FIELDS)
            .map(|number| format!("x-{number}"))
            .collect();
        let many = selecting(&headers(&VARY, &[&many.join(",")]));
        assert_eq!(many, Err(Refusal::VaryFields));
    }

    #[test]
    fn what_asks_for_the_same_has_the_same_value() {
        let foo = HeaderName::from_static("foo");
        for (name, lines, others, same) in [
            (&foo, &["1, 2"][..], &["1", "2"][..], true),
            (&foo, &["1,2"], &[" 1,\t2 "], true),
            (&foo, &["1, 2"], &["2, 1"], false),
            (&foo, &["a"], &["A"], false),
            (&foo, &[""], &[], false),
            (&foo, &["1,"], &["1"], false),
            (&foo, &["\"a, b\""], &["\"a,b\""], false),
            (&ACCEPT_LANGUAGE, &["en, de"], &["eN ,  De"], true),
            (
                &ACCEPT_LANGUAGE,
                &["en, de;q=0.5"],
                &["de; q=0.50, en"],
                true,
            ),
            (&ACCEPT_LANGUAGE, &["en, de"], &["de, en"], false),
            (&ACCEPT_LANGUAGE, &["en;q=0.5"], &["en"], false),
            (&ACCEPT_LANGUAGE, &["en;q=1.000"], &["en"], true),
            (&ACCEPT_LANGUAGE, &["en;q=x"], &["EN;q=x"], false),
            (&ACCEPT_ENCODING, &["gzip, br"], &["BR", "gzip"], true),
            (
                &ACCEPT_ENCODING,
                &["gzip, br;q=0.1"],
                &["br, gzip;q=0.1"],
                false,
            ),
            (&COOKIE, &["a=1, 2"], &["a=1,2"], false),
            (&COOKIE, &["a=1", "b=2"], &["a=1, b=2"], false),
            (&AUTHORIZATION, &["Basic x"], &["basic x"], false),
        ] {
            let value = vary_value(name, &headers(name, lines));
            let other = vary_value(name, &headers(name, others));
            assert_eq!(value == other, same, "{name} {lines:?} {others:?}");
        }
    }

    proptest! {
        #[test]
        fn the_values_of_credentials_are_the_same_only_if_their_bytes_are(
            lines in proptest::collection::vec(proptest::collection::vec(32..=255_u8, 0..6), 0..3),
            others in proptest::collection::vec(proptest::collection::vec(32..=255_u8, 0..6), 0..3),
        ) {
            let of = |lines: &[Vec<u8>]| -> Option<HeaderMap> {
                let lines = lines.iter().map(|line| HeaderValue::from_bytes(line).ok());
                lines.map(|line| line.map(|line| (COOKIE, line))).collect()
            };
            if let (Some(headers), Some(more)) = (of(&lines), of(&others)) {
                let same = vary_value(&COOKIE, &headers) == vary_value(&COOKIE, &more);
                prop_assert_eq!(same, lines == others);
            }
        }

        #[test]
        fn an_order_that_says_nothing_is_left_out(
            codings in proptest::collection::vec("[a-c]{1,2}(;q=(0(\\.[0-9]{1,3})?|1))?", 0..5),
        ) {
            let mut turned = codings.clone();
            turned.reverse();
            let value = |codings: &[String]| {
                let line = codings.join(", ");
                vary_value(&ACCEPT_ENCODING, &headers(&ACCEPT_ENCODING, &[&line]))
            };
            prop_assert_eq!(value(&codings), value(&turned));
        }
    }
}
