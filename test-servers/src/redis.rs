//! Redis: one server, a cluster, and a master with its sentinels.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::port::free_port;
use crate::process::Process;
use crate::until::wait_until;

/// What every server is started with: nothing is saved, and only this machine may connect.
const PLAIN: [&str; 8] = [
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
    "--enable-debug-command",
    "yes",
];

/// One Redis server, in a folder of its own.
#[derive(Debug)]
pub struct Redis {
    /// The process, to be killed, restarted, frozen and thawed.
    pub process: Process,
    folder: TempDir,
}

impl Redis {
    /// A server on a free port of 127.0.0.1 and a Unix socket.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more arguments, for example `["--requirepass", "secret"]`.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_on(free_port(), arguments)
    }

    /// The same on a port that was chosen before, for example to start it late.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start_on(port: u16, arguments: &[&str]) -> Self {
        let folder = folder();
        let place = [
            "--port".into(),
            port.to_string().into(),
            "--dir".into(),
            folder.path().into(),
            "--unixsocket".into(),
            socket(&folder).into_os_string(),
        ];
        let all = place
            .into_iter()
            .chain(PLAIN.iter().chain(arguments).map(OsString::from));
        let process = Process::start(
            "redis-server",
            &["redis-server", "valkey-server"],
            all,
            port,
            folder.path(),
        );
        Self { process, folder }
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.process.port()
    }

    /// Its Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket(&self.folder)
    }

    /// What `redis-cli` prints when it is called with `arguments`.
    ///
    /// # Panics
    ///
    /// If it is not installed.
    pub fn cli(&self, arguments: &[&str]) -> String {
        cli(self.port(), arguments)
    }

    /// Takes its folder away and returns once it has failed to save there, for which it refuses to write (`MISCONF`).
    ///
    /// # Panics
    ///
    /// If the folder cannot be removed, or if it does not fail within a minute.
    pub fn fail_to_save(&self) {
        std::fs::remove_dir_all(self.folder.path()).expect("its folder can be removed");
        self.cli(&["config", "set", "save", "900 1"]);
        self.cli(&["bgsave"]);
        wait_until("it has failed to save", || {
            let info = self.cli(&["info", "persistence"]);
            info.contains("rdb_last_bgsave_status:err")
        });
    }

    /// Returns once its replicas have what it has.
    ///
    /// # Panics
    ///
    /// If it has none, or if they do not within a minute.
    pub fn wait_until_replicated(&self) {
        wait_until("its replicas have what it has", || {
            let info = self.cli(&["info", "replication"]);
            let after = |name: &str, end| info.split_once(name)?.1.split_once(end);
            let own = after("master_repl_offset:", '\r').expect("it says so").0;
            let replica = after(",offset=", ',').expect("it has a replica").0;
            own == replica
        });
    }
}

/// A Redis Cluster of three masters, each with as many replicas as wanted.
#[derive(Debug)]
pub struct RedisCluster {
    /// Its nodes, the masters first.
    pub nodes: Vec<Redis>,
}

impl RedisCluster {
    /// A cluster of three masters, each with `replicas`; returns when every node knows of it. A master that
    /// is `gone` for so long is replaced by its replica.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start(replicas: usize, gone: Duration) -> Self {
        let gone = gone.as_millis().to_string();
        let node = |_| {
            let bus = free_port().to_string();
            let arguments = [
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                &bus,
                "--cluster-node-timeout",
                &gone,
                "--cluster-require-full-coverage",
                "no",
                "--cluster-replica-validity-factor",
                "0",
            ];
            Redis::start_with(&arguments)
        };
        let nodes: Vec<_> = (0..3 * (1 + replicas)).map(node).collect();
        let cluster = Self { nodes };
        let replicas = replicas.to_string();
        let addresses = cluster.addresses();
        let mut create = vec!["--cluster", "create"];
        create.extend(addresses.iter().map(String::as_str));
        create.extend(["--cluster-replicas", &replicas, "--cluster-yes"]);
        let created = cluster.nodes[0].cli(&create);
        wait_until(&format!("the cluster has formed:\n{created}"), || {
            let nodes = cluster.nodes.iter();
            nodes.clone().all(|node| {
                let info = node.cli(&["cluster", "info"]);
                let known = format!("cluster_known_nodes:{}\r", nodes.len());
                info.contains("cluster_state:ok") && info.contains(&known)
            })
        });
        cluster
    }

    /// `127.0.0.1:port` of each node.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let address = |node: &Redis| format!("127.0.0.1:{}", node.port());
        self.nodes.iter().map(address).collect()
    }

    /// Which of the first three nodes has `key`, as long as they are the masters.
    ///
    /// # Panics
    ///
    /// If none has.
    #[must_use]
    pub fn master_of(&self, key: &str) -> usize {
        let serves = |node: &Redis| !node.cli(&["exists", key]).contains("MOVED");
        let masters = &self.nodes[..3];
        masters.iter().position(serves).expect("a master has it")
    }
}

/// A master called `mymaster`, a replica of it, and three sentinels that replace it when it is gone.
#[derive(Debug)]
pub struct RedisSentinel {
    /// The master at first.
    pub master: Redis,
    /// Its replica at first.
    pub replica: Redis,
    sentinels: Vec<(Process, TempDir)>,
}

impl RedisSentinel {
    /// Starts them; returns when the sentinels know the replica and one another. They replace a master that is
    /// `gone` for so long.
    ///
    /// # Panics
    ///
    /// If one cannot be started.
    #[must_use]
    pub fn start(gone: Duration) -> Self {
        let master = Redis::start();
        let port = master.port().to_string();
        let replica = Redis::start_with(&[
            "--replicaof",
            "127.0.0.1",
            &port,
            "--repl-diskless-sync-delay",
            "0",
        ]);
        let sentinels = (0..3).map(|_| sentinel(&port, gone)).collect();
        let servers = Self {
            master,
            replica,
            sentinels,
        };
        wait_until("the sentinels know one another", || {
            servers.sentinels.iter().all(|(sentinel, _)| {
                let known = cli(sentinel.port(), &["sentinel", "master", "mymaster"]);
                let field = |name: &str, value: &str| known.contains(&format!("{name}\n{value}\n"));
                field("num-slaves", "1")
                    && field("num-other-sentinels", "2")
                    && field("flags", "master")
            }) && servers
                .replica
                .cli(&["info", "replication"])
                .contains("master_link_status:up")
        });
        servers
    }

    /// `127.0.0.1:port` of each sentinel.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let address = |(sentinel, _): &(Process, _)| format!("127.0.0.1:{}", sentinel.port());
        self.sentinels.iter().map(address).collect()
    }
}

fn sentinel(master: &str, gone: Duration) -> (Process, TempDir) {
    let (folder, port, gone) = (folder(), free_port(), gone.as_millis());
    let file = folder.path().join("sentinel.conf");
    // A sentinel writes into its file what it learns.
    let text = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor mymaster 127.0.0.1 {master} 2\n\
         sentinel down-after-milliseconds mymaster {gone}\nsentinel failover-timeout mymaster 3000\n",
        folder.path().display()
    );
    std::fs::write(&file, text).expect("the temporary folder is writable");
    let arguments = [file.into_os_string(), "--sentinel".into()];
    let programs = ["redis-server", "valkey-server"];
    let process = Process::start("redis-server", &programs, arguments, port, folder.path());
    (process, folder)
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("the temporary folder is writable")
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("redis.sock")
}

fn cli(port: u16, arguments: &[&str]) -> String {
    let port = port.to_string();
    let output = Command::new("redis-cli")
        .args(["-h", "127.0.0.1", "-p", &port])
        .args(arguments)
        .output()
        .expect("redis-cli is not installed: run `apt-get install redis-tools`");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
