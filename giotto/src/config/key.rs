//! The names of settings and of environment variables.
//!
//! Read before the first step of an invocation.

/// The keys that are not of the cache. An environment variable is named like its key: `GIOTTO_HTTP_PORT` is
/// `http.port`.
pub(super) const KEYS: [&str; 9] = [
    "debug",
    "http.backlog",
    "http.compression",
    "http.drain_seconds",
    "http.host",
    "http.port",
    "log",
    "namespace",
    SIGNING_KEY,
];
pub(super) const SIGNING_KEY: &str = "signing_key";

/// The keys whose value may be a table or an array. A variable or a flag has it as it is written in the file; for every
/// other key, its text is the value.
pub(super) const STRUCTURED: [&str; 6] = [
    "cache",
    "cache.layers",
    "cache.hosts",
    "cache.nodes",
    "cache.sentinels",
    SIGNING_KEY,
];

/// The prefix of this program's environment variables.
pub(super) const PREFIX: &str = "GIOTTO_";

/// The variable that names the file.
pub(super) const CONFIG: &str = "GIOTTO_CONFIG";
