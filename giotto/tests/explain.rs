//! `mgt/cache/explain` tells the truth: in any state of the cache, what it predicts is what the next request gets.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use giotto::cache::{
    self, Cache, Clock, Key, LayeredKeyValue, Mode, Place, Scope, Staleness, Status,
};
use giotto::prelude::*;
use giotto::{CacheStatus, Controller, ErrorKind, Request, management, management_over};
use serde_json::Value;
use tokio::sync::Semaphore;

const KEY: (&str, &str, &str) = ("page", "{'x': 7}", "text/html");

/// Random numbers that are the same in every run (SplitMix64, Steele et al. 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % end
    }

    fn often(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// A store in which the test can put what it likes, and which forgets by the test's clock.
struct Shelf {
    values: Mutex<HashMap<String, (Bytes, u64)>>,
    clock: Clock,
    place: Place,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shelf {:?}", self.place)
    }
}

#[cache::async_trait]
impl KeyValue for Shelf {
    async fn get(&self, key: &str) -> cache::Result<Option<Bytes>> {
        let values = self.values.lock().unwrap();
        let kept = values
            .get(key)
            .filter(|(_, until)| self.clock.now_ms() < *until);
        Ok(kept.map(|(value, _)| value.clone()))
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> cache::Result<()> {
        let until = expire.map_or(u64::MAX, |expire| {
            let expire = u64::try_from(expire.as_millis()).unwrap();
            self.clock.now_ms().saturating_add(expire)
        });
        let mut values = self.values.lock().unwrap();
        values.insert(key.to_owned(), (value, until));
        Ok(())
    }

    async fn delete(&self, key: &str) -> cache::Result<bool> {
        Ok(self.values.lock().unwrap().remove(key).is_some())
    }

    /// The test runs on one thread, and nothing here is awaited.
    fn is_atomic(&self) -> bool {
        true
    }

    fn place(&self) -> Place {
        self.place
    }
}

#[derive(Serialize, Deserialize)]
struct X {
    x: i64,
}

const WORKS: u8 = 0;
const FAILS: u8 = 1;
const FINDS_NOTHING: u8 = 2;

/// One cache, its clock, and a model that does what it is told.
struct World {
    random: Random,
    clock: Clock,
    store: Arc<Shelf>,
    cache: Cache,
    policy: Policy,
    version: u32,
    does: Arc<AtomicU8>,
    runs: Arc<AtomicU64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let clock = Clock::manual(1_000_000);
        let place = [Place::Shared, Place::InProcess][random.below(2) as usize];
        let store = Arc::new(Shelf {
            values: Mutex::default(),
            clock: clock.clone(),
            place,
        });
        let policy = policy(&mut random);
        let mut world = Self {
            cache: Cache::builder(store.clone()).clock(clock.clone()).build(),
            random,
            clock,
            store,
            policy,
            version: 0,
            does: Arc::default(),
            runs: Arc::default(),
        };
        world.restart();
        world
    }

    /// A process that has just begun, with the same store.
    fn restart(&mut self) {
        let builder = Cache::builder(self.store.clone()).clock(self.clock.clone());
        self.cache = builder.deadline(Duration::from_secs(30)).build();
    }

    fn app(&self) -> App {
        let (does, runs) = (Arc::clone(&self.does), Arc::clone(&self.runs));
        let model = move |X { x }: X| {
            let (does, runs) = (Arc::clone(&does), Arc::clone(&runs));
            async move {
                runs.fetch_add(1, Ordering::SeqCst);
                match does.load(Ordering::SeqCst) {
                    WORKS => Ok(x),
                    FAILS => Err(Error::other("it fails")),
                    _ => Err(Error::not_found("it finds nothing")),
                }
            }
        };
        let page = Program::new(model)
            .tags(|x: &X| [format!("x:{}", x.x)])
            .version(self.version)
            .cache(self.policy)
            .view(BasicView::new());
        let manifest = Manifest::new([("page", page)]).with("mgt", management());
        App::new(manifest).with_cache(self.cache.clone())
    }

    async fn ask(&self, controller: Controller) -> Answer {
        let mut request = Request::new(controller, "page.html/7");
        let rendered = self.app().invoke(&mut request).await;
        self.cache.settle().await;
        match rendered {
            Ok(rendered) => Answer::new(rendered.cache_status()),
            Err(error) if error.cache_status().is_some_and(is_stored) => {
                Answer::new(error.cache_status())
            }
            Err(error) => Answer {
                status: "error".to_owned(),
                reason: Some(format!("{:?}", error.kind())),
            },
        }
    }

    /// Something happens.
    async fn step(&mut self) {
        let key = Key::new(KEY.0, KEY.1, KEY.2);
        let is_hard = self.random.often();
        match self.random.below(14) {
            0..=4 => {
                let does = [WORKS, FAILS, FAILS, FINDS_NOTHING][self.random.below(4) as usize];
                self.does.store(does, Ordering::SeqCst);
                let controller = [HTTP_GET, CMD][self.random.below(2) as usize];
                self.ask(controller).await;
            }
            5..=9 => {
                let ms =
                    [1, 999, 1_000, 5_000, 10_000, 20_000, 40_000][self.random.below(7) as usize];
                self.clock.advance(Duration::from_millis(ms));
            }
            10 => {
                let scope = match self.random.below(3) {
                    0 => Scope::Tag("x:7".to_owned()),
                    1 => Scope::Program("page".to_owned()),
                    _ => Scope::All,
                };
                match is_hard {
                    true => self.cache.purge(scope).await.unwrap(),
                    false => self.cache.invalidate(scope).await.unwrap(),
                }
            }
            11 => {
                let changed = match is_hard {
                    true => self.cache.remove(&key).await,
                    false => self.cache.expire(&key).await,
                };
                changed.unwrap();
            }
            12 => match self.random.below(4) {
                // Lost, damaged, or foreign.
                0 => drop(self.store.delete(key.as_str()).await.unwrap()),
                1 => drop(self.store.delete("{tag:x:7}").await.unwrap()),
                _ => {
                    let raw = Bytes::from_static(b"this is no entry");
                    self.store.set(key.as_str(), raw, None).await.unwrap();
                }
            },
            _ => match self.random.often() {
                true => self.version = self.random.below(3) as u32,
                false => self.restart(),
            },
        }
    }
}

/// A policy of all that decides over serving, at random.
fn policy(random: &mut Random) -> Policy {
    let policy = Policy::seconds(1 + random.below(30));
    let stale = (random.below(4) > 0).then(|| 1 + random.below(40));
    let stale_if_error = random
        .often()
        .then(|| stale.unwrap_or(0) + 1 + random.below(100));
    let policy = stale.map_or(policy, |time| policy.stale_while_revalidate(time));
    let policy = stale_if_error.map_or(policy, |time| policy.stale_if_error(time));
    let policy = match random.often() {
        true => policy.negative(1 + random.below(20)),
        false => policy,
    };
    if stale.is_none() && stale_if_error.is_none() {
        return policy;
    }
    let policy = policy.throttle(1 + random.below(40));
    match random.often() {
        true => policy.stale_versions(),
        false => policy,
    }
}

/// Whether it is that of an answer of the model, stored or to be.
fn is_stored(cache_status: &CacheStatus) -> bool {
    cache_status.status != Some(Status::NotStored)
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: String,
    reason: Option<String>,
}

impl Answer {
    fn new(cache_status: Option<&CacheStatus>) -> Self {
        let cache_status = cache_status.unwrap();
        let status = match cache_status.status.unwrap() {
            Status::Hit => "hit",
            Status::Stale(Staleness::Revalidating) => "stale-revalidating",
            Status::Stale(Staleness::Throttled) => "stale-throttled",
            Status::Stale(Staleness::Failed) => "stale-failed",
            Status::Stored => "stored",
            Status::Collapsed => "collapsed",
            other => panic!("{other:?}"),
        };
        Self {
            status: status.to_owned(),
            reason: cache_status.reason.as_ref().map(ToString::to_string),
        }
    }
}

/// What `explain` says, as JSON.
async fn explained(app: &App) -> Value {
    explained_over(CMD, app).await
}

async fn explained_over(controller: Controller, app: &App) -> Value {
    let mut request = Request::new(controller, "mgt/cache/explain.json/page.html/7");
    let rendered = app.invoke(&mut request).await.unwrap();
    serde_json::from_slice(rendered.body()).unwrap()
}

fn next<'e>(explained: &'e Value, over: &str) -> &'e Value {
    let nexts = explained["next"].as_array().unwrap();
    nexts.iter().find(|next| next["over"] == over).unwrap()
}

#[tokio::test]
async fn explain_tells_the_truth_in_1000_states() {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..1_000 {
        let mut world = World::new(seed);
        if world.random.below(5) > 0 {
            world.ask(HTTP_GET).await;
        }
        for _ in 0..world.random.below(8) {
            world.step().await;
        }
        let (controller, over) = [(HTTP_GET, "http"), (CMD, "cmd")][world.random.below(2) as usize];
        let does = [WORKS, WORKS, FAILS][world.random.below(3) as usize];
        world.does.store(does, Ordering::SeqCst);

        let runs = world.runs.load(Ordering::SeqCst);
        let report = explained(&world.app()).await;
        let ran = world.runs.load(Ordering::SeqCst);
        assert_eq!(ran, runs, "{seed}: explain has run the model");
        let next = next(&report, over);
        let is_run = next["status"] == "stored";
        let (status, reason) = match (is_run, does, next["falls_back"] == true) {
            (true, FAILS, true) => ("stale-failed", next["reason"].as_str()),
            (true, FAILS, false) => ("error", Some("Other")),
            _ => (next["status"].as_str().unwrap(), next["reason"].as_str()),
        };
        let predicted = Answer {
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
        };
        let got = world.ask(controller).await;
        assert_eq!(got, predicted, "{seed}, over {over}: {report:#}");
        let expected = runs + u64::from(is_run || next["refreshes"] == true);
        let ran = world.runs.load(Ordering::SeqCst);
        assert_eq!(
            ran, expected,
            "{seed}, over {over}: runs of the model, {report:#}"
        );
        let reason = predicted.reason.unwrap_or_default();
        let refreshes = if next["refreshes"] == true {
            ", refreshed"
        } else {
            ""
        };
        *seen
            .entry(format!("{} {reason}{refreshes}", predicted.status))
            .or_default() += 1;
    }
    // The states are not all alike.
    for state in [
        "hit ",
        "stored first-seen",
        "stored expired",
        "stored evicted",
        "stored undecodable",
        "stored version",
        "stored invalidated tag x:7",
        "stored invalidated program page",
        "stored invalidated all",
        "stale-revalidating expired, refreshed",
        "stale-throttled expired",
        "stale-failed expired",
        "error Other",
    ] {
        assert!(
            seen.get(state).is_some_and(|times| *times >= 3),
            "{state}: {seen:?}"
        );
    }
}

#[tokio::test]
async fn explain_sees_a_running_computation() {
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let page = {
        let (begun, gate) = (Arc::clone(&begun), Arc::clone(&gate));
        move |X { x }: X| {
            let (begun, gate) = (Arc::clone(&begun), Arc::clone(&gate));
            async move {
                begun.add_permits(1);
                gate.acquire().await?.forget();
                Ok::<_, Error>(x)
            }
        }
    };
    let page = Program::new(page).cache(60).view(BasicView::new());
    let manifest = Manifest::new([("page", page)]).with("mgt", management());
    let app = App::new(manifest).cache(LocMemKeyValue::new());
    let computing = {
        let app = app.clone();
        tokio::spawn(async move { app.invoke(&mut Request::new(HTTP_GET, "page.html/7")).await })
    };
    begun.acquire().await.unwrap().forget();
    let report = explained(&app).await;
    assert_eq!(report["is_computed_now"], true);
    assert_eq!(next(&report, "http")["status"], "collapsed");
    gate.add_permits(1);
    computing.await.unwrap().unwrap();
    let report = explained(&app).await;
    assert_eq!(report["is_computed_now"], false);
    assert_eq!(next(&report, "http")["status"], "hit");
}

#[tokio::test]
async fn explain_shows_every_layer() {
    let above = Arc::new(LocMemKeyValue::new());
    let below = Arc::new(Shelf {
        values: Mutex::default(),
        clock: Clock::system(),
        place: Place::Shared,
    });
    let layers = LayeredKeyValue::new(vec![above.clone(), below.clone()]);
    let page = Program::new(|X { x }: X| x)
        .cache(60)
        .view(BasicView::new());
    let management = management_over([HTTP_GET, CMD]);
    let manifest = Manifest::new([("page", page)]).with("mgt", management);
    let app = App::new(manifest).cache(layers);
    app.invoke(&mut Request::new(HTTP_GET, "page.html/7"))
        .await
        .unwrap();
    app.shared_cache().settle().await;
    // A look fills the layers above: what was there before it is not to be seen.
    below.values.lock().unwrap().clear();
    let states = async |controller| {
        let report = explained_over(controller, &app).await;
        let layers = report["layers"].as_array().unwrap().iter();
        let states = layers.map(|layer| layer["state"].as_str().unwrap().to_owned());
        states.collect::<Vec<_>>()
    };
    let over_http = states(HTTP_GET).await;
    assert!(over_http[0].starts_with("an entry of "), "{over_http:?}");
    assert_eq!(over_http[1], "absent");
    // The memory of a command is not a server's, and is not shown as if it were: `management/servers.rs` has that.
    assert_eq!(states(CMD).await.len(), 2);
}

#[tokio::test]
async fn a_hard_invalidated_page_is_got_and_not_served() {
    let world = World::new(1);
    world.ask(HTTP_GET).await;
    world.cache.purge("x:7").await.unwrap();
    let app = world.app();
    let mut request = Request::new(CMD, "mgt/cache/get.json/page.html/7");
    let got = app.invoke(&mut request).await.unwrap();
    let got: Value = serde_json::from_slice(got.body()).unwrap();
    assert_eq!(got["reason"], "invalidated tag x:7");
    assert_eq!(got["entry"]["tags"][0]["state"], "purged");
    assert!(got["body"].as_str().unwrap().contains('7'));
    let mut request = Request::new(CMD, "page.html/7").mode(Mode::Only);
    let refused = app.invoke(&mut request).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::NotCached);
}
