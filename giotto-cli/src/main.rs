//! The command `giotto`: `giotto new shop` makes a project that runs and tests.
//!
//! `name.rs` says which names Cargo and crates.io take, `source.rs` where the project finds giotto, `template.rs` has the files
//! of a project, and `project.rs` writes them.

mod name;
mod project;
mod source;
mod template;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use self::name::Name;
use self::source::Source;
use self::template::Kind;

const PATH: &str = "path";
const MINIMAL: &str = "minimal";
const GIOTTO: &str = "giotto";

fn main() -> ExitCode {
    let matches = command().get_matches();
    let made = match matches.subcommand() {
        Some(("new", matches)) => make(matches),
        _ => Ok(String::new()),
    };
    let (text, code) = match made {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(message) => {
            // If standard error is closed, there is no place left to report that.
            let _ = writeln!(io::stderr(), "error: {message}");
            return ExitCode::FAILURE;
        }
    };
    // The project is there, whether anybody reads this or not.
    let _ = io::stdout().write_all(text.as_bytes());
    code
}

fn command() -> Command {
    let new = Command::new("new")
        .about("Make a project that runs and tests")
        .arg(
            Arg::new(PATH)
                .value_name("NAME")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The folder to make; its last part is the name of the package"),
        )
        .arg(
            Arg::new(MINIMAL)
                .long(MINIMAL)
                .action(ArgAction::SetTrue)
                .help("One source file, without templates, tests, and what a deployment needs"),
        )
        .arg(
            Arg::new(GIOTTO)
                .long(GIOTTO)
                .value_name("PATH|VERSION")
                .help("A clone of giotto, or a published version [default: the clone that this was built from]"),
        );
    Command::new("giotto")
        .about("Makes projects of the web framework Giotto")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(new)
}

/// Makes the project. What to do next, for a person.
fn make(matches: &ArgMatches) -> Result<String, String> {
    let path = matches
        .get_one::<PathBuf>(PATH)
        .map_or(Path::new(""), PathBuf::as_path);
    let name = Name::of(path)?;
    let giotto = matches.get_one::<String>(GIOTTO);
    let source = Source::find(giotto.map(String::as_str))?;
    let kind = match matches.get_flag(MINIMAL) {
        true => Kind::Minimal,
        false => Kind::Whole,
    };
    project::write(path, kind, &name, &source)?;
    let tests = match kind {
        Kind::Minimal => "",
        Kind::Whole => "\n    cargo test            # a reader, and the cache",
    };
    Ok(format!(
        "Made {path}. Next:\n\n    cd {path}\n    cargo run -- http     # then open {address}{tests}\n",
        path = path.display(),
        address = kind.address(),
    ))
}
