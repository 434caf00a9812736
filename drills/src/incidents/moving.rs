//! The pages move to another store, without a day of misses.

use test_servers::Redis;

use super::said::{Result, ensure};
use super::scene::{Scene, layers};
use crate::client::Reply;

const SKUS: [&str; 2] = ["apple", "pear"];

pub(crate) fn play(scene: &Scene) -> Result<()> {
    for sku in SKUS.into_iter().chain(["plum"]) {
        scene.get_all(&path(sku))?;
    }
    // Whoever moves a store must not bring back what was invalidated in it.
    scene.write("plum", "3.50")?;
    scene
        .cmd("mgt/cache/invalidate tag=price:plum --yes")?
        .is_done()?;
    let new = Redis::start();
    scene.write("new.toml", &layers(&new))?;
    let moved = [("GIOTTO_CONFIG", "new.toml")];
    let explain = ["mgt/cache/explain", "price.html", "apple"];
    // Found: the new store has nothing.
    scene
        .cmd_with(&moved, &explain)?
        .has(&["absent", "the model runs"])?;
    // Ended: what the old one has is there before the servers are.
    copy(scene, &new)?;
    let said = scene.cmd_with(&moved, &explain)?;
    said.has(&["a hit: the stored page"])?;
    scene.deploy(&moved)?;
    for sku in SKUS {
        let replies = scene.get_all(&path(sku))?;
        ensure(
            replies.iter().all(Reply::is_fresh_hit),
            format!("{sku} is not in the new store"),
        )?;
    }
    scene
        .look(0, &path("plum"))?
        .has(&["detail=\"invalidated tag price:plum\""])?;
    let bodies = scene.bodies(&path("plum"))?;
    let are_new = bodies.iter().all(|body| body == "plum costs 3.50");
    ensure(are_new, format!("the pages are {bodies:?}"))
}

fn copy(scene: &Scene, new: &Redis) -> Result<()> {
    let (from, to) = (scene.redis().port(), new.port());
    let copy =
        format!("mgt/cache/copy --from=redis://127.0.0.1:{from} --to=redis://127.0.0.1:{to}");
    let said = scene.cmd(&copy)?;
    said.is_done()?.has(&["invalidations"])?;
    ensure(said.line("pages")? == "3", "three pages are not copied")
}

fn path(sku: &str) -> String {
    format!("/price?sku={sku}")
}
