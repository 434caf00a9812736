//! The sockets of a server: the public port, and the admin listener.
//!
//! Opened before the first step of an invocation over HTTP.

#[cfg(feature = "socket-activation")]
use std::fmt::Display;

#[cfg(feature = "admin")]
use crate::admin;
use crate::app::App;
use crate::config::Config;
use crate::controller::http::{self, Listener, Port};
use crate::error::{Error, Result};
use crate::management::ManagementSocket;
use crate::site::Site;
#[cfg(feature = "socket-activation")]
use listenfd::ListenFd;

/// Listens where `config` says, or on the socket that another process has handed over.
///
/// # Errors
///
/// If it cannot, and what to do.
pub(crate) async fn public(config: &Config) -> Result<Listener> {
    if let Some(listener) = inherited()? {
        return Ok(listener);
    }
    let Config { host, port, .. } = config;
    let how = Port {
        backlog: config.backlog,
        is_shared: config.reuse_port,
    };
    let listener = http::listen(host, *port, how).await;
    listener.map_err(|error| {
        let place = match host.contains('/') {
            true => host.clone(),
            false => format!("{host}:{port}"),
        };
        Error::configuration(format!(
            "cannot listen on {place}: {error}; choose another with --host and --port"
        ))
    })
}

/// Where a client of this machine finds the application of `site` on `listener`.
pub(crate) fn seen_at(listener: &Listener, site: &Site) -> String {
    match site.base_of_requests() {
        base if listener.is_port() && !base.is_empty() => format!("{listener}{base}/"),
        _ => listener.to_string(),
    }
}

/// The listener that systemd, or another process, has handed over.
#[cfg(feature = "socket-activation")]
fn inherited() -> Result<Option<Listener>> {
    let refused = |error: &dyn Display| {
        Error::configuration(format!(
            "the socket that was handed over (LISTEN_FDS) cannot be used: {error}; hand over one socket of TCP, or one Unix \
             stream socket, that listens"
        ))
    };
    let mut sockets = ListenFd::from_env();
    if sockets.len() > 1 {
        return Err(refused(&format_args!("there are {}", sockets.len())));
    }
    // What is no socket of TCP stays there.
    let listener = match sockets.take_tcp_listener(0) {
        Ok(Some(socket)) => http::adopt(socket),
        Ok(None) => return Ok(None),
        Err(_) => match sockets.take_unix_listener(0) {
            Ok(Some(socket)) => http::adopt_unix(socket),
            Ok(None) => return Ok(None),
            Err(error) => Err(error),
        },
    };
    listener.map(Some).map_err(|error| refused(&error))
}

/// Refuses a socket that is handed over to this process, which would listen on another.
#[cfg(not(feature = "socket-activation"))]
fn inherited() -> Result<Option<Listener>> {
    let process = std::env::var("LISTEN_PID").ok();
    match std::env::var_os("LISTEN_FDS") {
        Some(_) if process == Some(std::process::id().to_string()) => Err(Error::configuration(
            "a socket is handed over (LISTEN_FDS), which is not built in: enable the feature \"socket-activation\" of the crate \
             giotto, or start the server without the socket unit",
        )),
        _ => Ok(None),
    }
}

/// What answers on the admin listener, if the configuration has one.
#[cfg(feature = "admin")]
pub(crate) async fn admin(
    config: &Config,
    app: &App,
) -> Result<impl Future<Output = ()> + Send + use<>> {
    admin::listen(config, app).await
}

/// Refuses a configuration with an admin listener.
#[cfg(not(feature = "admin"))]
pub(crate) async fn admin(
    config: &Config,
    _: &App,
) -> Result<impl Future<Output = ()> + Send + use<>> {
    config.admin.listen().map(|_| std::future::ready(()))
}

/// The socket on which commands ask this process. A server serves without one.
pub(crate) fn or_none(socket: Result<ManagementSocket>) -> ManagementSocket {
    socket.unwrap_or_else(|error| {
        tracing::warn!(%error, "no management socket: commands do not reach this process");
        ManagementSocket::none()
    })
}
