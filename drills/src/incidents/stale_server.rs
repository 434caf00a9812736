//! One of four servers shows an old page: it was started with a cache of its own.

use super::said::{Result, ensure};
use super::scene::Scene;

const PATH: &str = "/price?sku=apple";

pub(crate) fn play(scene: &Scene) -> Result<()> {
    // A variable that was left over from a test.
    scene.restart(3, &[("GIOTTO_CACHE", "locmem")])?;
    scene.get_all(PATH)?;
    scene.write("apple", "1.30")?;
    scene
        .cmd("mgt/cache/invalidate tag=price:apple --yes")?
        .is_done()?;
    let bodies = scene.bodies(PATH)?;
    let is_old = bodies[3] == "apple costs 1.20" && bodies[0] == "apple costs 1.30";
    ensure(
        is_old,
        format!("it is not the last one that is stale: {bodies:?}"),
    )?;
    // Found:
    let odd = scene.process(3);
    scene
        .cmd("mgt/cache/stats")?
        .has(&[&format!("process {odd}: this process has another cache")])?;
    scene.look(3, PATH)?.has(&["giotto; hit"])?;
    // Ended:
    scene.restart(3, &[])?;
    let bodies = scene.bodies(PATH)?;
    ensure(
        bodies.iter().all(|body| body == "apple costs 1.30"),
        format!("{bodies:?}"),
    )?;
    let said = scene.cmd("mgt/cache/stats")?;
    ensure(
        !said.text.contains("no answer"),
        "a server still has another cache",
    )
}
