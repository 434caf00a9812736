//! A server as its operator sees it: one process, which a command asks and steers through its Unix socket.
//!
//! `socket.rs` opens the socket, and answers on it: the programs of [`management_over`](super::management_over), and those
//! here, which it alone has. `figures.rs` is what `cache/stats` and `cache/top` add up, `forget.rs` has a process see what a
//! command has changed. `log.rs` and `drain.rs` have also the commands themselves, `mgt/log` and `mgt/drain`.

pub(super) mod drain;
pub(super) mod figures;
pub(super) mod forget;
pub(super) mod log;
mod socket;
pub(super) mod steering;

pub use self::socket::ManagementSocket;
pub(crate) use self::socket::open;
pub(crate) use self::steering::Steering;
