//! One server: its connection is made when it is first needed, and again when it breaks.
//!
//! The last step of a lookup.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::Value;

use super::connection::{Connection, within};
use super::failure::{Cure, Failure};
use super::promise::Promise;
use super::request::Request;
use super::sentinel;
use super::wire::CONNECT;
use crate::keyvalue::address::Address;
use crate::keyvalue::measure::Measure;
use crate::keyvalue::redis::command;
use crate::keyvalue::redis::settings::Login;

pub(crate) struct Link {
    target: Target,
    login: Arc<Login>,
    /// The connection in use, or the one being made.
    current: Mutex<Option<Promise<Connection>>>,
}

#[derive(Clone)]
pub(super) enum Target {
    Server(Address),
    MasterOf {
        name: String,
        sentinels: Vec<Address>,
    },
}

impl Link {
    pub(super) fn new(target: Target, login: Arc<Login>) -> Self {
        Self {
            target,
            login,
            current: Mutex::default(),
        }
    }

    pub(crate) async fn ask(&self, request: &Request) -> Result<Value, Failure> {
        match self.ask_once(request).await {
            // The server closes idle connections, or it was restarted.
            Err(failure) if failure.cure == Cure::Reconnect && request.is_repeatable() => {
                let again = self.ask_once(request).await;
                again.map_err(|failure| failure.of_value(request.longest_argument()))
            }
            reply => reply,
        }
    }

    /// The server, as it was configured or as the cluster names it.
    pub(crate) fn name(&self) -> String {
        match &self.target {
            Target::Server(address) => address.to_string(),
            Target::MasterOf { name, .. } => name.clone(),
        }
    }

    /// What the server holds.
    pub(super) async fn measure(&self) -> crate::error::Result<Measure> {
        let ask = async |request| self.ask(&request).await.map_err(Failure::into_error);
        let (size, info) = (ask(command::size()).await?, ask(command::info()).await?);
        command::measure(&size, &info)
    }

    async fn ask_once(&self, request: &Request) -> Result<Value, Failure> {
        let connection = self.connection().wait().await?;
        let reply = connection.ask(request).await;
        if reply.as_ref().is_err_and(Failure::breaks_connection) {
            self.discard(&connection);
        }
        reply
    }

    fn connection(&self) -> Promise<Connection> {
        let mut current = self.current();
        if let Some(connection) = &*current {
            let is_good = connection.peek(|connection| !connection.is_lost());
            if is_good.unwrap_or_else(|| connection.is_pending()) {
                return connection.clone();
            }
        }
        let connection = Promise::new(self.target.clone().connect(Arc::clone(&self.login)));
        *current = Some(connection.clone());
        connection
    }

    /// Unless another caller has done so already.
    fn discard(&self, broken: &Connection) {
        let mut current = self.current();
        let is_current = |promise: &mut Promise<Connection>| {
            promise.peek(|connection| connection.is(broken)) == Some(true)
        };
        drop(current.take_if(is_current));
    }

    fn current(&self) -> MutexGuard<'_, Option<Promise<Connection>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Target {
    async fn connect(self, login: Arc<Login>) -> Result<Connection, Failure> {
        match self {
            Self::Server(address) => Connection::open(&address, &login).await,
            Self::MasterOf { name, sentinels } => {
                let first = sentinels.first().cloned();
                let first = first.unwrap_or_else(|| Address::tcp(&name, 0));
                within(
                    CONNECT,
                    &first,
                    sentinel::connect(&name, &sentinels, &login),
                )
                .await
            }
        }
    }
}
