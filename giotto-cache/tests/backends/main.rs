//! The stores without a server: the contract, the stores that break it, and what is special about memory.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod contract;
mod flawed;
mod locmem;

use bytes::Bytes;

fn bytes(length: usize) -> Bytes {
    Bytes::from(vec![b'x'; length])
}
