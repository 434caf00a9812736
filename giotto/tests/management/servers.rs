//! A command asks the running servers of its application, through their Unix sockets.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use serde_json::Value;
use test_servers::wait_until;

use crate::server::Server;
use crate::{Desk, Ran, testbed};

const MEMORY: [&str; 2] = ["--set", "cache=locmem"];

/// Copies in memory that outlive every test, and calls that no machine under load loses.
const SETTINGS: [&str; 4] = [
    "--set",
    "cache.refill_seconds=3600",
    "--set",
    "cache.deadline_ms=30000",
];

/// Servers of one application that share a folder, and commands that are run there.
struct Servers {
    desk: Desk,
    settings: Vec<String>,
    running: Vec<Server>,
}

impl Servers {
    fn start(number: usize, settings: &[&str]) -> Self {
        let desk = Desk(tempfile::tempdir().unwrap());
        let settings: Vec<_> = settings.iter().map(|one| (*one).to_owned()).collect();
        let mut servers = Self {
            desk,
            settings,
            running: Vec::new(),
        };
        if servers.settings.join(" ").contains("database") {
            servers.says(&["mgt/syncdb"]);
        }
        for _ in 0..number {
            servers.add();
        }
        servers
    }

    /// Four in front of one store, each with a memory of its own.
    fn layered() -> Self {
        let layers = "cache={layers = [\"locmem\", \"database\"]}";
        Self::start(4, &[&["--set", layers], &SETTINGS[..]].concat())
    }

    fn settings(&self) -> Vec<&str> {
        self.settings.iter().map(String::as_str).collect()
    }

    fn add(&mut self) {
        let server = Server::start_in(self.desk.path(), &self.settings());
        self.running.push(server);
    }

    fn processes(&self) -> Vec<u32> {
        let mut processes: Vec<_> = self.running.iter().map(Server::id).collect();
        processes.sort_unstable();
        processes
    }

    fn cmd(&self, words: &[&str]) -> Ran {
        self.desk.with(&self.settings(), words)
    }

    fn says(&self, words: &[&str]) -> String {
        let ran = self.cmd(words);
        assert_eq!(ran.code, Some(0), "{words:?}: {ran:?}");
        ran.stdout
    }

    /// The answer to `words` once all servers have been asked: a machine under load may be late.
    fn json(&self, words: &[&str]) -> Value {
        let mut answer = Value::Null;
        wait_until(&format!("all servers answer {words:?}"), || {
            answer = serde_json::from_str(&self.says(words)).unwrap();
            answer["silent"].as_array().is_none_or(Vec::is_empty)
        });
        answer
    }

    /// What `Cache-Status` says of `target`, of each server.
    fn status(&self, target: &str) -> Vec<String> {
        let replies = self.running.iter().map(|server| server.get(target, ""));
        let status = replies.map(|reply| reply.field("cache-status").unwrap().to_owned());
        status.collect()
    }

    /// Asks every server until each has the page.
    fn fill(&self, target: &str) {
        for server in &self.running {
            wait_until(&format!("{target} is a hit"), || {
                let reply = server.get(target, "");
                reply
                    .field("cache-status")
                    .unwrap()
                    .starts_with("giotto; hit")
            });
        }
    }

    fn are_hits(&self, target: &str) -> bool {
        let status = self.status(target);
        status
            .iter()
            .all(|status| status.starts_with("giotto; hit"))
    }

    /// The directory of the sockets.
    fn directory(&self) -> PathBuf {
        let base = fs::read_dir(self.desk.path()).unwrap().flatten();
        let base = base.map(|file| file.path()).find(|path| is_base(path));
        let mut applications = fs::read_dir(base.unwrap()).unwrap();
        applications.next().unwrap().unwrap().path()
    }

    fn sockets(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.directory()).unwrap().flatten();
        files.map(|file| file.path()).collect()
    }
}

fn is_base(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.starts_with("giotto-")
}

#[test]
fn stats_adds_up_what_the_servers_have_counted() {
    let servers = Servers::layered();
    servers.fill("/stamp?x=1");
    let before = servers.json(&["mgt/cache/stats.json"]);
    for _ in 0..3 {
        assert!(servers.are_hits("/stamp?x=1"));
    }
    let after = servers.json(&["mgt/cache/stats.json"]);
    let hits = |report: &Value| report["counts"]["hits"].as_u64().unwrap();
    assert_eq!(hits(&after) - hits(&before), 4 * 3);
    let of = |name: &str| {
        let processes = after["processes"].as_array().unwrap().iter();
        processes
            .map(|one| one[name].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    let expected: Vec<_> = servers.processes().into_iter().map(u64::from).collect();
    assert_eq!(of("process"), expected);
    assert_eq!(of("hits").iter().sum::<u64>(), hits(&after));
    // The memory of the servers, and not that of the command.
    assert_eq!(
        (&after["layers"][0]["entries"], of("entries")),
        (&4.into(), vec![1; 4])
    );
    assert_eq!(after["layers"][1]["error"], Value::Null);
    let text = servers.says(&["mgt/cache/stats"]);
    assert!(text.contains("the memory of 4 processes"), "{text}");
}

#[test]
fn what_is_made_old_is_old_in_every_server_when_the_command_ends() {
    let servers = Servers::layered();
    let know = "4 processes of this machine know";
    for (words, target) in [
        (
            &["mgt/cache/remove", "stamp.html", "x=1", "--yes"][..],
            "/stamp?x=1",
        ),
        (&["mgt/cache/expire", "stamp.html", "x=1"], "/stamp?x=1"),
        (&["mgt/cache/purge", "program=stamp", "--yes"], "/stamp?x=1"),
        (&["mgt/cache/invalidate", "--all", "--yes"], "/kept?x=1"),
    ] {
        servers.fill(target);
        let old = servers.running[0].get(target, "").body;
        let said = servers.says(words);
        assert!(
            said.contains(know) && said.contains("others"),
            "{words:?}: {said}"
        );
        for server in &servers.running {
            assert_ne!(server.get(target, "").body, old, "{words:?}");
        }
    }
    for words in [
        &["mgt/flush"][..],
        &["mgt/cache/purge", "stamp", "x=1*", "--yes"],
    ] {
        servers.fill("/stamp?x=1");
        let said = servers.says(words);
        assert!(
            said.contains("the memory of 4 processes of this machine"),
            "{said}"
        );
        assert!(
            !servers.status("/stamp?x=1")[0].starts_with("giotto; hit"),
            "{words:?}"
        );
        servers.fill("/stamp?x=1");
    }
}

#[test]
fn explain_tells_what_each_server_has_in_its_memory() {
    let mut servers = Servers::layered();
    let last = servers.running.pop().unwrap();
    servers.fill("/stamp?x=1");
    servers.running.push(last);
    let report = servers.json(&["mgt/cache/explain.json", "stamp.html", "x=1"]);
    let [layer] = report["layers"].as_array().unwrap().as_slice() else {
        panic!("the memory of the command is shown: {report}");
    };
    assert!(
        layer["state"].as_str().unwrap().starts_with("an entry of "),
        "{layer}"
    );
    let processes = report["processes"].as_array().unwrap();
    let memory = |process: &Value| process["layers"][0]["state"].as_str().unwrap().to_owned();
    let has_it = processes
        .iter()
        .filter(|one| memory(one).starts_with("an entry of "));
    // To explain is to look, which fills the memory of the last one.
    assert!(has_it.count() >= 3, "{report}");
    let text = servers.says(&["mgt/cache/explain", "stamp.html", "x=1"]);
    assert_eq!(text.matches("\nprocess ").count(), 4, "{text}");
    assert_eq!(text.matches("a hit: the stored page").count(), 4, "{text}");
}

#[test]
fn a_cache_in_memory_is_that_of_the_server() {
    let servers = Servers::start(1, &MEMORY);
    servers.fill("/stamp.html?x=1");
    let server = &servers.running[0];
    let page = server.get("/stamp.html?x=1", "").text().to_owned();

    let stats = servers.json(&["mgt/cache/stats.json"]);
    assert_eq!(stats["layers"][0]["entries"], 1);
    let text = servers.says(&["mgt/cache/explain", "stamp.html", "x=1"]);
    for part in ["memory     an entry of ", "entry      ", "next       a hit"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let got = servers.cmd(&["mgt/cache/get.txt", "stamp.html", "x=1"]);
    assert_eq!((got.code, got.stdout), (Some(0), page));
    assert!(
        got.stderr
            .starts_with(&format!("process {}: ", server.id())),
        "{}",
        got.stderr
    );
    let got = servers.cmd(&["mgt/cache/get", "stamp.html", "x=2"]);
    assert_eq!(got.code, Some(3), "{got:?}");
    let listed = servers.says(&["mgt/cache/list.ndjson"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        (&listed["program"], &listed["process"]),
        (&"stamp".into(), &server.id().into())
    );

    for (words, part) in [
        (
            &["mgt/cache/expire", "stamp.html", "x=1"][..],
            "expired 1 page",
        ),
        (
            &["mgt/cache/remove", "stamp.html", "x=1", "--yes"],
            "removed 1 page",
        ),
        (
            &["mgt/cache/invalidate", "program=stamp", "--yes"],
            "1 process of this machine knows",
        ),
        (
            &["mgt/cache/purge", "--all", "--yes"],
            "1 process of this machine knows",
        ),
        (&["mgt/cache/purge", "stamp", "x=1*", "--yes"], "1 page"),
        (&["mgt/flush"], "in 1 process of this machine"),
    ] {
        servers.fill("/stamp.html?x=1");
        let said = servers.says(words);
        assert!(said.contains(part), "{words:?}: {said}");
        assert!(!servers.are_hits("/stamp.html?x=1"), "{words:?}");
    }
    let counted = servers.says(&["mgt/cache/purge", "stamp", "x=1*", "--dry-run"]);
    assert!(counted.contains("would purge"), "{counted}");
    let warmed = servers.says(&["mgt/cache/warm", "squared.html", "x=1..3"]);
    assert!(warmed.contains("computed        3"), "{warmed}");
    assert!(servers.are_hits("/squared.html?x=2"));
    // What one server refuses, the command refuses.
    let refused = servers.cmd(&["mgt/cache/purge", "tag=nowhere", "--yes"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

#[test]
fn without_a_server_a_cache_in_memory_is_an_error_that_names_the_remedy() {
    let servers = Servers::start(0, &MEMORY);
    for words in [
        &["mgt/cache/stats"][..],
        &["mgt/cache/top"],
        &["mgt/cache/list"],
        &["mgt/cache/get", "squared", "x=1"],
        &["mgt/cache/explain", "squared", "x=1"],
        &["mgt/cache/purge", "--all", "--yes"],
        &["mgt/cache/expire", "squared", "x=1"],
        &["mgt/cache/warm", "squared", "x=1"],
        &["mgt/flush"],
        &["mgt/log", "level=debug"],
        &["mgt/drain", "--yes"],
    ] {
        let ran = servers.cmd(words);
        assert_eq!(ran.code, Some(1), "{words:?}: {ran:?}");
        for part in ["no server of this application runs here", "admin.socket"] {
            assert!(ran.stderr.contains(part), "{words:?}: {ran:?}");
        }
    }
    let off = [&MEMORY[..], &["--set", "admin.socket=off"]].concat();
    let ran = servers.desk.with(&off, &["mgt/cache/stats"]);
    assert!(ran.stderr.contains("admin.socket = \"off\""), "{ran:?}");
}

#[test]
fn a_server_that_was_killed_or_is_stopped_is_told_from_one_that_runs() {
    let mut servers = Servers::start(3, &MEMORY);
    let [killed, stopped] = [0, 1].map(|at| servers.running[at].id());
    servers.running.remove(0).kill();
    servers.running[0].signal("STOP");
    // What else is there is neither asked nor touched.
    let directory = servers.directory();
    fs::write(directory.join("1-1.sock"), "no socket").unwrap();
    fs::create_dir(directory.join("2-2.sock")).unwrap();
    let left = format!("{killed}-");
    let has_left = |servers: &Servers| {
        let sockets = servers.sockets();
        sockets.iter().any(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(&left)
        })
    };
    assert!(has_left(&servers));
    let ran = servers.cmd(&["mgt/cache/purge", "--all", "--yes"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let silent = format!("process {stopped}: silent for 2 s");
    assert!(ran.stderr.contains(&silent), "{ran:?}");
    assert!(!has_left(&servers));
    assert!(directory.join("1-1.sock").exists());
    servers.running[0].signal("CONT");
    let report = servers.json(&["mgt/cache/stats.json"]);
    assert_eq!(report["processes"].as_array().unwrap().len(), 2);
    // The sockets of servers that end are gone.
    for server in servers.running.drain(..) {
        server.terminate();
        assert_eq!(server.end().0.code(), Some(0));
    }
    assert_eq!(servers.sockets().len(), 2);
}

#[test]
fn only_the_user_of_a_server_reaches_its_socket() {
    let servers = Servers::start(1, &MEMORY);
    let directory = servers.directory();
    for path in [directory.parent().unwrap(), &directory] {
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o700, "{path:?}");
    }
    let [socket] = servers.sockets().try_into().unwrap();
    assert_eq!(socket.metadata().unwrap().mode() & 0o777, 0o600);

    // A directory that others may write to is not used, by the server and by the command.
    let open = tempfile::tempdir().unwrap();
    let base = directory.parent().unwrap().file_name().unwrap();
    fs::create_dir(open.path().join(base)).unwrap();
    fs::set_permissions(open.path().join(base), Permissions::from_mode(0o777)).unwrap();
    let server = Server::start_in(open.path(), &MEMORY);
    server.until_logged("no management socket");
    server.until_logged("is not a directory of this user alone");
    assert_eq!(server.get("/squared?x=2", "").status, 200);
}

#[test]
fn the_configuration_says_where_the_socket_is_or_that_there_is_none() {
    let servers = Servers::start(0, &MEMORY);
    let path = servers.desk.path();
    let start =
        |setting: &str| Server::start_in(path, &[&MEMORY[..], &["--set", setting]].concat());
    let stats = |setting: &str| {
        let settings = [&MEMORY[..], &["--set", setting]].concat();
        servers.desk.with(&settings, &["mgt/cache/stats"])
    };
    let named = start("admin.socket=run/sockets");
    assert_eq!(fs::read_dir(path.join("run/sockets")).unwrap().count(), 1);
    assert_eq!(stats("admin.socket=run/sockets").code, Some(0));
    assert_eq!(servers.cmd(&["mgt/cache/stats"]).code, Some(1));
    let off = start("admin.socket=off");
    assert_eq!(off.get("/squared?x=2", "").status, 200);
    assert!(
        !fs::read_dir(path)
            .unwrap()
            .flatten()
            .any(|file| is_base(&file.path()))
    );
    // A path that cannot be a socket's is a warning.
    fs::write(path.join("file"), "").unwrap();
    let long = format!("admin.socket=run/{}", "long/".repeat(30));
    for setting in ["admin.socket=file", &*long] {
        let server = start(setting);
        server.until_logged("no management socket");
        server.until_logged("admin.socket");
        assert_eq!(server.get("/squared?x=2", "").status, 200);
    }
    let wrong = servers
        .desk
        .with(&["--set", "admin.socket="], &["squared", "x=1"]);
    assert!(
        wrong.stderr.contains("the path of a directory, or \"off\""),
        "{wrong:?}"
    );
    drop(named);
}

#[test]
fn a_server_with_another_cache_is_not_asked() {
    let servers = Servers::start(1, &MEMORY);
    servers.fill("/stamp?x=1");
    let other = ["--set", "cache=database"];
    let ran = servers.desk.with(&other, &["mgt/syncdb"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    servers
        .desk
        .with(&other, &["mgt/cache/purge", "--all", "--yes"]);
    assert!(servers.are_hits("/stamp?x=1"));
    let ran = servers.desk.with(&other, &["mgt/cache/stats"]);
    assert!(
        ran.stdout.contains("has another cache than the command"),
        "{ran:?}"
    );
    // Nor one with another configuration.
    fs::write(
        servers.desk.path().join("other.toml"),
        "cache = \"locmem\"\n",
    )
    .unwrap();
    let ran = servers.desk.with(
        &["--config", "other.toml"],
        &["mgt/cache/purge", "--all", "--yes"],
    );
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(servers.are_hits("/stamp?x=1"));
}

#[test]
fn servers_are_steered() {
    let servers = Servers::start(2, &MEMORY);
    let said = servers.says(&["mgt/log", "level=debug"]);
    assert_eq!(
        said,
        "the log level is debug in 2 processes of this machine\n"
    );
    servers.running[0].until_logged("log level changed by an operator level=DEBUG");
    servers.says(&["mgt/log", "level=error"]);
    let refused = servers.cmd(&["mgt/log", "level=loud"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");

    let asks = servers.cmd(&["mgt/drain"]);
    assert_eq!(asks.code, Some(2), "{asks:?}");
    assert!(asks.stderr.contains("all running servers"), "{asks:?}");
    let [first, second] = servers.running.try_into().unwrap();
    let process = format!("process={}", first.id());
    let drain = |words: &[&str]| {
        servers
            .desk
            .with(&MEMORY, &[&["mgt/drain", "--yes"], words].concat())
    };
    assert_eq!(drain(&[&process]).code, Some(0));
    assert_eq!(first.end().0.code(), Some(0));
    assert_eq!(second.get("/squared?x=2", "").status, 200);
    assert_eq!(drain(&[]).code, Some(0));
    assert_eq!(second.end().0.code(), Some(0));
}

#[test]
fn top_adds_up_programs_and_watches_them() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let servers = Servers::start(2, &MEMORY);
    servers.fill("/stamp?x=1");
    servers.fill("/squared?x=1");
    let report = servers.json(&["mgt/cache/top.json", "by=hits"]);
    let programs = report["programs"].as_array().unwrap();
    let stamp = programs
        .iter()
        .find(|one| one["program"] == "stamp")
        .unwrap();
    assert_eq!(stamp["counts"]["computed"], 2);
    assert!(stamp["counts"]["hits"].as_u64() >= Some(2), "{stamp}");
    let text = servers.says(&["mgt/cache/top", "limit=1"]);
    assert!(
        text.contains("1 more programs") && text.contains("last minute"),
        "{text}"
    );
    let refused = servers.cmd(&["mgt/cache/top", "by=size"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");

    let mut watch = testbed::command(servers.desk.path());
    watch
        .arg("cmd")
        .args(MEMORY)
        .args(["mgt/cache/top", "--watch"]);
    let mut watch = watch.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(watch.stdout.take().unwrap()).lines().take(2);
    for line in lines {
        let report: Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert!(report["programs"].is_array(), "{report}");
    }
    watch.kill().unwrap();
    watch.wait().unwrap();
}

#[test]
fn list_adds_up_the_hits_of_each_page_once_an_operator_has_asked() {
    let servers = Servers::layered();
    for x in 1..=3 {
        servers.fill(&format!("/stamp?x={x}"));
    }
    // Nothing was counted before the first question.
    let first = servers.json(&["mgt/cache/list.json", "stamp"]);
    assert_eq!(first["entries"].as_array().unwrap().len(), 3, "{first}");
    assert_eq!(first["entries"][0]["hits"], Value::Null, "{first}");
    assert_eq!(first["hits"]["counted_for_ms"], 0, "{first}");
    let expected: Vec<_> = servers.processes().into_iter().map(u64::from).collect();
    assert_eq!(first["hits"]["processes"], Value::from(expected));
    for (x, rounds) in [(1, 1), (2, 3)] {
        for _ in 0..rounds {
            assert!(servers.are_hits(&format!("/stamp?x={x}")));
        }
    }
    let hits = |words: &[&str]| {
        let report = servers.json(&[&["mgt/cache/list.json"], words].concat());
        assert!(
            report["hits"]["counted_for_ms"].as_u64() > Some(0),
            "{report}"
        );
        let entries = report["entries"].as_array().unwrap().iter();
        let of = |entry: &Value| {
            let arguments = entry["arguments"].as_str().unwrap().to_owned();
            (arguments, entry["hits"].as_u64().unwrap())
        };
        entries.map(of).collect::<Vec<_>>()
    };
    let page = |x: u8, hits: u64| (format!("{{'x': {x}}}"), hits);
    assert_eq!(
        hits(&["stamp", "--sort=key"]),
        [page(1, 4), page(2, 12), page(3, 0)]
    );
    // By hits, the store is not gone through: only what had some is found.
    assert_eq!(hits(&["--sort=hits"]), [page(2, 12), page(1, 4)]);
    assert_eq!(hits(&["--sort=hits", "--limit=1"]), [page(2, 12)]);
    assert_eq!(hits(&["stamp", "x=1*", "--sort=hits"]), [page(1, 4)]);
    assert_eq!(hits(&["squared", "--sort=hits"]), []);
    assert_eq!(hits(&["--sort=hits", "--state=stale"]), []);
    let text = servers.says(&["mgt/cache/list", "--sort=hits"]);
    for part in [
        "hits  page",
        "  12    stamp",
        "the first 2 pages by hits",
        "in 4 processes",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let lines = servers.says(&["mgt/cache/list.ndjson", "--sort=hits"]);
    let line: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(line["hits"], 12, "{lines}");
    let refused = servers.cmd(&["mgt/cache/list", "--sort=hits", "--after=0~"]);
    assert!(refused.stderr.contains("raise limit"), "{refused:?}");
}

#[test]
fn list_counts_the_hits_of_each_memory_apart_and_is_watched() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let servers = Servers::start(2, &MEMORY);
    servers.fill("/stamp?x=1");
    let mut watch = testbed::command(servers.desk.path());
    watch
        .arg("cmd")
        .args(MEMORY)
        .args(["mgt/cache/list", "--sort=hits", "--watch"]);
    let mut watch = watch.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = || {
        let line = lines.next().unwrap().unwrap();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    let begun = next();
    assert_eq!(begun["processes"][0]["entries"], Value::from(vec![0; 0]));
    servers.running[0].get("/stamp?x=1", "");
    let of_first = |report: &Value| {
        let processes = report["processes"].as_array().unwrap().clone();
        let [first, second] = [0, 1].map(|at| {
            let id = servers.running[at].id();
            let process = processes.iter().find(|one| one["process"] == id).unwrap();
            process["entries"].clone()
        });
        assert_eq!(second, Value::from(vec![0; 0]), "{report}");
        first[0]["hits"].as_u64()
    };
    let mut seen = of_first(&next());
    while seen.is_none() {
        seen = of_first(&next());
    }
    assert_eq!(seen, Some(1));
    watch.kill().unwrap();
    watch.wait().unwrap();
}

/// Stands for a server that hangs, and for what another program may answer.
#[test]
fn whatever_a_socket_answers_is_bounded_and_named() {
    use std::io::{Read, Write};

    let servers = Servers::start(1, &MEMORY);
    let listener = UnixListener::bind(servers.directory().join("7-7.sock")).unwrap();
    let answers = std::thread::spawn(move || {
        for answer in [
            "",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
            "\x00garbage\r\n\r\n",
        ] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    for _ in 0..3 {
        let ran = servers.cmd(&["mgt/cache/stats"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stdout.contains("process 7: "), "{ran:?}");
    }
    answers.join().unwrap();
}

#[cfg(feature = "redis")]
#[test]
fn four_servers_in_front_of_redis_know_at_once() {
    let redis = test_servers::Redis::start();
    let url = format!("redis://127.0.0.1:{}", redis.process.port());
    let layers = format!("cache={{layers = [\"locmem\", \"{url}\"]}}");
    let servers = Servers::start(4, &[&["--set", &*layers], &SETTINGS[..]].concat());
    for words in [
        &["mgt/cache/remove", "stamp.html", "x=1", "--yes"][..],
        &["mgt/cache/purge", "program=stamp", "--yes"],
    ] {
        servers.fill("/stamp?x=1");
        let said = servers.says(words);
        assert!(said.contains("4 processes of this machine know"), "{said}");
        assert!(
            !servers.status("/stamp?x=1")[0].starts_with("giotto; hit"),
            "{words:?}"
        );
    }
    let report = servers.json(&["mgt/cache/stats.json"]);
    assert_eq!(report["processes"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn an_application_with_a_server_of_its_own_opens_the_socket_itself() {
    let folder = tempfile::tempdir().unwrap();
    let sockets = folder.path().join("sockets");
    let file = folder.path().join("own.toml");
    fs::write(&file, format!("[admin]\nsocket = {sockets:?}\n")).unwrap();
    let (app, _) = crate::tagged(giotto::cache::Cache::new(
        giotto::cache::LocMemKeyValue::new(),
    ));
    let app = app.configured_with(["--config".into(), file.into_os_string()]);
    let app = app.unwrap();
    let socket = app.serve_management().await.unwrap();
    let path = || {
        fs::read_dir(&sockets)
            .unwrap()
            .flatten()
            .map(|file| file.path())
            .next()
    };
    let place = path().unwrap();
    for (program, body, part) in [
        ("process/figures", "{}", "\"hits\":0"),
        (
            "process/log",
            "{\"level\":\"debug\"}",
            "writes its log lines itself",
        ),
        (
            "cache/purge",
            "{\"all\":true,\"yes\":true}",
            "\"is_hard\":true",
        ),
        ("process/drain", "{}", &*std::process::id().to_string()),
    ] {
        let said = asked(&place, program, body).await;
        assert!(said.contains(part), "{program}: {said}");
    }
    socket.drain_requested().await;
    socket.close().await;
    assert_eq!(path(), None);
}

/// What is answered on the socket at `path`.
async fn asked(path: &Path, program: &str, body: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut stream = tokio::net::UnixStream::connect(path).await.unwrap();
    let request = format!(
        "POST /{program} HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[test]
fn advise_adds_up_the_servers_and_doctor_finds_their_memories() {
    let servers = Servers::start(2, &MEMORY);
    for server in &servers.running {
        for _ in 0..3 {
            server.get("/squared?x=1", "");
        }
    }
    let advised = servers.json(&["mgt/cache/advise.json"]);
    let programs = advised["programs"].as_array().unwrap();
    let squared = programs.iter().find(|one| one["program"] == "squared");
    let squared = squared.unwrap_or_else(|| panic!("{advised}"));
    assert_eq!(squared["lookups"], 6, "{advised}");
    assert_eq!(advised["processes"].as_array().unwrap().len(), 2);
    let ran = servers.cmd(&["mgt/cache/doctor"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let found = "memory-of-each  2 servers of this application run here";
    assert!(ran.stdout.contains(found), "{ran:?}");

    // With one, nothing is wrong.
    let servers = Servers::start(1, &MEMORY);
    let ran = servers.cmd(&["mgt/cache/doctor"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // Without a server there is nothing to judge by.
    let servers = Servers::start(0, &MEMORY);
    let text = servers.says(&["mgt/cache/advise"]);
    assert!(
        text.contains("there are no counters: no server of this application runs here"),
        "{text}"
    );
}
