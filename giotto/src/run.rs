//! `giotto::run`: configuration, then the cache, then the controller that was asked for.
//!
//! Before the first step of an invocation.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use tokio::net::TcpListener;

use crate::app::App;
use crate::config::Config;
use crate::controller::cmd::{self, Options};
use crate::controller::http::{serve, told_to_stop};
use crate::error::{Error, Result};

/// Runs `manifest` (or an [`App`]) as a program with the sub-commands `http` and `cmd`.
///
/// Started under a name that ends in `-cmd`, it is its command-line controller. The exit code is 0, 1 if the program
/// failed, or 2 if it was used wrongly or the manifest or configuration is wrong; on the command line also 3 if only
/// a stored page was wanted and there is none, and 4 if the page is an old one because the model failed or is late,
/// or there is none in time.
pub fn run(manifest: impl Into<App>) -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    ExitCode::from(start(manifest.into(), &words))
}

fn start(app: App, words: &[OsString]) -> u8 {
    let name = own_name(words.first());
    let command = command(&name);
    let command = if name.ends_with("-cmd") {
        cmd_command(name.clone())
    } else {
        command
    };
    let matches = match command.try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) => return cmd::tell(&error),
    };
    let result = match matches.subcommand() {
        Some(("http", matches)) => http(app, matches),
        Some(("cmd", matches)) => cmd(app, &format!("{name} cmd"), matches),
        _ => cmd(app, &name, &matches),
    };
    result.unwrap_or_else(|error| cmd::fail(&error))
}

fn own_name(path: Option<&OsString>) -> String {
    let name = path
        .map(Path::new)
        .and_then(Path::file_name)
        .map(OsStr::to_string_lossy);
    name.map_or_else(|| "app".to_owned(), Into::into)
}

fn command(name: &str) -> Command {
    let http = Command::new("http")
        .about("Answer over HTTP until interrupted")
        .args(settings())
        .arg(
            Arg::new("host")
                .long("host")
                .value_name("ADDRESS")
                .help("Listen on this address [default: 127.0.0.1]"),
        )
        .arg(
            Arg::new("port")
                .long("port")
                .value_name("PORT")
                .allow_negative_numbers(true)
                .help("Listen on this port; 0 = any [default: 5000]"),
        );
    Command::new(name.to_owned())
        .about("Programs that answer over HTTP and on the command line")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(http)
        .subcommand(cmd_command("cmd".to_owned()))
}

fn cmd_command(name: String) -> Command {
    let words = Arg::new("words")
        .value_name("PROGRAM")
        .help("A program and its arguments: squared x=12; 'PROGRAM --help' shows what it takes")
        .num_args(0..)
        .trailing_var_arg(true)
        .allow_hyphen_values(true)
        .value_parser(value_parser!(OsString));
    Command::new(name)
        .about("Run a program, or list them all")
        .args(settings())
        .args(cmd::options())
        .arg(words)
}

/// The options of both front ends. On the command line they stand before the program, whose own follow it.
fn settings() -> [Arg; 3] {
    [
        Arg::new("config")
            .long("config")
            .value_name("PATH")
            .help("Read this file instead of giotto.toml"),
        Arg::new("set")
            .long("set")
            .value_name("KEY=VALUE")
            .action(ArgAction::Append)
            .help("Override a setting of the file, for example cache=locmem"),
        Arg::new("model-mock")
            .long("model-mock")
            .action(ArgAction::SetTrue)
            .help("Show the programs' mocks instead of running their models"),
    ]
}

fn configure(matches: &ArgMatches) -> Result<Config> {
    let path = matches.get_one::<String>("config").map(Path::new);
    let set = matches
        .get_many::<String>("set")
        .into_iter()
        .flatten()
        .map(String::as_str);
    Config::load(path, std::env::vars_os(), set)
}

fn http(app: App, matches: &ArgMatches) -> Result<u8> {
    let mut config = configure(matches)?;
    if let Some(host) = matches.get_one::<String>("host") {
        config.set("http.host", host, "--host")?;
    }
    if let Some(port) = matches.get_one::<String>("port") {
        config.set("http.port", port, "--port")?;
    }
    log(config.log.unwrap_or(tracing::Level::INFO));
    config.tell();
    let app = prepare(app, &config, matches)?;
    let service = app.into_service()?.debug(config.debug);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        let listener = listen(&config.host, config.port).await?;
        let address = listener.local_addr()?;
        // Before it is told that it listens: who reads that may tell it to stop at once.
        let stop = told_to_stop()?;
        // Nothing depends on this line being read.
        let _ = writeln!(io::stderr(), "Listening on http://{address}");
        serve(service, listener, stop).await?;
        Ok(cmd::SUCCESS)
    });
    // A model that still computes is not waited for.
    runtime.shutdown_background();
    result
}

async fn listen(host: &str, port: u16) -> Result<TcpListener> {
    TcpListener::bind((host, port)).await.map_err(|error| {
        Error::configuration(format!(
            "cannot listen on {host}:{port}: {error}; choose another with --host and --port"
        ))
    })
}

fn cmd(app: App, name: &str, matches: &ArgMatches) -> Result<u8> {
    let config = configure(matches)?;
    log(config.log.unwrap_or(tracing::Level::WARN));
    config.tell();
    let app = prepare(app, &config, matches)?;
    app.check()?;
    let words: Vec<OsString> = matches
        .get_many("words")
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let options = Options::read(matches);
    let code = runtime.block_on(cmd::run(app, name, &words, options));
    runtime.shutdown_background();
    Ok(code)
}

/// Gives the application what the configuration says and its code does not.
fn prepare(app: App, config: &Config, matches: &ArgMatches) -> Result<App> {
    let app = if matches.get_flag("model-mock") {
        app.model_mock(true)
    } else {
        app
    };
    let app = if app.cache_is_given() {
        app
    } else {
        app.with_cache(config.open_cache()?)
    };
    Ok(app.with_management())
}

/// Log lines go to standard error; a subscriber that the application installed before is left in place.
fn log(level: tracing::Level) {
    let colours = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
    let lines = tracing_subscriber::fmt().with_max_level(level);
    let _ = lines.with_ansi(colours).with_writer(io::stderr).try_init();
}
