//! What went wrong with a request, what to do about it, and how a person is told.
//!
//! The last step of a lookup that fails.

use redis::{ErrorKind as Kind, RedisError, ServerErrorKind};

use super::settings::Address;
use crate::{Error, ErrorKind};

/// A request without a usable reply.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    error: Error,
    pub(super) cure: Cure,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cure {
    /// None: the server answered, and would answer so again.
    None,
    /// The connection had been closed: another one may answer at once.
    Reconnect,
    /// The connection is of no use any more, and another would not be now: the next request tries one.
    Later,
    /// The server wants a password that this connection did not give.
    SignIn,
    /// The key is at another node.
    Moved(Address),
    /// The key may be at another node already, which answers for it only when asked so.
    Asking(Address),
}

impl Failure {
    pub(super) const fn from(error: Error, cure: Cure) -> Self {
        Self { error, cure }
    }

    pub(super) fn new(what: &str, address: &Address, cure: Cure) -> Self {
        let message = format!("Redis at {address}: {what}");
        let error = Error::new(ErrorKind::Backend, message);
        Self { error, cure }
    }

    pub(super) fn of(error: &RedisError, address: &Address) -> Self {
        let said = match (error.code(), error.detail()) {
            (Some(code), Some(detail)) => format!("{code} {detail}"),
            _ => error.to_string(),
        };
        let what = match remedy(error, &said, address) {
            "" => said,
            remedy => format!("{said}; {remedy}"),
        };
        Self::new(&what, address, cure(error, address))
    }

    /// The same without a word of `secret`, which some servers repeat.
    pub(super) fn without(self, secret: &str) -> Self {
        let told = self.error.to_string();
        if secret.is_empty() || !told.contains(secret) {
            return self;
        }
        let error = Error::new(ErrorKind::Backend, told.replace(secret, "***"));
        Self { error, ..self }
    }

    pub(super) fn into_error(self) -> Error {
        self.error
    }

    /// Whether the server names another that has the key.
    pub(super) const fn is_redirect(&self) -> bool {
        matches!(self.cure, Cure::Moved(_) | Cure::Asking(_))
    }

    /// Whether the connection it was met on is of no use any more.
    pub(super) fn breaks_connection(&self) -> bool {
        matches!(self.cure, Cure::Reconnect | Cure::Later | Cure::SignIn)
    }
}

fn cure(error: &RedisError, asked: &Address) -> Cure {
    let redirect = || {
        let (node, _) = error.redirect_node()?;
        let (host, port) = node.rsplit_once(':')?;
        Some(asked.neighbour(host, port.parse().ok()?))
    };
    match error.kind() {
        Kind::Server(ServerErrorKind::Moved) => redirect().map_or(Cure::None, Cure::Moved),
        Kind::Server(ServerErrorKind::Ask) => redirect().map_or(Cure::None, Cure::Asking),
        // It is no master any more, or not yet: the next request asks again which server is.
        Kind::Server(
            ServerErrorKind::ReadOnly | ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown,
        ) => Cure::Later,
        Kind::Server(_) => Cure::None,
        Kind::Extension if error.code() == Some("NOAUTH") => Cure::SignIn,
        Kind::Extension => Cure::None,
        _ if error.is_connection_dropped() && !error.is_connection_refusal() => Cure::Reconnect,
        _ => Cure::Later,
    }
}

fn remedy(error: &RedisError, said: &str, address: &Address) -> &'static str {
    if error.is_connection_refusal() {
        return match address {
            Address::Tcp { .. } => "start the server there, or check host and port",
            Address::Unix(_) => "start the server there, or check the path of its socket",
        };
    }
    let code = match said.split(' ').next().unwrap_or(said) {
        // What a script may not run: Redis 7.0 and 7.2.
        "ERR" if said.contains("executing the script can't run") => "NOPERM",
        "ERR" if said.contains("ACL failure in script") => "NOPERM",
        code => code,
    };
    match code {
        "NOAUTH" => "set the password (and the user, if there is one)",
        "WRONGPASS" => "check user and password",
        "NOPERM" => {
            "let the user run GET, GETRANGE, EXISTS, SET, EVAL, UNLINK, SCAN and PING on the keys of the namespace \
             (all, if there is none); besides, with a database other than 0, SELECT; in a cluster CLUSTER|SLOTS and \
             ASKING; with Sentinel ROLE; for its figures DBSIZE and INFO"
        }
        "OOM" => "raise maxmemory, or choose a maxmemory-policy that evicts, like allkeys-lfu",
        "MISCONF" => "the server cannot save its data: see its log",
        "READONLY" => "this is a replica: name its master, or use Sentinel or Cluster",
        "CLUSTERDOWN" => "see `redis-cli cluster info`",
        "MOVED" => "this is a node of a cluster: name its nodes as a cluster",
        "ERR" if said.contains("SELECT is not allowed") => {
            "a cluster has database 0 and no other: leave out the database"
        }
        "LOADING" => "it will answer once it has loaded its data",
        _ if error.is_timeout() => "the server hangs, or the network loses what is sent",
        _ => "",
    }
}
