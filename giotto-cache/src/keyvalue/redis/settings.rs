//! Where the servers are, and who asks them.
//!
//! Before any lookup; nothing here touches the network.

use std::fmt;
use std::net::Ipv6Addr;
use std::time::Duration;

pub(super) use crate::keyvalue::address::Address;
use crate::keyvalue::address::read_port;
use crate::keyvalue::guard::SERVER_DEADLINE;
use crate::{Error, ErrorKind, Result};

pub(super) const PORT: u16 = 6379;
pub(super) const SENTINEL_PORT: u16 = 26379;

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) servers: Servers,
    pub(super) login: Login,
    /// For a reply of one node of a cluster.
    pub(super) server_deadline: Duration,
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

impl Default for Settings {
    fn default() -> Self {
        Self {
            servers: Servers::One(Address::tcp("localhost", PORT)),
            login: Login::default(),
            server_deadline: SERVER_DEADLINE,
        }
    }
}

impl Address {
    /// Reads `host`, `host:port`, `[::1]:port` or `::1`.
    pub(super) fn parse(text: &str, default_port: u16) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']')?,
            None if text.parse::<Ipv6Addr>().is_ok() => (text, ""),
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => read_port(port)?,
            None if port.is_empty() => default_port,
            None => return None,
        };
        // No `@` and no `/`: a host may be shown, and those stand in URLs, behind or in front of a password.
        let is_plain =
            |character: char| character.is_ascii_alphanumeric() || "._-:%".contains(character);
        let is_host = !host.is_empty() && host.chars().all(is_plain);
        is_host.then(|| Self::tcp(host, port))
    }

    /// The same of many, of which there is at least one.
    pub(super) fn list(
        texts: impl IntoIterator<Item = impl Into<String>>,
        default_port: u16,
    ) -> Result<Vec<Self>> {
        let refused = |message| Error::new(ErrorKind::Policy, message);
        let read = |text: String| {
            let message = match text.contains('@') {
                // What stands in front of the `@` may be a password.
                true => {
                    "a Redis server was given with a user or a password: write it as host:port, \
                         and set user and password by themselves"
                        .into()
                }
                false => format!("{text:?} is not a Redis server: write it as host:port"),
            };
            Self::parse(&text, default_port).ok_or_else(|| refused(message))
        };
        let texts = texts.into_iter();
        let addresses: Vec<_> = texts.map(|text| read(text.into())).collect::<Result<_>>()?;
        match addresses.is_empty() {
            true => Err(refused(
                "at least one Redis server is needed, as host:port".into(),
            )),
            false => Ok(addresses),
        }
    }

    /// `host` and `port` as the node at this address names another; it leaves out a host that is its own.
    pub(super) fn neighbour(&self, host: &str, port: u16) -> Self {
        match self {
            Self::Tcp { host: own, .. } if host.is_empty() => Self::tcp(own, port),
            _ => Self::tcp(host, port),
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
            ("a:+1", None),
            ("secret@a", None),
            ("secret@a:7000", None),
            ("[secret@a]", None),
            ("a/0", None),
            ("redis://a", None),
            ("a b", None),
            ("a:1,b:2", None),
            ("[::1", None),
            ("[::1]7000", None),
        ];
        for (text, expected) in table {
            let address = Address::parse(text, PORT).map(|address| address.to_string());
            assert_eq!(address.as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_unless_it_may_be_a_password() {
        let told = |texts: &[&str]| {
            let error = Address::list(texts.iter().copied(), PORT).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Policy);
            error.to_string()
        };
        assert!(told(&["a", "a:port"]).starts_with("\"a:port\" is not a Redis server"));
        assert!(told(&[]).contains("at least one"));
        for text in [
            "redis://:s3cret@a",
            "s3cret@a",
            "u:s3cret@a:7000",
            "u:s3cret@a:port",
        ] {
            let error = told(&[text]);
            assert!(
                error.contains("host:port") && !error.contains("s3cret"),
                "{error}"
            );
        }
    }
}
