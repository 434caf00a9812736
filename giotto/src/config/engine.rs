//! The stores that can be named, and how each is made of its settings.
//!
//! Before the first step of an invocation.

use std::sync::Arc;
use std::time::Duration;

use giotto_cache::{
    DummyKeyValue, KeyValue, LayeredKeyValue, LocMemKeyValue, MigratingKeyValue, Place,
};

use super::table::Table;
use crate::error::Result;

/// The least memory that is useful.
const MIN_BYTES: u64 = 64 << 10;

/// One kind of store: its name, the schemes of its URLs, and the keys of its table.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) name: &'static str,
    pub(super) schemes: &'static [&'static str],
    pub(super) keys: &'static [&'static str],
    pub(super) open: fn(&Table<'_>) -> Result<Arc<dyn KeyValue>>,
}

/// Several stores, the fastest first.
pub(super) const LAYERS: Engine = Engine {
    name: "layers",
    schemes: &[],
    keys: &["layers", "refill_seconds"],
    open: layers,
};

/// An old store that is being replaced by a new one.
pub(super) const MIGRATING: Engine = Engine {
    name: "migrating",
    schemes: &[],
    keys: &["migrating.from", "migrating.to"],
    open: migrating,
};

pub(super) const ENGINES: [Engine; 5] = [
    Engine {
        name: "redis",
        schemes: &[
            "redis",
            "rediss",
            "redis+unix",
            "redis+cluster",
            "rediss+cluster",
            "redis+sentinel",
            "rediss+sentinel",
        ],
        keys: &[
            "host",
            "port",
            "db",
            "user",
            "password",
            "socket",
            "tls",
            "nodes",
            "master",
            "sentinels",
            "url",
        ],
        open: redis,
    },
    Engine {
        name: "memcache",
        schemes: &["memcache"],
        keys: &["host", "port", "hosts", "url"],
        open: memcache,
    },
    Engine {
        name: "database",
        schemes: &["sqlite", "postgres", "postgresql", "mysql", "mariadb"],
        keys: &["url", "table", "max_rows", "max_bytes", "max_connections"],
        open: database,
    },
    Engine {
        name: "locmem",
        schemes: &[],
        keys: &["max_bytes"],
        open: locmem,
    },
    Engine {
        name: "dummy",
        schemes: &[],
        keys: &[],
        open: |_| Ok(Arc::new(DummyKeyValue::new())),
    },
];

/// The members of every table.
pub(super) const COMMON: [&str; 2] = ["engine", "deadline_ms"];

/// The store that `table` names. Nothing is connected yet.
pub(super) fn open(table: &Table<'_>) -> Result<Arc<dyn KeyValue>> {
    let engine = engine(table)?;
    let known = || COMMON.iter().chain(engine.keys).copied();
    for setting in &table.members {
        let name = setting.member();
        if !known().any(|key| key == name) {
            let what = format!("key of the engine {}", engine.name);
            return Err(setting.unlike(&what, name, engine.keys.iter().copied()));
        }
    }
    (engine.open)(table)
}

fn engine(table: &Table<'_>) -> Result<&'static Engine> {
    table.check_one_of(&[&["layers"], &["engine"], MIGRATING.keys])?;
    if table.get("layers").is_some() {
        return Ok(&LAYERS);
    }
    if MIGRATING.keys.iter().any(|key| table.get(key).is_some()) {
        return Ok(&MIGRATING);
    }
    if let Some(setting) = table.get("engine") {
        let name = setting.string()?;
        let found = ENGINES.iter().find(|engine| engine.name == name);
        let names = ENGINES.iter().map(|engine| engine.name);
        return found.ok_or_else(|| setting.unlike("cache engine", name, names));
    }
    let Some(setting) = table.get("url") else {
        let example = "an engine beside it, such as cache.engine = \"redis\"";
        return Err(table.origin.refused(example));
    };
    let scheme = setting.string()?.split("://").next().unwrap_or_default();
    let found = ENGINES
        .iter()
        .find(|engine| engine.schemes.contains(&scheme));
    let schemes = ENGINES.iter().flat_map(|engine| engine.schemes);
    found.ok_or_else(|| setting.unlike("URL scheme", scheme, schemes.copied()))
}

fn locmem(table: &Table<'_>) -> Result<Arc<dyn KeyValue>> {
    let store = LocMemKeyValue::new();
    let Some(setting) = table.get("max_bytes") else {
        return Ok(Arc::new(store));
    };
    match setting.integer()? {
        bytes if bytes >= MIN_BYTES => Ok(Arc::new(store.max_bytes(bytes))),
        _ => Err(setting.refused(&format!("at least {MIN_BYTES} bytes"))),
    }
}

fn layers(table: &Table<'_>) -> Result<Arc<dyn KeyValue>> {
    let layers = table.layers()?;
    let open = |layer| open(&table.layer(layer)?);
    let layers = layers.iter().map(open).collect::<Result<Vec<_>>>()?;
    let store = LayeredKeyValue::new(layers);
    let store = match table.get("refill_seconds") {
        None => store,
        Some(seconds) => store.refill(Duration::from_secs(seconds.positive::<u32>()?.into())),
    };
    let store = match table.deadline()? {
        None => store,
        Some(deadline) => store.deadline(deadline),
    };
    Ok(Arc::new(store))
}

fn migrating(table: &Table<'_>) -> Result<Arc<dyn KeyValue>> {
    let store = |key: &str| {
        let setting = table.get(key).ok_or_else(|| {
            let example = "both, such as cache.migrating = { from = \"database\", to = \"redis://localhost\" }";
            table.origin.refused(example)
        })?;
        setting.string()?;
        let store = open(&table.layer(&setting.value)?)?;
        match store.place() {
            Place::Shared => Ok(store),
            _ => Err(setting.wrong(
                "it is no store that processes share: migrate between two that are, and put layers around both",
            )),
        }
    };
    let (old, new) = (store("migrating.from")?, store("migrating.to")?);
    Ok(Arc::new(MigratingKeyValue::new(old, new)))
}

/// Long, but flat: one paragraph for each member.
#[cfg(feature = "redis")]
fn redis(table: &Table<'_>) -> Result<Arc<dyn KeyValue>> {
    use giotto_cache::RedisKeyValue;

    table.check_one_of(&[
        &["url"],
        &["socket"],
        &["nodes"],
        &["master", "sentinels"],
        &["host", "port"],
    ])?;
    // A URL has these members, too, and a cluster has no numbered databases.
    table.check_one_of(&[&["url"], &["db", "tls"]])?;
    table.check_one_of(&[&["nodes"], &["db"]])?;
    let mut store = match table.get("url") {
        None => RedisKeyValue::new(),
        Some(url) => url.checked(RedisKeyValue::from_url(url.string()?))?,
    };
    if let Some(host) = table.get("host") {
        store = store.host(host.host()?);
    }
    if let Some(port) = table.get("port") {
        store = store.port(port.positive()?);
    }
    if let Some(db) = table.get("db") {
        store = store.db(db.integer()?);
    }
    if let Some(user) = table.get("user") {
        store = store.user(user.non_empty()?);
    }
    if let Some(password) = table.get("password") {
        store = store.password(password.non_empty()?);
    }
    if let Some(socket) = table.get("socket") {
        store = store.socket(socket.string()?);
    }
    if let Some(tls) = table.get("tls") {
        store = store.tls(tls.boolean()?);
    }
    store = redis_servers(store, table)?;
    if let Some(deadline) = table.deadline()? {
        // A master that hangs must fail before the deadline of the whole cache is over.
        store = store.server_deadline(deadline / 2);
    }
    if let Some(namespace) = table.namespace {
        store = namespace.checked(store.namespace(namespace.string()?))?;
    }
    Ok(Arc::new(store))
}

/// The same `store` with the cluster or the sentinels that `table` names.
#[cfg(feature = "redis")]
fn redis_servers(
    mut store: giotto_cache::RedisKeyValue,
    table: &Table<'_>,
) -> Result<giotto_cache::RedisKeyValue> {
    if let Some(nodes) = table.get("nodes") {
        store = nodes.checked(store.cluster(nodes.strings()?))?;
    }
    match (table.get("master"), table.get("sentinels")) {
        (None, None) => {}
        (Some(master), Some(sentinels)) => {
            store = sentinels.checked(store.sentinel(master.string()?, sentinels.strings()?))?;
        }
        (Some(alone), None) | (None, Some(alone)) => {
            return Err(alone.refused("both cache.master and cache.sentinels"));
        }
    }
    Ok(store)
}

#[cfg(feature = "memcache")]
fn memcache(table: &Table<'_>) -> Result<Arc<dyn KeyValue>> {
    use giotto_cache::MemcacheKeyValue;

    table.check_one_of(&[&["url"], &["hosts"], &["host", "port"]])?;
    let mut store = match table.get("url") {
        None => MemcacheKeyValue::new(),
        Some(url) => url.checked(MemcacheKeyValue::from_url(url.string()?))?,
    };
    if let Some(deadline) = table.deadline()? {
        // A host that hangs must fail before the deadline of the whole cache is over.
        store = store.server_deadline(deadline / 2);
    }
    if let Some(hosts) = table.get("hosts") {
        store = hosts.checked(store.hosts(hosts.strings()?))?;
    } else if let Some(setting) = table.get("host").or(table.get("port")) {
        let host = table
            .get("host")
            .map_or(Ok("localhost"), |host| host.host())?;
        let port: Option<u16> = table.get("port").map(|port| port.positive()).transpose()?;
        let host = match (host.parse::<std::net::Ipv6Addr>(), port) {
            (Ok(address), Some(port)) => format!("[{address}]:{port}"),
            (Err(_), Some(port)) => format!("{host}:{port}"),
            (_, None) => host.to_owned(),
        };
        store = setting.checked(store.hosts([host]))?;
    }
    if let Some(namespace) = table.namespace {
        store = namespace.checked(store.namespace(namespace.string()?))?;
    }
    Ok(Arc::new(store))
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
fn database(table: &Table<'_>) -> Result<Arc<dyn KeyValue>> {
    use giotto_cache::DatabaseKeyValue;

    let mut store = match table.get("url") {
        Some(url) => url.checked(DatabaseKeyValue::from_url(url.string()?))?,
        #[cfg(feature = "sqlite")]
        None => DatabaseKeyValue::new(),
        #[cfg(not(feature = "sqlite"))]
        None => return Err(table.absent("sqlite")),
    };
    if let Some(name) = table.get("table") {
        store = name.checked(store.table(name.string()?))?;
    }
    if let Some(connections) = table.get("max_connections") {
        store = store.max_connections(connections.positive::<u16>()?.into());
    }
    if let Some(rows) = table.get("max_rows") {
        store = store.max_rows(rows.positive()?);
    }
    if let Some(bytes) = table.get("max_bytes") {
        store = store.max_bytes(bytes.positive()?);
    }
    if let Some(namespace) = table.namespace {
        store = namespace.checked(store.namespace(namespace.string()?))?;
    }
    Ok(Arc::new(store))
}

#[cfg(not(feature = "redis"))]
fn redis(table: &Table<'_>) -> Result<Arc<dyn KeyValue>> {
    Err(table.absent("redis"))
}

#[cfg(not(feature = "memcache"))]
fn memcache(table: &Table<'_>) -> Result<Arc<dyn KeyValue>> {
    Err(table.absent("memcache"))
}

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
fn database(table: &Table<'_>) -> Result<Arc<dyn KeyValue>> {
    Err(table.absent("sqlite"))
}
