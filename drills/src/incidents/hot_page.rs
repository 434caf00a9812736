//! A page is computed for every request: it is larger than the cache accepts.

use super::scene::{Result, Scene};

pub(crate) fn play(scene: &Scene) -> Result<()> {
    scene.get(0, "/report")?;
    // Found:
    scene.look(0, "/report")?.has(&["too-large"])?;
    Ok(())
}
