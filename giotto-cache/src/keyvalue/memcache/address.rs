//! Where a Memcached server is, as a configuration writes it.
//!
//! No step of a lookup: hosts are read when the store is made, so that a wrong one is found at the start.

use std::io;

use crate::error::{Error, ErrorKind, Result};
pub(super) use crate::keyvalue::address::Address;

const DEFAULT_PORT: u16 = 11211;

impl Address {
    /// The error of a server here that failed as `error` says, and what to do about it.
    pub(super) fn failed(&self, error: &io::Error) -> Error {
        let remedy = match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                ": start memcached there, or configure where it is"
            }
            io::ErrorKind::InvalidData => ": look whether it is a memcached without authentication",
            _ => "",
        };
        let message = format!("memcached at {self}: {error}{remedy}");
        Error::new(ErrorKind::Backend, message)
    }
}

/// `host`, `host:port`, `::1`, `[::1]:11211`, `/path/to/socket` or `unix:/path/to/socket`.
pub(super) fn parse(text: &str) -> Result<Address> {
    let text = text.trim();
    // What stands in front of the `@` may be a password, which an error must not show.
    if text.contains('@') {
        let message = "a Memcached host was given with a user or a password, which its text protocol does \
                       not have: write it as host:port";
        return Err(Error::new(ErrorKind::Policy, message));
    }
    Address::read(text, DEFAULT_PORT).ok_or_else(|| {
        let message = format!(
            "{text:?} is not a Memcached host: write it as host, host:port, [::1]:11211 or /path/to/socket"
        );
        Error::new(ErrorKind::Policy, message)
    })
}

/// The addresses of `memcache://a:11211,b:11211`; `;` separates them too.
pub(super) fn parse_url(url: &str) -> Result<Vec<Address>> {
    let Some(hosts) = url.strip_prefix("memcache://") else {
        // Not shown: it may be the URL of another server, with its password.
        let message = "the URL of a Memcached store must begin with memcache://, as memcache://a:11211,b:11211 does";
        return Err(Error::new(ErrorKind::Policy, message));
    };
    // Not shown either: a parameter may be a password.
    if hosts.contains('?') {
        let message = "the URL of a Memcached store has no parameters: leave out what stands behind the `?`, and set \
                       namespace and deadline by themselves";
        return Err(Error::new(ErrorKind::Policy, message));
    }
    hosts
        .split([',', ';'])
        .map(|host| match host.trim() {
            path if path.starts_with('/') => parse(path),
            host => parse(host.strip_suffix('/').unwrap_or(host)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_cannot_be_read_is_named() {
        for text in ["", " ", "a b", "a:0", "[::1", "unix:a", "a\r\nb"] {
            let error = parse(text).unwrap_err();
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
            let addresses = parse_url(url).unwrap();
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
            assert!(parse_url(url).is_err(), "{url}");
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
            let error = parse_url(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"));
        }
    }
}
