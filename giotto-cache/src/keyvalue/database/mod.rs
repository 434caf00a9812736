//! SQL.

/// A store in a database.
#[derive(Debug)]
pub struct DatabaseKeyValue;
