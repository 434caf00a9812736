//! A server has its cache in its memory: the commands ask the server itself.

use super::said::{Result, ensure};
use super::scene::Scene;

const PATH: &str = "/price?sku=apple";

pub(crate) fn play(scene: &Scene) -> Result<()> {
    scene.get(0, PATH)?;
    scene.get(0, PATH)?;
    scene.write("apple", "1.30")?;
    // Found: what is in its memory, and what it has counted.
    scene.cmd("mgt/cache/stats")?.has(&["hits"])?;
    scene
        .cmd("mgt/cache/explain price.html apple")?
        .has(&["a hit: the stored page"])?;
    // Ended:
    scene.cmd("mgt/cache/expire price apple")?.is_done()?;
    let body = scene.get(0, PATH)?.body;
    ensure(body == "apple costs 1.30", format!("the page is {body:?}"))?;
    scene.cmd("mgt/flush")?.is_done()?;
    scene.look(0, PATH)?.has(&["fwd=uri-miss"])?;
    Ok(())
}
