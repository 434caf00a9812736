//! A database server: what one kind has to say in its dialect of SQL, and how a call gets to it.
//!
//! Between a call and its dialect. `permits.rs` is the turn of a call, `connections.rs` what it is carried out on,
//! `idle.rs` those that are not in use, `dialect.rs` and
//! `statement.rs` what is sent, `failure.rs` what an error means, `rights.rs` what `syncdb` asks first, `url.rs` what a URL may say.

mod connections;
pub(super) mod dialect;
pub(super) mod failure;
mod idle;
mod permits;
mod rights;
pub(super) mod statement;
pub(super) mod url;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::call::{Call, Reply};
use super::engine::{Engine, Opener, Setup};
use super::table::Table;
use crate::error::{Error, ErrorKind, Result};
use connections::{Outcome, Server};
use dialect::Dialect;

/// A call that no connection is open for tries again after these: the server may not have noticed yet that others were
/// closed. All together they are less than a caller waits.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(5),
    Duration::from_millis(15),
    Duration::from_millis(30),
];

struct Calls<D: Dialect>(Arc<Server<D>>);

pub(crate) fn opener<D: Dialect>(
    place: String,
    dialect: impl Fn(&Table) -> D + Send + Sync + 'static,
) -> Opener {
    Arc::new(move |setup: &Setup| {
        let Setup { table, .. } = setup;
        let server = Server::new(place.clone(), dialect(table), setup);
        Arc::new(Calls(Arc::new(server)))
    })
}

/// The `url` could not be read. The message of the client does not repeat it.
pub(crate) fn bad_url(error: &sqlx::Error) -> Error {
    let message = format!(
        "the URL of the cache database cannot be read: {error}; \
         write scheme://user:password@host:port/database, special characters as %40"
    );
    Error::new(ErrorKind::Backend, message)
}

#[async_trait]
impl<D: Dialect> Engine for Calls<D> {
    async fn run(&self, call: Call) -> Result<Reply> {
        let call = Arc::new(call);
        let mut pauses = PAUSES.into_iter();
        loop {
            let permit = self.0.permits.acquire().await.ok_or_else(stopped)?;
            let (outcome, permit) = self.attempt(&call, permit).await?;
            match outcome {
                Outcome::Answered(result) => return result,
                Outcome::NoConnection(error) => {
                    // If there are others, a turn with one of them is waited for.
                    if !self.0.permits.refused(permit) {
                        tokio::time::sleep(pauses.next().ok_or(error)?).await;
                    }
                }
            }
        }
    }

    fn max_value(&self) -> Option<u64> {
        self.0.max_row()
    }
}

impl<D: Dialect> Calls<D> {
    /// In a task of its own: a caller that gives up in mid-reply would leave the rest of it to the next user
    /// of the connection, and one that gives up while connecting would have to begin again.
    async fn attempt(
        &self,
        call: &Arc<Call>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(Outcome, OwnedSemaphorePermit)> {
        let (server, call) = (Arc::clone(&self.0), Arc::clone(call));
        let (to_caller, reply) = oneshot::channel();
        tokio::spawn(async move {
            let outcome = server.run(&call, &to_caller).await;
            // An error here is a caller that has given up.
            let _ = to_caller.send((outcome, permit));
            connections::close_idle(server).await;
        });
        reply.await.map_err(|_| stopped())
    }
}

fn stopped() -> Error {
    Error::new(
        ErrorKind::Backend,
        "the runtime stopped before the database answered",
    )
}
