//! Early refresh: one reader renews a page before it expires.

use giotto_cache::testing::{assert_hit, assert_miss};
use giotto_cache::{Reason, Result};

use crate::model::{Model, page};
use crate::until::until;
use crate::world::{MINUTE, ask, callers, ms, processes, seconds, worlds};

#[tokio::test]
async fn a_page_is_refreshed_early_by_one_reader_of_all_processes() -> Result<()> {
    let (caches, _, clock) = processes::<2>();
    // The law itself is tested where it stands; with this beta nearly every reader is early.
    let (policy, model) = (MINUTE.early_refresh(1_000.0), Model::default());
    model.hold();
    let first = callers(&caches[0], 1, policy, &model);
    until(async || model.runs() == 1).await;
    let begun = std::time::Instant::now();
    until(async || begun.elapsed() >= ms(20)).await; // what it costs is measured
    model.release();
    first.join_all().await;
    caches[0].settle().await;
    clock.advance(seconds(60) - ms(1));
    model.hold();
    for cache in caches.iter().cycle().take(20) {
        for answer in callers(cache, 5, policy, &model).join_all().await {
            let answer = answer?;
            assert_hit!(answer);
            assert_eq!(page(&answer), 1);
        }
    }
    until(async || model.runs() == 2).await;
    model.release();
    for cache in &caches {
        cache.settle().await;
    }
    assert_eq!(model.runs(), 2, "at most one per key");
    clock.advance(ms(1));
    for cache in &caches {
        let answer = ask(cache, &MINUTE, &model).await?;
        assert_hit!(answer);
        assert_eq!(page(&answer), 2, "nobody has waited");
    }
    Ok(())
}

#[tokio::test]
async fn a_page_that_nobody_reads_is_not_refreshed() -> Result<()> {
    for world in worlds() {
        let (policy, model) = (MINUTE.early_refresh(1_000.0), Model::default());
        world.ask(&policy, &model).await?;
        world.clock.advance(seconds(61));
        world.cache.settle().await;
        assert_eq!(model.runs(), 1);
        assert_miss!(world.ask(&policy, &model).await?, Reason::Expired);
    }
    Ok(())
}
