//! What can change while a cache is in use.

use std::sync::Arc;

use bytes::Bytes;
use giotto_cache::testing::{Chaos, assert_hit, assert_miss};
use giotto_cache::{
    Answer, Cache, Error, KeyValue, LayeredKeyValue, LocMemKeyValue, Reason, Result,
};

use crate::world::{MINUTE, key, ms};

async fn ask(cache: &Cache, name: &str, bytes: usize) -> Result<Answer> {
    let page = || async move { Ok::<_, Error>(Bytes::from(vec![b'x'; bytes])) };
    cache.get_or_compute(key(name), MINUTE, page).await
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_that_of_the_next_call() -> Result<()> {
    let chaos = Chaos::new(LocMemKeyValue::new());
    let layers: Vec<Arc<dyn KeyValue>> =
        vec![Arc::new(LocMemKeyValue::new()), Arc::new(chaos.clone())];
    let layered = Cache::new(LayeredKeyValue::new(layers));
    let alone = Cache::new(chaos.clone());
    // Layers tell of a failure only.
    let caches = [
        (alone, Reason::BackendTimeout),
        (layered, Reason::BackendError),
    ];
    for (number, (cache, reason)) in caches.into_iter().enumerate() {
        chaos.delay(ms(300));
        let late = ask(&cache, "late", 1).await?;
        assert_miss!(late, reason);
        assert!(cache.set_deadline(ms(500)));
        assert_eq!(cache.deadline(), ms(500));
        let in_time = ask(&cache, &format!("in time {number}"), 1).await?;
        assert_miss!(in_time, Reason::FirstSeen);
        cache.settle().await;
        chaos.heal();
    }
    Ok(())
}

#[tokio::test]
async fn memory_that_is_made_smaller_evicts_what_is_over_it() -> Result<()> {
    let store = Arc::new(LocMemKeyValue::new().max_bytes(1 << 20));
    let cache = Cache::new(Arc::clone(&store));
    for number in 0..200 {
        ask(&cache, &number.to_string(), 1_000).await?;
    }
    assert!(store.bytes() > 200_000);
    assert!(cache.set_max_bytes(100_000));
    assert!(store.bytes() <= 100_000, "{}", store.bytes());
    assert!(cache.set_max_bytes(1 << 20));
    ask(&cache, "large", 500_000).await?;
    assert_hit!(ask(&cache, "large", 500_000).await?);
    assert!(!Cache::new(Chaos::new(LocMemKeyValue::new())).set_max_bytes(1 << 20));
    Ok(())
}
