//! What an error says: of the connection, of the server, or of one request alone.
//!
//! Between a database server and the breaker of the cache: the failure of one key, value or statement is no outage.

use std::borrow::Cow;

use sqlx::error::DatabaseError;

/// What an error of a database server means for the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The connection is closed or useless. Another one to the same server may be fine.
    Lost,
    /// The server accepts no further connection of this user, or of any.
    NoConnection,
    /// The statement met another one, and the server wants it sent again.
    Conflict,
    /// The server is well, and does not do this with this key or value.
    Request,
    /// The value is too large for the server, which is well.
    TooLarge,
    /// There is no such table.
    NoTable,
    /// The user of the URL may not do this.
    Denied,
    /// The server, the database or the table fails, for any request.
    Server,
}

/// `own` tells the codes that mean something on one kind of server only.
pub(super) fn of(
    error: &sqlx::Error,
    own: impl Fn(&dyn DatabaseError) -> Option<Failure>,
) -> Failure {
    match error {
        sqlx::Error::Database(error) => {
            let error = &**error;
            own(error).unwrap_or_else(|| of_state(&state(error)))
        }
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => Failure::Lost,
        // The client could not write the request, or not read a row of the reply.
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::Encode(_)
        | sqlx::Error::InvalidArgument(_) => Failure::Request,
        _ => Failure::Server,
    }
}

pub(super) fn state(error: &dyn DatabaseError) -> Cow<'_, str> {
    error.code().unwrap_or_default()
}

/// By SQLSTATE, whose first two characters are a class that both kinds of server share.
fn of_state(state: &str) -> Failure {
    match state {
        // Ended by an administrator, a crash, a time limit on idle sessions; a transaction that failed before.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P02" | "25P03" | "25P04" => {
            Failure::Lost
        }
        // A prepared statement that is not there any more, or that fits the table no longer.
        "26000" | "0A000" => Failure::Lost,
        // Read-only: it may have been replaced by another server of the same address.
        "25006" => Failure::Lost,
        "53300" => Failure::NoConnection,
        // What PostgreSQL and MySQL call a table that does not exist.
        "42P01" | "42S02" => Failure::NoTable,
        "42501" => Failure::Denied,
        "40001" | "40P01" => Failure::Conflict,
        // What a limit of the server says of one statement.
        "54000" => Failure::TooLarge,
        "54001" | "54023" => Failure::Request,
        _ => match state.get(..2).unwrap_or_default() {
            "08" => Failure::Lost,
            // Cardinality, data, constraints, views with a check, other transaction rollbacks, and whatever a trigger
            // or function of the operator raises.
            "21" | "22" | "23" | "44" | "40" | "09" | "27" | "2F" | "38" | "39" | "45" | "P0" => {
                Failure::Request
            }
            // Resources, intervention of an operator, the system, and what is unknown.
            _ => Failure::Server,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_of_states_says_what_failed() {
        for (states, failure) in [
            (
                &[
                    "08006", "0A000", "08P01", "08S01", "57P01", "57P05", "26000", "25006",
                ][..],
                Failure::Lost,
            ),
            (&["53300"], Failure::NoConnection),
            (&["42P01", "42S02"], Failure::NoTable),
            (&["42501"], Failure::Denied),
            (&["54000"], Failure::TooLarge),
            (&["40001", "40P01"], Failure::Conflict),
            (
                &[
                    "22P05", "22021", "22001", "23514", "23000", "44000", "45000", "P0001",
                    "54001", "40002",
                ],
                Failure::Request,
            ),
            (
                &[
                    "42000", "28P01", "3D000", "53100", "53200", "57014", "55P03", "58030",
                    "XX001", "HY000", "", "?",
                ],
                Failure::Server,
            ),
        ] {
            for state in states {
                assert_eq!(of_state(state), failure, "{state}");
            }
        }
    }

    #[test]
    fn what_the_client_says_is_told_apart_too() {
        let own = |_: &dyn DatabaseError| None;
        let closed = sqlx::Error::Io(std::io::ErrorKind::UnexpectedEof.into());
        assert_eq!(of(&closed, own), Failure::Lost);
        assert_eq!(of(&sqlx::Error::Decode("".into()), own), Failure::Request);
        assert_eq!(of(&sqlx::Error::PoolTimedOut, own), Failure::Server);
    }
}
