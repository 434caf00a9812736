//! Values that are no entries live in the last layer only.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use giotto_cache::{Clock, KeyValue, LayeredKeyValue, LocMemKeyValue, Policy, Result};

use crate::{NAME, RECORD, START_MS, Staged};

#[tokio::test]
async fn a_value_that_is_no_entry_lives_in_the_last_layer_only() -> Result<()> {
    let staged = Staged::new();
    let (above, below, layers) = (&staged.above, &staged.below, &staged.layers);
    let entry = staged.entry(Policy::seconds(60));
    layers.set(NAME, entry, None).await?;
    layers.set(NAME, RECORD.into(), None).await?;
    assert_eq!(above.get(NAME).await?, None, "the entry that it replaced");
    for _ in 0..2 {
        assert_eq!(layers.get(NAME).await?.unwrap(), RECORD);
        assert_eq!(layers.get_many(&[NAME]).await?, [Some(RECORD.into())]);
        assert_eq!(above.get(NAME).await?, None, "no copy");
    }
    // Another process replaces it, and this one sees it at once.
    below.set(NAME, "generation 2".into(), None).await?;
    assert_eq!(layers.get(NAME).await?, Some("generation 2".into()));

    below.is_down.store(true, Ordering::SeqCst);
    layers.set(NAME, RECORD.into(), None).await.unwrap_err();
    assert_eq!(above.get(NAME).await?, None);
    Ok(())
}

/// The engine judges entries, and nobody else what is no entry.
#[tokio::test]
async fn what_is_no_entry_expires_in_memory_too() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let memory = LocMemKeyValue::new().clock(clock.clone());
    let layers = LayeredKeyValue::new(vec![Arc::new(memory)]).clock(clock.clone());
    let second = Some(Duration::from_secs(1));
    layers.set("key", RECORD.into(), second).await?;
    clock.advance(Duration::from_millis(999));
    assert!(layers.get("key").await?.is_some());
    clock.advance(Duration::from_millis(1));
    assert_eq!(layers.get("key").await?, None);
    Ok(())
}
