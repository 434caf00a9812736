//! What is in a session, and for how long it is one.
//!
//! Beside all steps: read from the cookie of a request, and written into that of its response.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The bytes of an identifier, too many to guess.
pub(super) const ID_BYTES: usize = 16;

/// A message for the reader's next page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// What kind of message it is, for its colour or role: `"info"`, `"error"`.
    pub kind: String,
    /// The message.
    pub text: String,
}

/// What a cookie holds. The names are short because the cookie goes with every request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    /// Tells this session from all others. The tokens of forms are made of it.
    #[serde(rename = "i")]
    pub(super) id: String,
    /// When it began, and when its cookie was written last, in seconds since 1970.
    #[serde(rename = "b")]
    pub(super) began: u64,
    #[serde(rename = "w")]
    pub(super) written: u64,
    /// The reader who has signed in.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    #[serde(rename = "v", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) values: BTreeMap<String, Value>,
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) flashes: Vec<Flash>,
}

impl Content {
    /// An empty session that begins at `now`.
    pub(super) fn new(now: u64) -> Self {
        Self {
            id: URL_SAFE_NO_PAD.encode(random::<ID_BYTES>()),
            began: now,
            written: now,
            user: None,
            values: BTreeMap::new(),
            flashes: Vec::new(),
        }
    }

    /// Whether nothing would be lost without it, but the tokens of forms.
    pub(super) fn is_empty(&self) -> bool {
        self.user.is_none() && self.values.is_empty() && self.flashes.is_empty()
    }

    /// The seconds that are left of it at `now`; 0 = it is none any more.
    pub(super) fn left(&self, now: u64, idle: u64, lifetime: u64) -> u64 {
        let idle = (self.written.saturating_add(idle)).saturating_sub(now);
        let lifetime = (self.began.saturating_add(lifetime)).saturating_sub(now);
        idle.min(lifetime)
    }
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes
}
