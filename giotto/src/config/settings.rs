//! The settings of a process, each with its type.
//!
//! Read before the first step of an invocation.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use giotto_cache::{Cache, Downstream, Namespace};
use http::header::HeaderName;
use serde::de::DeserializeOwned;

use super::admin::AdminSettings;
use super::app::AppSettings;
use super::budget::{self, ProgramBudget};
use super::key::{KEY_BYTES, KEY_REMEDY, KEYS, SIGNING_KEY};
use super::log::LogSettings;
use super::setting::Setting;
use super::source;
use super::store::{CacheSettings, keys};
use crate::compression::Compression;
use crate::error::{Error, Result};
#[cfg(feature = "session")]
use crate::session::Sessions;
use crate::site::Site;
use crate::socket::Sockets;

/// The settings of a process.
pub(crate) struct Config {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The most connections that wait to be accepted, if the kernel allows so many.
    pub(crate) backlog: u32,
    /// How long clients with idle connections may send one more request after the signal to stop.
    pub(crate) drain: Duration,
    /// How long connections are accepted after the signal to stop.
    pub(crate) lame_duck: Duration,
    /// Whether other processes of this user may listen on the same ports.
    pub(crate) reuse_port: bool,
    /// Whether the public port tells the health of the process.
    pub(crate) health: bool,
    /// The admin listener.
    pub(crate) admin: AdminSettings,
    /// Whether stored pages may be compressed.
    pub(crate) compression: bool,
    pub(crate) debug: bool,
    /// The fields that carry the tags of pages; `None` if nothing is said of them.
    pub(crate) tag_fields: Option<Vec<String>>,
    pub(crate) log: LogSettings,
    /// The keys that sign what is stored. The first one signs; all of them verify.
    pub(crate) signing_keys: Vec<String>,
    /// Where the application answers.
    base: Option<Setting>,
    origin: Option<Setting>,
    proxy_strips_base: bool,
    namespace: Option<Setting>,
    cache: CacheSettings,
    /// The budgets of programs, later settings after earlier ones.
    budget: Vec<Setting>,
    /// The end points of purges, later settings after earlier ones.
    purge: Vec<Setting>,
    /// Of sessions, later settings after earlier ones.
    session: Vec<Setting>,
    /// Of the application itself.
    app: AppSettings,
    /// Variables that look like settings, but belong to a service.
    links: Vec<String>,
    /// The file that was read.
    file: PathBuf,
    /// The value of every key that is set.
    values: BTreeMap<String, toml::Value>,
}

impl Config {
    /// Reads the file at `path` (or the one that `GIOTTO_CONFIG` names, or `giotto.toml` if it exists), then the `variables`,
    /// then the `KEY=VALUE`s of `set`. Later settings override earlier ones, and those of the `profile` (or the one that
    /// `GIOTTO_PROFILE` names) override others of the file.
    pub(crate) fn load<'s>(
        path: Option<&Path>,
        variables: impl Iterator<Item = (OsString, OsString)>,
        set: impl Iterator<Item = &'s str>,
        profile: Option<&str>,
    ) -> Result<Self> {
        let source = source::read(path, variables, set, profile)?;
        // A mistake in a profile is told before it is chosen.
        for settings in source.other_profiles {
            Self::of(settings)?;
        }
        let mut config = Self::of(source.settings)?;
        config.app.set_variables(source.app_variables);
        config.links = source.links;
        config.file = source.file;
        Ok(config)
    }

    /// Later settings override earlier ones.
    fn of(settings: Vec<Setting>) -> Result<Self> {
        let mut config = Self {
            host: "127.0.0.1".to_owned(),
            port: 5000,
            backlog: 4096,
            drain: Duration::from_secs(5),
            lame_duck: Duration::ZERO,
            reuse_port: false,
            health: false,
            admin: AdminSettings::default(),
            compression: true,
            debug: false,
            tag_fields: None,
            log: LogSettings::default(),
            signing_keys: Vec::new(),
            base: None,
            origin: None,
            proxy_strips_base: false,
            namespace: None,
            cache: CacheSettings::default(),
            budget: Vec::new(),
            purge: Vec::new(),
            session: Vec::new(),
            app: AppSettings::default(),
            links: Vec::new(),
            file: PathBuf::new(),
            values: BTreeMap::new(),
        };
        for setting in settings {
            config.apply(setting)?;
        }
        Ok(config)
    }

    /// Logs the variables that are ignored.
    pub(crate) fn tell(&self) {
        if !self.links.is_empty() {
            tracing::info!(
                variables = self.links.join(", "),
                "variables ignored: Kubernetes or Docker set them for a service"
            );
        }
    }

    /// Overrides `key`, as the flag `origin` says.
    pub(crate) fn set(&mut self, key: &str, value: &str, origin: &str) -> Result<()> {
        self.apply(Setting::text(key, value, origin))
    }

    /// The keys whose values differ from those of `other`.
    pub(crate) fn changed(&self, other: &Self) -> Vec<String> {
        let keys = self.values.keys().chain(other.values.keys());
        let changed = keys.filter(|key| self.values.get(*key) != other.values.get(*key));
        changed
            .cloned()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// Has the values of these `keys` from `other`.
    pub(crate) fn take(&mut self, keys: &[String], other: &Self) {
        for key in keys {
            match other.values.get(key) {
                Some(value) => self.values.insert(key.clone(), value.clone()),
                None => self.values.remove(key),
            };
        }
    }

    /// How long one call to the store may take, and how many bytes it keeps at most, if settings say so.
    pub(crate) fn store_limits(&self) -> Result<(Option<Duration>, Option<u64>)> {
        Ok((self.cache.deadline()?, self.cache.max_bytes()?))
    }

    /// Checks what is read only when it is used. Nothing is connected.
    pub(crate) fn check(&self) -> Result<()> {
        self.open_cache()?;
        self.site(&Site::default())?;
        self.downstream()?;
        self.admin.listen()?;
        Ok(())
    }

    fn apply(&mut self, setting: Setting) -> Result<()> {
        self.note(&setting);
        match setting.key.as_str() {
            "admin" => setting.check_empty_table("admin.listen")?,
            key if key.starts_with("admin.") && KEYS.contains(&key) => self.admin.apply(setting)?,
            key if key == "app" || key.starts_with("app.") => self.app.add(setting),
            "debug" => self.debug = setting.boolean()?,
            "http" => setting.check_empty_table("http.host and http.port")?,
            key if LogSettings::has(key) => self.log.apply(setting)?,
            key if key.starts_with("http.") && KEYS.contains(&key) => self.apply_http(setting)?,
            "namespace" => {
                setting.checked(Namespace::new(setting.string()?))?;
                self.namespace = Some(setting);
            }
            SIGNING_KEY => {
                self.signing_keys = setting.secrets(KEY_BYTES, KEY_REMEDY)?;
            }
            key if key == "cache" || key.starts_with("cache.") => self.cache.apply(setting),
            "session" => setting.check_empty_table("session.key")?,
            key if key.starts_with("session.") && keys().iter().any(|known| known == key) => {
                self.session.push(setting);
            }
            key if key == "budget" || key.starts_with("budget.") => self.budget.push(setting),
            key if key == "purge" || key.starts_with("purge.") => self.purge.push(setting),
            key => {
                let mut known = keys();
                let tables = [
                    "admin", "app", "budget", "http", "profile", "purge", "session",
                ];
                known.extend(tables.map(str::to_owned));
                let known = known.iter().map(String::as_str);
                return Err(setting.unlike("key", key, known));
            }
        }
        Ok(())
    }

    fn apply_http(&mut self, setting: Setting) -> Result<()> {
        match setting.key.as_str() {
            "http.backlog" => self.backlog = setting.positive()?,
            "http.base" => self.base = Some(setting),
            "http.compression" => self.compression = compression(&setting)?,
            "http.drain_seconds" => {
                self.drain = Duration::from_secs(setting.integer::<u16>()?.into());
            }
            "http.health" => self.health = setting.boolean()?,
            "http.lame_duck_seconds" => {
                self.lame_duck = Duration::from_secs(setting.integer::<u16>()?.into());
            }
            "http.reuse_port" => self.reuse_port = setting.boolean()?,
            "http.host" => self.host = setting.host_or_socket()?.to_owned(),
            "http.origin" => self.origin = Some(setting),
            "http.port" => self.port = setting.integer()?,
            "http.proxy_strips_base" => self.proxy_strips_base = setting.boolean()?,
            "http.tag_fields" => self.tag_fields = Some(tag_fields(&setting)?),
            _ => {}
        }
        Ok(())
    }

    fn note(&mut self, setting: &Setting) {
        let Setting { key, value, .. } = setting;
        if key == "cache" {
            // As it replaces earlier settings of the cache.
            self.values.retain(|key, _| !key.starts_with("cache."));
        }
        self.values.insert(key.clone(), value.clone());
    }

    /// Where the application answers, whose code says that it is at `own`.
    pub(crate) fn site(&self, own: &Site) -> Result<Site> {
        let mut site = own.clone().stripped(self.proxy_strips_base);
        if let Some(base) = &self.base {
            let placed = site.with_base(base.string()?);
            site = placed.map_err(|expected| base.refused(expected))?;
        }
        if let Some(origin) = &self.origin {
            let placed = site.with_origin(origin.string()?);
            site = placed.map_err(|expected| origin.refused(expected))?;
        }
        Ok(site)
    }

    /// Where the servers of this configuration have the sockets through which commands ask them.
    pub(crate) fn sockets(&self) -> Sockets {
        self.admin.sockets(&self.file)
    }

    /// The cache that the settings name, if they name one. Nothing is connected yet.
    pub(crate) fn open_cache(&self) -> Result<Option<Cache>> {
        let namespace = self.namespace.as_ref();
        self.cache
            .open(namespace, &self.signing_keys, self.compression)
    }

    /// The cache in front of the store that `text` names, as the setting `cache` would, in this namespace or in that of the
    /// settings, with the signing keys of these.
    pub(crate) fn opener(
        &self,
    ) -> impl Fn(&str, Option<&str>) -> Result<Cache> + Send + Sync + 'static {
        let (own, keys) = (self.namespace.clone(), self.signing_keys.clone());
        let compression = self.compression;
        move |text, namespace| {
            let mut settings = CacheSettings::default();
            settings.apply(Setting::text("cache", text, "the argument"));
            let other = namespace.map(|name| Setting::text("namespace", name, "the argument"));
            let cache = settings.open(other.as_ref().or(own.as_ref()), &keys, compression)?;
            cache.ok_or_else(|| Error::configuration("no store is named"))
        }
    }

    /// The settings of the application itself.
    ///
    /// # Errors
    ///
    /// The first mistake, its place, and the remedy.
    pub(crate) fn app_settings<S: DeserializeOwned>(&self) -> Result<S> {
        self.app.read()
    }

    /// Refuses settings of an application that reads none.
    pub(crate) fn check_no_app_settings(&self) -> Result<()> {
        self.app.check_unread()
    }

    /// Refuses other settings of the application than it was made with, those of `earlier`.
    pub(crate) fn check_same_app(&self, earlier: &Self) -> Result<()> {
        self.app.check_same(&earlier.app)
    }

    /// The budgets that the settings name.
    pub(crate) fn budgets(&self) -> Result<Vec<ProgramBudget<'_>>> {
        budget::read(&self.budget)
    }

    /// The end points that the settings name, as what tells them of invalidations.
    pub(crate) fn downstream(&self) -> Result<Vec<Arc<dyn Downstream>>> {
        #[cfg(feature = "purge")]
        return super::purge::open(&self.purge);
        #[cfg(not(feature = "purge"))]
        match self.purge.first() {
            None => Ok(Vec::new()),
            Some(setting) => Err(setting.wrong(
                "purges are not built in: enable the feature \"purge\" of the crate giotto",
            )),
        }
    }
}

#[cfg(feature = "session")]
impl Config {
    /// `sessions` as the settings say.
    pub(crate) fn sessions(&self, sessions: &Sessions) -> Result<Sessions> {
        let sessions = super::session::apply(&self.session, sessions.clone())?;
        Ok(sessions.debug(self.debug))
    }
}

#[cfg(not(feature = "session"))]
impl Config {
    /// Refuses settings of sessions.
    pub(crate) fn check_no_sessions(&self) -> Result<()> {
        match self.session.first() {
            None => Ok(()),
            Some(setting) => Err(setting.wrong(
                "sessions are not built in: enable the feature \"session\" of the crate giotto, or leave the setting out",
            )),
        }
    }
}

fn compression(setting: &Setting) -> Result<bool> {
    match setting.boolean()? {
        true if !Compression::IS_BUILT_IN => Err(setting.wrong(
            "compression is not built in: enable the feature \"compression\" of the crate giotto, or leave the setting out",
        )),
        is_on => Ok(is_on),
    }
}

fn tag_fields(setting: &Setting) -> Result<Vec<String>> {
    let names = setting.strings()?;
    match names.iter().all(|name| HeaderName::try_from(*name).is_ok()) {
        true => Ok(names.into_iter().map(str::to_owned).collect()),
        false => Err(setting.refused("names of fields, such as \"Cache-Tag\"")),
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)], set: &[&str]) -> Result<Config> {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        Config::load(None, variables, set.iter().copied(), None)
    }

    fn signing_keys(value: &str) -> Result<Vec<String>> {
        let config = config(&[("GIOTTO_SIGNING_KEY", value)], &[])?;
        assert!(!format!("{config:?}").contains("0123456789"));
        Ok(config.signing_keys)
    }

    #[test]
    fn a_signing_key_is_one_secret_or_several() {
        let (new, old) = ("0123456789abcdef".repeat(2), "[0123456789]{}=".repeat(3));
        assert_eq!(signing_keys(&new).ok(), Some(vec![new.clone()]));
        assert_eq!(signing_keys(&old).ok(), Some(vec![old.clone()]));
        let both = format!("[\"{new}\", \"{old}\"]");
        assert_eq!(signing_keys(&both).ok(), Some(vec![new.clone(), old]));
        for wrong in [&new[1..], &format!("[\"{new}\", \"{}\"]", &new[1..])] {
            let error = signing_keys(wrong).unwrap_err().to_string();
            for word in ["GIOTTO_SIGNING_KEY", "31 bytes", "openssl rand -hex 32"] {
                assert!(error.contains(word), "{error}");
            }
            assert!(!error.contains("0123456789"), "{error}");
        }
        assert_eq!(signing_keys("").ok(), Some(Vec::new()));
    }

    #[cfg(not(feature = "purge"))]
    #[test]
    fn purges_that_are_not_built_in_are_refused_with_the_remedy() {
        let error = config(&[], &["purge.front.kind=fastly"]).unwrap();
        let error = error.downstream().unwrap_err().to_string();
        assert!(error.contains("the feature \"purge\""), "{error}");
    }

    #[cfg(not(feature = "session"))]
    #[test]
    fn sessions_that_are_not_built_in_are_refused_with_the_remedy() {
        let config = config(&[], &["session.secure=true"]).unwrap();
        let error = config.check_no_sessions().unwrap_err().to_string();
        assert!(error.contains("the feature \"session\""), "{error}");
    }

    /// In a variable and a flag, a value that looks like another type is still a text.
    #[cfg(feature = "redis")]
    #[test]
    fn a_password_is_the_text_that_stands_there() {
        for password in ["[1]", "{}", "{a=1}", "true", "12", "\"x\"", "[\"a\"]"] {
            let flag = format!("cache.password={password}");
            for config in [
                config(
                    &[("GIOTTO_CACHE_PASSWORD", password)],
                    &["cache.engine=redis"],
                ),
                config(&[], &["cache.engine=redis", &flag]),
            ] {
                let config = config.unwrap();
                let password = toml::Value::String(password.to_owned());
                assert!(config.cache.has("cache.password", &password));
                config.open_cache().unwrap();
            }
        }
        for empty in ["cache.password=", "cache.user="] {
            let config = config(&[], &["cache.engine=redis", empty]).unwrap();
            assert!(config.open_cache().is_err(), "{empty}");
        }
    }

    /// `[::1]` is the address that `::1` is.
    #[cfg(all(feature = "redis", feature = "memcache"))]
    #[test]
    fn an_address_is_the_same_in_a_table_a_variable_and_a_flag() {
        for engine in ["redis", "memcache"] {
            for host in ["::1", "[::1]"] {
                let name = format!("cache.engine={engine}");
                let table =
                    format!("cache={{ engine = \"{engine}\", port = 1, host = \"{host}\" }}");
                let flag = format!("cache.host={host}");
                for config in [
                    config(&[], &[&table]),
                    config(&[("GIOTTO_CACHE_HOST", host)], &[&name, "cache.port=1"]),
                    config(&[], &[&name, "cache.port=1", &flag]),
                ] {
                    let store = format!("{:?}", config.unwrap().open_cache().unwrap());
                    assert!(store.contains("[::1]:1"), "{host}: {store}");
                }
            }
        }
        for host in ["::1", "[::1]"] {
            let config = config(&[("GIOTTO_HTTP_HOST", host)], &[]);
            assert_eq!(config.unwrap().host, "::1");
        }
    }
}
