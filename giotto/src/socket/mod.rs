//! The Unix sockets of the servers of an application: where they are, which of them answer, and what they answer.
//!
//! Beside all requests. `place.rs` has the directory, in which every server of the application opens a socket; `ask.rs` asks
//! the servers, over HTTP/1.1. What they are asked is up to the programs of the operator (`management/`).

mod ask;
mod place;

pub(crate) use self::ask::{PATIENCE, Question, STORE, Silent, ask_all, sweep};
pub(crate) use self::place::{Sockets, digest, own_user};
