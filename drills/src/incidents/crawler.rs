//! A crawler invents arguments, and fills the store with pages that nobody reads again.

use test_servers::wait_until;

use super::said::{Result, ensure};
use super::scene::Scene;
use crate::client::Reply;

const HOT: &str = "/price?sku=apple";
const PAGES: usize = 300;

pub(crate) fn play(scene: &Scene) -> Result<()> {
    scene.get_all(HOT)?;
    let mut number = 0;
    let mut crawl = |pages: usize| -> Result<Reply> {
        for _ in 1..pages {
            number += 1;
            scene.get(0, &format!("/search?words=w{number}"))?;
        }
        number += 1;
        scene.get(0, &format!("/search?words=w{number}"))
    };
    crawl(PAGES)?;
    // Found: nothing of this program is read a second time.
    let said = scene.cmd("mgt/cache/top by=misses limit=1")?;
    said.has(&["search", " 0 %", &PAGES.to_string()])?;
    scene
        .cmd("mgt/cache/list search --sort=newest --limit=3")?
        .has(&["search {'words': 'w"])?;
    // Ended: a page is stored when it is asked for a second time, without a new build or a restart.
    scene.configure("[budget.search]\ncache_on_second_request = true\n")?;
    scene.reload();
    wait_until("the budget holds", || {
        crawl(1).is_ok_and(|reply| reply.head.contains("first-request"))
    });
    scene
        .cmd("mgt/cache/purge program=search --reclaim --yes")?
        .is_done()?;
    crawl(PAGES)?;
    scene.cmd("mgt/cache/list search")?.has(&["no such page"])?;
    let replies = scene.get_all(HOT)?;
    ensure(
        replies.iter().all(Reply::is_fresh_hit),
        "the hot page is lost",
    )
}
