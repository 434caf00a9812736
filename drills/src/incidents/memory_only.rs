//! A server has its cache in its memory, which no command could reach without asking it.

use super::scene::{Result, Scene};

pub(crate) fn play(scene: &Scene) -> Result<()> {
    scene.get(0, "/price?sku=apple")?;
    Ok(())
}
