//! A network that fails: between the server under test and its store.
//!
//! It forwards, or swallows what it is sent (connections are accepted by the kernel and never answered), or
//! changes bytes of what the store answers.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Forward,
    Swallow,
    Lie,
}

pub(crate) struct Proxy {
    port: u16,
    mode: watch::Sender<Mode>,
}

/// One direction of one connection.
struct Pipe {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    mode: watch::Receiver<Mode>,
    /// So many pieces were changed; `None` for what the store is sent, which stays as it is.
    lies: Option<Arc<AtomicUsize>>,
}

impl Proxy {
    /// In front of `port` of 127.0.0.1.
    pub(crate) fn start(runtime: &Handle, port: u16, mode: Mode) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.expect("a free port");
        listener.set_nonblocking(true).expect("it is a socket");
        let own = listener.local_addr().expect("it is bound").port();
        let (sender, receiver) = watch::channel(mode);
        let store = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("it does not block");
            accept(&listener, store, receiver).await;
        });
        Self {
            port: own,
            mode: sender,
        }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

/// Until the proxy is dropped.
async fn accept(listener: &TcpListener, store: SocketAddr, mut mode: watch::Receiver<Mode>) {
    let lies = Arc::new(AtomicUsize::new(0));
    while mode.wait_for(|mode| *mode != Mode::Swallow).await.is_ok() {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            changed = mode.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let Ok((client, _)) = accepted else { continue };
        // One that the store refuses is closed.
        if let Ok(store) = TcpStream::connect(store).await {
            connect(client, store, &mode, &lies);
        }
    }
}

fn connect(
    client: TcpStream,
    store: TcpStream,
    mode: &watch::Receiver<Mode>,
    lies: &Arc<AtomicUsize>,
) {
    for stream in [&client, &store] {
        // Only the latency would suffer.
        let _ = stream.set_nodelay(true);
    }
    let ((from_client, to_client), (from_store, to_store)) =
        (client.into_split(), store.into_split());
    let pipe = |from, to, lies| Pipe {
        from,
        to,
        mode: mode.clone(),
        lies,
    };
    tokio::spawn(pipe(from_client, to_store, None).run());
    tokio::spawn(pipe(from_store, to_client, Some(Arc::clone(lies))).run());
}

impl Pipe {
    async fn run(mut self) {
        let mut buffer = [0; 16 << 10];
        while let Ok(read @ 1..) = self.from.read(&mut buffer).await {
            let forwards = self.mode.wait_for(|mode| *mode != Mode::Swallow).await;
            let Ok(mode) = forwards.map(|mode| *mode) else {
                return;
            };
            let piece = &mut buffer[..read];
            if let (Mode::Lie, Some(lies)) = (mode, &self.lies) {
                let lie = lies.fetch_add(1, Ordering::Relaxed);
                // Anywhere: in a length, in the header of an entry, most often in the page.
                piece[lie * 37 % read] ^= 1;
            }
            if self.to.write_all(piece).await.is_err() {
                return;
            }
        }
    }
}
