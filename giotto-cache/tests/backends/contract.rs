//! The contract, kept by memory, by `Dummy` and by a store of two methods.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use giotto_cache::conformance::{self, Subject};
use giotto_cache::{
    Clock, DummyKeyValue, ErrorKind, KeyValue, LocMemKeyValue, Measure, Place, Result,
};

use crate::bytes;

#[tokio::test]
async fn locmem_obeys_the_contract() {
    let clock = Clock::manual(0);
    let store = LocMemKeyValue::new().clock(clock.clone());
    let neighbour = LocMemKeyValue::new().clock(clock.clone());
    let subject = Subject::new(Arc::new(store))
        .clock(clock)
        .atomic()
        .enumerable();
    conformance::check(&subject.neighbour(Arc::new(neighbour))).await;
}

/// The same without a clock of its own, as a store on a server is tested.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn locmem_obeys_the_contract_while_time_really_passes() {
    let store = Arc::new(LocMemKeyValue::new());
    conformance::check(&Subject::new(store).atomic().enumerable()).await;
}

#[tokio::test]
async fn dummy_obeys_what_applies_to_it() -> Result<()> {
    let store = DummyKeyValue::new();
    conformance::get_of_an_absent_key_returns_none(&Subject::new(Arc::new(store))).await;
    store.set("key", bytes(1), None).await?;
    assert_eq!(store.get("key").await?, None);
    assert!(store.add("key", bytes(1), None).await?);
    assert_eq!(store.get("key").await?, None);
    assert_eq!(store.get_many(&["key", "key"]).await?, [None, None]);
    assert!(!store.replace("key", b"x", Some(bytes(1)), None).await?);
    assert!(!store.delete("key").await?);
    store.clear().await?;
    store.syncdb().await?;
    let measure = store.measure().await?;
    assert_eq!((measure.entries, measure.bytes), (Some(0), Some(0)));
    assert_eq!(store.place(), Place::Nowhere);
    Ok(())
}

/// As little as a store needs.
#[derive(Debug)]
struct Own {
    values: Mutex<HashMap<String, (Bytes, Option<u64>)>>,
    clock: Clock,
}

#[async_trait]
impl KeyValue for Own {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let value = self.values.lock().unwrap().get(key).cloned();
        let is_live = |(_, until): &(Bytes, Option<u64>)| {
            until.is_none_or(|until| self.clock.now_ms() < until)
        };
        Ok(value.filter(is_live).map(|(value, _)| value))
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        let lifetime = expire.map(|expire| u64::try_from(expire.as_millis()).unwrap_or(u64::MAX));
        let until = lifetime.map(|lifetime| self.clock.now_ms().saturating_add(lifetime));
        self.values
            .lock()
            .unwrap()
            .insert(key.to_owned(), (value, until));
        Ok(())
    }
}

#[tokio::test]
async fn a_store_of_two_methods_obeys_what_applies_to_it() {
    let clock = Clock::manual(0);
    let store = Own {
        values: Mutex::default(),
        clock: clock.clone(),
    };
    let subject = Subject::new(Arc::new(store)).clock(clock);
    conformance::check(&subject.without_delete_and_clear()).await;
}

#[tokio::test]
async fn a_store_of_two_methods_says_what_it_cannot() -> Result<()> {
    let store = Own {
        values: Mutex::default(),
        clock: Clock::manual(0),
    };
    store.set("key", bytes(1), None).await?;
    let removed = store.replace("key", b"x", None, None).await;
    for (error, operation) in [
        (store.delete("key").await.unwrap_err(), "delete"),
        (store.clear().await.unwrap_err(), "clear"),
        (removed.unwrap_err(), "delete"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Backend);
        assert!(
            error
                .to_string()
                .contains(&format!("does not implement `{operation}`")),
            "{error}"
        );
    }
    assert_eq!(store.measure().await?, Measure::default());
    store.syncdb().await
}
