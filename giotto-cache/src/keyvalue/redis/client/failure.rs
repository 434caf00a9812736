//! Why a request failed, what to do about it, and the error that says so.
//!
//! The last step of a lookup that fails.

use redis::{ErrorKind as Kind, RedisError, ServerErrorKind};

use crate::error::{Error, ErrorKind};
use crate::guard::server::Fault;
use crate::keyvalue::address::Address;

/// The smallest `proto-max-bulk-len`, the limit of one value, that a server accepts.
const LEAST_BULK: usize = 1 << 20;

/// A request without a usable reply.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    error: Error,
    pub(super) cure: Cure,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cure {
    /// None: the server answered, and would give the same answer again.
    None,
    /// The connection had been closed: another one may answer at once.
    Reconnect,
    /// The connection is useless, and another one would be, too. The next request tries one.
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
        let failure = Self::new(&what, address, cure(error, address));
        let error = Error::new(kind(error), failure.error.to_string());
        Self { error, ..failure }
    }

    /// The same of a server that is one of several.
    pub(super) fn into_fault(self) -> Fault {
        match (self.error.kind(), self.cure) {
            (ErrorKind::Backend, cure) if cure != Cure::None => Fault::Lost(self.error),
            _ => Fault::Refused(self.error),
        }
    }

    /// The same without `secret`, which some servers repeat.
    pub(super) fn without(self, secret: &str) -> Self {
        let told = self.error.to_string();
        if secret.is_empty() || !told.contains(secret) {
            return self;
        }
        let error = Error::new(self.error.kind(), told.replace(secret, "***"));
        Self { error, ..self }
    }

    /// The same for a request whose longest value has `length` bytes, if the server closed the connection on it twice: a
    /// client that is still writing cannot read the reply that says why.
    pub(super) fn of_value(self, length: usize) -> Self {
        if self.cure != Cure::Reconnect || length <= LEAST_BULK {
            return self;
        }
        let message = format!(
            "{}, twice, on a value of {length} bytes: raise proto-max-bulk-len on the server",
            self.error
        );
        let error = Error::new(ErrorKind::TooLarge, message);
        Self { error, ..self }
    }

    pub(crate) fn into_error(self) -> Error {
        self.error
    }

    /// Whether the server names another that has the key.
    pub(super) const fn is_redirect(&self) -> bool {
        matches!(self.cure, Cure::Moved(_) | Cure::Asking(_))
    }

    /// Whether the connection is useless from now on.
    pub(super) fn breaks_connection(&self) -> bool {
        matches!(self.cure, Cure::Reconnect | Cure::Later | Cure::SignIn)
    }
}

/// Most errors are about the server, some about one key or value.
fn kind(error: &RedisError) -> ErrorKind {
    let Kind::Server(kind) = error.kind() else {
        return ErrorKind::Backend;
    };
    let says = |text| error.detail().is_some_and(|detail| detail.contains(text));
    match kind {
        // The server was given a `proto-max-bulk-len` that is below the length of the value.
        ServerErrorKind::ResponseError
            if says("invalid bulk length") || says("string exceeds maximum allowed size") =>
        {
            ErrorKind::TooLarge
        }
        ServerErrorKind::ResponseError if says("invalid expire time") => ErrorKind::Rejected,
        // No node has the slot of this key, or the slot is moving.
        ServerErrorKind::ClusterDown if says("Hash slot not served") => ErrorKind::Rejected,
        ServerErrorKind::TryAgain | ServerErrorKind::CrossSlot => ErrorKind::Rejected,
        _ => ErrorKind::Backend,
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
        // It closes the connection.
        Kind::Server(ServerErrorKind::ResponseError)
            if error
                .detail()
                .is_some_and(|detail| detail.starts_with("Protocol error")) =>
        {
            Cure::Later
        }
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
