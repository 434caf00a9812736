//! A page is computed for every request: it is larger than the cache accepts.

use super::programs::{LENGTH, REPORT};
use super::said::Result;
use super::scene::Scene;

pub(crate) fn play(scene: &Scene) -> Result<()> {
    for _ in 0..3 {
        scene.get(0, "/report")?;
    }
    // Found: it is at the top, and never a hit.
    scene
        .cmd("mgt/cache/top")?
        .has(&["report", "0 %", "not storable"])?;
    scene.look(0, "/report")?.has(&["too-large"])?;
    // Ended: by a release whose report has pages.
    scene.deploy(&[(LENGTH, &REPORT.to_string())])?;
    scene.get_all("/report")?;
    scene.look(0, "/report")?.has(&["giotto; hit"])?;
    Ok(())
}
