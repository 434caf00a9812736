//! What another process has changed is seen at once by a process that is told.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use giotto_cache::{
    Cache, Clock, Key, KeyValue, LayeredKeyValue, LocMemKeyValue, Policy, Result, Scope,
};
use tokio::sync::Semaphore;

use crate::{NAME, START_MS, Staged};

/// Two processes in front of one store, each with a memory of its own. Their clocks stand still.
fn processes() -> [Cache; 2] {
    let shared: Arc<dyn KeyValue> = Arc::new(LocMemKeyValue::new());
    [(); 2].map(|()| {
        let clock = Clock::manual(START_MS);
        let memory: Arc<dyn KeyValue> = Arc::new(LocMemKeyValue::new().clock(clock.clone()));
        let layers = LayeredKeyValue::new(vec![memory, Arc::clone(&shared)]);
        Cache::builder(layers.clock(clock.clone()))
            .clock(clock)
            .build()
    })
}

fn key() -> Key {
    Key::new("price", "{'sku': 'apple'}", "text/html")
}

/// What a caller gets, who would compute `fresh`.
async fn page(cache: &Cache, fresh: &'static str) -> String {
    let compute = move || async move { Ok::<_, giotto_cache::Error>(fresh.into()) };
    let answer = cache.get_or_compute(key(), Policy::seconds(3_600), compute);
    let answer = answer.await.unwrap();
    cache.settle().await;
    String::from_utf8(answer.entry.body().to_vec()).unwrap()
}

#[tokio::test]
async fn a_purge_of_another_process_is_seen_at_once_by_one_that_is_told() {
    for scope in [Scope::Program("price".to_owned()), Scope::All] {
        let [server, command] = processes();
        assert_eq!(page(&server, "old").await, "old");
        command.purge(scope).await.unwrap();
        // It has read what was invalidated a moment ago, and relies on that for a second.
        assert_eq!(page(&server, "new").await, "old");
        server.forget_copies(Some(&[])).await;
        assert_eq!(page(&server, "new").await, "new");
    }
}

#[tokio::test]
async fn a_removed_page_is_forgotten_by_one_that_is_told() {
    for all in [false, true] {
        let [server, command] = processes();
        assert_eq!(page(&server, "old").await, "old");
        let key = key();
        assert!(command.remove(&key).await.unwrap());
        assert_eq!(page(&server, "new").await, "old");
        let keys = [key.as_str()];
        server.forget_copies((!all).then_some(&keys[..])).await;
        assert_eq!(page(&server, "new").await, "new");
    }
}

/// A store whose readers wait until they may go on.
#[derive(Clone, Debug)]
struct Gated {
    values: LocMemKeyValue,
    has_read: Arc<Semaphore>,
    may_return: Arc<Semaphore>,
}

#[async_trait]
impl KeyValue for Gated {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let value = self.values.get(key).await;
        self.has_read.add_permits(1);
        self.may_return.acquire().await.unwrap().forget();
        value
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        self.values.set(key, value, expire).await
    }
}

#[tokio::test]
async fn a_value_that_was_read_before_copies_were_forgotten_is_not_copied_after() {
    let staged = Staged::new();
    let below = Gated {
        values: staged.below.values.clone(),
        has_read: Arc::new(Semaphore::new(0)),
        may_return: Arc::new(Semaphore::new(0)),
    };
    let entry = staged.entry(Policy::seconds(60));
    below.set(NAME, entry, None).await.unwrap();
    let stores = vec![
        Arc::new(staged.above.clone()) as _,
        Arc::new(below.clone()) as _,
    ];
    // Longer than a machine under load takes: the deadline is not what is tested.
    let layers = LayeredKeyValue::new(stores).deadline(Duration::from_secs(60));
    let layers = layers.clock(staged.clock.clone());
    for (forgets, is_copied) in [(true, false), (false, true)] {
        let reader = layers.clone();
        let reader = tokio::spawn(async move { reader.get(NAME).await });
        below.has_read.acquire().await.unwrap().forget();
        if forgets {
            layers.forget_copies(Some(&[NAME])).await;
        }
        below.may_return.add_permits(1);
        assert!(reader.await.unwrap().unwrap().is_some());
        let copy = staged.above.get(NAME).await.unwrap();
        assert_eq!(copy.is_some(), is_copied);
    }
}
