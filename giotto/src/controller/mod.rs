//! The front ends: each turns its transport's words into a [`Request`](crate::Request) and the answer back.
//!
//! The first and the last step of an invocation. `http/` is the only folder that knows HTTP, `cmd/` the
//! only one that knows arguments, standard output and exit codes.

pub(crate) mod cmd;
pub(crate) mod http;
