//! How long an entry stays fresh, and what expires it.

use std::time::Duration;

use giotto_cache::{Policy, Result, Status};

use crate::scripted::{HOUR, body, in_memory, scripted};
use crate::world::{START_MS, key};

#[tokio::test]
async fn a_computed_page_is_stored_and_then_a_hit_with_the_time_it_stays_fresh() -> Result<()> {
    let (cache, clock) = in_memory();
    let first = cache
        .get_or_compute(key("page"), HOUR, || body("one"))
        .await?;
    assert_eq!(
        (first.status, first.fresh_for),
        (Status::Stored, Some(Duration::from_secs(3600)))
    );
    assert_eq!(first.entry.created_ms(), START_MS);

    clock.advance(Duration::from_millis(1500));
    let second = cache
        .get_or_compute(key("page"), HOUR, || body("two"))
        .await?;
    assert_eq!(second.entry.body(), "one");
    assert_eq!(
        (second.status, second.fresh_for),
        (Status::Hit, Some(Duration::from_millis(3_598_500)))
    );
    assert_eq!(second.entry.etag(), first.entry.etag());

    let counts = cache.counts();
    assert_eq!(
        (counts.hits, counts.misses, counts.computed, counts.stored),
        (1, 1, 1, 1)
    );
    Ok(())
}

#[tokio::test]
async fn an_entry_expires_on_its_millisecond_and_not_before() -> Result<()> {
    for policy in [
        Policy::seconds(1),
        Policy::try_from(Duration::from_millis(1))?,
    ] {
        let (cache, clock) = in_memory();
        let first = cache
            .get_or_compute(key("page"), policy, || body("one"))
            .await?;
        let lifetime = first.fresh_for.unwrap();

        clock.advance(lifetime - Duration::from_millis(1));
        let last = cache
            .get_or_compute(key("page"), policy, || body("two"))
            .await?;
        assert_eq!(
            (last.status, last.fresh_for),
            (Status::Hit, Some(Duration::from_millis(1)))
        );

        clock.advance(Duration::from_millis(1));
        let next = cache
            .get_or_compute(key("page"), policy, || body("two"))
            .await?;
        assert_eq!(
            (next.status, next.entry.body()),
            (Status::Stored, "two".into())
        );
    }
    Ok(())
}

/// A store that ignores the expiry, or whose clock is late, must not make an entry live longer.
#[tokio::test]
async fn an_entry_expires_even_if_the_store_keeps_it() -> Result<()> {
    let (cache, _store, clock) = scripted();
    cache
        .get_or_compute(key("page"), Policy::seconds(1), || body("one"))
        .await?;
    cache.settle().await;
    clock.advance(Duration::from_secs(1));
    let answer = cache
        .get_or_compute(key("page"), Policy::seconds(1), || body("two"))
        .await?;
    assert_eq!(
        (answer.status, answer.entry.body()),
        (Status::Stored, "two".into())
    );
    assert_eq!(cache.counts().undecodable, 0);
    Ok(())
}

#[tokio::test]
async fn zero_seconds_never_expire() -> Result<()> {
    let (cache, clock) = in_memory();
    cache
        .get_or_compute(key("page"), Policy::seconds(0), || body("one"))
        .await?;
    clock.advance(Duration::from_secs(10 * 366 * 24 * 3600));
    let answer = cache
        .get_or_compute(key("page"), Policy::seconds(0), || body("two"))
        .await?;
    assert_eq!((answer.status, answer.fresh_for), (Status::Hit, None));
    Ok(())
}

#[tokio::test]
async fn an_empty_body_is_a_hit_like_any_other() -> Result<()> {
    let (cache, _clock) = in_memory();
    cache.get_or_compute(key("page"), HOUR, || body("")).await?;
    let answer = cache
        .get_or_compute(key("page"), HOUR, || body("two"))
        .await?;
    assert_eq!(
        (answer.status, answer.entry.body()),
        (Status::Hit, "".into())
    );
    Ok(())
}
