//! What a socket is asked for: how it is listened on, and the connections that it accepts.
//!
//! Before the first step of an invocation over HTTP.

use std::io;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How a port, or a Unix socket, is listened on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port {
    /// This and the kernel limit the connections that wait to be accepted.
    pub(crate) backlog: u32,
    /// Whether other processes of this user may listen on the same port, which share its connections, or take over its path.
    pub(crate) is_shared: bool,
}

/// A socket that accepts connections.
pub(crate) trait Accept {
    /// What is known of a client.
    type Peer;

    fn accept(&self) -> impl Future<Output = io::Result<(Box<dyn Client>, Self::Peer)>> + Send;
}

/// The connection of a client.
pub(crate) trait Client: AsyncRead + AsyncWrite + Send + Unpin {
    /// The next bytes, which stay there; none at the end.
    fn poll_peek(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>>;
}
