//! The settings of the log: its level and form, and the access log.
//!
//! Read before the first step of an invocation.

use std::path::PathBuf;
use std::sync::Arc;

use toml::Value;

use super::setting::Setting;
use crate::error::Result;
use crate::log::{Access, ClientField, Format, Network, Proxies, Share};

/// The settings of the log.
#[derive(Default)]
pub(crate) struct LogSettings {
    /// `None` leaves it to the front end.
    pub(crate) level: Option<tracing::Level>,
    pub(crate) format: Format,
    /// `None` if nothing is said of an access log.
    access: Option<Told>,
    access_file: Option<Setting>,
    pub(crate) proxies: Proxies,
}

/// Which requests are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    None,
    Some(Share),
}

impl LogSettings {
    /// Whether `key` is one of these settings.
    pub(super) fn has(key: &str) -> bool {
        matches!(
            key,
            "log"
                | "log.access"
                | "log.access_file"
                | "log.format"
                | "log.level"
                | "http.client_field"
                | "http.trusted_proxies"
        )
    }

    pub(super) fn apply(&mut self, setting: Setting) -> Result<()> {
        match setting.key.as_str() {
            "log.access" => self.access = Some(told(&setting)?),
            "log.access_file" => {
                setting.non_empty()?;
                self.access_file = Some(setting);
            }
            "log.format" => self.format = format(&setting)?,
            "http.client_field" => self.proxies.field = client_field(&setting)?,
            "http.trusted_proxies" => self.proxies.networks = networks(&setting)?,
            "log" if matches!(setting.value, Value::Table(_)) => setting.check_empty_table("")?,
            // `log = "info"` is the short form of `log.level`.
            _ => self.level = Some(level(&setting)?),
        }
        Ok(())
    }

    /// Opens the access log, if there is one.
    pub(crate) fn open_access(&self) -> Result<Option<Arc<Access>>> {
        let file = self.access_file.as_ref();
        let share = match (self.access, file) {
            (Some(Told::Some(share)), _) => share,
            (Some(Told::None), _) | (None, None) => return Ok(None),
            (None, Some(file)) => {
                return Err(file.wrong(
                    "there is no access log: set log.access = \"on\", or leave the file out",
                ));
            }
        };
        let path = file.map(Setting::string).transpose()?.map(PathBuf::from);
        let access = Access::open(self.format, share, path.as_deref(), self.proxies.clone());
        match (access, file) {
            (Ok(access), _) => Ok(Some(Arc::new(access))),
            (Err(error), Some(file)) => Err(file.wrong(&format!(
                "the access log cannot be opened for writing: {error}; name a file in a folder that this user may write to"
            ))),
            (Err(error), None) => Err(error.into()),
        }
    }
}

fn level(setting: &Setting) -> Result<tracing::Level> {
    let level = setting.string()?.parse();
    level.map_err(|_| setting.refused("\"error\", \"warn\", \"info\", \"debug\" or \"trace\""))
}

fn format(setting: &Setting) -> Result<Format> {
    match setting.string()? {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err(setting.refused("\"text\" or \"json\"")),
    }
}

fn told(setting: &Setting) -> Result<Told> {
    let share = match &setting.value {
        Value::String(text) if text == "off" => Some(0.0),
        Value::String(text) if text == "on" => Some(1.0),
        Value::String(text) => text.parse().ok(),
        Value::Float(share) => Some(*share),
        Value::Integer(share @ 0..=1) => Some(*share as f64),
        _ => None,
    };
    let told = match share {
        Some(0.0) => Some(Told::None),
        Some(1.0) => Some(Told::Some(Share::ALL)),
        Some(share) => Share::of(share).map(Told::Some),
        None => None,
    };
    told.ok_or_else(|| {
        setting.refused("\"off\", \"on\", or the share of the requests that are told, such as 0.01")
    })
}

fn client_field(setting: &Setting) -> Result<ClientField> {
    let fields = [ClientField::XForwardedFor, ClientField::Forwarded];
    let name = setting.string()?;
    let found = fields
        .into_iter()
        .find(|field| name.eq_ignore_ascii_case(field.name()));
    found.ok_or_else(|| setting.refused("\"X-Forwarded-For\" or \"Forwarded\""))
}

fn networks(setting: &Setting) -> Result<Vec<Network>> {
    let networks = setting.strings()?.into_iter().map(str::parse);
    let networks: Result<_, _> = networks.collect();
    networks.map_err(|()| {
        setting.refused(
            "addresses such as \"127.0.0.1\" and networks such as \"10.0.0.0/8\" or \"2001:db8::/32\"; the bits behind the \
             first ones are zero",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn settings(variables: &[(&str, &str)], set: &[&str]) -> Result<LogSettings> {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        Ok(Config::load(None, variables, set.iter().copied(), None)?.log)
    }

    #[test]
    fn the_short_form_is_the_level() {
        let log = settings(&[("GIOTTO_LOG", "warn")], &["log.format=json"]).unwrap();
        assert_eq!(log.level, Some(tracing::Level::WARN));
        assert_eq!((log.format, log.access), (Format::Json, None));
        let log = settings(&[("GIOTTO_LOG_LEVEL", "debug")], &["log.level=error"]).unwrap();
        assert_eq!(log.level, Some(tracing::Level::ERROR));
        assert!(settings(&[], &[]).unwrap().open_access().unwrap().is_none());
    }

    #[test]
    fn the_access_log_is_off_sampled_or_on() {
        for (value, expected) in [
            ("off", Told::None),
            ("0", Told::None),
            ("on", Told::Some(Share::ALL)),
            ("1", Told::Some(Share::ALL)),
            ("0.01", Told::Some(Share::of(0.01).unwrap())),
        ] {
            let log = settings(&[("GIOTTO_LOG_ACCESS", value)], &[]).unwrap();
            assert_eq!(log.access, Some(expected), "{value}");
        }
        for (key, value) in [
            ("log.access", "yes"),
            ("log.access", "2"),
            ("log.access", "-0.1"),
            ("log.access", "NaN"),
            ("log.format", "xml"),
            ("log.level", "loud"),
            ("log.access_file", ""),
            ("log.acces", "on"),
            ("http.client_field", "X-Real-IP"),
            ("http.trusted_proxies", "10.0.0.1/8"),
            ("http.trusted_proxies", "everybody"),
        ] {
            let error = settings(&[], &[&format!("{key}={value}")]).err().unwrap();
            assert!(error.to_string().contains("--set"), "{error}");
        }
    }

    #[test]
    fn a_file_without_an_access_log_is_refused_and_so_is_one_that_cannot_be_opened() {
        let error = settings(&[], &["log.access_file=a.log"]).unwrap();
        let error = error.open_access().unwrap_err().to_string();
        assert!(error.contains("log.access = \"on\""), "{error}");
        let set = ["log.access_file=missing/a.log", "log.access=on"];
        let error = settings(&[], &set).unwrap().open_access().unwrap_err();
        assert!(error.to_string().contains("cannot be opened"), "{error}");
    }
}
