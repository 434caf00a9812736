//! The store is full and refuses new pages: they are computed for every request.

use test_servers::wait_until;

use super::programs::LARGE;
use super::said::{Result, ensure};
use super::scene::Scene;
use crate::client::Reply;

const PATH: &str = "/catalogue?number=1000001";

pub(crate) fn play(scene: &Scene) -> Result<()> {
    let redis = scene.redis();
    let config = |setting: &str, value: &str| redis.cli(&["config", "set", setting, value]);
    config("maxmemory-policy", "noeviction");
    config("maxmemory", "4mb");
    for number in 0..(8 << 20) / LARGE {
        scene.get(0, &format!("/catalogue?number={number}"))?;
    }
    // Found: the counters say how many pages were refused, and the store says why.
    let said = scene.cmd("mgt/cache/stats")?;
    said.has(&["maxmemory-policy is noeviction", "store_failed"])?;
    let refused = said.line("store_failed")?;
    ensure(refused != "0", "no page was refused")?;
    scene
        .cmd("mgt/cache/doctor")?
        .has(&["noeviction", "allkeys-lru"])?;
    // Ended: from now on the store evicts what is not read.
    scene
        .redis_cli("config set maxmemory-policy allkeys-lru")
        .has(&["OK"])?;
    wait_until("new pages are stored again", || {
        let replies = scene.get_all(PATH);
        replies.is_ok_and(|replies| replies.iter().all(Reply::is_fresh_hit))
    });
    scene.look(0, PATH)?.has(&["giotto; hit"])?;
    Ok(())
}
