//! The circuit breaker: a store that is down or full is left alone, and probed once a second.

use std::time::Duration;

use giotto_cache::{Error, Lookup, Result, Status};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::model::Model;
use crate::scripted::{HOUR, Mood, body, scripted};
use crate::until::until;
use crate::world::key;

#[tokio::test]
async fn the_breaker_spares_a_store_that_is_down_and_probes_it_once_a_second() -> Result<()> {
    let (cache, store, clock) = scripted();
    let ask = async || {
        let answer = cache
            .get_or_compute(key("page"), HOUR, || body("one"))
            .await?;
        cache.settle().await;
        Ok::<_, Error>((answer.status, store.calls()))
    };
    store.moods(Mood::Fails, Mood::Fails);
    // A get and a set each, until the fifth get has failed.
    for calls in [2, 4, 6, 8, 9, 9, 9] {
        assert_eq!(ask().await?.1, calls);
    }
    clock.advance(Duration::from_millis(999));
    assert_eq!(ask().await?, (Status::NotStored, 9));
    clock.advance(Duration::from_millis(1));
    ask().await?;
    until(async || store.calls() == 10).await; // the probe
    assert_eq!(ask().await?.1, 10);

    store.moods(Mood::Works, Mood::Works);
    assert_eq!(ask().await?.1, 10, "nobody has noticed yet");
    clock.advance(Duration::from_secs(1));
    ask().await?;
    until(async || store.calls() >= 11).await; // the probe that finds it back
    ask().await?;
    assert_eq!(ask().await?.0, Status::Hit);
    Ok(())
}

/// Full, locked or read-only: reads go on, one write a second looks whether it is over, and then pages are stored.
#[tokio::test]
async fn a_store_that_refuses_writes_is_read_and_tried_again() -> Result<()> {
    let (cache, store, clock) = scripted();
    let ask = async |name: &'static str| {
        let answer = cache.get_or_compute(key(name), HOUR, || body(name)).await?;
        cache.settle().await;
        Ok::<_, Error>(answer.status)
    };
    ask("kept").await?;
    store.moods(Mood::Works, Mood::Fails);
    let names = ["1", "2", "3", "4", "5"];
    for (number, name) in names.into_iter().enumerate() {
        let calls = store.calls();
        // It is not known before the first has failed.
        let expected = match number {
            0 => Status::Stored,
            _ => Status::NotStored,
        };
        assert_eq!(ask(name).await?, expected, "{name}");
        assert_eq!(store.calls(), calls + 3, "two looks, and {name} is tried");
    }
    let calls = store.calls();
    assert_eq!(ask("6").await?, Status::NotStored);
    assert_eq!(store.calls(), calls + 2, "two looks, and no set");
    assert_eq!(ask("kept").await?, Status::Hit);

    store.moods(Mood::Works, Mood::Works);
    clock.advance(Duration::from_secs(1));
    ask("7").await?;
    assert_eq!(ask("7").await?, Status::Hit, "the probe is a set");
    ask("8").await?;
    assert_eq!(ask("8").await?, Status::Hit);
    Ok(())
}

/// The store hangs: while the breaker is open, a request waits for nothing, not even for the probe.
#[tokio::test(start_paused = true)]
async fn no_request_waits_for_the_probe() -> Result<()> {
    let (cache, store, clock) = scripted();
    store.moods(Mood::Hangs, Mood::Hangs);
    let ask = || cache.get_or_compute(key("page"), HOUR, || body("one"));
    while cache.counts().backend_skipped == 0 {
        ask().await?;
        cache.settle().await;
    }
    clock.advance(Duration::from_secs(1));
    let (calls, started) = (store.calls(), Instant::now());
    ask().await?;
    assert_eq!(started.elapsed(), Duration::ZERO);
    until(async || store.calls() > calls).await;
    Ok(())
}

#[tokio::test]
async fn a_store_that_refuses_only_large_values_does_not_open_the_breaker() -> Result<()> {
    let (cache, store, _clock) = scripted();
    store.moods(Mood::Works, Mood::Refuses);
    for runs in 1..=20 {
        cache
            .get_or_compute(key("page"), HOUR, || body("one"))
            .await?;
        cache.settle().await;
        let counts = cache.counts();
        assert_eq!((counts.too_large, counts.stored), (runs, 0));
        assert_eq!((counts.backend_errors, counts.backend_skipped), (0, 0));
    }

    // Many refusals in a row, without an answered get between them.
    let (model, mut callers) = (Model::held(), JoinSet::new());
    for number in 0..20 {
        let (cache, model) = (cache.clone(), model.clone());
        callers.spawn(async move {
            let lookup = Lookup::new(key(&format!("page {number}")), HOUR);
            cache.answer(lookup, |control| model.run(control)).await
        });
    }
    until(async || model.runs() == 20).await;
    model.release();
    callers.join_all().await;
    cache.settle().await;
    cache
        .get_or_compute(key("page"), HOUR, || body("one"))
        .await?;
    assert_eq!(cache.counts().backend_skipped, 0);
    Ok(())
}
