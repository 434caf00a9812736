//! The example `library`, as a program of this package: the tests attack it.

use std::process::ExitCode;

fn main() -> ExitCode {
    giotto::run_with(library::app)
}
