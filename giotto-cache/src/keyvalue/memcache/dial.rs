//! How a connection to a server is made, and what is told of one that fails.
//!
//! The last step of a lookup, when a connection is first needed.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::error::{Error, ErrorKind};
use crate::guard::deadline::with_deadline;
use crate::keyvalue::address::Address;

/// The time limit of connecting, and of the next reply that is due. The engine gives up sooner: after this time no caller
/// waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

pub(super) type Reader = Box<dyn AsyncRead + Send + Unpin>;
pub(super) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

impl Address {
    /// The error of a server here that failed as `error` says, and what to do about it.
    pub(super) fn failed(&self, error: &io::Error) -> Error {
        let remedy = match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                ": start memcached there, or configure where it is"
            }
            io::ErrorKind::InvalidData => {
                ": check whether it is a memcached without authentication"
            }
            _ => "",
        };
        let message = format!("memcached at {self}: {error}{remedy}");
        Error::new(ErrorKind::Backend, message)
    }
}

/// A connection of its own to `address`, as its reading and its writing half.
pub(super) async fn connect(address: &Address) -> io::Result<(Reader, Writer)> {
    let connecting = async {
        let halves: (Reader, Writer) = match address {
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                let (read, write) = stream.into_split();
                (Box::new(read), Box::new(write))
            }
            Address::Unix(path) => {
                let (read, write) = UnixStream::connect(path).await?.into_split();
                (Box::new(read), Box::new(write))
            }
        };
        Ok(halves)
    };
    let connected = with_deadline(PATIENCE, connecting).await;
    connected.unwrap_or_else(|| Err(silent("no connection")))
}

pub(super) fn silent(what: &str) -> io::Error {
    let message = format!("{what} within {PATIENCE:?}");
    io::Error::new(io::ErrorKind::TimedOut, message)
}
