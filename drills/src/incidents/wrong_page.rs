//! A page was published with a mistake: it must go now, everywhere.

use super::scene::{Result, Scene, Store, ensure};

pub(crate) fn play(scene: &Scene) -> Result<()> {
    scene.write("apple", "0.01")?;
    scene.get_all("/price?sku=apple")?;
    scene.write("apple", "1.20")?;
    if scene.store == Store::Memory {
        return Ok(());
    }
    // Found:
    scene
        .cmd("mgt/cache/get price.html apple")?
        .has(&["0.01"])?;
    // Ended:
    scene
        .cmd("mgt/cache/purge tag=price:apple --yes")?
        .is_done()?;
    let bodies = scene.bodies("/price?sku=apple")?;
    ensure(
        bodies.iter().all(|body| body == "apple costs 1.20"),
        format!("{bodies:?}"),
    )
}
