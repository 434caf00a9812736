//! The application, for one client of the admin listener.
//!
//! Made for each connection to the admin listener.

use std::net::SocketAddr;
use std::sync::Arc;

use super::live::Live;
use super::metrics::holdings::Holdings;
use crate::app::App;

/// What a client of the admin listener asks.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) app: App,
    /// The names of hosts under which the listener answers; `None` if it is known who asks.
    pub(super) hosts: Option<Arc<[String]>>,
    /// The client, if it comes over a network.
    pub(super) peer: Option<SocketAddr>,
    /// What the store holds, as it said last.
    pub(super) holdings: Holdings,
    /// The live page, which all clients share.
    pub(super) live: Arc<Live>,
}

impl Access {
    /// For a client that others have checked: the server of the application, or the mode of a Unix socket.
    pub(super) fn checked(app: App) -> Self {
        Self {
            app,
            hosts: None,
            peer: None,
            holdings: Holdings::default(),
            live: Arc::default(),
        }
    }

    /// The same for a client that comes over a network, by an address or by one of these names of `hosts`.
    pub(super) fn of_peer(&self, hosts: &Arc<[String]>, peer: SocketAddr) -> Self {
        Self {
            hosts: Some(Arc::clone(hosts)),
            peer: Some(peer),
            ..self.clone()
        }
    }
}
