//! Where the servers are, and who asks them.
//!
//! Before any lookup; nothing here touches the network.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;

pub(super) const PORT: u16 = 6379;
pub(super) const SENTINEL_PORT: u16 = 26379;

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) servers: Servers,
    pub(super) login: Login,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Servers {
    One(Address),
    Cluster(Vec<Address>),
    Sentinel {
        master: String,
        sentinels: Vec<Address>,
    },
}

/// What every connection begins with. It has no `Debug`, because it has the password.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) db: u32,
    pub(super) tls: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            servers: Servers::One(Address::tcp("localhost", PORT)),
            login: Login::default(),
        }
    }
}

impl Address {
    pub(super) fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp {
            host: host.into(),
            port,
        }
    }

    /// Reads `host`, `host:port`, `[::1]:port` or `::1`.
    pub(super) fn parse(text: &str, default_port: u16) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']')?,
            None if text.parse::<Ipv6Addr>().is_ok() => (text, ""),
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
            None if port.is_empty() => default_port,
            None => return None,
        };
        (!host.is_empty()).then(|| Self::tcp(host, port))
    }

    /// The same of many. One that cannot be read is taken for the name of a host: connecting says what is
    /// wrong with it, and a builder method need not fail.
    pub(super) fn list(
        texts: impl IntoIterator<Item = impl Into<String>>,
        default_port: u16,
    ) -> Vec<Self> {
        let read = |text: String| {
            Self::parse(&text, default_port).unwrap_or_else(|| Self::tcp(text, default_port))
        };
        texts.into_iter().map(|text| read(text.into())).collect()
    }

    /// `host` and `port` as the node at this address names another; it leaves out a host that is its own.
    pub(super) fn neighbour(&self, host: &str, port: u16) -> Self {
        match self {
            Self::Tcp { host: own, .. } if host.is_empty() => Self::tcp(own, port),
            _ => Self::tcp(host, port),
        }
    }
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

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |addresses: &[Address]| {
            let texts: Vec<_> = addresses.iter().map(Address::to_string).collect();
            texts.join(", ")
        };
        match self {
            Self::One(address) => write!(f, "{address}"),
            Self::Cluster(nodes) => write!(f, "the cluster of {}", list(nodes)),
            Self::Sentinel { master, sentinels } => {
                write!(f, "{master} of the sentinels {}", list(sentinels))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_and_without_a_port() {
        let table = [
            ("a", Some("a:6379")),
            ("a:7000", Some("a:7000")),
            ("::1", Some("[::1]:6379")),
            ("[::1]", Some("[::1]:6379")),
            ("[fe80::1]:7000", Some("[fe80::1]:7000")),
            ("", None),
            (":7000", None),
            ("a:", None),
            ("a:0", None),
            ("a:65536", None),
            ("a:port", None),
            ("a:1,b:2", None),
            ("[::1", None),
            ("[::1]7000", None),
        ];
        for (text, expected) in table {
            let address = Address::parse(text, PORT).map(|address| address.to_string());
            assert_eq!(address.as_deref(), expected, "{text:?}");
        }
        let odd = Address::list(["a:port"], PORT);
        assert_eq!(odd, [Address::tcp("a:port", PORT)]);
    }
}
