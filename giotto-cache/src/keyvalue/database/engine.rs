//! The engine of a database: SQLite, PostgreSQL, or MySQL and MariaDB.
//!
//! Between the store and its SQL.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::call::{Call, Reply};
use super::table::Table;
use crate::error::Result;

/// A database of one kind, with one table in it.
#[async_trait]
pub(super) trait Engine: Send + Sync {
    /// Carries out `call`. A caller that gives up does not disturb other calls.
    async fn run(&self, call: Call) -> Result<Reply>;

    /// The value of the stored key `text`, if it can be read without waiting; an empty one if it has more than `longest`
    /// bytes.
    fn get_now(&self, _text: &str, _longest: i64) -> Option<Option<Bytes>> {
        None
    }

    /// The largest row that the database is known to accept, in bytes, if there is a limit.
    fn max_value(&self) -> Option<u64> {
        None
    }
}

/// Makes an engine. It does not touch the file or the network yet.
pub(super) type Opener = Arc<dyn Fn(&Setup) -> Arc<dyn Engine> + Send + Sync>;

/// What an engine is made for.
#[derive(Clone)]
pub(super) struct Setup {
    pub(super) table: Table,
    /// How many may be open.
    pub(super) connections: usize,
    /// How long a server may take to answer.
    pub(super) timeout: Duration,
}
