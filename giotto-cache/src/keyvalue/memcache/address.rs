//! The hosts of a Memcached store, as a configuration writes them.
//!
//! No step of a lookup: hosts are read when the store is made, so that a wrong one is found at the start.

use crate::error::{Error, ErrorKind, Result};
use crate::keyvalue::address::{Address, Servers};

const SERVERS: Servers = Servers {
    name: "Memcached host",
    default_port: 11211,
    form: "host, host:port, [::1]:11211 or /path/to/socket, without a user or a password",
};

/// The addresses that `hosts` are: `host`, `host:port`, `::1`, `[::1]:11211`, `/path/to/socket` or `unix:/path/to/socket`.
pub(super) fn read(hosts: impl IntoIterator<Item = impl Into<String>>) -> Result<Vec<Address>> {
    let hosts: Vec<String> = hosts.into_iter().map(Into::into).collect();
    // Also where it looks like a path: a name and a password may stand before it, and an address is shown.
    match hosts.iter().find(|host| host.contains('@')) {
        Some(host) => Err(SERVERS.refused(host)),
        None => SERVERS.read(hosts),
    }
}

/// The addresses of `memcache://a:11211,b:11211`; `;` separates them too.
pub(super) fn read_url(url: &str) -> Result<Vec<Address>> {
    // What is refused is not shown: it may be the URL of another server with its password, or a parameter may be one.
    let refused = |problem| {
        let message = format!("the URL of a Memcached store {problem}");
        Error::new(ErrorKind::Configuration, message)
    };
    let Some(hosts) = url.strip_prefix("memcache://") else {
        return Err(refused(
            "must begin with memcache://, as memcache://a:11211,b:11211 does",
        ));
    };
    if hosts.contains('?') {
        return Err(refused(
            "has no parameters: leave out the `?` and what follows, and set namespace and deadline by themselves",
        ));
    }
    read(hosts.split([',', ';']).map(|host| match host.trim() {
        path if path.starts_with('/') => path,
        host => host.strip_suffix('/').unwrap_or(host),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_cannot_be_read_is_named() {
        for text in ["", " ", "a b", "a:0", "[::1", "unix:a", "a\r\nb"] {
            let error = read([text]).unwrap_err();
            assert!(
                error.to_string().contains(&format!("{:?}", text.trim())),
                "{error}"
            );
        }
    }

    #[test]
    fn a_url_names_one_server_or_several() {
        for (url, expected) in [
            ("memcache://a", "a:11211"),
            ("memcache://a:4000/", "a:4000"),
            ("memcache://a:1,b:2", "a:1 b:2"),
            ("memcache://a:1; b:2", "a:1 b:2"),
            ("memcache://[::1]:11211,::1", "[::1]:11211 [::1]:11211"),
            ("memcache:///path/to.sock", "/path/to.sock"),
        ] {
            let addresses = read_url(url).unwrap();
            let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            assert_eq!(texts.join(" "), expected);
        }
        for url in [
            "memcache://",
            "memcache://a,,b",
            "memcache:a",
            "a:11211",
            "memcache://a/0",
        ] {
            assert!(read_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for url in [
            "memcache://user:secret@a:11211",
            "redis://:secret@a:6379",
            "memcache://a,u:secret@b",
            "memcache://a?password=secret",
            "memcache://a:11211,b/?password=secret",
        ] {
            let error = read_url(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"));
        }
    }
}
