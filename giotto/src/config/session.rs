//! The settings of sessions: their keys, how long they last, and their cookie.
//!
//! Read before the first step of an invocation. They override what the application says in its code.

use std::fs;

use super::key::{KEY_BYTES, KEY_REMEDY, SESSION_KEY};
use super::setting::Setting;
use crate::error::Result;
use crate::session::Sessions;

/// `sessions` as the `settings` say, later ones after earlier ones.
pub(super) fn apply(settings: &[Setting], sessions: Sessions) -> Result<Sessions> {
    settings.iter().try_fold(sessions, |sessions, setting| {
        Ok(match setting.key.as_str() {
            SESSION_KEY => sessions.keys(setting.secrets(KEY_BYTES, KEY_REMEDY)?),
            "session.key_file" => sessions.keys(keys_in_file(setting)?),
            "session.secure" => sessions.secure(setting.boolean()?),
            "session.cookie" => sessions.cookie(setting.string()?),
            "session.idle_seconds" => sessions.idle(u64::from(setting.positive::<u32>()?)),
            "session.lifetime_seconds" => sessions.lifetime(u64::from(setting.positive::<u32>()?)),
            _ => sessions,
        })
    })
}

/// The keys in the file that `setting` names, one on each line.
fn keys_in_file(setting: &Setting) -> Result<Vec<String>> {
    let path = setting.string()?;
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| setting.wrong(&format!("{path} cannot be read: {error}")))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Vec<_> = lines.map(str::to_owned).collect();
    match keys.iter().find(|key| key.len() < KEY_BYTES) {
        _ if keys.is_empty() => Err(setting.wrong(&format!("{path} has no key: write one with `{KEY_REMEDY}`"))),
        Some(short) => Err(setting.wrong(&format!(
            "{path} has a key of {} bytes, a key has at least {KEY_BYTES}: make one with `{KEY_REMEDY}`",
            short.len()
        ))),
        None => Ok(keys),
    }
}
