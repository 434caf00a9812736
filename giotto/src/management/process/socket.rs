//! The Unix socket of a server, on which its operator asks it.
//!
//! Opened before the first request, beside the public port, and removed at the end of the process.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::steering::{Administered, Steering};
use super::{drain, figures, forget, log};
use crate::app::App;
use crate::controller::http::{Answering, Answers, Body, Service, UnixSocket, serve_beside};
use crate::error::{Error, Result};
use crate::management::advice::advise;
use crate::management::contents::{hits, list};
use crate::management::programs::management_over;
use crate::management::report::{explain, get};
use crate::management::servers::store_of;
use crate::manifest::Manifest;
use crate::request::{HTTP_GET, HTTP_POST};
use crate::socket::{STORE, own_user, sweep};

/// How long the answers under way may take when the socket is closed.
const PATIENCE: Duration = Duration::from_secs(1);

/// The open socket of [`App::serve_management`]. It is removed when this is dropped.
#[derive(Debug)]
#[must_use = "the socket is removed when this is dropped"]
pub struct ManagementSocket {
    /// `None` if the configuration wants no socket.
    serving: Option<JoinHandle<()>>,
    closing: Arc<Notify>,
    steering: Steering,
}

impl App {
    /// Opens the Unix socket through which the commands under `mgt/` ask and steer this process, for an application with a
    /// server of its own; [`run`](crate::run()) does it itself. The setting `admin.socket` says where it is, or that there is
    /// none.
    ///
    /// ```no_run
    /// use giotto::prelude::*;
    ///
    /// # async fn serve(_: giotto::Service) {}
    /// # async fn start() -> Result<(), Error> {
    /// let app = App::new(Manifest::default()).configured()?;
    /// let socket = app.serve_management().await?;
    /// tokio::select! {
    ///     () = serve(app.into_service()?) => {}
    ///     () = socket.drain_requested() => { /* stop accepting, as after SIGTERM */ }
    /// }
    /// socket.close().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the socket cannot be opened. The error names the remedy; an application may serve without the socket.
    pub async fn serve_management(&self) -> Result<ManagementSocket> {
        open(self, Steering::default()).await
    }
}

impl ManagementSocket {
    /// None.
    pub(crate) fn none() -> Self {
        Self {
            serving: None,
            closing: Arc::default(),
            steering: Steering::default(),
        }
    }

    /// Ends when an operator has asked this process to drain, by `mgt/drain`.
    pub async fn drain_requested(&self) {
        self.steering.stopped().await;
    }

    /// Closes the socket, and removes its file. What is being answered has a second.
    pub async fn close(mut self) {
        if let Some(mut serving) = self.serving.take() {
            self.closing.notify_one();
            if timeout(PATIENCE, &mut serving).await.is_err() {
                serving.abort();
                let _ = serving.await;
            }
        }
    }
}

impl Drop for ManagementSocket {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// Opens the socket of `app`, where its configuration says, and answers there.
pub(crate) async fn open(app: &App, steering: Steering) -> Result<ManagementSocket> {
    let sockets = app.sockets();
    let refused = |error: std::io::Error| {
        Error::configuration(format!(
            "the socket of this process cannot be opened: {error}; name a directory of this user with a short path in \
             admin.socket, or set it to \"off\""
        ))
    };
    let Some(directory) = sockets.make().map_err(refused)? else {
        return Ok(ManagementSocket::none());
    };
    sweep(sockets).await;
    let socket = UnixSocket::listen(&directory.own_socket(), false).map_err(refused)?;
    tracing::debug!(path = %socket.path().display(), "management socket opened");
    let answerer = Answerer::new(app, steering.clone()).await?;
    let log = app.log().clone();
    let closing = Arc::<Notify>::default();
    let end = Arc::clone(&closing);
    let serving = tokio::spawn(async move {
        let answers = |user| answerer.of(user);
        if let Err(error) = serve_beside(socket, answers, &log, end.notified()).await {
            tracing::error!(%error, "management socket closed: commands do not reach this process any more");
        }
    });
    Ok(ManagementSocket {
        serving: Some(serving),
        closing,
        steering,
    })
}

/// What answers on the socket.
#[derive(Clone)]
struct Answerer {
    service: Service,
    store: HeaderValue,
    user: u32,
    is_admitted: bool,
}

impl Answerer {
    async fn new(app: &App, steering: Steering) -> Result<Self> {
        let store = format!("{:016x}", store_of(app.shared_cache()));
        let administered = Administered {
            app: app.clone(),
            steering,
        };
        let service = App::new(manifest()).state(administered).into_service()?;
        Ok(Self {
            // The operator sees the messages of all errors.
            service: service.debug(true),
            store: HeaderValue::try_from(store)?,
            user: own_user()?,
            is_admitted: false,
        })
    }

    /// The same for a connection of `user`. Only the user of this process can connect, and root; the modes of the socket and
    /// its directory may have been changed.
    fn of(&self, user: Option<u32>) -> Self {
        Self {
            is_admitted: user.is_some_and(|user| user == self.user || user == 0),
            ..self.clone()
        }
    }

    fn refusal(&self, head: &Parts) -> Option<&'static str> {
        let store = head.headers.get(STORE);
        match store.is_none_or(|store| *store == self.store) {
            _ if !self.is_admitted => Some("only the user of this process may ask it"),
            true => None,
            false => Some(
                "this process has another cache than the command: run the command with its configuration, variables included",
            ),
        }
    }
}

impl Answers for Answerer {
    fn answer<'a>(&'a self, head: &'a mut Parts, body: Incoming) -> Answering<'a> {
        match self.refusal(head) {
            None => Box::pin(self.service.answer(head, body)),
            Some(message) => Box::pin(ready(forbidden(message))),
        }
    }
}

fn forbidden(message: &str) -> Response<Body> {
    let error = json!({ "error": { "message": message } }).to_string();
    let mut response = Response::new(Body::from(Bytes::from(error)));
    *response.status_mut() = StatusCode::FORBIDDEN;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn manifest() -> Manifest {
    let process = [
        ("figures", figures::program()),
        ("forget", forget::program()),
        ("explain", explain::of_process()),
        ("get", get::of_process()),
        ("hits", hits::of_process()),
        ("list", list::of_process()),
        ("log", log::of_process()),
        ("drain", drain::of_process()),
        ("tallies", advise::of_process()),
    ];
    let process = process.map(|(name, program)| (name, program.controllers([HTTP_POST])));
    management_over([HTTP_GET, HTTP_POST]).with("process", Manifest::new(process))
}
