//! Four processes on one Redis, the clients, and what is done to them.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use test_servers::{Redis, wait_until};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::clients::{CLIENTS, Clients, MOUNT};
use super::programs::{self, BROKEN, OTHER_VERSION};
use super::prometheus::Prometheus;
use super::told::Told;
use crate::client::{self, Reply};
use crate::server::{self, Server};

const PROCESSES: usize = 4;
const CONFIG: &str = "giotto.toml";

type Outcome = Result<(), Box<dyn Error>>;

/// Settings that all servers share. The deadline is long, for a machine under load, and not so long that the client of Redis gives
/// up first, which is another reason.
fn settings(redis: &Redis) -> String {
    let port = redis.port();
    format!(
        "cache = {{ engine = \"redis\", port = {port}, deadline_ms = 800 }}\nsigning_key = \"{}\"\n",
        "01".repeat(32)
    )
}

pub(super) struct Stage {
    folder: TempDir,
    redis: Redis,
    _servers: Vec<Server>,
    clients: Arc<Clients>,
    runtime: Handle,
    pub(super) prometheus: Prometheus,
    pub(super) told: Arc<Told>,
}

impl Stage {
    pub(super) fn start(runtime: &Handle) -> Result<Self, Box<dyn Error>> {
        let (folder, redis) = (tempfile::tempdir()?, Redis::start());
        fs::write(folder.path().join(CONFIG), settings(&redis))?;
        let servers: Result<Vec<_>, _> =
            (0..PROCESSES).map(|_| start(folder.path(), &[])).collect();
        let servers = servers?;
        let are_open = || servers.iter().all(|server| server.admin().is_some());
        wait_until("the admin listeners are open", are_open);
        let targets: Vec<_> = servers.iter().filter_map(Server::admin).collect();
        let told = Arc::new(Told::default());
        let addresses = servers.iter().map(Server::address).collect();
        Ok(Self {
            folder,
            redis,
            clients: Arc::new(Clients::new(addresses, Arc::clone(&told))),
            runtime: runtime.clone(),
            prometheus: Prometheus::start(&targets)?,
            _servers: servers,
            told,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn play(&mut self) -> Outcome {
        self.all_at_once()?;
        fs::write(self.folder().join(BROKEN), "")?;
        self.all_at_once()?;
        fs::remove_file(self.folder().join(BROKEN))?;
        self.all_at_once()?;
        self.pages_that_the_store_loses()?;
        self.pages_of_other_processes()?;
        self.while_it_computes()?;
        self.without_the_store()
    }

    fn get(&self, server: usize, program: &str, number: u64) -> Result<Reply, String> {
        self.runtime
            .block_on(self.clients.get(server, program, number))
    }

    /// The clients ask for everything, at the same time.
    fn all_at_once(&self) -> Outcome {
        let mut visits = JoinSet::new();
        for client in 0..CLIENTS {
            let clients = Arc::clone(&self.clients);
            visits.spawn_on(clients.visit(client), &self.runtime);
        }
        let visits = self.runtime.block_on(visits.join_all());
        visits.into_iter().collect::<Result<(), _>>()?;
        Ok(())
    }

    /// Fails unless `reply` says `word`.
    fn says(reply: &Reply, word: &str) -> Outcome {
        match reply.head.contains(word) {
            true => Ok(()),
            false => Err(format!("not {word}: {}", reply.head).into()),
        }
    }

    /// The keys of Redis that have `part`.
    fn keys(&self, part: &str) -> Vec<String> {
        let keys = self.redis.cli(&["keys", &format!("*{part}*")]);
        keys.lines()
            .filter(|key| !key.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn pages_that_the_store_loses(&self) -> Outcome {
        self.get(0, "lasting", 5_001)?;
        self.redis.cli(&["del", &self.key("5001")?]);
        Self::says(&self.get(0, "lasting", 5_001)?, "evicted")?;
        self.redis.cli(&["set", &self.key("5001")?, "no entry"]);
        Self::says(&self.get(0, "lasting", 5_001)?, "undecodable")?;
        self.get(0, "stock", 502)?;
        for tag in self.keys("stock:502") {
            self.redis.cli(&["del", &tag]);
        }
        Self::says(&self.get(1, "stock", 502)?, "tag-lost")?;
        // Twice, since the second time says why.
        for word in ["too-large", "too-large"] {
            Self::says(&self.get(0, "huge", 503)?, word)?;
        }
        Ok(())
    }

    /// The key of the page whose arguments have `number`.
    fn key(&self, number: &str) -> Result<String, String> {
        let keys = self.keys(number);
        keys.first()
            .cloned()
            .ok_or_else(|| format!("Redis has no key with {number}"))
    }

    /// Pages that a process of another version, with another key, or with another clock has stored. It is not one of those that
    /// are counted, and so it has a folder of its own.
    fn pages_of_other_processes(&self) -> Outcome {
        let folder = self.folder().join("other");
        fs::create_dir(&folder)?;
        fs::copy(self.folder().join(CONFIG), folder.join(CONFIG))?;
        let other = |variables: &[(&str, &str)], program: &str, number: u64| -> Outcome {
            let server = start(&folder, variables)?;
            let path = format!("/{MOUNT}/{program}?number={number}");
            let reply = self
                .runtime
                .block_on(client::ask(server.address(), "GET", &path))?;
            Self::says(&reply, "stored")?;
            server.signal("TERM");
            server.end();
            Ok(())
        };
        other(&[OTHER_VERSION], "versioned", 5_010)?;
        Self::says(&self.get(0, "versioned", 5_010)?, "version")?;
        other(
            &[("GIOTTO_SIGNING_KEY", &"02".repeat(32))],
            "lasting",
            5_011,
        )?;
        Self::says(&self.get(0, "lasting", 5_011)?, "forged")?;
        let library = server::faketime()?;
        let ahead = [
            ("LD_PRELOAD", &*library),
            ("FAKETIME", "+2h"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        other(&ahead, "lasting", 5_012)?;
        Self::says(&self.get(0, "lasting", 5_012)?, "clock-skew")
    }

    /// Two requests for one page: the second one comes while the model runs.
    fn while_it_computes(&self) -> Outcome {
        let during = |program: &'static str, number| {
            let (clients, before) = (Arc::clone(&self.clients), self.runs(program));
            let first = self
                .runtime
                .spawn(async move { clients.get(0, program, number).await });
            wait_until("the model runs", || self.runs(program) > before);
            first
        };
        let first = during("warehouse", 1_000);
        self.runtime.block_on(self.clients.sell(1, 1_000))?;
        Self::says(&self.runtime.block_on(first)??, "invalidated-meanwhile")?;
        let first = during("patient", 1);
        let second = self.get(1, "patient", 1)?;
        Self::says(&self.runtime.block_on(first)??, "; stored")?;
        Self::says(&second, "detail=first-seen")
    }

    fn runs(&self, program: &str) -> usize {
        let runs = programs::runs(self.folder()).into_iter();
        runs.filter(|(name, _)| name == program).count()
    }

    /// The store hangs, is gone, and is full. Nothing is under way when it fails and when it is back: what is under way then may
    /// end either way after its client was told.
    fn without_the_store(&mut self) -> Outcome {
        self.prometheus.wait_until_all_is_read();
        self.redis.process.freeze();
        self.ask_for_new_pages("lasting", 6_000)?;
        self.prometheus.wait_until_all_is_read();
        self.redis.process.thaw();
        self.recover(10_000)?;
        self.prometheus.wait_until_all_is_read();
        self.redis.process.kill();
        self.ask_for_new_pages("lasting", 7_000)?;
        self.prometheus.wait_until_all_is_read();
        self.redis.process.restart();
        self.recover(20_000)?;
        let limit = |bytes| self.redis.cli(&["config", "set", "maxmemory", bytes]);
        limit("1");
        self.ask_for_new_pages("probe", 8_000)?;
        self.prometheus.wait_until_all_is_read();
        limit("0");
        self.recover(30_000)
    }

    /// Every server is asked for pages that it has not seen, ten at a time and then ten more.
    fn ask_for_new_pages(&self, program: &'static str, from: u64) -> Outcome {
        for round in 0..2 {
            let mut visits = JoinSet::new();
            for number in 0..10 {
                for server in 0..PROCESSES {
                    let (clients, number) =
                        (Arc::clone(&self.clients), from + 100 * round + 4 * number);
                    let get =
                        async move { clients.get(server, program, number + server as u64).await };
                    visits.spawn_on(get, &self.runtime);
                }
            }
            let visits = self.runtime.block_on(visits.join_all());
            visits.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        Ok(())
    }

    /// Waits until every server stores pages again.
    fn recover(&self, from: u64) -> Outcome {
        let mut number = from;
        for server in 0..PROCESSES {
            let mut stores = || {
                number += 1;
                self.get(server, "probe", number)
                    .is_ok_and(|reply| reply.head.contains("; stored"))
            };
            wait_until("pages are stored again", || stores() && stores());
        }
        Ok(())
    }
}

/// Starts a server in `folder`, with these `variables`.
fn start(folder: &Path, variables: &[(&str, &str)]) -> std::io::Result<Server> {
    let mut command = server::configured(folder, &["http"])?;
    command.env("GIOTTO_HTTP_PORT", "0");
    command.env("GIOTTO_ADMIN_LISTEN", "127.0.0.1:0");
    command.envs(variables.iter().copied());
    Ok(Server::of(command))
}
