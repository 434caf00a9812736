//! The configuration: `giotto.toml`, overridden by environment variables, overridden by flags.
//!
//! Read before the first step of an invocation: `flags.rs` takes the words of a command, `source.rs` collects what was said and where,
//! `setting.rs` gives each its type, `store.rs`
//! and `engine.rs` open the cache. Every key and value that is not known is
//! refused, with the place where it stands.

mod engine;
mod flags;
mod setting;
mod source;
mod store;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use giotto_cache::Cache;
use giotto_cache::keyvalue::Namespace;

use crate::error::Result;
pub(crate) use flags::{configure, flags};
use setting::Setting;
use store::CacheSettings;

/// The keys that are not of the cache. An environment variable is named like its key: `GIOTTO_HTTP_PORT` is
/// `http.port`.
const KEYS: [&str; 7] = [
    "debug",
    "http.backlog",
    "http.drain_seconds",
    "http.host",
    "http.port",
    "log",
    "namespace",
];

/// Every key.
fn keys() -> Vec<String> {
    let mut keys: Vec<String> = KEYS.map(str::to_owned).to_vec();
    keys.extend(store::keys());
    keys
}

/// The settings of a process.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// So many connections may wait to be accepted, if the kernel allows it.
    pub(crate) backlog: u32,
    /// For clients with idle connections once the server is told to stop.
    pub(crate) drain: Duration,
    pub(crate) debug: bool,
    pub(crate) log: Option<tracing::Level>,
    namespace: Option<Setting>,
    cache: CacheSettings,
}

impl Config {
    /// Reads the file at `path` (or the variable `GIOTTO_CONFIG`, or `giotto.toml` if there is one), the
    /// `variables` and the `KEY=VALUE`s of `set`; each overrides those before it.
    pub(crate) fn load<'s>(
        path: Option<&Path>,
        variables: impl Iterator<Item = (OsString, OsString)>,
        set: impl Iterator<Item = &'s str>,
    ) -> Result<Self> {
        let mut config = Self {
            host: "127.0.0.1".to_owned(),
            port: 5000,
            backlog: 4096,
            drain: Duration::from_secs(5),
            debug: false,
            log: None,
            namespace: None,
            cache: CacheSettings::default(),
        };
        for setting in source::settings(path, variables, set)? {
            config.apply(setting)?;
        }
        Ok(config)
    }

    /// Overrides `key`, as the flag `origin` says.
    pub(crate) fn set(&mut self, key: &str, value: &str, origin: &str) -> Result<()> {
        self.apply(Setting::text(key, value, origin))
    }

    fn apply(&mut self, setting: Setting) -> Result<()> {
        match setting.key.as_str() {
            "debug" => self.debug = setting.boolean()?,
            "http" => setting.check_empty_table("http.host and http.port")?,
            "http.backlog" => self.backlog = setting.positive()?,
            "http.drain_seconds" => {
                self.drain = Duration::from_secs(setting.integer::<u16>()?.into());
            }
            "http.host" => self.host = setting.string()?.to_owned(),
            "http.port" => self.port = setting.integer()?,
            "log" => self.log = Some(level(&setting)?),
            "namespace" => {
                setting.checked(Namespace::new(setting.string()?))?;
                self.namespace = Some(setting);
            }
            key if key == "cache" || key.starts_with("cache.") => self.cache.apply(setting),
            key => {
                let mut known = keys();
                known.push("http".to_owned());
                let known = known.iter().map(String::as_str);
                return Err(setting.unlike("key", key, known));
            }
        }
        Ok(())
    }

    /// The cache that the settings name, if they name one. Nothing is connected yet.
    pub(crate) fn open_cache(&self) -> Result<Option<Cache>> {
        self.cache.open(self.namespace.as_ref())
    }
}

fn level(setting: &Setting) -> Result<tracing::Level> {
    let level = setting.string()?.parse();
    level.map_err(|_| setting.refused("\"error\", \"warn\", \"info\", \"debug\" or \"trace\""))
}
