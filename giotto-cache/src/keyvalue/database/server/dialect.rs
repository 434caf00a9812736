//! What differs between one database server and another, and what does not: how a call is carried out.
//!
//! Between a connection and its SQL.

use std::borrow::Cow;

use sqlx::error::DatabaseError;

use super::failure::Failure;
use super::statement::{Statement, Statements};
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

    /// `text` as the database can hold it.
    fn text<'t>(_connection: &Self::Connection, text: &'t str) -> Cow<'t, str> {
        Cow::Borrowed(text)
    }

    fn statements(&self) -> &Statements;

    /// Carries out `statement`; the first column of its first row, if there is one.
    fn value(
        &self,
        connection: &mut Self::Connection,
        statement: Statement<'_>,
    ) -> impl Future<Output = sqlx::Result<Option<Vec<u8>>>> + Send;

    /// Carries out `statement`; the first two columns of its row.
    fn size(
        &self,
        connection: &mut Self::Connection,
        statement: Statement<'_>,
    ) -> impl Future<Output = sqlx::Result<(i64, i64)>> + Send;

    /// Carries out `statement`; how many rows it changed.
    fn change(
        &self,
        connection: &mut Self::Connection,
        statement: Statement<'_>,
    ) -> impl Future<Output = sqlx::Result<u64>> + Send;

    /// Carries out a call that is more to this dialect than one of its [`Statements`]. None for every other call.
    fn run_own(
        &self,
        connection: &mut Self::Connection,
        call: &Call,
    ) -> impl Future<Output = sqlx::Result<Option<Reply>>> + Send;

    /// Carries out `sql`, which has no parameters and returns nothing.
    fn execute(
        &self,
        connection: &mut Self::Connection,
        sql: String,
    ) -> impl Future<Output = sqlx::Result<()>> + Send;
}

/// Carries out any call but [`Call::Create`].
pub(super) async fn run<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    call: &Call,
) -> sqlx::Result<Reply> {
    if let Some(reply) = dialect.run_own(connection, call).await? {
        return Ok(reply);
    }
    let text = |text| D::text(connection, text);
    let Some(statement) = dialect.statements().statement(call, text) else {
        return Ok(Reply::default());
    };
    Ok(match call {
        Call::Get(..) => Reply::value(dialect.value(connection, statement).await?),
        Call::Measure(_) => {
            let (rows, bytes) = dialect.size(connection, statement).await?;
            Reply::size(rows, bytes)
        }
        _ => Reply::rows(dialect.change(connection, statement).await?),
    })
}
