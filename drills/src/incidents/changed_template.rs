//! A template was changed, and readers get the old look: a stored page does not change with what shows it.

use super::scene::{Result, Scene, Store, ensure};

pub(crate) fn play(scene: &Scene) -> Result<()> {
    scene.get_all("/banner")?;
    scene.write("banner", "Summer sale")?;
    let bodies = scene.bodies("/banner")?;
    ensure(
        bodies.iter().all(|body| body.contains("Welcome")),
        format!("{bodies:?}"),
    )?;
    if scene.store == Store::Memory {
        return Ok(());
    }
    // Found:
    scene
        .cmd("mgt/cache/explain banner.html")?
        .has(&["a hit: the stored page"])?;
    // Ended:
    scene
        .cmd("mgt/cache/invalidate program=banner --yes")?
        .is_done()?;
    let bodies = scene.bodies("/banner")?;
    ensure(
        bodies.iter().all(|body| body.contains("Summer sale")),
        format!("{bodies:?}"),
    )
}
