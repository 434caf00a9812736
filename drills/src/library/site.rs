//! The application: three processes on fixed ports, one database file, and the Redis of their cache.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use test_servers::{HttpServer, Process, free_port};

pub(super) const PROCESSES: usize = 3;
pub(super) const ADMIN_PASSWORD: &str = "the librarian's own password";
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/library");

/// After the store is back, what was written while it was not there is known to all within this time.
const SETTLED: Duration = Duration::from_millis(1_500);

/// When something was not there; it is not back yet without an end.
#[derive(Clone, Copy, Debug)]
struct Outage {
    from: Instant,
    until: Option<Instant>,
}

pub(super) struct Site {
    folder: TempDir,
    cache: String,
    ports: [u16; PROCESSES],
    processes: [Mutex<Option<HttpServer>>; PROCESSES],
    redis: Mutex<Process>,
    /// Of each process, and at last those of Redis after which it had what it had before.
    outages: Mutex<BTreeMap<usize, Vec<Outage>>>,
}

/// The number of Redis among the outages.
const REDIS: usize = PROCESSES;

/// Builds the application as this program was built, beside it.
pub(super) fn build() -> Result<(), Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").ok_or("start it by `cargo run -p drills library`")?;
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--locked", "--package", "library"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    match command.status()?.success() {
        true => Ok(()),
        false => Err("the library cannot be built".into()),
    }
}

impl Site {
    pub(super) fn start(is_layered: bool) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        for name in ["giotto.toml", "templates", "static", "locales"] {
            symlink(Path::new(SOURCE).join(name), folder.path().join(name))?;
        }
        let port = free_port();
        let url = format!("redis://127.0.0.1:{port}");
        let site = Self {
            cache: match is_layered {
                true => format!("[\"locmem\", \"{url}\"]"),
                false => url,
            },
            ports: std::array::from_fn(|_| free_port()),
            processes: std::array::from_fn(|_| Mutex::default()),
            redis: Mutex::new(redis(folder.path(), port)),
            outages: Mutex::default(),
            folder,
        };
        for number in 0..PROCESSES {
            *lock(&site.processes[number]) = Some(site.process(number)?);
        }
        Ok(site)
    }

    pub(super) const fn port(&self, process: usize) -> u16 {
        self.ports[process]
    }

    fn process(&self, number: usize) -> io::Result<HttpServer> {
        let program = std::env::current_exe()?.with_file_name("library");
        let mut command = Command::new(program);
        command
            .arg("http")
            .current_dir(self.folder.path())
            .env("GIOTTO_CACHE", &self.cache)
            .env("GIOTTO_HTTP_ORIGIN", "http://localhost")
            .env("GIOTTO_HTTP_PORT", self.ports[number].to_string())
            .env(
                "GIOTTO_SESSION_KEY",
                "a key of sixty-four letters, which the three processes share now",
            )
            .env("GIOTTO_APP_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        Ok(HttpServer::start(&mut command))
    }

    /// SIGKILL, and another one on the same port after `away`.
    pub(super) fn kill_process(&self, number: usize, away: Duration) -> io::Result<()> {
        self.begin(number);
        if let Some(mut process) = lock(&self.processes[number]).take() {
            process.kill();
        }
        std::thread::sleep(away);
        *lock(&self.processes[number]) = Some(self.process(number)?);
        self.end(number);
        Ok(())
    }

    /// SIGKILL, and it is back after `away`, empty or with all that it had.
    pub(super) fn kill_redis(&self, away: Duration, is_emptied: bool) -> io::Result<()> {
        if !is_emptied {
            self.begin(REDIS);
        }
        let mut redis = lock(&self.redis);
        redis.kill();
        std::thread::sleep(away);
        if is_emptied {
            std::fs::remove_dir_all(files(self.folder.path()))?;
        }
        redis.restart();
        if !is_emptied {
            self.end(REDIS);
        }
        Ok(())
    }

    /// Whether this process was not there at some moment from `from` on.
    pub(super) fn was_away(&self, process: usize, from: Instant) -> bool {
        let outages = lock(&self.outages);
        let outages = outages.get(&process).into_iter().flatten();
        outages
            .clone()
            .any(|outage| outage.until.is_none_or(|until| until >= from))
    }

    /// Whether a request that began at `asked` need not know what was written at `written`: Redis was not there when it was
    /// written, and had not been told of it.
    pub(super) fn may_not_know(&self, written: Instant, asked: Instant) -> bool {
        let outages = lock(&self.outages);
        let outages = outages.get(&REDIS).into_iter().flatten();
        outages.clone().any(|Outage { from, until }| {
            let settled = until.map(|until| until + SETTLED);
            let is_before = |moment| settled.is_none_or(|settled| moment <= settled);
            *from <= written && is_before(written) && is_before(asked)
        })
    }

    fn begin(&self, what: usize) {
        let outage = Outage {
            from: Instant::now(),
            until: None,
        };
        lock(&self.outages).entry(what).or_default().push(outage);
    }

    fn end(&self, what: usize) {
        if let Some(outage) = lock(&self.outages)
            .get_mut(&what)
            .and_then(|all| all.last_mut())
        {
            outage.until = Some(Instant::now());
        }
    }
}

/// Where Redis keeps what it has.
fn files(folder: &Path) -> PathBuf {
    folder.join("appendonlydir")
}

/// A Redis that has written down each change before it answers.
fn redis(folder: &Path, port: u16) -> Process {
    let port_text = port.to_string();
    let arguments = [
        "--port",
        &port_text,
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "yes",
        "--dir",
    ];
    let arguments = arguments.map(Into::into).into_iter();
    let arguments = arguments.chain([folder.as_os_str().to_owned()]);
    let programs = ["redis-server", "valkey-server"];
    Process::start("redis-server", &programs, arguments, port, folder)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
