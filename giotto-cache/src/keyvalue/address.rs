//! Where a server is: a port of a host, or a Unix socket.
//!
//! No step of a lookup: the configuration is read when the store is made, so that a wrong address is found at the start. A
//! URL, a table and code write it alike.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};

/// Its text is the same however it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// The servers of a store.
pub(super) struct Servers {
    /// What one is called, for errors.
    pub(super) name: &'static str,
    pub(super) default_port: u16,
    /// How an address is written, for errors.
    pub(super) form: &'static str,
}

impl Servers {
    /// The addresses that `texts` are.
    ///
    /// # Errors
    ///
    /// If one cannot be read; the error names it, unless it may have a password in it.
    pub(super) fn read(
        &self,
        texts: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Vec<Address>> {
        let texts = texts.into_iter().map(Into::into);
        texts.map(|text| self.read_one(&text)).collect()
    }

    fn read_one(&self, text: &str) -> Result<Address> {
        Address::read(text, self.default_port).ok_or_else(|| self.refused(text))
    }

    /// The error of `text`, which is no address of these servers.
    pub(super) fn refused(&self, text: &str) -> Error {
        let Self { name, form, .. } = self;
        // What stands in front of the `@` may be a password.
        let problem = match text.contains('@') {
            true => format!("a {name} is given with a user or a password"),
            false => format!("{:?} is not a {name}", text.trim()),
        };
        Error::new(
            ErrorKind::Configuration,
            format!("{problem}: write it as {form}"),
        )
    }
}

impl Address {
    pub(super) fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp {
            host: host.into(),
            port,
        }
    }

    /// `host`, `host:port`, `::1`, `[::1]`, `[::1]:port`, `/path/to/socket` or `unix:/path/to/socket`.
    pub(super) fn read(text: &str, default_port: u16) -> Option<Self> {
        let text = text.trim();
        let path = text.strip_prefix("unix:").unwrap_or(text);
        if path.starts_with('/') && !path.contains('\0') {
            return Some(Self::Unix(path.into()));
        }
        if let Some(host) = ipv6(text) {
            return Some(Self::tcp(host, default_port));
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                (ipv6(address)?, port)
            }
            None => {
                let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                (name(host)?, port)
            }
        };
        let port = match port {
            "" => default_port,
            port => read_port(port.strip_prefix(':')?)?,
        };
        Some(Self::tcp(host, port))
    }
}

/// An address of IPv6, however it is written; one of a link names its interface (`fe80::1%eth0`).
fn ipv6(text: &str) -> Option<String> {
    let (address, interface) = text.split_once('%').unwrap_or((text, ""));
    let address: Ipv6Addr = address.parse().ok()?;
    match text.contains('%') {
        true => Some(format!("{address}%{}", name(interface)?)),
        false => Some(address.to_string()),
    }
}

/// No `@` and no `/`: a host may be shown, and in a URL those are next to a password.
fn name(text: &str) -> Option<String> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    let is_name = !text.is_empty() && text.chars().all(is_plain);
    is_name.then(|| text.to_ascii_lowercase())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A port as digits alone: `parse` takes a sign too.
fn read_port(digits: &str) -> Option<u16> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| is_number && *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_however_it_is_written() {
        for (text, expected) in [
            ("localhost", "localhost:6379"),
            (" Cache-1.Example.org ", "cache-1.example.org:6379"),
            ("10.0.0.5:4000", "10.0.0.5:4000"),
            ("::1", "[::1]:6379"),
            ("[::1]", "[::1]:6379"),
            ("[::1]:4000", "[::1]:4000"),
            ("[0:0::0001]:4000", "[::1]:4000"),
            ("fe80::1%eth0", "[fe80::1%eth0]:6379"),
            ("[fe80::1%eth0]:4000", "[fe80::1%eth0]:4000"),
            ("/run/server.sock", "/run/server.sock"),
            ("unix:/run/server.sock", "/run/server.sock"),
        ] {
            let address = Address::read(text, 6379).map(|address| address.to_string());
            assert_eq!(address.as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "",
            " ",
            "a b",
            ":6379",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            "a:port",
            "a:1:2",
            "a:1,b:2",
            "[::1",
            "[::1]x",
            "[::1]:",
            "[a]:1",
            "[::1%]",
            "::1%",
            "[::1%a@b]",
            "unix:",
            "unix:a",
            "a/b",
            "a@b",
            "redis://a",
            "a?b=c",
            "a\r\nb",
            "h\u{f6}st",
            "/a\0b",
        ] {
            assert_eq!(Address::read(text, 6379), None, "{text:?}");
        }
    }
}
