//! One program eats the memory of the store.

use super::said::{Result, ensure};
use super::scene::Scene;

pub(crate) fn play(scene: &Scene) -> Result<()> {
    for number in 0..100 {
        scene.get(0, &format!("/catalogue?number={number}"))?;
    }
    scene.get(0, "/price?sku=apple")?;
    // Found: the largest pages are all of one program.
    let said = scene.cmd("mgt/cache/list --sort=bytes --limit=3")?;
    said.is_done()?.has(&["catalogue {'number': "])?;
    // Ended: they are never served again, and their memory is free.
    let said = scene.cmd("mgt/cache/purge program=catalogue --reclaim --yes")?;
    said.is_done()?;
    scene
        .cmd("mgt/cache/list catalogue")?
        .has(&["no such page"])?;
    if let Some(keys) = scene.keys() {
        ensure(keys < 10, format!("{keys} keys are left"))?;
    }
    scene.look(0, "/price?sku=apple")?.has(&["giotto; hit"])?;
    Ok(())
}
