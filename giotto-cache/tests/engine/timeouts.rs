//! Timeouts of the model, jitter and early refresh.

use giotto_cache::testing::{assert_hit, assert_miss};
use giotto_cache::{Clock, ErrorKind, LocMemKeyValue, Lookup, Reason, Result};
use tokio::time::Instant;

use super::{
    MINUTE, Model, START_MS, ask, ask_for, cache_on, callers, key, ms, page, processes, seconds,
    until, worlds,
};

#[tokio::test(start_paused = true)]
async fn a_model_that_takes_too_long_is_an_error_and_its_page_is_stored_all_the_same() -> Result<()>
{
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        for policy in [
            MINUTE.hard_timeout(2),
            MINUTE.stale(9).soft_timeout(1).hard_timeout(2),
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

/// What was filled at once does not expire at once, and `max-age` follows the real clock.
#[tokio::test]
async fn jitter_spreads_a_thousand_keys_over_the_part_that_was_asked_for() -> Result<()> {
    let policy = MINUTE.stale(300).jitter(0.1);
    let lives = async || {
        let clock = Clock::manual(START_MS);
        let cache = cache_on(std::sync::Arc::new(LocMemKeyValue::new()), &clock);
        let model = Model::default();
        let mut lives = Vec::new();
        for number in 0..1_000 {
            let key = key(&number.to_string());
            let answer = ask_for(&cache, Lookup::new(key, &policy), &model).await?;
            lives.push(answer.fresh_for.unwrap().as_millis() as u64);
        }
        Ok::<_, giotto_cache::Error>(lives)
    };
    let first = lives().await?;
    assert_eq!(first, lives().await?, "the same with the same seed");
    assert!(first.iter().all(|life| (54_000..=60_000).contains(life)));
    // A tenth of the keys in each tenth of the range, as an even spread has it: 100 expected, 9.5 is the deviation.
    for tenth in 0..10 {
        let range = 54_000 + tenth * 600..54_000 + (tenth + 1) * 600;
        let keys = first.iter().filter(|life| range.contains(*life)).count();
        assert!((65..=135).contains(&keys), "{range:?}: {keys}");
    }
    Ok(())
}

#[tokio::test]
async fn a_page_is_refreshed_early_by_one_reader_of_all_processes() -> Result<()> {
    let (caches, _, clock) = processes::<2>();
    // The law itself is tested where it stands; with this beta nearly every reader is early.
    let (policy, model) = (MINUTE.early_refresh(1_000.0), Model::default());
    model.hold();
    let first = callers(&caches[0], 1, policy, &model);
    until(|| model.runs() == 1).await;
    let begun = std::time::Instant::now();
    until(|| begun.elapsed() >= ms(20)).await; // what it costs is measured
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
    until(|| model.runs() == 2).await;
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
