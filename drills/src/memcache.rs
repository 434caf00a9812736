//! What can go wrong with Memcached: with the only server, or with one of three.

use std::path::Path;

use test_servers::Memcached;
use tokio::runtime::Handle;

use crate::drill::{Drill, Promise, Stage, Step};
use crate::proxy::{Mode, Proxy};

const ANSWERS: Promise = Promise::ANSWERS;
const DEAD: Promise = Promise::DEAD;
const HUNG: Promise = Promise::HUNG;

pub(crate) const DRILLS: [Drill; 7] = [
    Drill {
        name: "memcache-clients-leave",
        stage: nothing_fails,
        promise: ANSWERS.while_clients_leave(),
    },
    Drill {
        name: "memcache-killed",
        stage: killed,
        promise: DEAD,
    },
    Drill {
        name: "memcache-stopped",
        stage: stopped,
        promise: HUNG,
    },
    Drill {
        name: "memcache-black-hole",
        stage: |runtime, _| behind_proxy(runtime, Mode::Swallow),
        promise: HUNG,
    },
    Drill {
        name: "memcache-lies",
        stage: |runtime, _| behind_proxy(runtime, Mode::Lie),
        promise: Promise::LIES,
    },
    Drill {
        name: "memcache-one-of-three-killed",
        stage: one_of_three_killed,
        promise: DEAD.keeps_hits(0.5),
    },
    Drill {
        name: "memcache-one-of-three-stopped",
        stage: one_of_three_stopped,
        promise: HUNG.keeps_hits(0.5),
    },
];

fn url<'h>(hosts: impl IntoIterator<Item = &'h Memcached>) -> String {
    let hosts: Vec<_> = hosts.into_iter().map(Memcached::host).collect();
    format!("memcache://{}", hosts.join(","))
}

fn nothing_fails(_: &Handle, _: &Path) -> Stage {
    let server = Memcached::start();
    let url = url([&server]);
    Stage::new(url, server, |server, _| {
        assert!(server.ask("version").starts_with("VERSION"));
    })
}

fn killed(_: &Handle, _: &Path) -> Stage {
    let server = Memcached::start();
    let url = url([&server]);
    Stage::new(url, server, |server, step| match step {
        Step::Fail => server.process.kill(),
        Step::Heal => server.process.restart(),
    })
}

fn stopped(_: &Handle, _: &Path) -> Stage {
    let server = Memcached::start();
    let url = url([&server]);
    Stage::new(url, server, |server, step| match step {
        Step::Fail => server.process.freeze(),
        Step::Heal => server.process.thaw(),
    })
}

fn behind_proxy(runtime: &Handle, fault: Mode) -> Stage {
    let server = Memcached::start();
    let proxy = Proxy::start(runtime, server.process.port(), Mode::Forward);
    let url = format!("memcache://127.0.0.1:{}", proxy.port());
    Stage::new(
        url,
        (server, proxy),
        move |(server, proxy), step| match step {
            Step::Fail => proxy.set(fault),
            Step::Heal => {
                proxy.set(Mode::Forward);
                assert!(server.ask("version").starts_with("VERSION"));
            }
        },
    )
}

fn one_of_three_killed(_: &Handle, _: &Path) -> Stage {
    let servers = Memcached::start_three();
    let url = url(&servers);
    Stage::new(url, servers, |servers, step| match step {
        Step::Fail => servers[0].process.kill(),
        Step::Heal => servers[0].process.restart(),
    })
}

fn one_of_three_stopped(_: &Handle, _: &Path) -> Stage {
    let servers = Memcached::start_three();
    let url = url(&servers);
    Stage::new(url, servers, |servers, step| match step {
        Step::Fail => servers[0].process.freeze(),
        Step::Heal => servers[0].process.thaw(),
    })
}
