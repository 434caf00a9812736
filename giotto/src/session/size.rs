//! How large a session may be, which is one cookie.
//!
//! Asked in step 6 of an invocation, when a model changes the session.

use serde::Serialize;

use super::sessions::{Kind, NAME, ROOT, Sessions};
use crate::cookie::MAX_BYTES;
use crate::error::{Error, Result};

/// What the seal adds: a nonce and a tag.
const SEAL_BYTES: usize = 12 + 16;
/// The longest attributes of a cookie here.
const ATTRIBUTES: &str = "; Path=; Max-Age=2147483647; Secure; HttpOnly; SameSite=Lax";

/// Refuses a `content` whose cookie would be too long for browsers. Its name is that of the `sessions`.
pub(super) fn check_size(sessions: Option<&Sessions>, content: &impl Serialize) -> Result<()> {
    let bytes = serde_json::to_vec(content)?.len() + SEAL_BYTES;
    let name = sessions.map_or(NAME, |sessions| sessions.name_of(Kind::Session));
    let path = sessions.map_or(ROOT, |sessions| &sessions.path);
    let attributes = ATTRIBUTES.len() + path.len();
    let cookie = name.len() + 1 + bytes.div_ceil(3) * 4 + attributes;
    match cookie > MAX_BYTES {
        false => Ok(()),
        true => Err(Error::other(format!(
            "the session would be a cookie of {cookie} bytes, and browsers keep {MAX_BYTES}: keep the data in a database, and \
             a key to it in the session"
        ))),
    }
}
