//! Stores that each break one sentence of the contract, which the suite finds.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use giotto_cache::conformance::{self, Subject};
use giotto_cache::{Clock, ErrorKind, KeyValue, LocMemKeyValue, Result, Scan, Scanned};

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
    ScanLeavesOutTheLongest,
    ScanShowsTheNeighbour,
    ScanTellsTheBodyAlone,
    ScanCountsTheHeadAlone,
    ScanHasNoEnd,
    ScanIgnoresThePart,
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

    async fn scan(&self, scan: &Scan) -> Result<Scanned> {
        let part = match self.flaw {
            Flaw::ScanIgnoresThePart => String::new(),
            _ => scan.part.clone(),
        };
        let mut page = self.server.scan(&scan.clone().containing(part)).await?;
        let own = match self.flaw {
            Flaw::ScanShowsTheNeighbour => String::new(),
            _ => format!("{}:", self.namespace),
        };
        let most = match self.flaw {
            Flaw::ScanLeavesOutTheLongest => 2_000,
            _ => usize::MAX,
        };
        page.values
            .retain(|value| value.stored_key.starts_with(&own) && value.stored_key.len() < most);
        for value in &mut page.values {
            value.key = value.key.as_ref().map(|key| match key.split_once(':') {
                Some((_, key)) => key.to_owned(),
                None => key.clone(),
            });
            match (self.flaw, &mut value.head) {
                (Flaw::ScanTellsTheBodyAlone, Some(head)) => {
                    *head = head.slice(head.len().min(1)..)
                }
                (Flaw::ScanCountsTheHeadAlone, Some(head)) => value.bytes = Some(head.len() as u64),
                _ => {}
            }
        }
        if matches!(self.flaw, Flaw::ScanHasNoEnd) {
            page.next = page.next.or(scan.cursor.clone());
        }
        Ok(page)
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
        (Flaw::ScanLeavesOutTheLongest, "12. `scan`"),
        (Flaw::ScanShowsTheNeighbour, "12. `scan`"),
        (Flaw::ScanTellsTheBodyAlone, "12. `scan`"),
        (Flaw::ScanCountsTheHeadAlone, "12. `scan`"),
        (Flaw::ScanHasNoEnd, "12. `scan`"),
        (Flaw::ScanIgnoresThePart, "12. `scan`"),
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
            .atomic()
            .enumerable();
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
