//! Texts that nobody can guess: the token of the page, and the nonces of its script and style.
//!
//! Before the first request, and for each document.

use std::fmt::Write as _;

use subtle::ConstantTimeEq;

use crate::error::{Error, Result};

/// 128 random bits.
pub(super) fn secret() -> Result<String> {
    let mut bytes = [0; 16];
    let failed = |error| {
        Error::other(format!(
            "the system gave no random bytes: {error}; try again"
        ))
    };
    getrandom::fill(&mut bytes).map_err(failed)?;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// Whether `given` is `secret`; the time that it takes says nothing.
pub(super) fn is_secret(given: Option<&str>, secret: &str) -> bool {
    given.is_some_and(|given| given.as_bytes().ct_eq(secret.as_bytes()).into())
}
