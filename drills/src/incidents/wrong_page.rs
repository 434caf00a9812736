//! A page was published with a mistake: it must go now, everywhere.

use super::said::{Result, ensure};
use super::scene::Scene;

const PATH: &str = "/price?sku=apple";

pub(crate) fn play(scene: &Scene) -> Result<()> {
    scene.write("apple", "0.01")?;
    scene.get_all(PATH)?;
    scene.write("apple", "1.20")?;
    let bodies = scene.bodies(PATH)?;
    ensure(
        bodies.iter().all(|body| body == "apple costs 0.01"),
        format!("{bodies:?}"),
    )?;
    // Found:
    scene
        .cmd("mgt/cache/explain price.html apple")?
        .has(&["price:apple (valid)", "a hit: the stored page"])?;
    scene
        .cmd("mgt/cache/get price.html apple")?
        .has(&["apple costs 0.01"])?;
    // Ended, when the command has ended:
    scene
        .cmd("mgt/cache/purge tag=price:apple --yes")?
        .is_done()?;
    let bodies = scene.bodies(PATH)?;
    ensure(
        bodies.iter().all(|body| body == "apple costs 1.20"),
        format!("{bodies:?}"),
    )
}
