//! One of four servers shows an old page: it was started with a cache of its own.

use super::scene::{Result, Scene, ensure};

pub(crate) fn play(scene: &Scene) -> Result<()> {
    // A variable that was left over from a test.
    scene.restart(3, &[("GIOTTO_CACHE", "locmem")])?;
    scene.get_all("/price?sku=apple")?;
    scene.write("apple", "1.30")?;
    scene
        .cmd("mgt/cache/invalidate tag=price:apple --yes")?
        .is_done()?;
    let bodies = scene.bodies("/price?sku=apple")?;
    ensure(
        bodies[3] == "apple costs 1.20",
        format!("the page is not stale: {bodies:?}"),
    )?;
    // Found:
    scene.look(0, "/price?sku=apple")?.has(&["ttl="])?;
    scene.look(3, "/price?sku=apple")?.has(&["giotto; hit"])?;
    // Ended:
    scene.restart(3, &[])?;
    let bodies = scene.bodies("/price?sku=apple")?;
    ensure(
        bodies.iter().all(|body| body == "apple costs 1.30"),
        format!("{bodies:?}"),
    )
}
