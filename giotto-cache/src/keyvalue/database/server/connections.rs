//! The connections to a database server: a few, opened when needed, each used by one call at a time.
//!
//! Between a call and its dialect of SQL. The client's own pool is not used: it waits and retries where a server refuses
//! connections, and it passes on a connection whose last caller was dropped in the middle of a reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::dialect::Dialect;
use super::failure::{self, Failure};
use super::idle::Idle;
use super::permits::Permits;
use super::rights;
use crate::error::{Error, ErrorKind, Result};
use crate::guard::deadline::with_deadline;
use crate::keyvalue::database::call::{Call, Reply};
use crate::keyvalue::database::engine::Setup;
use crate::keyvalue::database::table::Table;

/// The time after which an idle connection is closed: a firewall on the way may have dropped it.
const IDLE: Duration = Duration::from_secs(60);
/// The same where the server has fewer connections than are wanted, and another process may wait for one.
const IDLE_IF_SHORT: Duration = Duration::from_secs(1);

/// How often a statement is sent that conflicts with another one each time.
const TRIES: u32 = 3;

/// What a statement is on the wire besides its row.
const STATEMENT: u64 = 1024;

/// What became of a call.
pub(super) enum Outcome {
    Answered(Result<Reply>),
    /// The server accepts no further connection, which is this error if there is none to wait for.
    NoConnection(Error),
}

/// A server, and the connections to it that are not in use.
pub(super) struct Server<D: Dialect> {
    /// Without user and password, for messages.
    place: String,
    dialect: D,
    table: Table,
    timeout: Duration,
    idle: Idle<D::Connection>,
    pub(super) permits: Permits,
    /// Whether a task looks for connections that have been idle for too long.
    is_closing: AtomicBool,
    /// What one statement may hold, as the last connection was told; 0 = there was none.
    largest: AtomicU64,
}

/// Closes idle connections of `server`, even if no further call comes. One task does this at a time, while there are any.
/// It does not keep the server's connections open.
pub(super) async fn close_idle<D: Dialect>(server: Arc<Server<D>>) {
    if server.is_closing.swap(true, Ordering::SeqCst) {
        return;
    }
    let closing = Arc::downgrade(&server);
    drop(server);
    loop {
        tokio::time::sleep(IDLE_IF_SHORT).await;
        let Some(server) = closing.upgrade() else {
            return;
        };
        if server.idle.close_old(server.longest_idle()) > 0 {
            continue;
        }
        server.is_closing.store(false, Ordering::SeqCst);
        // A call may have returned its connection meanwhile, and have left the closing to this task.
        if server.idle.is_empty() || server.is_closing.swap(true, Ordering::SeqCst) {
            return;
        }
    }
}

/// What `call` is on the wire, or a little more.
fn bytes(call: &Call) -> u64 {
    match call {
        Call::Set(row) | Call::Add(row) => row.size + STATEMENT,
        Call::Replace(row, old) => row.size + old.len() as u64 + STATEMENT,
        Call::DeleteIf(key, old) => (key.text.len() + old.len()) as u64 + STATEMENT,
        _ => 0,
    }
}

/// The way to the caller, which tells whether it still waits.
type Caller = oneshot::Sender<(Outcome, OwnedSemaphorePermit)>;

impl<D: Dialect> Server<D> {
    pub(super) fn new(place: String, dialect: D, setup: &Setup) -> Self {
        Self {
            place,
            dialect,
            table: setup.table.clone(),
            timeout: setup.timeout,
            idle: Idle::default(),
            permits: Permits::new(setup.connections),
            is_closing: AtomicBool::new(false),
            largest: AtomicU64::new(0),
        }
    }

    /// The largest row that a statement may hold, once a connection has told.
    pub(super) fn max_row(&self) -> Option<u64> {
        let largest = self.largest.load(Ordering::Relaxed);
        (largest > 0).then(|| largest.saturating_sub(STATEMENT))
    }

    pub(super) async fn run(&self, call: &Call, caller: &Caller) -> Outcome {
        let begun = Instant::now();
        match with_deadline(self.timeout, self.converse(call, caller)).await {
            Some(outcome) => outcome,
            None => {
                // The others lead to the same server, which hangs.
                self.idle.forget(begun);
                Outcome::Answered(Err(self.explain(&sqlx::Error::PoolTimedOut)))
            }
        }
    }

    async fn converse(&self, call: &Call, caller: &Caller) -> Outcome {
        let begun = Instant::now();
        if let Some((connection, opened)) = self.idle.take(self.longest_idle()) {
            match self.exchange(connection, opened, call, caller).await {
                // The server closed it while it was idle, or has been started again.
                Err(error) if Self::failure(&error) == Failure::Lost => self.idle.forget(begun),
                result => return Outcome::Answered(self.told(result)),
            }
        }
        let connection = match self.dialect.connect().await {
            Ok(connection) => connection,
            Err(error) if Self::failure(&error) == Failure::NoConnection => {
                return Outcome::NoConnection(self.explain(&error));
            }
            Err(error) => return Outcome::Answered(Err(self.explain(&error))),
        };
        self.largest
            .store(D::largest(&connection), Ordering::Relaxed);
        let result = self
            .exchange(connection, Instant::now(), call, caller)
            .await;
        if let Err(error) = &result
            && Self::failure(error) == Failure::Lost
        {
            self.idle.forget(begun);
        }
        Outcome::Answered(self.told(result))
    }

    /// Carries out `call` on `connection`, which is kept for the next call unless it may hold the rest of a reply.
    async fn exchange(
        &self,
        mut connection: D::Connection,
        opened: Instant,
        call: &Call,
        caller: &Caller,
    ) -> sqlx::Result<Result<Reply>> {
        let result = if caller.is_closed() {
            // Connecting took too long. A value that no caller waits for might replace a newer one.
            Ok(Err(Error::new(
                ErrorKind::Backend,
                "the caller has given up",
            )))
        } else if bytes(call) > D::largest(&connection) {
            self.refuse(&mut connection, call).await
        } else if matches!(call, Call::Create) {
            rights::create(&self.dialect, &mut connection, &self.place, &self.table).await
        } else {
            self.carry_out(&mut connection, call).await.map(Ok)
        };
        let is_in_order = match &result {
            Ok(_) => true,
            Err(error @ sqlx::Error::Database(_)) => {
                !matches!(Self::failure(error), Failure::Lost | Failure::TooLarge)
            }
            Err(_) => false,
        };
        if is_in_order {
            self.idle.put(connection, opened);
        }
        result
    }

    /// Sends a statement again that the server has ended because it and another one waited for each other.
    async fn carry_out(&self, connection: &mut D::Connection, call: &Call) -> sqlx::Result<Reply> {
        let mut tries = 1;
        loop {
            match self.dialect.run(connection, call).await {
                Err(error) if tries < TRIES && Self::failure(&error) == Failure::Conflict => {
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    /// Refuses a value that is too large. The old value is removed: it is not the last one set.
    async fn refuse(
        &self,
        connection: &mut D::Connection,
        call: &Call,
    ) -> sqlx::Result<Result<Reply>> {
        if let Call::Set(row) = call {
            let delete = Call::Delete(row.key.clone());
            self.carry_out(connection, &delete).await?;
        }
        let message = format!(
            "{} bytes are too large for the database server: raise its max_allowed_packet",
            bytes(call)
        );
        Ok(Err(Error::new(ErrorKind::TooLarge, message)))
    }

    fn failure(error: &sqlx::Error) -> Failure {
        failure::of(error, D::failure)
    }

    /// How long a connection may be idle before it is closed.
    fn longest_idle(&self) -> Duration {
        match self.permits.are_short() {
            true => IDLE_IF_SHORT,
            false => IDLE,
        }
    }

    fn told(&self, result: sqlx::Result<Result<Reply>>) -> Result<Reply> {
        result.map_err(|error| self.explain(&error))?
    }

    fn explain(&self, error: &sqlx::Error) -> Error {
        let failure = Self::failure(error);
        let message = match (error, failure) {
            (_, Failure::NoTable) => format!(
                "the table \"{}\" does not exist: create it with the command mgt/syncdb",
                self.table.name()
            ),
            (_, Failure::Denied) => format!(
                "{error}: grant SELECT, INSERT, UPDATE and DELETE on the table \"{}\" to the user of the URL",
                self.table.name()
            ),
            (_, Failure::NoConnection) => format!(
                "{error}: set max_connections to what the server allows each process, or raise its limit"
            ),
            (sqlx::Error::PoolTimedOut, _) => {
                format!("it did not answer within {:?}", self.timeout)
            }
            (sqlx::Error::Database(_), _) | (_, Failure::Request) => error.to_string(),
            _ => format!("{error}; start the server there, or check the URL"),
        };
        let kind = match failure {
            Failure::Request | Failure::Conflict => ErrorKind::Rejected,
            Failure::TooLarge => ErrorKind::TooLarge,
            _ => ErrorKind::Backend,
        };
        let message = format!("the cache database at {}: {message}", self.place);
        Error::new(kind, message)
    }
}
