//! The settings of a session that is ours alone, and of a transaction where a pooler shares it.
//!
//! Before a statement.

/// What the statements rely on, whatever the server, the database or the user has as a default. No statement waits
/// for a lock longer than a caller waits for the statement. They are sent when a session is opened, so that a pooler,
/// which shares sessions among its clients, never sees them.
pub(super) const SESSION: [(&str, &str); 5] = [
    ("statement_timeout", "1000"),
    ("lock_timeout", "1000"),
    ("client_min_messages", "warning"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
];

/// A setting that means nothing: a session that has the value it was opened with belongs to this connection alone.
pub(super) const MARK: &str = "giotto.session";

/// The same for one transaction of a session that a pooler shares: what is sent at once is one.
pub(super) const TRANSACTION: &str = "SET LOCAL statement_timeout = 1000; SET LOCAL lock_timeout = 1000; \
    SET LOCAL client_min_messages = warning; ";

/// As poolers say it that do not know of options.
pub(super) fn is_refused_option(error: &sqlx::Error) -> bool {
    let state = error.as_database_error().and_then(|error| error.code());
    matches!(
        state.as_deref(),
        Some("08P01" | "0A000" | "22023" | "42704")
    )
}

/// A server that is a copy of another one answers readers, and takes no promise to write.
pub(super) fn in_transaction(sql: &str, is_write: bool) -> String {
    let write = if is_write { ", READ WRITE" } else { "" };
    format!("SET TRANSACTION ISOLATION LEVEL READ COMMITTED{write}; {TRANSACTION}{sql}")
}
