//! A template was changed, and readers get the old look: a stored page does not change with what shows it.

use super::said::{Result, ensure};
use super::scene::Scene;

pub(crate) fn play(scene: &Scene) -> Result<()> {
    scene.get_all("/banner")?;
    scene.write("banner", "Summer sale")?;
    let bodies = scene.bodies("/banner")?;
    ensure(
        bodies.iter().all(|body| body.contains("Welcome")),
        format!("{bodies:?}"),
    )?;
    // Found: the page was computed before the template was changed, and is kept for ever.
    scene
        .cmd("mgt/cache/explain banner.html")?
        .has(&["computed", "a hit: the stored page"])?;
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
