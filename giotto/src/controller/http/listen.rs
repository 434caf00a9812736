//! The sockets that accept connections, and the settings that connections have from them.
//!
//! Before the first step of an invocation over HTTP.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};

use super::accept::{Accept, Client, Port};
use super::unix::UnixSocket;

/// The most bytes that the kernel takes before it sends them. It takes more when half of them are sent, so that a client at
/// the lowest rate is seen to take some in time.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 16 << 10;

/// The socket of a server.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(super) socket: Socket,
    /// Whether other processes may listen on the same port, each with a socket of its own.
    pub(super) is_shared: bool,
}

/// A port, or the path of a Unix socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Port(TcpListener),
    Path(UnixSocket),
}

impl Listener {
    /// Whether clients connect to a port, not to the path of a Unix socket.
    pub(crate) const fn is_port(&self) -> bool {
        matches!(self.socket, Socket::Port(_))
    }

    /// Has the kernel drop the first packet of each new connection, and complete those that have begun. Clients send that
    /// packet again after a second, when this socket is closed: then it reaches another process on the same port. Without it,
    /// what arrives between the last accept and the close is reset.
    pub(super) fn turn_away(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Socket::Port(socket) = &self.socket
            && let Err(error) = socket2::SockRef::from(socket).attach_filter(&DROP_SYN)
        {
            tracing::debug!(%error, "SO_ATTACH_FILTER failed");
        }
    }
}

/// Where a client finds it.
impl Display for Listener {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Socket::Port(socket) => match socket.local_addr() {
                Ok(address) => write!(f, "http://{address}"),
                Err(error) => write!(f, "a port that is not known: {error}"),
            },
            Socket::Path(socket) => write!(f, "unix:{}", socket.path().display()),
        }
    }
}

/// A program for the kernel's packet filter, which sees the header of TCP: SYN without ACK is dropped.
#[cfg(any(target_os = "linux", target_os = "android"))]
static DROP_SYN: [socket2::SockFilter; 5] = [
    // The byte of the flags.
    socket2::SockFilter::new(0x30, 0, 0, 13),
    // Those of SYN and ACK.
    socket2::SockFilter::new(0x54, 0, 0, 0x12),
    // SYN alone goes on; anything else skips one.
    socket2::SockFilter::new(0x15, 0, 1, 0x02),
    socket2::SockFilter::new(0x06, 0, 0, 0),
    socket2::SockFilter::new(0x06, 0, 0, u32::MAX),
];

/// Listens on `host` and `port`, or at the path of a Unix socket, which has a slash.
///
/// Every user of this machine may connect to the Unix socket, as to a port: the folder that it is in says who reaches it.
///
/// # Errors
///
/// If none of the addresses of `host` can be listened on.
pub(crate) async fn listen(host: &str, port: u16, how: Port) -> io::Result<Listener> {
    let is_shared = how.is_shared;
    if host.contains('/') {
        let socket = UnixSocket::public(Path::new(host), how)?;
        let socket = Socket::Path(socket);
        return Ok(Listener { socket, is_shared });
    }
    let mut refusal = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in lookup_host((host, port)).await? {
        match listen_on(address, how) {
            Ok(socket) => {
                let socket = Socket::Port(socket);
                return Ok(Listener { socket, is_shared });
            }
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// Listens on `address`.
///
/// # Errors
///
/// If it is taken, or not one of this machine.
pub(crate) fn listen_on(address: SocketAddr, how: Port) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restarted server need not wait until the kernel has forgotten its old connections.
    socket.set_reuseaddr(true)?;
    if how.is_shared {
        socket.set_reuseport(true)?;
    }
    socket.bind(address)?;
    bound_unsent(&socket);
    socket.listen(how.backlog)
}

/// Accepts on a `socket` that another process has made. It is the same socket in the next process, too.
#[cfg(feature = "socket-activation")]
pub(crate) fn adopt(socket: std::net::TcpListener) -> io::Result<Listener> {
    socket.set_nonblocking(true)?;
    bound_unsent(&socket);
    Ok(Listener {
        socket: Socket::Port(TcpListener::from_std(socket)?),
        is_shared: false,
    })
}

/// The same, of a Unix socket.
#[cfg(feature = "socket-activation")]
pub(crate) fn adopt_unix(socket: std::os::unix::net::UnixListener) -> io::Result<Listener> {
    Ok(Listener {
        socket: Socket::Path(UnixSocket::adopt(socket)?),
        is_shared: false,
    })
}

/// Bounds the bytes that the kernel keeps for a connection, besides those that are on their way. Without a bound it takes
/// megabytes from a client that does not read, and the rate at which the client reads cannot be measured.
fn bound_unsent(socket: &impl std::os::fd::AsFd) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = socket2::SockRef::from(socket).set_tcp_notsent_lowat(UNSENT) {
        tracing::debug!(%error, "TCP_NOTSENT_LOWAT failed");
    }
}

impl Accept for TcpListener {
    type Peer = SocketAddr;

    async fn accept(&self) -> io::Result<(Box<dyn Client>, SocketAddr)> {
        let (stream, peer) = Self::accept(self).await?;
        Ok((at_once(stream), peer))
    }
}

/// The clients of a Unix socket are processes of this machine.
const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl Accept for Socket {
    type Peer = SocketAddr;

    async fn accept(&self) -> io::Result<(Box<dyn Client>, SocketAddr)> {
        match self {
            Self::Port(socket) => Accept::accept(socket).await,
            Self::Path(socket) => Ok((Accept::accept(socket).await?.0, LOCAL)),
        }
    }
}

/// The last connections that wait to be accepted on `socket`, which would be reset otherwise.
pub(super) fn accept_waiting(socket: Socket) -> Vec<(Box<dyn Client>, SocketAddr)> {
    let listener = match socket {
        Socket::Port(listener) => listener,
        Socket::Path(socket) => {
            let waiting = socket.close().into_iter();
            return waiting.map(|stream| (stream, LOCAL)).collect();
        }
    };
    let Ok(listener) = listener.into_std() else {
        return Vec::new();
    };
    let mut waiting = Vec::new();
    while let Ok((stream, peer)) = listener.accept() {
        let stream = stream
            .set_nonblocking(true)
            .and_then(|()| TcpStream::from_std(stream));
        if let Ok(stream) = stream {
            waiting.push((at_once(stream), peer));
        }
    }
    waiting
}

/// Without it a response in two packets waits for the client's acknowledgement of the first.
fn at_once(stream: TcpStream) -> Box<dyn Client> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY failed");
    }
    Box::new(stream)
}

impl Client for TcpStream {
    fn poll_peek(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        Self::poll_peek(self, context, buffer)
    }
}
