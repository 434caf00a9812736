use std::process::ExitCode;

fn main() -> ExitCode {
    giotto::run_with(library::app)
}
