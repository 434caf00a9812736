//! The names of static files: what one may be, and the form with a fingerprint.
//!
//! Not a step of an invocation.

use super::digest::DIGITS;

/// Whether `name` is a path of plain segments: none is empty, begins with a dot, or could mean another path to some system.
pub(super) fn is_name(name: &str) -> bool {
    name.split('/').all(|segment| {
        !segment.is_empty() && !segment.starts_with('.') && !segment.contains(['\\', '\0'])
    })
}

/// `app.css` as `app.0123456789abcdef.css`.
pub(super) fn with_fingerprint(name: &str, fingerprint: &str) -> String {
    match extension(name) {
        Some(at) => format!("{}.{fingerprint}{}", &name[..at], &name[at..]),
        None => format!("{name}.{fingerprint}"),
    }
}

/// The plain name and the fingerprint in `name`, if it has one.
pub(super) fn without_fingerprint(name: &str) -> Option<(String, &str)> {
    let last = extension(name)?;
    if is_fingerprint(&name[last + 1..]) {
        return Some((name[..last].to_owned(), &name[last + 1..]));
    }
    let before = extension(&name[..last])?;
    let fingerprint = &name[before + 1..last];
    is_fingerprint(fingerprint).then(|| {
        let plain = format!("{}{}", &name[..before], &name[last..]);
        (plain, fingerprint)
    })
}

/// Where the last dot of the last segment is.
fn extension(name: &str) -> Option<usize> {
    let segment = name.rfind('/').map_or(0, |slash| slash + 1);
    name[segment..].rfind('.').map(|dot| segment + dot)
}

fn is_fingerprint(text: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == DIGITS && text.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINGERPRINT: &str = "0123456789abcdef";

    #[test]
    fn a_fingerprint_is_put_before_the_extension_and_found_there() {
        for (name, expected) in [
            ("app.css", "app.0123456789abcdef.css"),
            ("a/b.c/d.min.js", "a/b.c/d.min.0123456789abcdef.js"),
            ("a.b/LICENSE", "a.b/LICENSE.0123456789abcdef"),
        ] {
            assert_eq!(with_fingerprint(name, FINGERPRINT), expected);
            let found = without_fingerprint(expected);
            assert_eq!(found, Some((name.to_owned(), FINGERPRINT)));
        }
        for name in [
            "app.css",
            "0123456789abcdef",
            "a.0123456789abcdef/b",
            "a.0123456789abcde.css",
            "a.0123456789abcdeF.css",
            "a.0123456789abcdef.min.css",
            "",
        ] {
            assert_eq!(without_fingerprint(name), None, "{name}");
        }
    }
}
