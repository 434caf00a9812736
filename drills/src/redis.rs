//! What can go wrong with Redis: one server, a master with its sentinels, a cluster.

use std::path::Path;
use std::time::Duration;

use test_servers::{Redis, RedisCluster, RedisSentinel, free_port, wait_until};
use tokio::runtime::Handle;

use crate::drill::{Drill, Promise, Stage, Step};
use crate::proxy::{Mode, Proxy};

const ANSWERS: Promise = Promise::ANSWERS;
const DEAD: Promise = Promise::DEAD;
const HUNG: Promise = Promise::HUNG;

/// A master that is gone for so long is replaced.
const GONE: Duration = Duration::from_secs(1);

pub(crate) const DRILLS: [Drill; 17] = [
    Drill {
        name: "redis-nothing-fails",
        stage: nothing_fails,
        promise: ANSWERS,
    },
    Drill {
        name: "redis-clients-leave",
        stage: nothing_fails,
        promise: ANSWERS.while_clients_leave(),
    },
    Drill {
        name: "redis-killed",
        stage: killed,
        promise: DEAD,
    },
    Drill {
        name: "redis-stopped",
        stage: stopped,
        promise: HUNG,
    },
    Drill {
        name: "redis-refuses-from-the-start",
        stage: refuses,
        promise: DEAD.failed_from_the_start(),
    },
    Drill {
        name: "redis-black-hole",
        stage: |runtime, _| behind_proxy(runtime, Mode::Forward, Mode::Swallow),
        promise: HUNG,
    },
    Drill {
        name: "redis-black-hole-from-start",
        stage: |runtime, _| behind_proxy(runtime, Mode::Swallow, Mode::Swallow),
        promise: HUNG.failed_from_the_start(),
    },
    Drill {
        name: "redis-lies",
        stage: |runtime, _| behind_proxy(runtime, Mode::Forward, Mode::Lie),
        promise: Promise::LIES,
    },
    Drill {
        name: "redis-corrupted",
        stage: |_, _| tampered(CORRUPT),
        promise: ANSWERS.keeps_hits(0.9).unaided(),
    },
    Drill {
        name: "redis-wrong-type",
        stage: |_, _| tampered(LISTS),
        promise: ANSWERS.keeps_hits(0.9).unaided(),
    },
    Drill {
        name: "redis-out-of-memory",
        stage: out_of_memory,
        promise: ANSWERS,
    },
    Drill {
        name: "redis-read-only",
        stage: read_only,
        promise: ANSWERS,
    },
    Drill {
        name: "sentinel-failover",
        stage: sentinel_failover,
        promise: DEAD.unaided().back_within(5),
    },
    Drill {
        name: "sentinel-master-stopped",
        stage: sentinel_master_stopped,
        promise: HUNG.unaided().back_within(5),
    },
    Drill {
        name: "cluster-master-killed",
        stage: cluster_master_killed,
        promise: DEAD.keeps_hits(0.5),
    },
    Drill {
        name: "cluster-master-stopped",
        stage: cluster_master_stopped,
        promise: HUNG.keeps_hits(0.5),
    },
    Drill {
        name: "cluster-failover",
        stage: cluster_failover,
        promise: DEAD.keeps_hits(0.5),
    },
];

/// A third of the values have bytes changed, a third are cut off, a third are those of another page.
const CORRUPT: &str = "local keys = redis.call('keys', '*')
    for i, key in ipairs(keys) do
        if i % 3 == 0 then redis.call('setrange', key, 7 * i, '????')
        elseif i % 3 == 1 then redis.call('set', key, redis.call('getrange', key, 0, 7 * i))
        else redis.call('set', key, redis.call('get', keys[i % #keys + 1])) end
    end";

const LISTS: &str = "for _, key in ipairs(redis.call('keys', '*')) do
        redis.call('del', key)
        redis.call('rpush', key, 'a', 'b')
    end";

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

fn nothing_fails(_: &Handle, _: &Path) -> Stage {
    let redis = Redis::start();
    let url = url(redis.port());
    Stage::new(url, redis, |redis, _| {
        assert!(redis.cli(&["ping"]).contains("PONG"));
    })
}

fn killed(_: &Handle, _: &Path) -> Stage {
    let redis = Redis::start();
    let url = url(redis.port());
    Stage::new(url, redis, |redis, step| match step {
        Step::Fail => redis.process.kill(),
        Step::Heal => redis.process.restart(),
    })
}

fn stopped(_: &Handle, _: &Path) -> Stage {
    let redis = Redis::start();
    let url = url(redis.port());
    Stage::new(url, redis, |redis, step| match step {
        Step::Fail => redis.process.freeze(),
        Step::Heal => redis.process.thaw(),
    })
}

fn refuses(_: &Handle, _: &Path) -> Stage {
    let port = free_port();
    Stage::new(url(port), None, move |redis, step| {
        if step == Step::Heal {
            let redis = redis.insert(Redis::start_on(port, &[]));
            assert!(redis.cli(&["ping"]).contains("PONG"));
        }
    })
}

fn behind_proxy(runtime: &Handle, first: Mode, fault: Mode) -> Stage {
    let redis = Redis::start();
    let proxy = Proxy::start(runtime, redis.port(), first);
    let url = url(proxy.port());
    Stage::new(
        url,
        (redis, proxy),
        move |(redis, proxy), step| match step {
            Step::Fail => proxy.set(fault),
            Step::Heal => {
                proxy.set(Mode::Forward);
                assert!(redis.cli(&["ping"]).contains("PONG"));
            }
        },
    )
}

/// The values are changed once; nobody repairs them.
fn tampered(script: &'static str) -> Stage {
    let redis = Redis::start();
    let url = url(redis.port());
    Stage::new(url, redis, move |redis, step| {
        if step == Step::Fail {
            let said = redis.cli(&["eval", script, "0"]);
            assert!(!said.contains("ERR"), "{said}");
        }
    })
}

fn out_of_memory(_: &Handle, _: &Path) -> Stage {
    let redis = Redis::start();
    let url = url(redis.port());
    Stage::new(url, redis, |redis, step| {
        let memory = match step {
            Step::Fail => "1",
            Step::Heal => "0",
        };
        redis.cli(&["config", "set", "maxmemory-policy", "noeviction"]);
        redis.cli(&["config", "set", "maxmemory", memory]);
        let refuses = redis.cli(&["set", "probe", "1"]).contains("OOM");
        assert_eq!(refuses, step == Step::Fail);
    })
}

fn read_only(_: &Handle, _: &Path) -> Stage {
    let redis = Redis::start();
    let nobody = free_port().to_string();
    let url = url(redis.port());
    Stage::new(url, redis, move |redis, step| {
        match step {
            Step::Fail => redis.cli(&["replicaof", "127.0.0.1", &nobody]),
            Step::Heal => redis.cli(&["replicaof", "no", "one"]),
        };
        let refuses = redis.cli(&["set", "probe", "1"]).contains("READONLY");
        assert_eq!(refuses, step == Step::Fail);
    })
}

fn sentinel_url(servers: &RedisSentinel) -> String {
    format!(
        "redis+sentinel://{}/mymaster",
        servers.addresses().join(",")
    )
}

fn sentinel_failover(_: &Handle, _: &Path) -> Stage {
    let servers = RedisSentinel::start(GONE);
    let url = sentinel_url(&servers);
    Stage::new(url, servers, |servers, step| {
        if step == Step::Fail {
            servers.master.process.kill();
        }
    })
}

/// The old master comes back after it was replaced, and does not know of it at first.
fn sentinel_master_stopped(_: &Handle, _: &Path) -> Stage {
    let servers = RedisSentinel::start(GONE);
    let url = sentinel_url(&servers);
    Stage::new(url, servers, |servers, step| match step {
        Step::Fail => servers.master.process.freeze(),
        Step::Heal => servers.master.process.thaw(),
    })
}

fn cluster_url(cluster: &RedisCluster) -> String {
    format!("redis+cluster://{}", cluster.addresses().join(","))
}

fn cluster_master_killed(_: &Handle, _: &Path) -> Stage {
    let cluster = RedisCluster::start(0, GONE);
    let url = cluster_url(&cluster);
    Stage::new(url, cluster, |cluster, step| match step {
        Step::Fail => cluster.nodes[0].process.kill(),
        Step::Heal => {
            cluster.nodes[0].process.restart();
            wait_until_it_serves(cluster);
        }
    })
}

fn cluster_master_stopped(_: &Handle, _: &Path) -> Stage {
    let cluster = RedisCluster::start(0, GONE);
    let url = cluster_url(&cluster);
    Stage::new(url, cluster, |cluster, step| match step {
        Step::Fail => cluster.nodes[0].process.freeze(),
        Step::Heal => {
            cluster.nodes[0].process.thaw();
            wait_until_it_serves(cluster);
        }
    })
}

/// A master that was away answers with CLUSTERDOWN for some seconds.
fn wait_until_it_serves(cluster: &RedisCluster) {
    wait_until("the cluster is whole again", || {
        let info = cluster.nodes[0].cli(&["cluster", "info"]);
        info.contains("cluster_state:ok")
    });
}

/// The replica takes the place of its master a second or two later.
fn cluster_failover(_: &Handle, _: &Path) -> Stage {
    let cluster = RedisCluster::start(1, GONE);
    let url = cluster_url(&cluster);
    Stage::new(url, cluster, |cluster, step| match step {
        Step::Fail => cluster.nodes[0].process.kill(),
        Step::Heal => wait_until("a replica has become a master", || {
            let mut replicas = cluster.nodes[3..].iter();
            replicas.any(|node| node.cli(&["role"]).starts_with("master"))
        }),
    })
}
