//! `giotto::run`: the configuration, then the cache, then a controller.
//!
//! Before the first step of an invocation.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use clap::ArgMatches;
use giotto_cache::Place;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use crate::app::App;
use crate::commands::{COMPLETIONS, FROZEN, MAN, cmd_command, command, own_name};
use crate::config::{Config, configure};
use crate::controller::cmd::{self, MODEL_MOCK, Options, Question, WORDS};
use crate::controller::http::{Ended, Signals, date, serve};
use crate::error::{Error, Result};
use crate::listening;
use crate::log::{Access, announce, install};
use crate::management::{self, Steering};
use crate::panics;
use crate::reload::{LEVEL, Running};
use crate::shell::{Read, complete, man, print_script};
use crate::verbosity::Verbosity;

/// The exit code of a server that SIGINT has ended before it was done, as shells expect it.
const INTERRUPTED: u8 = 130;

/// Runs `manifest` (or an [`App`]) as a program with the sub-commands `http` and `cmd`.
///
/// Under a name that ends in `-cmd`, it is the command-line controller itself. The exit codes:
///
/// | Code | Meaning |
/// |---|---|
/// | 0 | success |
/// | 1 | the program failed |
/// | 2 | wrong usage, manifest or configuration |
/// | 3 | `--cache=only`, and there is no stored page |
/// | 4 | the page is an old one because the model failed or is late, or there is no page in time |
pub fn run(manifest: impl Into<App>) -> ExitCode {
    started(|_| Ok(manifest.into()), Config::check_no_app_settings)
}

/// Runs the application that `build` makes of its settings: the table `[app]` of the configuration, the variables
/// `GIOTTO_APP_..` and `--set app..=..`, which serde reads into an `S`. The rest is as with [`run`].
///
/// ```no_run
/// use giotto::prelude::*;
///
/// #[derive(Deserialize)]
/// struct Settings {
///     /// Where the books are.
///     database: String,
///     #[serde(default = "twenty")]
///     page_size: usize,
/// }
///
/// fn twenty() -> usize {
///     20
/// }
///
/// # struct Books;
/// # impl Books {
/// #     fn open(_: &str) -> Result<Self, std::io::Error> {
/// #         Ok(Self)
/// #     }
/// # }
/// #[model]
/// fn count_pages(books: usize, settings: State<Settings>) -> usize {
///     books.div_ceil(settings.page_size)
/// }
///
/// fn app(settings: &Settings) -> Result<App, Error> {
///     let manifest = Manifest::new([("pages", Program::new(count_pages).view(BasicView::new()))]);
///     Ok(App::new(manifest).state(Books::open(&settings.database)?))
/// }
///
/// fn main() -> ExitCode {
///     giotto::run_with(app)
/// }
/// ```
///
/// Models get them as a [`State`](crate::State). A key that is unknown, missing or of another type ends the start, with its
/// place and the remedy. Tests call `app(&Settings { .. })`.
pub fn run_with<S, E>(build: impl FnOnce(&S) -> Result<App, E>) -> ExitCode
where
    S: DeserializeOwned + Send + Sync + 'static,
    E: Into<Error>,
{
    let make = |read: Read<'_>| {
        let settings: S = read()?.app_settings()?;
        let app = build(&settings).map_err(Into::into)?;
        Ok(app.state(settings))
    };
    started(make, |config| config.app_settings::<S>().map(drop))
}

/// Checks the settings of the application itself.
type Check = fn(&Config) -> Result<()>;

fn started(make: impl FnOnce(Read<'_>) -> Result<App>, check: Check) -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    ExitCode::from(start(make, check, &words))
}

fn start(make: impl FnOnce(Read<'_>) -> Result<App>, check: Check, words: &[OsString]) -> u8 {
    let name = own_name(words.first());
    let command = command(&name);
    let command = if name.ends_with("-cmd") {
        cmd_command(name.clone())
    } else {
        command
    };
    if let Some(question) = Question::read(words) {
        return complete(make, command, &question).unwrap_or_else(|error| cmd::fail(&error));
    }
    let matches = match command.try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) => return cmd::tell(&error),
    };
    let result = match matches.subcommand() {
        Some(("http", matches)) => serve_http(make, check, matches),
        Some(("cmd", matches)) => cmd(make, check, &format!("{name} cmd"), matches),
        Some((COMPLETIONS, matches)) => Ok(print_script(matches, &name)),
        Some((MAN, matches)) => man(make, &name, matches),
        _ => cmd(make, check, &name, &matches),
    };
    result.unwrap_or_else(|error| cmd::fail(&error))
}

fn serve_http(
    make: impl FnOnce(Read<'_>) -> Result<App>,
    check: Check,
    matches: &ArgMatches,
) -> Result<u8> {
    let config = configure_http(matches)?;
    let verbosity = log(&config, LEVEL);
    config.tell();
    check(&config)?;
    let mut app = prepare(make(&|| Ok(&config))?, matches)?.with_config(&config)?;
    app.access = config.log.open_access()?;
    let app = frozen(app, matches)?;
    let service = app.into_service()?.debug(config.debug);
    panics::limit(service.app().log().clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        check_clock()?;
        let listener = listening::public(&config).await?;
        let admin = listening::admin(&config, service.app()).await?;
        let address = listening::seen_at(&listener, service.app().site());
        let matches = matches.clone();
        let stop = Arc::<Notify>::default();
        let steering = Steering::new(verbosity.clone(), Arc::clone(&stop));
        let socket = management::open(service.app(), steering).await;
        let read = move || {
            let config = configure_http(&matches)?;
            check(&config).map(|()| config)
        };
        let running = Running::new(config, service.app().clone(), verbosity, read);
        // Before the line below: its reader may stop the server at once.
        let signals = signals(running.clone(), service.app().access.clone(), stop)?;
        announce(&format!("Listening on {address}"));
        let socket = listening::or_none(socket);
        service.app().warn();
        management::tell_at_start(service.app().clone());
        let admin = tokio::spawn(admin);
        let ended = serve(service, listener, signals, || running.stopping()).await?;
        // It removes its socket.
        admin.abort();
        let _ = admin.await;
        socket.close().await;
        Ok(match ended {
            Ended::Drained => cmd::SUCCESS,
            Ended::Cut => INTERRUPTED,
        })
    });
    // Does not wait for a model that still computes.
    runtime.shutdown_background();
    result
}

/// The same `app`, which runs no model if the flag says so.
fn frozen(app: App, matches: &ArgMatches) -> Result<App> {
    match app.shared_cache().store().place() {
        _ if !matches.get_flag(FROZEN) => Ok(app),
        Place::Shared | Place::Layered => Ok(app.frozen(true)),
        _ => Err(Error::configuration(
            "--frozen serves only what is stored, and this cache is empty when the server starts: configure a store that \
             processes share, for example `cache = \"database\"` in giotto.toml",
        )),
    }
}

/// The configuration of a server.
fn configure_http(matches: &ArgMatches) -> Result<Config> {
    let mut config = configure(&[matches])?;
    if let Some(host) = matches.get_one::<String>("host") {
        config.set("http.host", host, "--host")?;
    }
    if let Some(port) = matches.get_one::<String>("port") {
        config.set("http.port", port, "--port")?;
    }
    Ok(config)
}

/// The signals of a server, whose configuration SIGHUP reloads, and whose access log it opens again.
fn signals(
    running: Running,
    access: Option<Arc<Access>>,
    stop: Arc<Notify>,
) -> io::Result<Signals> {
    let reload = move || {
        if let Some(access) = &access {
            access.reopen();
        }
        let running = running.clone();
        // It reads a file.
        tokio::task::spawn_blocking(move || running.reload());
    };
    Signals::new(reload, stop)
}

/// Whether the wall clock shows a time that pages can be dated by.
fn check_clock() -> Result<()> {
    match date(SystemTime::now()) {
        Some(_) => Ok(()),
        None => Err(Error::configuration(
            "the clock of this machine is not between 1970 and 9999, which HTTP and the cache require: set the clock, and \
             start again",
        )),
    }
}

fn cmd(
    make: impl FnOnce(Read<'_>) -> Result<App>,
    check: Check,
    name: &str,
    matches: &ArgMatches,
) -> Result<u8> {
    let before = OnceCell::new();
    let read = || match before.get() {
        Some(config) => Ok(config),
        None => configure(&[matches]).map(|config| before.get_or_init(|| config)),
    };
    let app = prepare(make(&read)?, matches)?;
    app.check()?;
    let words: Vec<OsString> = matches
        .get_many(WORDS)
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let configured = |after: Option<&ArgMatches>| {
        let both: Vec<_> = [Some(matches), after].into_iter().flatten().collect();
        let config = configure(&both)?;
        check(&config)?;
        before
            .get()
            .map_or(Ok(()), |before| config.check_same_app(before))?;
        log(&config, tracing::Level::WARN);
        config.tell();
        check_clock()?;
        app.clone().with_config(&config)
    };
    let options = Options::read(matches);
    let code = runtime.block_on(cmd::run(&app, name, &words, options, configured));
    runtime.shutdown_background();
    Ok(code)
}

/// The application as its front ends need it.
fn prepare(app: App, matches: &ArgMatches) -> Result<App> {
    app.check_unconfigured("giotto::run reads the configuration and its flags itself")?;
    let app = if matches.get_flag(MODEL_MOCK) {
        app.model_mock(true)
    } else {
        app
    };
    Ok(management::beside(app))
}

/// Writes log lines to standard error, from this `level` on if the configuration names none.
fn log(config: &Config, level: tracing::Level) -> Verbosity {
    let (filter, verbosity) = Verbosity::new(config.log.level.unwrap_or(level));
    install(filter, config.log.format);
    verbosity
}
