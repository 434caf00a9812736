//! An operator asks what is in the cache, and some of it has to go.

use super::said::{Result, ensure};
use super::scene::Scene;

pub(crate) fn play(scene: &Scene) -> Result<()> {
    for sku in ["apple", "pear", "plum"] {
        scene.get_all(&format!("/price?sku={sku}"))?;
    }
    scene.get(0, "/banner")?;
    // Found:
    let said = scene.cmd("mgt/cache/list --sort=key")?;
    said.is_done()?.has(&[
        "price {'sku': 'apple'} as text/html",
        "price {'sku': 'plum'}",
        "banner {}",
    ])?;
    // Ended: first what would go, and then it goes.
    let said = scene.cmd("mgt/cache/purge price sku=p* --dry-run")?;
    said.is_done()?.has(&["'pear'", "'plum'"])?;
    scene.cmd("mgt/cache/purge price sku=p* --yes")?.is_done()?;
    let said = scene.cmd("mgt/cache/list price")?;
    said.has(&["'apple'"])?;
    ensure(
        !said.text.contains("'pear'") && !said.text.contains("'plum'"),
        "they are still there",
    )
}
