//! After a deployment nothing is a hit: the new release has another version of its pages.

use super::programs::VERSION;
use super::said::{Result, ensure};
use super::scene::{Scene, Store};
use crate::client::Reply;

const SKUS: [&str; 3] = ["apple", "pear", "plum"];

pub(crate) fn play(scene: &Scene) -> Result<()> {
    for sku in SKUS {
        scene.get_all(&path(sku))?;
    }
    scene.deploy(&[(VERSION, "2")])?;
    scene.get(0, &path("apple"))?;
    // Found: the pages of the release before are there, and are of another version.
    let (why, row) = match scene.store {
        Store::Redis => ("detail=version", "version 2"),
        Store::Memory => ("detail=first-seen", "price"),
    };
    scene.look(0, &path("pear"))?.has(&["fwd=", why])?;
    scene.cmd("mgt/cache/top")?.has(&[row])?;
    // Ended: what readers ask for most is computed before they do.
    for sku in SKUS {
        let words = [
            "mgt/cache/warm",
            "price",
            &format!("sku={sku}"),
            "--formats=html",
        ];
        scene.cmd_with(&[(VERSION, "2")], &words)?.is_done()?;
    }
    for sku in SKUS {
        let replies = scene.get_all(&path(sku))?;
        let are_hits = replies.iter().all(Reply::is_fresh_hit);
        ensure(are_hits, format!("{sku} is not warm"))?;
    }
    Ok(())
}

fn path(sku: &str) -> String {
    format!("/price?sku={sku}")
}
