//! Signing keys: what a client of the store without the key can do, and how a key is replaced.

use std::sync::Arc;
use std::time::Duration;

use giotto_cache::testing::{Chaos, assert_hit, assert_miss};
use giotto_cache::{
    Cache, Clock, Entry, ErrorKind, KeyValue, LocMemKeyValue, Lookup, Policy, Reason, Result,
};

use crate::model::Model;
use crate::world::{MINUTE, START_MS, ask, ask_for, key};

const OLD: &str = "the old key of this deployment, 32+";

const NEW: &str = "the new key of this deployment, 32+";

fn store(clock: &Clock) -> Chaos {
    Chaos::new(LocMemKeyValue::new().clock(clock.clone()))
}

fn signed(store: &Chaos, clock: &Clock, keys: &[&str]) -> Result<Cache> {
    let builder = Cache::builder(Arc::new(store.another())).clock(clock.clone());
    Ok(builder.signing_keys(keys)?.build())
}

#[tokio::test]
async fn a_forged_page_is_a_miss_of_its_own_reason_and_is_replaced() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let store = store(&clock);
    let cache = signed(&store, &clock, &[NEW])?;
    let (model, other) = (Model::default(), key("other"));
    let key = key("page");
    let forged = Entry::seal(&key, Policy::forever(), START_MS, Duration::ZERO, b"forged");
    store.set(key.as_str(), forged.to_bytes(), None).await?;
    assert_miss!(ask(&cache, &MINUTE, &model).await?, Reason::Forged);
    assert_hit!(ask(&cache, &MINUTE, &model).await?);
    assert_eq!((cache.counts().forged, cache.counts().undecodable), (1, 0));

    // Nor is a signed page of another key one of this.
    let stored = store.get(key.as_str()).await?.unwrap();
    store.set(other.as_str(), stored, None).await?;
    let answer = ask_for(&cache, Lookup::new(other, MINUTE), &model).await?;
    assert_miss!(answer, Reason::Forged);
    Ok(())
}

#[tokio::test]
async fn a_forged_record_of_a_tag_makes_its_pages_old_and_is_replaced() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let store = store(&clock);
    let (signing, plain) = (
        signed(&store, &clock, &[NEW])?,
        signed(&store, &clock, &[])?,
    );
    let model = Model::default();
    let lookup = || Lookup::new(key("page"), MINUTE).tags(vec!["tag".to_owned()]);
    ask_for(&signing, lookup(), &model).await?;
    assert_hit!(ask_for(&signing, lookup(), &model).await?);
    // A process without the key changes the record.
    plain.invalidate("tag").await?;
    let answer = ask_for(&signing, lookup(), &model).await?;
    assert_miss!(answer, Reason::TagLost("tag".to_owned()));
    assert_hit!(ask_for(&signing, lookup(), &model).await?);
    Ok(())
}

#[tokio::test]
async fn a_key_is_replaced_without_a_cold_cache() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let store = store(&clock);
    let (model, tags) = (Model::default(), vec!["tag".to_owned()]);
    let lookup = || Lookup::new(key("page"), MINUTE).tags(tags.clone());
    let before = signed(&store, &clock, &[OLD])?;
    let meanwhile = signed(&store, &clock, &[NEW, OLD])?;
    let after = signed(&store, &clock, &[NEW])?;
    ask_for(&before, lookup(), &model).await?;
    assert_hit!(ask_for(&meanwhile, lookup(), &model).await?);
    assert_miss!(ask_for(&after, lookup(), &model).await?, Reason::Forged);

    meanwhile.invalidate("tag").await?;
    ask_for(&meanwhile, lookup(), &model).await?;
    assert_hit!(ask_for(&after, lookup(), &model).await?);
    assert_miss!(ask_for(&before, lookup(), &model).await?, Reason::Forged);
    Ok(())
}

#[tokio::test]
async fn processes_without_a_key_take_no_signed_page_for_theirs() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let store = store(&clock);
    let model = Model::default();
    ask(&signed(&store, &clock, &[NEW])?, &MINUTE, &model).await?;
    let plain = signed(&store, &clock, &[])?;
    assert_miss!(ask(&plain, &MINUTE, &model).await?, Reason::Undecodable);
    Ok(())
}

#[test]
fn a_short_key_is_refused() {
    let store: Arc<dyn KeyValue> = Arc::new(LocMemKeyValue::new());
    let error = Cache::builder(store).signing_keys(["short"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}
