//! The pages move to another store, without a day of misses.

use super::scene::{Result, Scene};

pub(crate) fn play(scene: &Scene) -> Result<()> {
    scene.get_all("/price?sku=apple")?;
    Ok(())
}
