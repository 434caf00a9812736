//! The admin listener: a port of this machine, or a Unix socket.
//!
//! Opened before the first request, beside the public port.

use std::future::pending;
use std::io;
use std::sync::Arc;

use tokio::net::{TcpListener, lookup_host};

use super::access::Access;
use crate::app::App;
use crate::config::{Config, Place};
use crate::controller::http::{Port, UnixSocket, listen_on, serve_beside};
use crate::error::Result;

/// The connections that wait to be accepted.
const BACKLOG: u32 = 128;

enum Listener {
    Port(TcpListener),
    Path(UnixSocket),
}

impl Listener {
    /// Logs where it is.
    fn tell(&self) {
        match self {
            Self::Port(listener) => {
                if let Ok(address) = listener.local_addr() {
                    tracing::info!(address = %format_args!("http://{address}"), "admin listener is open");
                }
            }
            Self::Path(socket) => {
                tracing::info!(path = %socket.path().display(), "admin listener is open");
            }
        }
    }
}

/// Listens where `config` says, if it does. The future answers there, and runs until it is dropped.
///
/// # Errors
///
/// If it cannot listen there, or other machines could reach it and the configuration does not allow that.
pub(crate) async fn listen(
    config: &Config,
    app: &App,
) -> Result<impl Future<Output = ()> + Send + use<>> {
    let listener = match config.admin.listen()? {
        None => None,
        Some(place) => Some(open(place, config).await?),
    };
    let access = Access::checked(app.clone());
    let hosts: Arc<[String]> = config.admin.hosts().into();
    Ok(async move {
        let Some(listener) = listener else {
            return;
        };
        listener.tell();
        let ended = match listener {
            Listener::Port(listener) => {
                let of = |peer| access.of_peer(&hosts, peer);
                serve_beside(listener, of, access.app.log(), pending()).await
            }
            Listener::Path(listener) => {
                // Only this user can connect to it, and browsers cannot.
                let of = |_user| access.clone();
                serve_beside(listener, of, access.app.log(), pending()).await
            }
        };
        if let Err(error) = ended {
            tracing::error!(%error, "admin listener ended");
        }
    })
}

async fn open(place: Place, config: &Config) -> Result<Listener> {
    let refused = |error: io::Error| config.admin.refused(&error);
    match place {
        Place::Path(path) => {
            let socket = UnixSocket::listen(&path, config.reuse_port).map_err(refused)?;
            Ok(Listener::Path(socket))
        }
        Place::Port(host, port) => {
            let mut addresses = lookup_host((&*host, port)).await.map_err(refused)?;
            let no_address = || io::Error::new(io::ErrorKind::NotFound, "the host has no address");
            let address = addresses.next().ok_or_else(no_address).map_err(refused)?;
            config.admin.check_public(address.ip().is_loopback())?;
            let how = Port {
                backlog: BACKLOG,
                is_shared: config.reuse_port,
            };
            let listener = listen_on(address, how).map_err(refused)?;
            Ok(Listener::Port(listener))
        }
    }
}
