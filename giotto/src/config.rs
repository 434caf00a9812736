//! The configuration: `giotto.toml`, overridden by environment variables, overridden by flags.
//!
//! Read before the first step of an invocation. Every key that is not known is refused, with the place
//! where it stands and the key that was probably meant.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use giotto_cache::{Cache, DummyKeyValue, KeyValue, LocMemKeyValue};
use toml::Value;
use toml::de::{DeTable, DeValue};

use crate::args::nearest;
use crate::error::{Error, Result};

const DEFAULT_PATH: &str = "giotto.toml";

/// Every key. An environment variable is named like its key: `GIOTTO_HTTP_PORT` is `http.port`.
const KEYS: [&str; 16] = [
    "cache",
    "cache.db",
    "cache.engine",
    "cache.host",
    "cache.hosts",
    "cache.max_bytes",
    "cache.password",
    "cache.port",
    "cache.socket",
    "cache.url",
    "cache.user",
    "debug",
    "http.host",
    "http.port",
    "log",
    "namespace",
];

/// What the names of this program's environment variables begin with.
const PREFIX: &str = "GIOTTO_";

/// Variables that are not settings.
const OTHER_VARIABLES: [&str; 2] = ["GIOTTO_CONFIG", "GIOTTO_REQUIRE_SERVERS"];

/// The settings of a process.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) debug: bool,
    pub(crate) log: Option<tracing::Level>,
    namespace: Option<String>,
    stores: Vec<Store>,
}

/// One store of the cache.
#[derive(Clone, Debug, PartialEq)]
enum Store {
    LocMem {
        max_bytes: Option<u64>,
    },
    Dummy,
    /// An engine that is known, but not part of this build.
    Absent(&'static str),
}

/// A key, its value, and where that was said.
struct Setting {
    key: String,
    value: Value,
    origin: String,
}

impl Config {
    /// Reads the file at `path` (or the variable `GIOTTO_CONFIG`, or `giotto.toml` if there is one), the
    /// `variables` and the `KEY=VALUE`s of `set`; each overrides those before it.
    pub(crate) fn load<'s>(
        path: Option<&Path>,
        variables: impl Iterator<Item = (OsString, OsString)>,
        set: impl Iterator<Item = &'s str>,
    ) -> Result<Self> {
        let variables = own_variables(variables)?;
        let named = variables.iter().find(|(name, _)| name == "GIOTTO_CONFIG");
        let path = path.or(named.map(|(_, path)| Path::new(path)));
        let mut settings = match path {
            Some(path) => from_file(path)?,
            None if Path::new(DEFAULT_PATH).exists() => from_file(Path::new(DEFAULT_PATH))?,
            None => Vec::new(),
        };
        settings.extend(from_variables(&variables)?);
        for pair in set {
            let (key, value) = pair.split_once('=').ok_or_else(|| {
                Error::configuration(format!("--set {pair}: write it as --set KEY=VALUE"))
            })?;
            settings.push(Setting {
                value: written(value),
                ..Setting::text(key, "", "--set")
            });
        }
        Self::from_settings(settings)
    }

    fn from_settings(settings: Vec<Setting>) -> Result<Self> {
        let mut config = Self {
            host: "127.0.0.1".to_owned(),
            port: 5000,
            debug: false,
            log: None,
            namespace: None,
            stores: vec![Store::Dummy],
        };
        let mut cache: Option<Setting> = None;
        for setting in settings {
            match setting.key.strip_prefix("cache") {
                Some("") => cache = Some(setting),
                Some(member) if member.starts_with('.') => cache = Some(setting.refine(cache)),
                _ => config.apply(&setting)?,
            }
        }
        if let Some(cache) = cache {
            config.stores = stores(&cache)?;
        }
        Ok(config)
    }

    /// Overrides `key`, as the flag `origin` says.
    pub(crate) fn set(&mut self, key: &str, value: &str, origin: &str) -> Result<()> {
        self.apply(&Setting::text(key, value, origin))
    }

    fn apply(&mut self, setting: &Setting) -> Result<()> {
        match setting.key.as_str() {
            "debug" => self.debug = setting.boolean()?,
            "http.host" => self.host = setting.string()?.to_owned(),
            "http.port" => self.port = setting.integer()?,
            "log" => {
                let level = setting.string()?.parse();
                self.log =
                    Some(level.map_err(|_| {
                        setting.refused("\"error\", \"warn\", \"info\" or \"debug\"")
                    })?);
            }
            "namespace" => self.namespace = Some(setting.string()?.to_owned()),
            _ => return Err(setting.unknown()),
        }
        Ok(())
    }

    /// The cache that the settings name. Nothing is connected yet.
    pub(crate) fn open_cache(&self) -> Result<Cache> {
        let store: Arc<dyn KeyValue> = match self.stores.as_slice() {
            [store] => store.open()?,
            stores => {
                stores.iter().try_for_each(|store| store.open().map(drop))?;
                let message =
                    "layers of caches are not built in: name one engine, \"locmem\" for example";
                return Err(Error::configuration(message));
            }
        };
        let cache = Cache::builder(store);
        let cache = match &self.namespace {
            None => cache,
            Some(namespace) => cache
                .namespace(namespace)
                .map_err(|error| Error::configuration(format!("namespace: {error}")))?,
        };
        Ok(cache.build())
    }
}

impl Store {
    fn open(&self) -> Result<Arc<dyn KeyValue>> {
        match self {
            Self::Dummy => Ok(Arc::new(DummyKeyValue::new())),
            Self::LocMem { max_bytes: None } => Ok(Arc::new(LocMemKeyValue::new())),
            Self::LocMem {
                max_bytes: Some(bytes),
            } => Ok(Arc::new(LocMemKeyValue::new().max_bytes(*bytes))),
            Self::Absent(engine) => {
                let message = format!(
                    "cache = \"{engine}\": this engine is not built in; use \"locmem\", or \"dummy\" for no cache"
                );
                Err(Error::configuration(message))
            }
        }
    }
}

/// The engines, the schemes of their URLs, and the keys of their tables.
const ENGINES: [(&str, &[&str], &[&str]); 5] = [
    (
        "redis",
        &["redis", "rediss"],
        &["host", "port", "db", "user", "password", "socket", "url"],
    ),
    ("memcache", &["memcache"], &["host", "hosts", "port", "url"]),
    (
        "database",
        &["sqlite", "postgres", "postgresql", "mysql", "mariadb"],
        &["url"],
    ),
    ("locmem", &[], &["max_bytes"]),
    ("dummy", &[], &[]),
];

/// The stores that a value of `cache` names: a name, a URL, a table, or an array of these.
fn stores(cache: &Setting) -> Result<Vec<Store>> {
    match &cache.value {
        Value::Array(layers) if layers.is_empty() => Err(cache.refused("at least one engine")),
        Value::Array(layers) => layers.iter().map(|layer| store(layer, cache)).collect(),
        value => Ok(vec![store(value, cache)?]),
    }
}

fn store(value: &Value, cache: &Setting) -> Result<Store> {
    match value {
        Value::String(url) if url.contains("://") => {
            let scheme = url.split("://").next().unwrap_or_default();
            let engine = ENGINES
                .iter()
                .find(|(_, schemes, _)| schemes.contains(&scheme));
            let schemes = ENGINES
                .iter()
                .flat_map(|(_, schemes, _)| schemes.iter().copied());
            let (engine, ..) = engine.ok_or_else(|| cache.unlike("URL scheme", scheme, schemes))?;
            Ok(Store::Absent(engine))
        }
        Value::String(name) => of_engine(name, &toml::Table::new(), cache),
        Value::Table(table) => match table.get("engine") {
            Some(Value::String(name)) => of_engine(name, table, cache),
            Some(_) => Err(cache.refused("a name for cache.engine, such as \"redis\"")),
            None => Err(cache.refused("an engine beside it, such as cache.engine = \"redis\"")),
        },
        _ => Err(cache.refused(
            "a name such as \"redis\", a URL, a table with an engine, or an array of these",
        )),
    }
}

fn of_engine(name: &str, table: &toml::Table, cache: &Setting) -> Result<Store> {
    let names = ENGINES.iter().map(|(name, ..)| *name);
    let found = ENGINES.iter().find(|(engine, ..)| *engine == name);
    let (engine, _, keys) = found.ok_or_else(|| cache.unlike("cache engine", name, names))?;
    let is_unknown = |key: &&String| *key != "engine" && !keys.contains(&key.as_str());
    if let Some(key) = table.keys().find(is_unknown) {
        return Err(cache.unlike(
            &format!("key of the engine {engine}"),
            key,
            keys.iter().copied(),
        ));
    }
    match *engine {
        "dummy" => Ok(Store::Dummy),
        "locmem" => {
            let max_bytes = table.get("max_bytes").map(|bytes| {
                let setting = Setting {
                    value: bytes.clone(),
                    ..Setting::text("cache.max_bytes", "", &cache.origin)
                };
                setting.integer()
            });
            Ok(Store::LocMem {
                max_bytes: max_bytes.transpose()?,
            })
        }
        engine => Ok(Store::Absent(engine)),
    }
}

impl Setting {
    fn text(key: &str, value: &str, origin: &str) -> Self {
        Self {
            key: key.to_owned(),
            value: Value::String(value.to_owned()),
            origin: origin.to_owned(),
        }
    }

    /// This key of the table `cache` in what was said of the cache before.
    fn refine(self, cache: Option<Self>) -> Self {
        let mut table = match cache.map(|cache| cache.value) {
            Some(Value::Table(table)) => table,
            Some(name @ Value::String(_)) => toml::Table::from_iter([("engine".to_owned(), name)]),
            _ => toml::Table::new(),
        };
        let member = self.key.trim_start_matches("cache.").to_owned();
        table.insert(member, self.value);
        Self {
            value: Value::Table(table),
            ..self
        }
    }

    fn string(&self) -> Result<&str> {
        self.value
            .as_str()
            .ok_or_else(|| self.refused("a text in quotes"))
    }

    fn boolean(&self) -> Result<bool> {
        match &self.value {
            Value::Boolean(value) => Ok(*value),
            Value::String(text) => text.parse().map_err(|_| self.refused("true or false")),
            _ => Err(self.refused("true or false")),
        }
    }

    fn integer<N: TryFrom<i64>>(&self) -> Result<N> {
        let number = match &self.value {
            Value::Integer(number) => Some(*number),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let number = number.and_then(|number| N::try_from(number).ok());
        number.ok_or_else(|| self.refused("a whole number in the range of the key"))
    }

    fn refused(&self, expected: &str) -> Error {
        let Self { key, value, origin } = self;
        let shown = match value {
            // They may have a password in them.
            Value::Table(_) | Value::Array(_) => String::new(),
            // On one line, which TOML's own form of a text with line breaks is not.
            Value::String(text) => format!(" = {text:?}"),
            value => format!(" = {value}"),
        };
        Error::configuration(format!("{origin}: {key}{shown}: expected {expected}"))
    }

    fn unknown(&self) -> Error {
        self.unlike("key", &self.key, KEYS.into_iter())
    }

    fn unlike<'n>(
        &self,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'n str> + Clone,
    ) -> Error {
        let hint = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("known are {}", known.collect::<Vec<_>>().join(", ")),
        };
        Error::configuration(format!("{}: unknown {what} {name:?}: {hint}", self.origin))
    }
}

/// The variables of this process that begin with `GIOTTO_`.
fn own_variables(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>> {
    let own = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    own.filter(|(name, _)| name.starts_with(PREFIX))
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(Error::configuration(format!("{name} is not UTF-8"))),
        })
        .collect()
}

fn from_variables(variables: &[(String, String)]) -> Result<Vec<Setting>> {
    let variable = |key: &str| format!("{PREFIX}{}", key.replace('.', "_").to_uppercase());
    let known: Vec<String> = KEYS.iter().map(|key| variable(key)).collect();
    let mut settings = Vec::new();
    for (key, name) in KEYS.iter().zip(&known) {
        if let Some((_, value)) = variables.iter().find(|(given, _)| given == name) {
            settings.push(Setting {
                value: written(value),
                ..Setting::text(key, "", name)
            });
        }
    }
    // Other variables may belong to the application; one that is almost a setting is a mistake. Their common
    // prefix is left out: it would make any two names look alike.
    let names = known.iter().map(String::as_str).chain(OTHER_VARIABLES);
    let suffixes = names.clone().filter_map(|name| name.strip_prefix(PREFIX));
    for (name, _) in variables {
        let suffix = name.strip_prefix(PREFIX).unwrap_or(name);
        let near = nearest(suffix, suffixes.clone());
        if let Some(near) = near.filter(|near| *near != suffix) {
            let message = format!(
                "the environment variable {name} is no setting: did you mean {PREFIX}{near}?"
            );
            return Err(Error::configuration(message));
        }
    }
    Ok(settings)
}

/// A variable's value: a table or an array as TOML writes them, else text.
fn written(text: &str) -> Value {
    let is_structured = text.starts_with(['{', '[']);
    let parsed = is_structured
        .then(|| format!("value = {text}").parse::<toml::Table>().ok())
        .flatten();
    let value = parsed.and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn from_file(path: &Path) -> Result<Vec<Setting>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::configuration(format!("{shown} cannot be read: {error}")))?;
    parse(&text, &shown.to_string())
}

fn parse(text: &str, path: &str) -> Result<Vec<Setting>> {
    let refuse = |error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        Error::configuration(format!("{}: {}", position(text, path, at), error.message()))
    };
    let values: toml::Table = text.parse().map_err(refuse)?;
    let places = DeTable::parse(text).map_err(refuse)?;
    let mut settings = Vec::new();
    flatten(
        "",
        places.get_ref(),
        &values,
        &mut |key, at, value: &Value| {
            let origin = position(text, path, at);
            settings.push(Setting {
                key,
                value: value.clone(),
                origin,
            });
        },
    );
    Ok(settings)
}

/// `giotto.toml:3:1`
fn position(text: &str, path: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .chars()
        .rev()
        .take_while(|character| *character != '\n')
        .count()
        + 1;
    format!("{path}:{line}:{column}")
}

/// Calls `each` with the dotted key, the place and the value of everything that is not a table.
fn flatten(
    prefix: &str,
    places: &DeTable<'_>,
    values: &toml::Table,
    each: &mut impl FnMut(String, usize, &Value),
) {
    for (name, place) in places {
        let key = format!("{prefix}{}", name.get_ref());
        match (place.get_ref(), values.get(name.get_ref().as_ref())) {
            (DeValue::Table(places), Some(Value::Table(values))) => {
                flatten(&format!("{key}."), places, values, each);
            }
            (_, Some(value)) => each(key, name.span().start, value),
            (_, None) => {}
        }
    }
}
