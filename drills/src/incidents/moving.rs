//! The pages move to another store, without a day of misses.

use test_servers::Redis;

use super::said::{Result, ensure};
use super::scene::{Scene, layers};
use crate::client::Reply;

const SKUS: [&str; 3] = ["apple", "pear", "plum"];

pub(crate) fn play(scene: &Scene) -> Result<()> {
    for sku in SKUS {
        scene.get_all(&format!("/price?sku={sku}"))?;
    }
    let new = Redis::start();
    scene.write("new.toml", &layers(&new))?;
    let moved = [("GIOTTO_CONFIG", "new.toml")];
    // Found: the new store has nothing.
    let words = ["mgt/cache/explain", "price.html", "apple"];
    scene
        .cmd_with(&moved, &words)?
        .has(&["absent", "the model runs"])?;
    // Ended: what readers ask for is there before the servers are.
    for sku in SKUS {
        let sku = format!("sku={sku}");
        let words = ["mgt/cache/warm", "price", &sku, "--formats=html"];
        scene.cmd_with(&moved, &words)?.is_done()?;
    }
    scene.deploy(&moved)?;
    for sku in SKUS {
        let replies = scene.get_all(&format!("/price?sku={sku}"))?;
        ensure(
            replies.iter().all(Reply::is_fresh_hit),
            format!("{sku} is not in the new store"),
        )?;
    }
    Ok(())
}
