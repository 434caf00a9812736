//! The stores of this process: the contract, and the bounds of the one that keeps something.
//!
//! The suite itself is tested too: every store that breaks one sentence is found out.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tokio::task::JoinSet;

use giotto_cache::conformance::{self, Subject};
use giotto_cache::{
    Clock, DummyKeyValue, ErrorKind, KeyValue, LocMemKeyValue, Measure, Place, Result,
};

const MIB: u64 = 1 << 20;

fn bytes(length: usize) -> Bytes {
    Bytes::from(vec![b'x'; length])
}

#[tokio::test]
async fn locmem_obeys_the_contract() {
    let clock = Clock::manual(0);
    let store = LocMemKeyValue::new().clock(clock.clone());
    let neighbour = LocMemKeyValue::new().clock(clock.clone());
    let subject = Subject::new(Arc::new(store)).clock(clock).atomic();
    conformance::check(&subject.neighbour(Arc::new(neighbour))).await;
}

/// The same without a clock of its own, as a store on a server is tested.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn locmem_obeys_the_contract_while_time_really_passes() {
    let store = Arc::new(LocMemKeyValue::new());
    conformance::check(&Subject::new(store).atomic()).await;
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

// A store of a user's own.

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

// The suite finds out who breaks a sentence.

#[derive(Clone, Copy, Debug)]
enum Flaw {
    EmptyIsAbsent,
    CutsAtNul,
    AbsentIsAnError,
    FirstSetWins,
    KeepsTheFirstExpiry,
    IgnoresCase,
    TrimsKeys,
    CutsKeysAt250,
    ForgetsExpiry,
    CountsWholeSeconds,
    ExpiresAfterAYear,
    LongExpiryIsPast,
    AddsAlways,
    AddNeverAdmits,
    DeletesByPrefix,
    DeletesAlways,
    ClearsNothing,
    ClearsTheServer,
    GetsManyInAnOrderOfItsOwn,
    GetsManyWithoutTheAbsent,
    GetsManyOnceEach,
    GetsAHundredAtMost,
    ReplacesWhatever,
    ReplacesWhatBeginsLikeIt,
    ReplaceKeepsTheExpiry,
    ReplaceAddsWhatIsAbsent,
    ReplaceByNothingStoresNothing,
    ReplaceByNothingIgnoresTheValue,
    ReplaceLooksAndThenSets,
}

/// A store with one flaw, and its neighbour on the same server.
#[derive(Clone, Debug)]
struct Flawed {
    flaw: Flaw,
    namespace: &'static str,
    server: LocMemKeyValue,
    keys: Arc<Mutex<Vec<String>>>,
}

impl Flawed {
    fn key(&self, key: &str) -> String {
        let key = match self.flaw {
            Flaw::IgnoresCase => key.to_lowercase(),
            Flaw::TrimsKeys => key.trim_end().to_owned(),
            Flaw::CutsKeysAt250 => key.chars().take(250).collect(),
            _ => key.to_owned(),
        };
        format!("{}:{key}", self.namespace)
    }

    async fn delete_if(&self, condition: impl Fn(&str) -> bool) -> Result<()> {
        let keys: Vec<_> = self
            .keys
            .lock()
            .unwrap()
            .iter()
            .filter(|key| condition(key))
            .cloned()
            .collect();
        for key in keys {
            self.server.delete(&key).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl KeyValue for Flawed {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let value = self.server.get(&self.key(key)).await?;
        Ok(match self.flaw {
            Flaw::EmptyIsAbsent => value.filter(|value| !value.is_empty()),
            Flaw::CutsAtNul => value.map(|value| {
                value
                    .split(|byte| *byte == 0)
                    .next()
                    .unwrap()
                    .to_vec()
                    .into()
            }),
            Flaw::AbsentIsAnError => {
                Some(value.ok_or(giotto_cache::Error::new(ErrorKind::Backend, "absent"))?)
            }
            _ => value,
        })
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let mut keys: Vec<_> = keys.iter().map(|key| self.key(key)).collect();
        match self.flaw {
            Flaw::GetsManyInAnOrderOfItsOwn => keys.sort(),
            Flaw::GetsAHundredAtMost => keys.truncate(100),
            _ => {}
        }
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let mut values = self.server.get_many(&keys).await?;
        match self.flaw {
            Flaw::GetsManyWithoutTheAbsent => values.retain(Option::is_some),
            Flaw::GetsManyOnceEach => {
                for at in 1..keys.len() {
                    values[at].take_if(|_| keys[..at].contains(&keys[at]));
                }
            }
            _ => {}
        }
        Ok(values)
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        let seconds = |expire: Duration| Duration::from_secs(expire.as_secs());
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        let present = self.server.get(&self.key(key)).await?.is_some();
        let expire = match self.flaw {
            Flaw::FirstSetWins if present => return Ok(()),
            Flaw::KeepsTheFirstExpiry if present => None,
            Flaw::ForgetsExpiry => None,
            Flaw::CountsWholeSeconds => expire.map(seconds).filter(|expire| !expire.is_zero()),
            Flaw::ExpiresAfterAYear => Some(expire.unwrap_or(days(365))),
            Flaw::LongExpiryIsPast => expire.map(|expire| {
                if expire > days(30) {
                    Duration::ZERO
                } else {
                    expire
                }
            }),
            _ => expire,
        };
        self.keys.lock().unwrap().push(self.key(key));
        self.server.set(&self.key(key), value, expire).await
    }

    async fn add(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<bool> {
        match self.flaw {
            Flaw::AddsAlways => self.set(key, value, expire).await.map(|()| true),
            Flaw::AddNeverAdmits => self
                .server
                .add(&self.key(key), value, expire)
                .await
                .map(|_| false),
            _ => self.server.add(&self.key(key), value, expire).await,
        }
    }

    async fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: Option<Bytes>,
        expire: Option<Duration>,
    ) -> Result<bool> {
        let (key, server) = (self.key(key), &self.server);
        let found = server.get(&key).await?;
        let old = match (self.flaw, &found) {
            (Flaw::ReplacesWhatever, Some(found)) => found,
            (Flaw::ReplacesWhatBeginsLikeIt, Some(found)) if found.starts_with(old) => found,
            (Flaw::ReplaceByNothingIgnoresTheValue, Some(found)) if new.is_none() => found,
            (Flaw::ReplaceAddsWhatIsAbsent, None) => {
                server.set(&key, new.unwrap_or_default(), expire).await?;
                return Ok(false);
            }
            (Flaw::ReplaceLooksAndThenSets, Some(found)) if found == old => {
                tokio::task::yield_now().await;
                return match new {
                    Some(new) => server.set(&key, new, expire).await.map(|()| true),
                    None => server.delete(&key).await,
                };
            }
            _ => old,
        };
        match self.flaw {
            Flaw::ReplaceKeepsTheExpiry => server.replace(&key, old, new, None).await,
            Flaw::ReplaceByNothingStoresNothing => {
                let new = new.unwrap_or_default();
                server.replace(&key, old, Some(new), expire).await
            }
            _ => server.replace(&key, old, new, expire).await,
        }
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        let key = self.key(key);
        match self.flaw {
            Flaw::DeletesByPrefix => self
                .delete_if(|other| other.starts_with(&key))
                .await
                .map(|()| true),
            Flaw::DeletesAlways => self.server.delete(&key).await.map(|_| true),
            _ => self.server.delete(&key).await,
        }
    }

    async fn clear(&self) -> Result<()> {
        match self.flaw {
            Flaw::ClearsNothing => Ok(()),
            Flaw::ClearsTheServer => self.server.clear().await,
            _ => {
                self.delete_if(|key| key.starts_with(&format!("{}:", self.namespace)))
                    .await
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_breaks_a_sentence_is_found_out_by_it() {
    let table = [
        (Flaw::EmptyIsAbsent, "1. `get`"),
        (Flaw::CutsAtNul, "1. `get`"),
        (Flaw::AbsentIsAnError, "2. `get`"),
        (Flaw::FirstSetWins, "3. A second `set`"),
        (Flaw::KeepsTheFirstExpiry, "3. A second `set`"),
        (Flaw::IgnoresCase, "4. Keys"),
        (Flaw::TrimsKeys, "4. Keys"),
        (Flaw::CutsKeysAt250, "4. Keys"),
        (Flaw::ForgetsExpiry, "3. A second `set`"),
        (Flaw::CountsWholeSeconds, "5. A value set with"),
        (Flaw::ExpiresAfterAYear, "6. A value set without"),
        (Flaw::LongExpiryIsPast, "5. A value set with"),
        (Flaw::AddsAlways, "7. `add`"),
        (Flaw::AddNeverAdmits, "7. `add`"),
        (Flaw::DeletesByPrefix, "8. `delete`"),
        (Flaw::DeletesAlways, "8. `delete`"),
        (Flaw::ClearsNothing, "9. `clear`"),
        (Flaw::ClearsTheServer, "9. `clear`"),
        (Flaw::GetsManyInAnOrderOfItsOwn, "10. `get_many`"),
        (Flaw::GetsManyWithoutTheAbsent, "10. `get_many`"),
        (Flaw::GetsManyOnceEach, "10. `get_many`"),
        (Flaw::GetsAHundredAtMost, "10. `get_many`"),
        (Flaw::ReplacesWhatever, "11. `replace`"),
        (Flaw::ReplacesWhatBeginsLikeIt, "11. `replace`"),
        (Flaw::ReplaceKeepsTheExpiry, "11. `replace`"),
        (Flaw::ReplaceAddsWhatIsAbsent, "11. `replace`"),
        (Flaw::ReplaceByNothingStoresNothing, "11. `replace`"),
        (Flaw::ReplaceByNothingIgnoresTheValue, "11. `replace`"),
        (Flaw::ReplaceLooksAndThenSets, "11. Of many"),
    ];
    for (flaw, sentence) in table {
        let clock = Clock::manual(0);
        let server = LocMemKeyValue::new().clock(clock.clone());
        let store = Flawed {
            flaw,
            namespace: "ours",
            server,
            keys: Arc::default(),
        };
        let neighbour = Flawed {
            namespace: "theirs",
            ..store.clone()
        };
        let subject = Subject::new(Arc::new(store))
            .clock(clock)
            .neighbour(Arc::new(neighbour))
            .atomic();
        let failure = tokio::spawn(async move { conformance::check(&subject).await }).await;
        let panic = failure
            .expect_err(&format!("{flaw:?} was not found out"))
            .into_panic();
        let message = panic.downcast::<String>().unwrap();
        assert!(message.contains(sentence), "{flaw:?}: {message}");
        assert!(
            message.contains("conformance-"),
            "the key is named: {message}"
        );
    }
}

// The bounds of LocMem.

#[tokio::test]
async fn the_cap_holds_under_a_hundred_thousand_inserts() -> Result<()> {
    let store = LocMemKeyValue::new().max_bytes(MIB);
    for number in 0..100_000 {
        store
            .set(&format!("key {number}"), bytes(number % 2048), None)
            .await?;
        assert!(
            store.bytes() <= MIB,
            "{} bytes after {number} inserts",
            store.bytes()
        );
    }
    assert!(store.bytes() > MIB / 2, "it is used");
    assert!(
        store.get("key 99999").await?.is_some(),
        "the newest is kept"
    );
    store.clear().await?;
    assert_eq!(store.bytes(), 0);
    Ok(())
}

/// Also when values grow where they are.
#[tokio::test]
async fn the_cap_holds_under_values_that_are_replaced_by_larger_ones() -> Result<()> {
    let store = LocMemKeyValue::new().max_bytes(MIB);
    for number in 0..2_000 {
        let key = format!("key {number}");
        store.set(&key, bytes(1), None).await?;
        assert!(store.replace(&key, b"x", Some(bytes(2048)), None).await?);
        assert!(store.bytes() <= MIB, "{} bytes", store.bytes());
        assert_eq!(store.get(&key).await?, Some(bytes(2048)));
    }
    Ok(())
}

#[tokio::test]
async fn keys_are_weighed() -> Result<()> {
    let store = LocMemKeyValue::new().max_bytes(MIB);
    store.set(&"k".repeat(7000), Bytes::new(), None).await?;
    assert!(store.bytes() >= 7000);
    for number in 0..1000 {
        store
            .set(&format!("{number:07000}"), bytes(10), None)
            .await?;
    }
    assert!(store.bytes() <= MIB);
    let mut kept = 0;
    for number in 0..1000 {
        kept += u64::from(store.get(&format!("{number:07000}")).await?.is_some());
    }
    assert!(
        (1..=MIB / 7000).contains(&kept),
        "{kept} keys of 7,000 bytes"
    );
    Ok(())
}

#[tokio::test]
async fn a_value_that_is_too_large_is_refused_and_the_old_one_is_gone() -> Result<()> {
    let store = LocMemKeyValue::new().max_bytes(MIB);
    store.set("key", bytes(10), None).await?;
    let error = store.set("key", bytes(2 << 20), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(
        store.get("key").await?,
        None,
        "the old value was not the last one set"
    );

    let error = store.add("key", bytes(2 << 20), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!((store.get("key").await?, store.bytes()), (None, 0));

    store.set("key", "old".into(), None).await?;
    let replace = store.replace("key", b"old", Some(bytes(2 << 20)), None);
    assert_eq!(replace.await.unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(
        store.get("key").await?,
        Some("old".into()),
        "it was not replaced"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_accepted_is_there_whatever_its_size_and_the_cap() -> Result<()> {
    for cap in [
        0,
        1,
        300,
        1 << 10,
        MIB,
        4 * MIB - 1,
        4 * MIB,
        10 * MIB,
        64 * MIB,
        1 << 40,
        u64::MAX,
    ] {
        let store = LocMemKeyValue::new().max_bytes(cap);
        for length in [0, 1, 100, 1 << 10, 1 << 20, 3_800_000, 5 << 20] {
            let accepted = store.set("key", bytes(length), None).await.is_ok();
            assert_eq!(
                store.get("key").await?.is_some(),
                accepted,
                "{length} bytes in {cap}"
            );
            store.clear().await?;
            let accepted = store.add("key", bytes(length), None).await.is_ok();
            assert_eq!(
                store.get("key").await?.is_some(),
                accepted,
                "{length} bytes in {cap}"
            );
            let must_fit = cap >= 4 * MIB && length <= 3_800_000;
            assert!(accepted || !must_fit, "{length} bytes in {cap}");
        }
    }
    Ok(())
}

/// A crawler asks once for each of a million pages, while people read a thousand.
#[tokio::test]
async fn a_scan_of_a_million_keys_leaves_what_is_read_alone() -> Result<()> {
    let store = LocMemKeyValue::new().max_bytes(4 * MIB);
    let (hot, page) = (|number: usize| format!("hot {}", number % 1000), bytes(512));
    for number in 0..1000 {
        store.set(&hot(number), page.clone(), None).await?;
    }
    for number in 0..1_000_000 {
        store
            .set(&format!("scan {number}"), page.clone(), None)
            .await?;
        store.get(&hot(number)).await?;
    }
    let mut kept = 0;
    for number in 0..1000 {
        kept += usize::from(store.get(&hot(number)).await?.is_some());
    }
    assert!(kept >= 900, "{kept} of 1000");
    Ok(())
}

#[tokio::test]
async fn instances_are_isolated_and_clones_share() -> Result<()> {
    let (one, other) = (LocMemKeyValue::new(), LocMemKeyValue::new());
    let same = one.clone();
    one.set("key", bytes(1), None).await?;
    assert_eq!(same.get("key").await?, Some(bytes(1)));
    assert_eq!(other.get("key").await?, None);
    other.clear().await?;
    assert_eq!(one.get("key").await?, Some(bytes(1)));
    Ok(())
}

#[tokio::test]
async fn changing_what_was_set_or_got_changes_nothing_in_the_store() -> Result<()> {
    let store = LocMemKeyValue::new();
    let mut original = BytesMut::from(&b"value"[..]);
    store.set("key", original.split().freeze(), None).await?;
    original.extend_from_slice(b"other");

    let got = store.get("key").await?.unwrap();
    let got = got
        .try_into_mut()
        .expect_err("the store shares these bytes");
    BytesMut::from(got).fill(b'x');
    assert_eq!(store.get("key").await?.unwrap(), "value");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_add_at_once_one_is_told_that_it_did() {
    let store = LocMemKeyValue::new();
    for round in 0..200 {
        let mut callers = JoinSet::new();
        for caller in 0..16 {
            let store = store.clone();
            callers.spawn(async move {
                store
                    .add(&format!("key {round}"), bytes(caller), None)
                    .await
            });
        }
        let added = callers
            .join_all()
            .await
            .into_iter()
            .filter(|added| *added.as_ref().unwrap());
        assert_eq!(added.count(), 1);
    }
}

#[tokio::test]
async fn a_value_expires_on_its_millisecond() -> Result<()> {
    let clock = Clock::manual(1_000);
    let store = LocMemKeyValue::new().clock(clock.clone());
    store
        .set("key", bytes(1), Some(Duration::from_millis(5)))
        .await?;
    clock.advance(Duration::from_millis(4));
    assert!(store.get("key").await?.is_some());
    clock.advance(Duration::from_millis(1));
    assert!(store.get("key").await?.is_none());
    assert!(!store.delete("key").await?, "it was not there any more");
    Ok(())
}

#[test]
fn a_manual_clock_that_is_advanced_too_far_stops_at_the_end_of_time() {
    let clock = Clock::manual(1_000);
    let same = clock.clone();
    same.advance(Duration::MAX);
    assert_eq!(clock.now_ms(), u64::MAX);
    clock.advance(Duration::from_secs(1));
    assert_eq!(clock.now_ms(), u64::MAX);
}
