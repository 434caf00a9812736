use std::process::ExitCode;

fn main() -> ExitCode {
    match library::app() {
        Ok(app) => giotto::run(app),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
