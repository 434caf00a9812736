//! The socket that accepts connections, and the settings that they have from it.
//!
//! Before the first step of an invocation over HTTP.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, lookup_host};

/// The most bytes that the kernel takes before it sends them. It takes more when half of them are sent, so that a client at
/// the lowest rate is seen to take some in time.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 16 << 10;

/// Listens on `host` and `port`. `backlog` and the kernel limit the connections that wait to be accepted.
///
/// # Errors
///
/// If none of the addresses of `host` can be listened on.
pub(crate) async fn listen(host: &str, port: u16, backlog: u32) -> io::Result<TcpListener> {
    let mut refusal = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in lookup_host((host, port)).await? {
        match listen_on(address, backlog) {
            Ok(listener) => return Ok(listener),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

fn listen_on(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restarted server need not wait until the kernel has forgotten its old connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    bound_unsent(&socket);
    socket.listen(backlog)
}

/// Bounds the bytes that the kernel keeps for a connection, besides those that are on their way. Without a bound it takes
/// megabytes from a client that does not read, and the rate at which the client reads cannot be measured.
fn bound_unsent(socket: &TcpSocket) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = socket2::SockRef::from(socket).set_tcp_notsent_lowat(UNSENT) {
        tracing::debug!(%error, "TCP_NOTSENT_LOWAT failed");
    }
}
