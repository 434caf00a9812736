//! Where an incident is played: servers with their stores, clients, and the command line of the machine.
//!
//! What is asked and said is kept, so that the page about incidents shows it as it is.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use test_servers::Redis;
use tokio::runtime::Handle;

use super::said::{Broken, Result, Said};
use crate::client::{self, Reply};
use crate::load::field;
use crate::server::{self, Server};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// Four processes on memory and Redis in layers.
    Redis,
    /// One process on its own memory.
    Memory,
}

impl Store {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Memory => "memory",
        }
    }

    const fn processes(self) -> usize {
        match self {
            Self::Redis => 4,
            Self::Memory => 1,
        }
    }
}

/// The settings of memory and `redis` in layers.
pub(crate) fn layers(redis: &Redis) -> String {
    let port = redis.port();
    format!("cache = {{ layers = [\"locmem\", {{ engine = \"redis\", port = {port} }}] }}\n")
}

pub(crate) struct Scene {
    pub(crate) store: Store,
    folder: TempDir,
    redis: Option<Redis>,
    servers: RefCell<Vec<Server>>,
    runtime: Handle,
    transcript: RefCell<String>,
}

impl Scene {
    /// Starts the store and the servers, in a folder with the prices of the shop.
    pub(crate) fn start(store: Store, runtime: &Handle) -> io::Result<Self> {
        let scene = Self {
            store,
            folder: tempfile::tempdir()?,
            redis: (store == Store::Redis).then(Redis::start),
            servers: RefCell::default(),
            runtime: runtime.clone(),
            transcript: RefCell::default(),
        };
        for (sku, price) in [("apple", "1.20"), ("pear", "2.50"), ("plum", "3.10")] {
            scene.write(sku, price)?;
        }
        scene.write("banner", "Welcome")?;
        scene.configure("")?;
        for _ in 0..store.processes() {
            scene.start_server(&[])?;
        }
        Ok(scene)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn redis(&self) -> &Redis {
        self.redis.as_ref().expect("the scene is on Redis")
    }

    /// Starts one more server, with these `variables` besides.
    pub(crate) fn start_server(&self, variables: &[(&str, &str)]) -> io::Result<()> {
        let mut command = server::configured(self.folder(), &["http"])?;
        command.env("GIOTTO_HTTP_PORT", "0");
        command.envs(variables.iter().copied());
        self.servers.borrow_mut().push(Server::of(command));
        Ok(())
    }

    /// Ends server `number` as a supervisor does, and starts another in its place, with these `variables`.
    pub(crate) fn restart(&self, number: usize, variables: &[(&str, &str)]) -> io::Result<()> {
        self.start_server(variables)?;
        let old = self.servers.borrow_mut().swap_remove(number);
        old.signal("TERM");
        old.end();
        Ok(())
    }

    /// The same for all of them: a deployment.
    pub(crate) fn deploy(&self, variables: &[(&str, &str)]) -> io::Result<()> {
        (0..self.count()).try_for_each(|number| self.restart(number, variables))
    }

    /// How many servers there are.
    pub(crate) fn count(&self) -> usize {
        self.servers.borrow().len()
    }

    /// Writes the configuration: the store, and `more`.
    pub(crate) fn configure(&self, more: &str) -> io::Result<()> {
        let cache = match &self.redis {
            Some(redis) => layers(redis),
            None => "cache = \"locmem\"\n".to_owned(),
        };
        self.write("giotto.toml", &format!("{cache}{more}"))
    }

    /// Has all servers read the configuration again.
    pub(crate) fn reload(&self) {
        self.servers
            .borrow()
            .iter()
            .for_each(|server| server.signal("HUP"));
    }

    /// How many keys Redis has.
    pub(crate) fn keys(&self) -> Option<u64> {
        let size = self.redis.as_ref()?.cli(&["dbsize"]);
        size.trim().parse().ok()
    }

    /// The id of the process of server `number`.
    pub(crate) fn process(&self, number: usize) -> u32 {
        self.servers.borrow()[number].id()
    }

    /// Waits until the server of this process has ended.
    pub(crate) fn await_end(&self, process: u32) {
        let at = self
            .servers
            .borrow()
            .iter()
            .position(|server| server.id() == process);
        if let Some(at) = at {
            let old = self.servers.borrow_mut().swap_remove(at);
            old.end();
        }
    }

    /// Writes `text` to the file `name` of the servers' folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.folder().join(name), text)
    }

    /// Asks server `number` for `path`.
    pub(crate) fn get(&self, number: usize, path: &str) -> Result<Reply> {
        let address = self.address(number);
        Ok(self.runtime.block_on(client::ask(address, "GET", path))?)
    }

    fn address(&self, number: usize) -> SocketAddr {
        self.servers.borrow()[number].address()
    }

    /// The same of every server, in their order.
    pub(crate) fn get_all(&self, path: &str) -> Result<Vec<Reply>> {
        (0..self.count())
            .map(|number| self.get(number, path))
            .collect()
    }

    /// What every server shows at `path`.
    pub(crate) fn bodies(&self, path: &str) -> Result<Vec<String>> {
        let replies = self.get_all(path)?.into_iter();
        Ok(replies.map(|reply| reply.body).collect())
    }

    /// What asks server `number` on another thread, each time on a new connection: whether a path is answered.
    pub(crate) fn client(&self, number: usize) -> impl Fn(&str) -> bool + Send + use<> {
        let (address, runtime) = (self.address(number), self.runtime.clone());
        move |path| {
            let reply = runtime.block_on(client::ask(address, "GET", path));
            reply.is_ok_and(|reply| reply.is_ok())
        }
    }

    /// The metrics of server `number`, from its admin listener.
    pub(crate) fn metrics(&self, number: usize) -> Result<String> {
        let server = &self.servers.borrow()[number];
        let no_listener = || Broken(format!("no admin listener: {:?}", server.log()));
        let address = server.admin().ok_or_else(no_listener)?;
        Ok(self
            .runtime
            .block_on(client::ask(address, "GET", "/metrics"))?
            .body)
    }

    /// The lines of the metrics of server `number` with `name`, as an operator asks for them.
    pub(crate) fn scrape(&self, number: usize, name: &str) -> Result<Said> {
        let metrics = self.metrics(number)?;
        let lines = metrics.lines().filter(|line| line.starts_with(name));
        let lines = lines.map(|line| format!("{line}\n")).collect();
        let command = format!("curl -s http://127.0.0.1:5001/metrics | grep ^{name}");
        Ok(self.said(command, lines, Some(0)))
    }

    /// The `Cache-Status` of `path`, as an operator asks for it at one server.
    pub(crate) fn look(&self, number: usize, path: &str) -> Result<Said> {
        let reply = self.get(number, path)?;
        let status = field(&reply.head, "cache-status").unwrap_or_default();
        Ok(self.said(
            format!(
                "curl -sI http://127.0.0.1:{}{path} | grep -i cache-status",
                5000 + number
            ),
            format!("cache-status: {status}\n"),
            Some(0),
        ))
    }

    /// Runs a command of the application, such as `mgt/cache/stats`, on the machine of the servers.
    pub(crate) fn cmd(&self, words: &str) -> Result<Said> {
        let words: Vec<_> = words.split(' ').collect();
        self.cmd_with(&[], &words)
    }

    /// The same with these `variables`.
    pub(crate) fn cmd_with(&self, variables: &[(&str, &str)], words: &[&str]) -> Result<Said> {
        let mut command = server::configured(self.folder(), &["cmd"])?;
        command.args(words).envs(variables.iter().copied());
        self.run(command, format!("app cmd {}", words.join(" ")))
    }

    /// Notes what an operator tells Redis, and tells it.
    pub(crate) fn redis_cli(&self, words: &str) -> Said {
        let words: Vec<_> = words.split(' ').collect();
        let text = self.redis().cli(&words);
        self.said(format!("redis-cli {}", words.join(" ")), text, Some(0))
    }

    fn run(&self, mut command: Command, shown: String) -> Result<Said> {
        let output = command.stdout(Stdio::piped()).output()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        Ok(self.said(shown, text, output.status.code()))
    }

    fn said(&self, command: String, text: String, code: Option<i32>) -> Said {
        let _ = write!(self.transcript.borrow_mut(), "$ {command}\n{text}");
        Said {
            command,
            text,
            code,
        }
    }

    /// All that was asked and said.
    pub(crate) fn transcript(&self) -> String {
        self.transcript.borrow().clone()
    }
}
