//! What differs between one database server and another.
//!
//! Between a connection and its SQL.

use sqlx::error::DatabaseError;

use super::failure::Failure;
use super::statement::Statements;
use crate::keyvalue::database::call::{Call, Reply};

/// What differs between one database server and another.
pub(crate) trait Dialect: Send + Sync + Sized + 'static {
    type Connection: Send + 'static;

    /// What stands around the names of tables and columns.
    const QUOTE: char;

    /// A connection whose session has every setting that the statements rely on.
    fn connect(&self) -> impl Future<Output = sqlx::Result<Self::Connection>> + Send;

    /// How many bytes of a row the server takes in one statement.
    fn largest(_connection: &Self::Connection) -> u64 {
        u64::MAX
    }

    /// What an error means that other kinds of server have no code for.
    fn failure(_error: &dyn DatabaseError) -> Option<Failure> {
        None
    }

    fn statements(&self) -> &Statements;

    /// Carries out any call but [`Call::Create`].
    fn run(
        &self,
        connection: &mut Self::Connection,
        call: &Call,
    ) -> impl Future<Output = sqlx::Result<Reply>> + Send;

    /// Carries out `sql`, which has no parameters and returns nothing.
    fn execute(
        &self,
        connection: &mut Self::Connection,
        sql: String,
    ) -> impl Future<Output = sqlx::Result<()>> + Send;
}
