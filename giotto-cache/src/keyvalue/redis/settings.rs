//! The servers and the login of a store.
//!
//! Before any lookup; nothing here touches the network.

use std::fmt;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::guard::server::SERVER_DEADLINE;
use crate::keyvalue::address::{self, Address};

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

/// What every connection starts with. It has no `Debug`, because it contains the password.
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
    /// A `host` with or without a port, of a server that is one of several.
    pub(super) fn read_tcp(text: &str, default_port: u16) -> Option<Self> {
        let address = Self::read(text, default_port);
        address.filter(|address| matches!(address, Self::Tcp { .. }))
    }

    /// The addresses of several servers, of which there is at least one.
    pub(super) fn list(
        texts: impl IntoIterator<Item = impl Into<String>>,
        default_port: u16,
    ) -> Result<Vec<Self>> {
        let servers = address::Servers {
            name: "Redis server",
            default_port,
            form: "host:port, and set user and password by themselves",
        };
        let addresses = servers.read(texts)?;
        if addresses.is_empty() {
            let message = "at least one Redis server is needed, as host:port";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        let socket = addresses
            .iter()
            .find(|address| matches!(address, Self::Unix(_)));
        match socket {
            Some(socket) => Err(servers.refused(&socket.to_string())),
            None => Ok(addresses),
        }
    }

    /// The address of another node, as the node at this address names it: without a host if that is its own.
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
    fn what_cannot_be_read_is_named_unless_it_may_be_a_password() {
        let told = |texts: &[&str]| {
            let error = Address::list(texts.iter().copied(), PORT).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
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
