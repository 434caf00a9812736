//! A Unix socket that accepts connections of HTTP: for the user of this process only, or for a proxy on this machine.
//!
//! Before the first step of a request to the admin listener, and of an invocation over HTTP.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::net::{UnixListener, UnixSocket as Socket, UnixStream};

use super::accept::{Accept, Client, Port};

/// The connections that wait to be accepted from the user of this process.
const BACKLOG: u32 = 128;

/// A listener at a path. The file is removed with it, unless another process has put its own there.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Of the file that is removed with it; `None` if another process has made it.
    inode: Option<u64>,
}

impl UnixSocket {
    /// Listens at `path`, with mode 0600. A socket that a process has left there is replaced; so is one where another process
    /// listens, if it `is_shared`.
    ///
    /// # Errors
    ///
    /// If something else is at `path`, or another process listens there.
    pub(crate) fn listen(path: &Path, is_shared: bool) -> io::Result<Self> {
        let backlog = BACKLOG;
        Self::with_mode(0o600, path, Port { backlog, is_shared })
    }

    /// The same for every user of this machine, with mode 0666.
    ///
    /// # Errors
    ///
    /// As those of [`listen`](Self::listen).
    pub(super) fn public(path: &Path, how: Port) -> io::Result<Self> {
        Self::with_mode(0o666, path, how)
    }

    /// Accepts on a `socket` that another process has made, and removes.
    #[cfg(feature = "socket-activation")]
    pub(super) fn adopt(socket: net::UnixListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        Ok(Self {
            path: address.as_pathname().unwrap_or(Path::new("")).to_owned(),
            listener: UnixListener::from_std(socket)?,
            inode: None,
        })
    }

    fn with_mode(mode: u32, path: &Path, how: Port) -> io::Result<Self> {
        let Port { backlog, is_shared } = how;
        match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(found) if !found.file_type().is_socket() => {
                let message = "there is a file that is not a socket";
                return Err(io::Error::new(ErrorKind::AlreadyExists, message));
            }
            Ok(_) if !is_shared && net::UnixStream::connect(path).is_ok() => {
                let message = "another process listens there";
                return Err(io::Error::new(ErrorKind::AddrInUse, message));
            }
            Ok(_) => {}
        }
        // Nobody can connect before it has its mode, and with the new name there is no moment without a socket.
        let mut own = path.as_os_str().to_owned();
        own.push(format!(".{}", std::process::id()));
        let own = PathBuf::from(own);
        let _ = fs::remove_file(&own);
        let socket = Socket::new_stream()?;
        socket.bind(&own)?;
        let placed = fs::set_permissions(&own, Permissions::from_mode(mode))
            .and_then(|()| socket.listen(backlog))
            .and_then(|listener| fs::rename(&own, path).map(|()| listener));
        let listener = placed.inspect_err(|_| {
            let _ = fs::remove_file(&own);
        })?;
        Ok(Self {
            listener,
            inode: Some(path.symlink_metadata()?.ino()),
            path: path.to_owned(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Ends it: the connections that wait to be accepted, of clients that would see them reset otherwise.
    pub(super) fn close(self) -> Vec<Box<dyn Client>> {
        // Nobody connects after this. Where another process has made the socket, it goes on to listen.
        self.remove();
        let mut waiting: Vec<Box<dyn Client>> = Vec::new();
        if self.inode.is_some()
            && let Ok(socket) = self.listener.as_fd().try_clone_to_owned()
        {
            let accepted = net::UnixListener::from(socket);
            while let Ok((stream, _)) = accepted.accept() {
                let stream = stream
                    .set_nonblocking(true)
                    .and_then(|()| UnixStream::from_std(stream));
                if let Ok(stream) = stream {
                    waiting.push(Box::new(stream));
                }
            }
        }
        waiting
    }

    /// Removes its file, unless another process has made that.
    fn remove(&self) {
        let found = self.path.symlink_metadata();
        if found.is_ok_and(|found| Some(found.ino()) == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Accept for UnixSocket {
    /// The user of the client, if it is known.
    type Peer = Option<u32>;

    async fn accept(&self) -> io::Result<(Box<dyn Client>, Option<u32>)> {
        let (stream, _) = self.listener.accept().await?;
        let user = stream.peer_cred().ok().map(|client| client.uid());
        Ok((Box::new(stream), user))
    }
}

impl Client for UnixStream {
    /// Pending: a client that disconnects is seen when it is written to.
    fn poll_peek(&self, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        Poll::Pending
    }
}
