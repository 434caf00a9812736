//! All servers are restarted, one after the other, and no client notices.

use super::scene::{Result, Scene, ensure};

pub(crate) fn play(scene: &Scene) -> Result<()> {
    scene.get_all("/price?sku=apple")?;
    for number in 0..scene.count() {
        scene.restart(number, &[])?;
        let replies = scene.get_all("/price?sku=apple")?;
        ensure(
            replies.iter().all(super::super::client::Reply::is_ok),
            "a request failed",
        )?;
    }
    scene.look(0, "/price?sku=apple")?.has(&["giotto; hit"])?;
    Ok(())
}
