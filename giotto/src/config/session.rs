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

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn config(variables: &[(&str, &str)], set: &[&str]) -> Result<Config> {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        Config::load(None, variables, set.iter().copied(), None)
    }

    fn told(variables: &[(&str, &str)], set: &[&str]) -> Result<String> {
        let sessions = config(variables, set)?.sessions(&Sessions::new())?;
        sessions.check()?;
        Ok(format!("{:?}", sessions.serving()?))
    }

    #[test]
    fn the_settings_say_how_sessions_are() {
        let set = [
            "session.cookie=shop",
            "session.secure=false",
            "session.idle_seconds=60",
            "session.lifetime_seconds=90",
        ];
        let told = told(&[("GIOTTO_SESSION_KEY", KEY)], &set).unwrap();
        for part in [
            "keys: 1",
            "\"shop\"",
            "Some(false)",
            "idle: 60",
            "lifetime: 90",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains(KEY), "{told}");
    }

    #[test]
    fn a_key_is_in_a_setting_or_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |text: &str| {
            let path = folder.path().join(format!("{} bytes", text.len()));
            fs::write(&path, text).unwrap();
            format!("session.key_file={}", path.display())
        };
        let several = format!("[\"{KEY}\", \"{KEY}1\"]");
        assert!(
            told(&[("GIOTTO_SESSION_KEY", &several)], &[])
                .unwrap()
                .contains("keys: 2")
        );
        let two = file(&format!("{KEY}\n\n {KEY}1 \n"));
        assert!(told(&[], &[&two]).unwrap().contains("keys: 2"));
        for (setting, words) in [
            (
                format!("session.key={}", &KEY[1..]),
                vec!["session.key", "31 bytes", "openssl rand -hex 32"],
            ),
            (
                file(&KEY[1..]),
                vec!["session.key_file", "31 bytes", "openssl rand -hex 32"],
            ),
            (file("\n"), vec!["session.key_file", "has no key"]),
            (
                "session.key_file=/nowhere/key".to_owned(),
                vec!["session.key_file", "/nowhere/key", "cannot be read"],
            ),
            (
                "session.secure=maybe".to_owned(),
                vec!["session.secure", "true or false"],
            ),
            (
                "session.idle_seconds=0".to_owned(),
                vec!["session.idle_seconds", "at least 1"],
            ),
            ("session.cookie=a b".to_owned(), vec!["token"]),
            (
                "session.keys=a".to_owned(),
                vec!["session.keys", "session.key"],
            ),
            ("session=1".to_owned(), vec!["session.key"]),
        ] {
            let error = told(&[], &[&setting]).unwrap_err().to_string();
            for word in words {
                assert!(error.contains(word), "{error}");
            }
            assert!(!error.contains(&KEY[1..]), "{error}");
        }
    }

    #[test]
    fn debug_mode_makes_a_key_up_and_works_without_tls() {
        let told_debug = told(&[], &["debug=true"]).unwrap();
        assert!(
            told_debug.contains("keys: 1") && told_debug.contains("Some(false)"),
            "{told_debug}"
        );
        let secure = told(&[], &["debug=true", "session.secure=true"]).unwrap();
        assert!(secure.contains("Some(true)"), "{secure}");
        let error = told(&[], &[]).unwrap_err().to_string();
        assert!(
            error.contains("no key") && error.contains("openssl rand -hex 32"),
            "{error}"
        );
    }
}
