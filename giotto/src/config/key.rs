//! The names of settings and of environment variables.
//!
//! Read before the first step of an invocation.

/// The keys that are not of the cache. An environment variable is named like its key: `GIOTTO_HTTP_PORT` is
/// `http.port`.
pub(crate) const KEYS: [&str; 32] = [
    "admin.hosts",
    "admin.listen",
    "admin.public",
    "admin.socket",
    "debug",
    "http.backlog",
    "http.base",
    "http.client_field",
    "http.compression",
    "http.drain_seconds",
    "http.health",
    "http.host",
    "http.lame_duck_seconds",
    "http.origin",
    "http.port",
    "http.proxy_strips_base",
    "http.reuse_port",
    "http.tag_fields",
    "http.trusted_proxies",
    "log",
    "log.access",
    "log.access_file",
    "log.format",
    "log.level",
    "namespace",
    "session.cookie",
    "session.idle_seconds",
    SESSION_KEY,
    "session.key_file",
    "session.lifetime_seconds",
    "session.secure",
    SIGNING_KEY,
];
pub(super) const SESSION_KEY: &str = "session.key";
pub(super) const SIGNING_KEY: &str = "signing_key";

/// The keys whose value may be a table or an array. A variable or a flag has it as it is written in the file; for every
/// other key, its text is the value.
pub(super) const STRUCTURED: [&str; 10] = [
    "admin.hosts",
    "cache",
    "cache.layers",
    "cache.hosts",
    "cache.nodes",
    "cache.sentinels",
    "http.tag_fields",
    "http.trusted_proxies",
    SESSION_KEY,
    SIGNING_KEY,
];

/// A key that is shorter than the digest that it makes is easier to guess than the digest.
pub(super) const KEY_BYTES: usize = 32;
pub(super) const KEY_REMEDY: &str = "openssl rand -hex 32";

/// The prefix of this program's environment variables.
pub(super) const PREFIX: &str = "GIOTTO_";

/// The prefix of the variables of the settings in `[app]`.
pub(super) const APP_PREFIX: &str = "GIOTTO_APP_";

/// The environment variable of `key`.
pub(super) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace(['.', '-'], "_").to_uppercase())
}

/// The variable that chooses the profile.
pub(super) const PROFILE: &str = "GIOTTO_PROFILE";

/// The variable that names the file.
pub(super) const CONFIG: &str = "GIOTTO_CONFIG";
