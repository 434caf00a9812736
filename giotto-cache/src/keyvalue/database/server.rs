//! The connections to a database server: a few, opened when needed, each used by one call at a time.
//!
//! Between a call and its dialect of SQL. Not the client's own pool: that one waits and tries again where
//! a server refuses connections, and hands on a connection whose last caller was dropped in mid-reply.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::{Semaphore, oneshot};

use super::Opener;
use super::call::{Call, Engine, Reply};
use super::table::Table;
use crate::in_time::in_time;
use crate::{Error, ErrorKind, Result};

/// As many as a database serves at a time without slowing down, and few enough for several processes.
const CONNECTIONS: usize = 8;

/// What a call may take, connecting included. Its caller has given up long before; a connection that has not
/// answered by then is closed.
const LIMIT: Duration = Duration::from_secs(1);

/// A connection that was not used for so long is closed: something on the way may have forgotten it.
const IDLE: Duration = Duration::from_secs(60);

/// What differs between one database server and another.
pub(super) trait Dialect: Send + Sync + Sized + 'static {
    type Connection: Send + 'static;

    fn connect(&self) -> impl Future<Output = sqlx::Result<Self::Connection>> + Send;

    /// How many bytes of a row the server takes in one statement.
    fn largest(_connection: &Self::Connection) -> u64 {
        u64::MAX
    }

    fn run(
        &self,
        connection: &mut Self::Connection,
        call: &Call,
    ) -> impl Future<Output = sqlx::Result<Reply>> + Send;
}

/// What `call` is on the wire, or a little more.
fn bytes(call: &Call) -> u64 {
    match call {
        Call::Set(row) | Call::Add(row) => row.size + 1024,
        Call::Replace(row, old) => row.size + old.len() as u64 + 1024,
        Call::DeleteIf(key, old) => (key.text.len() + old.len()) as u64 + 1024,
        _ => 0,
    }
}

/// A server, and the connections to it that are not in use.
struct Server<D: Dialect> {
    /// Without user and password, for messages.
    place: String,
    dialect: D,
    table: Table,
    idle: Mutex<Vec<Idle<D::Connection>>>,
}

struct Idle<C> {
    connection: C,
    since: Instant,
}

struct Calls<D: Dialect> {
    server: Arc<Server<D>>,
    permits: Arc<Semaphore>,
}

pub(super) fn opener<D: Dialect>(
    place: String,
    dialect: impl Fn(&Table) -> D + Send + Sync + 'static,
) -> Opener {
    Arc::new(move |table| {
        let server = Server {
            place: place.clone(),
            dialect: dialect(table),
            table: table.clone(),
            idle: Mutex::default(),
        };
        Arc::new(Calls {
            server: Arc::new(server),
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
        })
    })
}

/// The `url` could not be read. The message of the client does not repeat it.
pub(super) fn bad_url(error: &sqlx::Error) -> Error {
    let message = format!(
        "the URL of the cache database cannot be read: {error}; \
         write scheme://user:password@host:port/database, special characters as %40"
    );
    Error::new(ErrorKind::Backend, message)
}

#[async_trait]
impl<D: Dialect> Engine for Calls<D> {
    /// In a task of its own: a caller that gives up in mid-reply would leave the rest of it to the next user
    /// of the connection, and one that gives up while connecting would have to begin again.
    async fn run(&self, call: Call) -> Result<Reply> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let server = Arc::clone(&self.server);
        let (to_caller, reply) = oneshot::channel();
        tokio::spawn(async move {
            let result = server.run(&call, &to_caller).await;
            drop(permit);
            // An error here is a caller that has given up.
            let _ = to_caller.send(result);
        });
        let stopped = |_| {
            Error::new(
                ErrorKind::Backend,
                "the runtime stopped before the database answered",
            )
        };
        reply.await.map_err(stopped)?
    }
}

impl<D: Dialect> Server<D> {
    async fn run(&self, call: &Call, caller: &oneshot::Sender<Result<Reply>>) -> Result<Reply> {
        let error = match in_time(LIMIT, self.converse(call, caller)).await {
            Some(Ok(reply)) => return reply,
            Some(Err(error)) => error,
            None => sqlx::Error::PoolTimedOut,
        };
        if !matches!(error, sqlx::Error::Database(_)) {
            // The others lead to the same server, which has gone or hangs.
            self.idle().clear();
        }
        Err(self.explain(&error))
    }

    /// The outer error is one of the connection, which is closed on the way out.
    async fn converse(
        &self,
        call: &Call,
        caller: &oneshot::Sender<Result<Reply>>,
    ) -> sqlx::Result<Result<Reply>> {
        let mut connection = match self.take_idle() {
            Some(connection) => connection,
            None => self.dialect.connect().await?,
        };
        let reply = if caller.is_closed() {
            // Connecting took too long. A value that nobody waits for might replace a newer one.
            Err(Error::new(ErrorKind::Backend, "the caller has given up"))
        } else if bytes(call) > D::largest(&connection) {
            self.refuse(&mut connection, call).await?
        } else {
            Ok(self.dialect.run(&mut connection, call).await?)
        };
        self.idle().push(Idle {
            connection,
            since: Instant::now(),
        });
        Ok(reply)
    }

    /// The old value goes all the same: it is not the last one set.
    async fn refuse(
        &self,
        connection: &mut D::Connection,
        call: &Call,
    ) -> sqlx::Result<Result<Reply>> {
        if let Call::Set(row) = call {
            let delete = Call::Delete(row.key.clone());
            self.dialect.run(connection, &delete).await?;
        }
        let message = format!(
            "{} bytes are too large for the database server: raise its max_allowed_packet",
            bytes(call)
        );
        Ok(Err(Error::new(ErrorKind::TooLarge, message)))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle<D::Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that was used last, so that those that are not needed grow old.
    fn take_idle(&self) -> Option<D::Connection> {
        let mut idle = self.idle();
        idle.retain(|idle| idle.since.elapsed() < IDLE);
        idle.pop().map(|idle| idle.connection)
    }

    fn explain(&self, error: &sqlx::Error) -> Error {
        let state = error.as_database_error().and_then(|error| error.code());
        let message = match (error, state.as_deref()) {
            // What PostgreSQL and MySQL call a table that does not exist.
            (_, Some("42P01" | "42S02")) => format!(
                "the table \"{}\" does not exist: create it with the command mgt/syncdb",
                self.table.name()
            ),
            (sqlx::Error::PoolTimedOut, _) => format!("it did not answer within {LIMIT:?}"),
            (sqlx::Error::Database(_), _) => error.to_string(),
            _ => format!("{error}; start the server there, or check the URL"),
        };
        let message = format!("the cache database at {}: {message}", self.place);
        Error::new(ErrorKind::Backend, message)
    }
}
