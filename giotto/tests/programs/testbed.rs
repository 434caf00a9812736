//! The manifest of the tests as a program of its own, for tests of sockets, argument vectors and signals.
//!
//! `cargo test -p giotto` builds it with the examples.

#[path = "../common/mod.rs"]
mod common;

fn main() -> std::process::ExitCode {
    giotto::run(common::manifest())
}
