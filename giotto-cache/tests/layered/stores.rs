//! What each layer is asked, and which of them decides.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use giotto_cache::conformance::{self, Subject};
use giotto_cache::{
    Cache, Error, ErrorKind, Key, KeyValue, LayeredKeyValue, LocMemKeyValue, Measure, Policy,
    Result, Status,
};

use crate::{NAME, RECORD, Staged};

#[tokio::test]
async fn layers_obey_the_contract() {
    let staged = Staged::new();
    let subject = Subject::new(Arc::new(staged.layers)).clock(staged.clock);
    conformance::check(&subject.atomic().enumerable()).await;
}

/// Each layer is measured by itself: one that hangs, fails or cannot tell takes no figures from another.
#[tokio::test(start_paused = true)]
async fn each_layer_says_what_it_holds_or_why_not_in_time() -> Result<()> {
    #[derive(Debug)]
    struct Odd(Option<Result<Measure>>);

    #[async_trait]
    impl KeyValue for Odd {
        async fn get(&self, _: &str) -> Result<Option<Bytes>> {
            Ok(None)
        }

        async fn set(&self, _: &str, _: Bytes, _: Option<Duration>) -> Result<()> {
            Ok(())
        }

        async fn measure(&self) -> Result<Measure> {
            match &self.0 {
                Some(measure) => measure.clone(),
                None => std::future::pending().await,
            }
        }
    }

    let memory = LocMemKeyValue::new().max_bytes(8 << 20);
    memory.set("key", vec![0; 1000].into(), None).await?;
    let fails = Odd(Some(Err(Error::new(ErrorKind::Backend, "it is down"))));
    let unknown = Odd(Some(Ok(Measure::default())));
    let layers = LayeredKeyValue::new(vec![
        Arc::new(Odd(None)),
        Arc::new(fails),
        Arc::new(unknown),
        Arc::new(memory.clone()),
    ]);
    let started = tokio::time::Instant::now();
    let measured = Cache::new(layers).measure().await;
    assert_eq!(started.elapsed(), Duration::from_secs(2));
    let [hung, failed, unknown, known] = <[_; 4]>::try_from(measured).unwrap();
    let told = |error: Result<Measure>| error.unwrap_err().to_string();
    assert_eq!(told(hung.measure), "no reply within 2s");
    assert_eq!(told(failed.measure), "it is down");
    assert_eq!(unknown.measure?, Measure::default());
    let known = known.measure?;
    assert_eq!((known.entries, known.max_bytes), (Some(1), Some(8 << 20)));
    assert_eq!(known.bytes, Some(memory.bytes()));
    assert!(known.bytes > Some(1000));

    memory.clear().await?;
    let [one] = <[_; 1]>::try_from(Cache::new(memory).measure().await).unwrap();
    assert_eq!(
        one.measure?.entries,
        Some(0),
        "a store without layers is one"
    );
    Ok(())
}

#[tokio::test]
async fn a_delete_and_a_clear_go_to_all_layers_even_if_one_fails() -> Result<()> {
    let staged = Staged::new();
    let entry = staged.entry(Policy::seconds(60));
    staged.layers.set(NAME, entry.clone(), None).await?;
    assert!(staged.layers.delete(NAME).await?);
    assert_eq!(staged.above.get(NAME).await?, None);
    assert_eq!(staged.below.get(NAME).await?, None);

    staged.layers.set(NAME, entry.clone(), None).await?;
    staged.below.is_down.store(true, Ordering::SeqCst);
    let error = staged.layers.delete(NAME).await.unwrap_err();
    assert_eq!(error.to_string(), "it is down");
    assert_eq!(staged.above.get(NAME).await?, None);

    staged.above.set(NAME, entry, None).await?;
    assert!(staged.layers.clear().await.is_err());
    assert_eq!(staged.above.get(NAME).await?, None);
    Ok(())
}

/// What is computed while the shared store is down is kept in memory, and the failures are counted.
#[tokio::test]
async fn memory_works_while_the_store_below_is_down() {
    let staged = Staged::new();
    staged.below.is_down.store(true, Ordering::SeqCst);
    let store = Arc::new(staged.layers.clone());
    let cache = Cache::builder(store).clock(staged.clock.clone()).build();
    let ask = async |number: usize| {
        let key = Key::new(&format!("page{number}"), "{}", "text/html");
        let compute = || ready(Ok::<_, Error>(Bytes::from_static(b"144")));
        let answer = cache
            .get_or_compute(key, Policy::seconds(60), compute)
            .await;
        cache.settle().await;
        answer.unwrap().status
    };
    for number in 0..20 {
        // The store that all share has not accepted it; this process has it in memory all the same.
        assert_eq!(ask(number).await, Status::NotStored);
        assert_eq!(ask(number).await, Status::Hit);
    }
    let counts = cache.counts();
    assert!(
        (5..10).contains(&counts.backend_errors),
        "five reads and the writes between them: {counts:?}"
    );
    assert!(counts.backend_skipped >= 30, "{counts:?}");

    staged.below.is_down.store(false, Ordering::SeqCst);
    staged.pass(1_000);
    ask(20).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    ask(21).await;
    let stored = Key::new("page21", "{}", "text/html");
    let below = staged.below.get(stored.as_str()).await.unwrap();
    assert!(below.is_some(), "the probe found that it is back");
}

#[tokio::test]
async fn the_store_that_all_share_decides_an_add() -> Result<()> {
    let staged = Staged::new();
    let value = Bytes::from_static(b"value");
    staged.below.set("key", value.clone(), None).await?;
    assert!(!staged.layers.add("key", value.clone(), None).await?);
    staged.above.set("other", value.clone(), None).await?;
    assert!(staged.layers.add("other", value.clone(), None).await?);
    assert_eq!(staged.layers.get("other").await?, Some(value));
    assert_eq!(
        staged.above.get("other").await?,
        None,
        "no copy is left to contradict it"
    );
    Ok(())
}

#[tokio::test]
async fn many_are_asked_of_each_layer_that_may_still_have_them() -> Result<()> {
    let staged = Staged::new();
    let (above, below, layers) = (&staged.above, &staged.below, &staged.layers);
    let entry = staged.entry(Policy::seconds(60));
    above.set("above", "copy".into(), None).await?;
    below.set("above", "shadowed".into(), None).await?;
    below.set("below", entry.clone(), None).await?;
    below.set("record", RECORD.into(), None).await?;
    let keys = ["below", "above", "absent", "record", "below"];
    let found = || async { layers.get_many(&keys).await };
    let copy = Some(Bytes::from("copy"));
    let (entry, record) = (Some(entry), Some(Bytes::from(RECORD)));
    let expected = [entry.clone(), copy, None, record, entry.clone()];
    assert_eq!(found().await?, expected);
    assert_eq!(above.get("below").await?, entry, "a copy for the next");

    // What is absent above may be below: without an answer, nobody may say that it is absent.
    below.is_down.store(true, Ordering::SeqCst);
    let error = found().await.unwrap_err();
    assert!(error.to_string().contains("did not answer"), "{error}");
    let known = layers.get_many(&["below", "above"]).await?;
    assert_eq!(known, [expected[0].clone(), expected[1].clone()]);
    assert_eq!(layers.get_many(&[]).await?, []);
    Ok(())
}

#[tokio::test]
async fn the_store_that_all_share_decides_a_replace() -> Result<()> {
    let staged = Staged::new();
    let (above, below, layers) = (&staged.above, &staged.below, &staged.layers);
    for new in [Some(Bytes::from("new")), None] {
        above.set("key", "old".into(), None).await?;
        below.set("key", "other".into(), None).await?;
        let replace = async |old: &[u8]| layers.replace("key", old, new.clone(), None).await;
        assert!(!replace(b"old").await?, "it is so above only");
        assert_eq!(below.get("key").await?, Some("other".into()));

        assert!(replace(b"other").await?);
        assert_eq!(below.get("key").await?, new);
        assert_eq!(
            above.get("key").await?,
            None,
            "no copy is left to contradict it"
        );
    }
    below.is_down.store(true, Ordering::SeqCst);
    assert!(layers.replace("key", b"", None, None).await.is_err());
    Ok(())
}

/// A store of one's own above may have no `delete`: where it has nothing, none is needed.
#[tokio::test]
async fn a_layer_without_delete_is_not_asked_to_forget_what_it_has_not() -> Result<()> {
    #[derive(Debug)]
    struct Empty;

    #[async_trait]
    impl KeyValue for Empty {
        async fn get(&self, _: &str) -> Result<Option<Bytes>> {
            Ok(None)
        }

        async fn set(&self, _: &str, _: Bytes, _: Option<Duration>) -> Result<()> {
            Ok(())
        }
    }

    let below = LocMemKeyValue::new();
    let layers = LayeredKeyValue::new(vec![Arc::new(Empty), Arc::new(below)]);
    for _ in 0..10 {
        layers.set("key", RECORD.into(), None).await?;
        assert!(layers.replace("key", RECORD, None, None).await?);
        assert!(layers.add("key", RECORD.into(), None).await?);
    }
    assert_eq!(layers.counts().backend_errors, 0);
    Ok(())
}
