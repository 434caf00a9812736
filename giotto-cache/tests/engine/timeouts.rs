//! Timeouts of the model: what is served when it is late.

use giotto_cache::testing::{assert_hit, assert_stale};
use giotto_cache::{ErrorKind, Result, Staleness};
use tokio::time::Instant;

use crate::model::{Model, page};
use crate::world::{MINUTE, callers, kept, key, ms, seconds, worlds};

#[tokio::test(start_paused = true)]
async fn a_model_that_takes_too_long_is_an_error_and_its_page_is_stored_all_the_same() -> Result<()>
{
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        for policy in [
            MINUTE.hard_timeout(2),
            MINUTE
                .stale_while_revalidate(9)
                .soft_timeout(1)
                .hard_timeout(2),
        ] {
            cache.remove(&key("page")).await?;
            model.hold();
            let (runs, started) = (model.runs(), Instant::now());
            for answer in callers(cache, 5, policy, &model).join_all().await {
                assert_eq!(answer.unwrap_err().kind(), ErrorKind::Timeout);
            }
            assert_eq!(started.elapsed(), seconds(2), "nothing old to serve sooner");
            assert_eq!(model.runs(), runs + 1);
            model.release();
            cache.settle().await;
            let answer = world.ask(&policy, &model).await?;
            assert_hit!(answer);
            assert_eq!(page(&answer), runs + 1);
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_too_late_shows_the_old_page_and_then_its_own() -> Result<()> {
    for world in worlds() {
        for policy in [
            kept().hard_timeout(2),
            kept().soft_timeout(2),
            kept().soft_timeout(2).hard_timeout(9),
        ] {
            let (cache, model) = (&world.cache, Model::default());
            cache.remove(&key("page")).await?;
            world.ask(&policy, &model).await?;
            world.clock.advance(seconds(60));
            model.hold();
            let started = Instant::now();
            for answer in callers(cache, 9, policy, &model).join_all().await {
                assert_stale!(answer?, Staleness::Late);
            }
            assert_eq!((started.elapsed(), model.runs()), (seconds(2), 2));
            if policy == kept().hard_timeout(2) {
                tokio::time::sleep(ms(1)).await;
                for _ in 0..3 {
                    let next = callers(cache, 1, policy, &model)
                        .join_all()
                        .await
                        .remove(0)?;
                    assert_stale!(next, Staleness::Throttled);
                }
                assert_eq!(started.elapsed(), seconds(2) + ms(1), "nobody waits again");
            }
            model.release();
            cache.settle().await;
            let answer = world.ask(&policy, &model).await?;
            assert_hit!(answer);
            assert_eq!(page(&answer), 2);
        }
    }
    Ok(())
}
