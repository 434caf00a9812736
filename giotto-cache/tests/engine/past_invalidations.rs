//! What an operator is told of the last invalidations of a process.

use giotto_cache::testing::assert_miss;
use giotto_cache::{PastInvalidation, Result, Scope, acting};

use crate::model::Model;
use crate::world::{MINUTE, START_MS, key, seconds, worlds};

fn told(past: &PastInvalidation) -> (u64, u64, &str, bool, Option<&str>) {
    let PastInvalidation {
        number,
        at_ms,
        what,
        is_hard,
        by,
        ..
    } = past;
    (*number, *at_ms, what, *is_hard, by.as_deref())
}

#[tokio::test]
async fn they_say_what_was_made_old_when_and_on_whose_behalf() -> Result<()> {
    for world in worlds() {
        let cache = &world.cache;
        assert_miss!(world.ask(&MINUTE, &Model::default()).await?);
        cache.invalidate("user:7").await?;
        world.clock.advance(seconds(1));
        acting(
            "the operator",
            cache.purge(Scope::Program("program".into())),
        )
        .await?;
        // Nothing was stored there.
        cache.expire(&key("nothing")).await?;
        cache.remove(&key("nothing")).await?;
        let page = key("page");
        let removed = acting("the operator", acting("the page", cache.remove(&page)));
        assert!(removed.await?);
        cache.clear().await?;
        let past = cache.past_invalidations();
        let page = format!("page {page}");
        assert_eq!(
            past.iter().map(told).collect::<Vec<_>>(),
            [
                (4, START_MS + 1_000, "all", true, None),
                (3, START_MS + 1_000, &*page, true, Some("the page")),
                (
                    2,
                    START_MS + 1_000,
                    "program program",
                    true,
                    Some("the operator")
                ),
                (1, START_MS, "tag user:7", false, None),
            ]
        );
    }
    Ok(())
}
