//! Where an incident is played: servers with their stores, clients, and the command line of the machine.
//!
//! What is asked and said is kept, so that the page about incidents shows it as it is.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use test_servers::Redis;
use tokio::runtime::Handle;

use crate::client::{self, Reply};
use crate::load::field;
use crate::server::{self, Server};

/// What was not as promised.
#[derive(Debug)]
pub(crate) struct Broken(String);

pub(crate) type Result<T> = std::result::Result<T, Broken>;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Fails with `what` unless `holds`.
pub(crate) fn ensure(holds: bool, what: impl Into<String>) -> Result<()> {
    match holds {
        true => Ok(()),
        false => Err(Broken(what.into())),
    }
}

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
        let cache = match &scene.redis {
            Some(redis) => format!(
                "cache = {{ layers = [\"locmem\", {{ engine = \"redis\", port = {} }}] }}\n",
                redis.port()
            ),
            None => "cache = \"locmem\"\n".to_owned(),
        };
        scene.write("giotto.toml", &cache)?;
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
        let mut command = server::configured(self.folder(), &["http", "--port", "0"])?;
        command.envs(variables.iter().copied());
        self.servers.borrow_mut().push(Server::of(command));
        Ok(())
    }

    /// Ends server `number` as a supervisor does, and starts another in its place, with these `variables`.
    pub(crate) fn restart(&self, number: usize, variables: &[(&str, &str)]) -> io::Result<()> {
        self.start_server(variables)?;
        self.servers.borrow_mut().swap_remove(number).stop();
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

    /// Sends the signal `name` to server `number`.
    pub(crate) fn signal(&self, number: usize, name: &str) {
        self.servers.borrow()[number].signal(name);
    }

    /// What server `number` logged.
    pub(crate) fn log(&self, number: usize) -> String {
        self.servers.borrow()[number].log().join("\n")
    }

    /// Writes `text` to the file `name` of the servers' folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.folder().join(name), text)
    }

    /// Asks server `number` for `path`.
    pub(crate) fn get(&self, number: usize, path: &str) -> Result<Reply> {
        let address = self.servers.borrow()[number].address();
        Ok(self.runtime.block_on(client::ask(address, "GET", path))?)
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

    fn run(&self, mut command: Command, shown: String) -> Result<Said> {
        let output = command.output()?;
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

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    command: String,
    pub(crate) text: String,
    code: Option<i32>,
}

impl Said {
    /// Fails unless it says all of `texts`.
    pub(crate) fn has(&self, texts: &[&str]) -> Result<&Self> {
        for text in texts {
            let what = format!("`{}` does not say {text:?}", self.command);
            ensure(self.text.contains(text), what)?;
        }
        Ok(self)
    }

    /// Fails unless it ended well.
    pub(crate) fn is_done(&self) -> Result<&Self> {
        let what = format!("`{}` ended with {:?}", self.command, self.code);
        ensure(self.code == Some(0), what)?;
        Ok(self)
    }

    /// The line that begins with `start`, without it.
    pub(crate) fn line(&self, start: &str) -> Result<&str> {
        let mut lines = self.text.lines();
        let line = lines.find_map(|line| line.strip_prefix(start));
        line.map(str::trim)
            .ok_or_else(|| Broken(format!("`{}` has no line {start:?}", self.command)))
    }
}
