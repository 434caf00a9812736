//! What is in the store: a page of entries, with all that is known of each but its body.
//!
//! No step of a lookup; for management. The store enumerates its keys ([`KeyValue::scan`]), and each entry is judged by the
//! clocks and generations in its beginning, as a lookup would judge it, as far as they are known.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bytes::Bytes;

use crate::engine::state::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::guard::deadline::with_deadline;
use crate::inspect::listed::{ListedEntry, Now, Value};
use crate::inspect::measure::layers_of;
use crate::invalidation::generation::{Generation, Record};
use crate::invalidation::records;
use crate::key::{Key, part_of};
use crate::keyvalue::KeyValue;
use crate::keyvalue::scan::{Scan, Scanned, StoredValue, head_of};
use crate::policy::Policy;
use crate::scope::Scope;

/// How long a page may take: the store may be far away, and a dump of Memcached is long.
const PATIENCE: Duration = Duration::from_secs(20);
/// The records that are read at a time, and the most of a page. What depends on more is judged without them.
const RECORDS_AT_ONCE: usize = 200;
const MOST_RECORDS: usize = 4_000;
/// The entries that are read at a time where their keys are given: each may have a mebibyte.
const BODIES_AT_ONCE: usize = 20;

/// The question for a page of entries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listing {
    /// Which keys, from where on, and about how many may be looked at.
    pub scan: Scan,
    /// The number of the layer, from 0, the fastest first; `None` for the last one, which has everything.
    pub layer: Option<usize>,
    /// Only the entries of these keys, which are read and not searched for: `scan` is not used, and there is one page.
    pub keys: Option<Vec<String>>,
    /// What the programs of these names allow now. Without it, an entry is judged by what is written in it.
    pub policies: HashMap<String, Policy>,
}

/// A page of entries.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ListPage {
    /// The entries, in no order. One may be on two pages.
    pub entries: Vec<ListedEntry>,
    /// How many keys were looked at, those of records and those that were not wanted included.
    pub looked_at: u64,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<String>,
}

impl Listing {
    /// The first page of all entries in the last layer, for which about `limit` keys may be looked at.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            scan: Scan::new(limit),
            layer: None,
            keys: None,
            policies: HashMap::new(),
        }
    }

    /// Only the entries of this program.
    #[must_use]
    pub fn program(self, program: &str) -> Self {
        Self {
            scan: self.scan.containing(part_of(program)),
            ..self
        }
    }

    /// In the layer of this number, from 0, the fastest first.
    #[must_use]
    pub fn layer(self, layer: impl Into<Option<usize>>) -> Self {
        Self {
            layer: layer.into(),
            ..self
        }
    }

    /// Only the entries of these keys: not more than some hundred, because their bodies are read.
    #[must_use]
    pub fn keys(self, keys: Vec<String>) -> Self {
        Self {
            keys: Some(keys),
            ..self
        }
    }

    /// The page that begins where the one with this cursor ended.
    #[must_use]
    pub fn after(self, cursor: impl Into<Option<String>>) -> Self {
        Self {
            scan: self.scan.after(cursor),
            ..self
        }
    }

    /// What the programs of these names allow now.
    #[must_use]
    pub fn policies(self, policies: HashMap<String, Policy>) -> Self {
        Self { policies, ..self }
    }
}

/// A page of values that are no records, and what they are judged by.
pub(crate) struct Judged {
    pub(crate) values: Vec<Value>,
    pub(crate) now: Now,
    pub(crate) looked_at: u64,
    pub(crate) next: Option<String>,
}

/// The page that `listing` asks for.
pub(crate) async fn list(engine: &Engine, listing: &Listing) -> Result<ListPage> {
    let store = match listing.layer {
        None => engine.store.store(),
        Some(number) => {
            let layers = layers_of(engine.store.store());
            let layer = layers.get(number).copied();
            layer.ok_or_else(|| {
                let last = layers.len() - 1;
                let message = format!("there is no layer {number}: the layers are 0 to {last}");
                Error::new(ErrorKind::Configuration, message)
            })?
        }
    };
    let page = match &listing.keys {
        None => page(engine, store, &listing.scan).await?,
        Some(keys) => named(engine, store, keys).await?,
    };
    let now_ms = engine.clock.now_ms();
    let values = page.values.into_iter();
    let listed = values.map(|value| value.listed(&page.now, &listing.policies, now_ms));
    Ok(ListPage {
        entries: listed.collect(),
        looked_at: page.looked_at,
        next: page.next,
    })
}

/// The page of `store` that `scan` asks for.
pub(crate) async fn page(engine: &Engine, store: &dyn KeyValue, scan: &Scan) -> Result<Judged> {
    judge(engine, in_time(store.scan(scan)).await?).await
}

/// The entries of `store` that have these `keys`.
async fn named(engine: &Engine, store: &dyn KeyValue, keys: &[String]) -> Result<Judged> {
    let mut found = Scanned::default();
    for keys in keys.chunks(BODIES_AT_ONCE) {
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let values = in_time(store.get_many(&keys)).await?;
        let values = keys.iter().zip(values);
        found.values.extend(values.filter_map(|(key, value)| {
            let value = value?;
            // Not the body, which would stay in memory for as long as the page does.
            let head = Bytes::copy_from_slice(&value[..value.len().min(head_of(key.len()))]);
            Some(StoredValue::new(*key, value.len() as u64, head))
        }));
        found.looked_at += keys.len() as u64;
    }
    judge(engine, found).await
}

async fn in_time<T>(asked: impl Future<Output = Result<T>>) -> Result<T> {
    let late = || {
        let message = format!("the store did not list its keys within {PATIENCE:?}: try again");
        Err(Error::new(ErrorKind::Backend, message))
    };
    let answer = with_deadline(PATIENCE, asked).await;
    answer.unwrap_or_else(late)
}

async fn judge(engine: &Engine, page: Scanned) -> Result<Judged> {
    // Those of records and leases.
    let is_record = |value: &StoredValue| value.stored_key.ends_with('}');
    let values = page.values.into_iter().filter(|value| !is_record(value));
    let values: Vec<_> = values.map(Value::new).collect();
    Ok(Judged {
        now: Now::read(engine, &values).await,
        values,
        looked_at: page.looked_at,
        next: page.next,
    })
}

impl Now {
    /// Those that `values` depend on. What the store does not say is not known, and judged as unchanged. Nothing is
    /// remembered: a hostile client of the store can invent programs.
    async fn read(engine: &Engine, values: &[Value]) -> Self {
        let keys = values.iter().filter_map(|value| value.key.as_ref());
        let heads = values
            .iter()
            .filter_map(|value| value.head.as_ref()?.as_ref());
        let inherited = heads
            .clone()
            .flat_map(|head| &head.extension.inherited.programs);
        let inherited = inherited.map(|(program, _)| program.as_str());
        let programs: BTreeSet<_> = keys.map(Key::program).chain(inherited).collect();
        let stamps = heads.flat_map(|head| &head.extension.tags);
        let tags: BTreeSet<_> = stamps.map(|stamp| stamp.tag.clone()).collect();
        let (programs, tags): (Vec<_>, Vec<_>) = (
            programs.into_iter().take(MOST_RECORDS).collect(),
            tags.into_iter().take(MOST_RECORDS).collect(),
        );
        let mut now = Self {
            programs: HashMap::new(),
            tags: HashMap::new(),
        };
        for programs in programs.chunks(RECORDS_AT_ONCE) {
            now.programs.extend(read_programs(engine, programs).await);
        }
        for tags in tags.chunks(RECORDS_AT_ONCE) {
            if let Ok(records) = records::read_tags(engine, tags.to_vec()).await {
                now.tags.extend(records);
            }
        }
        now
    }
}

/// The generations of `programs`, each with that of everything in one.
async fn read_programs(engine: &Engine, programs: &[&str]) -> HashMap<String, Generation> {
    let scopes = programs.iter().map(|program| Scope::of_program(program));
    let scopes: Vec<_> = std::iter::once(Scope::All).chain(scopes).collect();
    let keys: Vec<_> = scopes.iter().map(Scope::record_key).collect();
    let stored = match engine.is_shared() {
        true => {
            let keys: Vec<_> = keys.iter().map(String::as_str).collect();
            match engine.store.get_many(&keys).await {
                Ok(stored) => stored,
                Err(_) => return HashMap::new(),
            }
        }
        // What the process knows is all that there is.
        false => Vec::new(),
    };
    let generation = |at: usize| {
        let (scope, key) = (&scopes[at], &keys[at]);
        let raw = stored.get(at).and_then(Option::as_ref);
        let read = raw.and_then(|raw| Record::decode(raw, key, &engine.signer));
        let own = engine.programs.record(key);
        // The store may have lost it, or have been restored from an older state.
        let record = read
            .filter(|read| read.changed_ms >= own.changed_ms)
            .unwrap_or(own);
        engine.pending.applied(scope, record).generation
    };
    let all = generation(0);
    let of = |(at, program): (usize, &&str)| ((*program).to_owned(), all.and(generation(at + 1)));
    programs.iter().enumerate().map(of).collect()
}
