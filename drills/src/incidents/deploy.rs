//! After a deployment nothing is a hit: the new release has another version of its pages.

use super::programs::VERSION;
use super::scene::{Result, Scene};

const PAGES: [&str; 3] = ["apple", "pear", "plum"];

pub(crate) fn play(scene: &Scene) -> Result<()> {
    for sku in PAGES {
        scene.get_all(&format!("/price?sku={sku}"))?;
    }
    scene.deploy(&[(VERSION, "2")])?;
    // Found:
    let miss = match scene.store {
        super::Store::Redis => "detail=version",
        super::Store::Memory => "detail=first-seen",
    };
    scene.look(0, "/price?sku=apple")?.has(&["fwd=", miss])?;
    // Ended: the pages that matter are computed before readers ask for them.
    if scene.store == super::Store::Redis {
        let words = ["mgt/cache/warm", "price", "sku=pear", "--formats=html"];
        scene.cmd_with(&[(VERSION, "2")], &words)?.is_done()?;
        scene.look(1, "/price?sku=pear")?.has(&["giotto; hit"])?;
    }
    Ok(())
}
