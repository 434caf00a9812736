//! What is copied into the layer above, and how long a copy lives.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use giotto_cache::{KeyValue, LayeredKeyValue, LocMemKeyValue, Policy, Result};

use crate::{NAME, Staged};

#[tokio::test]
async fn a_hit_below_is_copied_above_for_five_seconds() -> Result<()> {
    let staged = Staged::new();
    let entry = staged.entry(Policy::seconds(3600));
    staged.below.set(NAME, entry.clone(), None).await?;
    assert_eq!(staged.layers.get_now(NAME), None, "memory does not have it");
    assert_eq!(staged.layers.get(NAME).await?, Some(entry.clone()));
    assert_eq!(staged.layers.get_now(NAME), Some(Some(entry)));

    staged.below.delete(NAME).await?;
    staged.pass(4_999);
    assert!(staged.layers.get(NAME).await?.is_some(), "the copy");
    staged.pass(1);
    assert_eq!(staged.layers.get(NAME).await?, None, "it does not live on");
    Ok(())
}

#[tokio::test]
async fn a_copy_has_only_the_life_that_is_left() -> Result<()> {
    let staged = Staged::new();
    let entry = staged.entry(Policy::seconds(3));
    staged.below.set(NAME, entry, None).await?;
    staged.pass(2_000);
    assert!(staged.layers.get(NAME).await?.is_some());
    staged.pass(999);
    assert!(staged.above.get(NAME).await?.is_some());
    staged.pass(1);
    assert_eq!(staged.above.get(NAME).await?, None);
    Ok(())
}

/// A copy of a copy would live on for the time of each.
#[tokio::test]
async fn a_copy_is_not_copied_again() -> Result<()> {
    let staged = Staged::new();
    let middle = LocMemKeyValue::new().clock(staged.clock.clone());
    let three: Vec<Arc<dyn KeyValue>> = vec![
        Arc::new(staged.above.clone()),
        Arc::new(middle.clone()),
        Arc::new(staged.below.clone()),
    ];
    let layers = LayeredKeyValue::new(three).clock(staged.clock.clone());
    layers
        .set(NAME, staged.entry(Policy::seconds(60)), None)
        .await?;
    layers.delete(NAME).await?;
    middle
        .set(NAME, staged.entry(Policy::seconds(60)), None)
        .await?;
    assert!(layers.get(NAME).await?.is_some());
    assert_eq!(staged.above.get(NAME).await?, None);
    Ok(())
}

/// Memory is the last layer here, and a store that never answers is above it.
#[tokio::test(start_paused = true)]
async fn a_hit_does_not_wait_until_it_is_copied_above() -> Result<()> {
    #[derive(Debug)]
    struct Hangs;

    #[async_trait]
    impl KeyValue for Hangs {
        async fn get(&self, _: &str) -> Result<Option<Bytes>> {
            Ok(None)
        }

        async fn set(&self, _: &str, _: Bytes, _: Option<Duration>) -> Result<()> {
            std::future::pending().await
        }
    }

    let staged = Staged::new();
    staged
        .below
        .set(NAME, staged.entry(Policy::seconds(60)), None)
        .await?;
    let layers = LayeredKeyValue::new(vec![Arc::new(Hangs), Arc::new(staged.below)]);
    let layers = layers.clock(staged.clock);
    let started = tokio::time::Instant::now();
    assert!(layers.get(NAME).await?.is_some());
    assert_eq!(started.elapsed(), Duration::ZERO);
    Ok(())
}

#[tokio::test]
async fn how_long_a_copy_lives_can_be_set() -> Result<()> {
    let mut staged = Staged::new();
    staged.layers = staged.layers.refill(Duration::from_secs(1));
    let entry = staged.entry(Policy::forever());
    staged.layers.set(NAME, entry, None).await?;
    staged.pass(999);
    assert!(staged.above.get(NAME).await?.is_some());
    staged.pass(1);
    assert_eq!(staged.above.get(NAME).await?, None);
    assert!(staged.below.get(NAME).await?.is_some());
    Ok(())
}

#[tokio::test]
async fn a_copy_does_not_hold_on_to_a_larger_buffer() -> Result<()> {
    let staged = Staged::new();
    let entry = staged.entry(Policy::seconds(60));
    let buffer = Bytes::from([&entry[..], &[0; 1 << 20]].concat());
    staged
        .below
        .set(NAME, buffer.slice(..entry.len()), None)
        .await?;
    let got = staged.layers.get(NAME).await?.unwrap();
    let copy = staged.above.get(NAME).await?.unwrap();
    assert_eq!(got, copy);
    assert_ne!(got.as_ptr(), copy.as_ptr());
    Ok(())
}
