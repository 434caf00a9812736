//! Percent-encoding (RFC 3986, 2.1), decoded without guessing.
//!
//! For the URLs of a configuration, and for the keys that a Memcached server lists.

use percent_encoding::percent_decode;

/// `text` decoded; `None` if a `%` is not followed by two hexadecimal digits, or if the bytes are not UTF-8.
pub(super) fn decoded(text: &[u8]) -> Option<String> {
    let mut codes = text.split(|byte| *byte == b'%').skip(1);
    let is_sound = codes.all(|code| {
        let digits = code.get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let bytes = is_sound.then(|| percent_decode(text).collect())?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_code_is_refused() {
        assert_eq!(decoded(b"p%40ss%2f").as_deref(), Some("p@ss/"));
        for text in [&b"%"[..], b"%4", b"a%zz", b"%+4", b"%ff", b"%%4040"] {
            assert_eq!(decoded(text), None, "{text:?}");
        }
    }
}
