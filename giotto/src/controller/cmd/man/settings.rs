//! Every setting in a line, for the manual page and for completion of `--set`.

/// The keys of the configuration, and what each one sets.
pub(in crate::controller::cmd) const SETTINGS: [(&str, &str); 36] = [
    (
        "admin.hosts",
        "The names under which the admin listener may be asked, besides addresses and localhost.",
    ),
    (
        "admin.listen",
        "The address or the path of a socket of the admin listener. Default: none.",
    ),
    (
        "admin.public",
        "Whether the admin listener may listen on an address that others reach. Default: false.",
    ),
    (
        "admin.socket",
        "The directory of the sockets through which commands ask running servers; off for none. Default: a directory of \
         the user below /tmp.",
    ),
    ("app.FIELD", "A setting of the application itself."),
    ("budget.PATH", "The budget of the program at PATH."),
    (
        "cache",
        "The store: a name (locmem, database), a URL (redis://..), a table, or an array of layers; also cache.MEMBER for one \
         member of a table. Default: none, so that nothing is cached.",
    ),
    (
        "debug",
        "Shows the messages of internal errors to clients. Default: false.",
    ),
    (
        "http.backlog",
        "How many connections may wait to be accepted. Default: 4096.",
    ),
    (
        "http.base",
        "The path below which a proxy has the application, such as /shop. Default: none.",
    ),
    (
        "http.client_field",
        "The field in which trusted proxies name the client. Default: X-Forwarded-For.",
    ),
    (
        "http.compression",
        "Whether stored pages are sent compressed. Default: true.",
    ),
    (
        "http.drain_seconds",
        "How long clients with idle connections may send one more request after SIGTERM. Default: 5.",
    ),
    (
        "http.health",
        "Whether the public port answers /healthz and /readyz. Default: false.",
    ),
    ("http.host", "The address to listen on. Default: 127.0.0.1."),
    (
        "http.lame_duck_seconds",
        "How long connections are accepted after SIGTERM, while /readyz says 503. Default: 0.",
    ),
    (
        "http.origin",
        "The scheme and the host of absolute addresses, such as https://example.org. Default: none.",
    ),
    (
        "http.port",
        "The port to listen on; 0 is any free one. Default: 5000.",
    ),
    (
        "http.proxy_strips_base",
        "Whether the proxy removes http.base from addresses. Default: false.",
    ),
    (
        "http.reuse_port",
        "Whether another process may listen on the same port, and take over. Default: false.",
    ),
    (
        "http.tag_fields",
        "The fields that carry the tags of a page for caches downstream. Default: none.",
    ),
    (
        "http.trusted_proxies",
        "The proxies that may name the client. Default: none.",
    ),
    (
        "log",
        "The level of the log: error, warn, info, debug or trace. Default: info; warn for cmd.",
    ),
    ("log.access", "The access log and its format. Default: off."),
    (
        "log.access_file",
        "The file of the access log. Default: standard output.",
    ),
    (
        "log.format",
        "The lines of the log: text or json. Default: text.",
    ),
    (
        "log.level",
        "The same as log, where there are other settings of it.",
    ),
    (
        "namespace",
        "Stands in front of every key in the store. Default: none.",
    ),
    (
        "purge",
        "The caches downstream that are told of invalidations. Default: none.",
    ),
    ("session.cookie", "The name of the cookie of sessions."),
    (
        "session.idle_seconds",
        "How long a session lasts without a request.",
    ),
    (
        "session.key",
        "The keys of sessions, each of at least 32 bytes.",
    ),
    (
        "session.key_file",
        "The file that has the keys of sessions.",
    ),
    (
        "session.lifetime_seconds",
        "How long a session lasts at most.",
    ),
    (
        "session.secure",
        "Whether the cookie of sessions is for HTTPS only.",
    ),
    (
        "signing_key",
        "The keys that sign stored pages, each of at least 32 bytes. Default: none.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::SETTINGS;
    use crate::config::KEYS;

    #[test]
    fn every_setting_is_listed() {
        let listed: BTreeSet<_> = SETTINGS.into_iter().map(|(key, _)| key).collect();
        let structured = ["app.FIELD", "budget.PATH", "cache", "purge"];
        let known: BTreeSet<_> = KEYS.into_iter().chain(structured).collect();
        assert_eq!(listed, known);
    }
}
