use std::process::ExitCode;

use library::Settings;

fn main() -> ExitCode {
    let settings = Settings {
        database: "library.db".into(),
        admin_password: std::env::var("LIBRARY_ADMIN_PASSWORD").ok(),
    };
    match library::app(&settings) {
        Ok(app) => giotto::run(app),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
