//! Tokens of forms, by which a POST shows that it is from a page of its own reader (CSRF).
//!
//! Beside all steps: a view writes one into a form, and a POST is refused without it.
//!
//! A token is the identifier of the session under a mask that is new each time, so that compressed pages tell nothing of it by
//! their length (BREACH).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::content::{ID_BYTES, random};

/// The field of a form, or the member of a JSON object, that holds a token.
pub(crate) const CSRF_TOKEN: &str = "csrf_token";

/// The token of the session `id`.
pub(super) fn token(id: &str) -> String {
    let mask = random::<ID_BYTES>();
    let masked = xor(mask, &URL_SAFE_NO_PAD.decode(id).unwrap_or_default());
    URL_SAFE_NO_PAD.encode([mask, masked].concat())
}

/// Whether `token` is one of the session `id`.
pub(super) fn verify(token: &str, id: &str) -> bool {
    let (Ok(token), Ok(id)) = (URL_SAFE_NO_PAD.decode(token), URL_SAFE_NO_PAD.decode(id)) else {
        return false;
    };
    let Some((mask, masked)) = token.split_first_chunk::<ID_BYTES>() else {
        return false;
    };
    id.len() == ID_BYTES && masked.len() == ID_BYTES && xor(*mask, &id).ct_eq(masked).into()
}

fn xor(mut mask: [u8; ID_BYTES], id: &[u8]) -> [u8; ID_BYTES] {
    mask.iter_mut()
        .zip(id)
        .for_each(|(mask, byte)| *mask ^= byte);
    mask
}

#[cfg(test)]
mod tests {
    use super::super::content::Content;
    use super::*;

    #[test]
    fn a_token_is_of_one_session_and_looks_different_each_time() {
        let (own, other) = (Content::new(0).id, Content::new(0).id);
        let (first, second) = (token(&own), token(&own));
        assert_ne!(first, second);
        assert!(verify(&first, &own) && verify(&second, &own));
        assert!(!verify(&first, &other));
        for wrong in [
            "",
            "a",
            &first[1..],
            &first[..42],
            &format!("{first}AA"),
            &own,
            &format!("{own}{own}"),
            "ü",
        ] {
            assert!(!verify(wrong, &own), "{wrong}");
        }
        // A session without an identifier has no token.
        assert!(!verify(&token(""), "") && !verify("", ""));
    }
}
