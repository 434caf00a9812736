//! What is said of results that are not stored, against the real servers.
//!
//! Nothing sleeps: the clock of the breakers and of the log is the test's own.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

#[path = "common/log.rs"]
mod log;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{
    Answer, Cache, CacheControl, Clock, Computed, DatabaseKeyValue, Error, Key, KeyValue,
    LayeredKeyValue, LocMemKeyValue, Lookup, MemcacheKeyValue, NotStored, Policy, Reason,
    RedisKeyValue, Result, Status,
};
use test_servers::{MariaDb, Memcached, Postgres, Redis};

const HOUR: Policy = Policy::seconds(3600);
/// More than usual, for a machine under load.
const DEADLINE: Duration = Duration::from_secs(3);
const TAG: &str = "user:7";
const START_MS: u64 = 1_700_000_000_000;
const PAGE: usize = 4_096;

fn lookup(name: &str) -> Lookup {
    Lookup::new(Key::new("program", name, "text/html"), HOUR)
}

fn tagged(name: &str) -> Lookup {
    lookup(name).tags(vec![TAG.to_owned()])
}

/// Asks for a page of so many bytes, which no store can make smaller.
async fn ask(cache: &Cache, lookup: Lookup, bytes: usize) -> Result<Answer> {
    let compute = |_| async move {
        let body: Bytes = (0..bytes).map(|_| fastrand::u8(..)).collect();
        Ok::<_, Error>(Computed::Page(body))
    };
    let answer = cache.answer(lookup, compute).await;
    cache.settle().await;
    answer
}

fn cache(store: Arc<dyn KeyValue>) -> Cache {
    Cache::builder(store)
        .deadline(DEADLINE)
        .max_entry(100_000)
        .build()
}

/// All that is the same on every store, as two processes see it.
async fn check(open: impl Fn() -> Arc<dyn KeyValue>) -> Result<()> {
    let (one, two) = (cache(open()), cache(open()));
    // A record that the store has lost: the first page that is computed again makes it anew.
    for name in ["1", "2", "3"] {
        let answer = ask(&one, tagged(name), PAGE).await?;
        assert_eq!(answer.status, Status::Stored, "{name}: {answer:?}");
    }
    open().delete("{tag:user:7}").await?;
    for (name, cache) in [("1", &one), ("2", &one), ("3", &two)] {
        let answer = ask(cache, tagged(name), PAGE).await?;
        assert_eq!(
            answer.reason,
            Some(Reason::TagLost(TAG.to_owned())),
            "{name}"
        );
    }

    for name in ["large", "large"] {
        let answer = ask(&one, lookup(name), 100_001).await?;
        assert_eq!(answer.not_stored, Some(NotStored::TooLarge));
    }
    let explained = one.explain(&lookup("large")).await;
    assert_eq!(explained.not_stored, Some(NotStored::TooLarge));
    let bad = || lookup("bad").tags(vec!["\n".to_owned()]);
    assert_eq!(
        one.explain(&bad()).await.not_stored,
        Some(NotStored::BadTag)
    );
    assert_eq!(
        ask(&one, bad(), PAGE).await?.not_stored,
        Some(NotStored::BadTag)
    );
    let by_model = |control: CacheControl| {
        control.tags(["\n"]);
        async { Ok::<_, Error>(Computed::Page("page".into())) }
    };
    let answer = one.answer(lookup("bad"), by_model).await?;
    assert_eq!(answer.not_stored, Some(NotStored::BadTag));
    one.settle().await;

    let counts = one.counts();
    let reasons = (
        counts.too_large,
        counts.bad_tag,
        counts.store_failed,
        counts.unwanted,
    );
    assert_eq!(reasons, (2, 2, 0, 0));
    assert_eq!((counts.not_stored, counts.stored), (4, 5));
    assert_eq!((counts.tag_lost, counts.invalidated), (2, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_memory() -> Result<()> {
    let memory = LocMemKeyValue::new();
    // What the one knows of tags stands in the store, as everything that both know.
    check(|| Arc::new(memory.clone())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_alone_and_below_memory() -> Result<()> {
    let [alone, below] = [(); 2].map(|()| Redis::start());
    check(|| Arc::new(redis(&alone))).await?;
    check(|| Arc::new(layers(Arc::new(redis(&below))))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_memcached() -> Result<()> {
    let server = Memcached::start();
    check(|| Arc::new(memcached(&server))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("cache.db").display());
    on_database(&url).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() -> Result<()> {
    on_database(&Postgres::start().url()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mysql() -> Result<()> {
    on_database(&MariaDb::start().url()).await
}

async fn on_database(url: &str) -> Result<()> {
    let open = || DatabaseKeyValue::from_url(url).unwrap();
    open().syncdb().await?;
    check(|| Arc::new(open())).await
}

fn redis(server: &Redis) -> RedisKeyValue {
    let store = RedisKeyValue::new().host("127.0.0.1").port(server.port());
    store.server_deadline(DEADLINE)
}

fn memcached(server: &Memcached) -> MemcacheKeyValue {
    let store = MemcacheKeyValue::new().hosts([server.host()]).unwrap();
    store.server_deadline(DEADLINE)
}

fn layers(below: Arc<dyn KeyValue>) -> LayeredKeyValue {
    let memory = Arc::new(LocMemKeyValue::new());
    LayeredKeyValue::new(vec![memory, below]).deadline(DEADLINE)
}

fn fill(server: &Redis, maxmemory: u64) {
    server.cli(&["config", "set", "maxmemory-policy", "noeviction"]);
    server.cli(&["config", "set", "maxmemory", &maxmemory.to_string()]);
}

/// The server answers reads and refuses every write.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_to_be_stored_in_a_full_redis() -> Result<()> {
    for is_layered in [false, true] {
        let server = Redis::start();
        let open = || -> Arc<dyn KeyValue> {
            match is_layered {
                false => Arc::new(redis(&server)),
                true => Arc::new(layers(Arc::new(redis(&server)))),
            }
        };
        let (one, other) = (cache(open()), cache(open()));
        ask(&one, lookup("before"), PAGE).await?;
        fill(&server, 1);
        for number in 0..10 {
            let name = number.to_string();
            let pages = [
                lookup(&name),
                lookup(&format!("tagged {name}")).tags(vec![TAG.into()]),
            ];
            for page in pages {
                let answer = ask(&one, page, PAGE).await?;
                assert_eq!(answer.status, Status::NotStored, "{name}");
                assert_eq!(answer.not_stored, Some(NotStored::StoreFailed), "{name}");
            }
        }
        let counts = one.counts();
        assert_eq!(
            (counts.stored, counts.store_failed, counts.not_stored),
            (1, 20, 20)
        );
        assert!(one.layers().last().unwrap().writes_open);
        let explained = one.explain(&lookup("next")).await;
        assert_eq!(explained.next, Ok(Status::NotStored));
        assert_eq!(explained.not_stored, Some(NotStored::StoreFailed));
        // What is there is read, here and in another process, which finds nothing of the others.
        assert_eq!(
            ask(&other, lookup("before"), PAGE).await?.status,
            Status::Hit
        );
        for number in 0..10 {
            let found = redis(&server).get(lookup_key(number).as_str()).await?;
            assert_eq!(found, None);
        }
    }
    Ok(())
}

fn lookup_key(number: usize) -> Key {
    Key::new("program", number.to_string(), "text/html")
}

/// A server that is lost after it has answered the first read.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_to_be_stored_after_a_read_that_failed() -> Result<()> {
    for is_layered in [false, true] {
        let mut server = Redis::start();
        let below: Arc<dyn KeyValue> = Arc::new(redis(&server));
        let cache = cache(match is_layered {
            false => below,
            true => Arc::new(layers(below)),
        });
        ask(&cache, lookup("before"), PAGE).await?;
        server.process.kill();
        for number in 0..10 {
            for page in [lookup(&number.to_string()), tagged(&number.to_string())] {
                let answer = ask(&cache, page, PAGE).await?;
                let is_hit = answer.status == Status::Hit;
                // The memory above keeps what has no tags for a moment.
                assert!(!is_hit || is_layered, "{answer:?}");
                let expected = (!is_hit).then_some(NotStored::StoreFailed);
                assert_eq!(answer.not_stored, expected);
            }
        }
        assert_eq!(cache.counts().stored, 1);
    }
    Ok(())
}

/// A page leaves the full store now and then, so that a value is accepted now and then.
#[tokio::test]
async fn a_redis_that_is_full_for_a_minute_is_told_once_and_stays_refused() -> Result<()> {
    for is_layered in [false, true] {
        log::listen();
        let server = Redis::start();
        let clock = Clock::manual(START_MS);
        let below = redis(&server);
        let store: Arc<dyn KeyValue> = match is_layered {
            false => Arc::new(below.clone()),
            true => Arc::new(layers(Arc::new(below.clone())).clock(clock.clone())),
        };
        let builder = Cache::builder(store).clock(clock.clone());
        let cache = builder.deadline(DEADLINE).build();
        let used = server.cli(&["info", "memory"]);
        let used = used.split("used_memory:").nth(1).unwrap();
        let used: u64 = used.lines().next().unwrap().trim().parse().unwrap();
        fill(&server, used + 400_000);
        let mut pages = 0;
        let mut ask_next = async || {
            pages += 1;
            ask(&cache, lookup(&format!("page {pages}")), PAGE).await
        };
        while ask_next().await?.not_stored.is_none() {}
        let is_open = || cache.layers().last().unwrap().writes_open;
        let (mut was_open, mut changes, mut skipped) = (is_open(), 0, 0);
        for second in 0..60 {
            // One page expires.
            let key = Key::new("program", format!("page {}", second + 1), "text/html");
            below.delete(key.as_str()).await?;
            for _ in 0..10 {
                ask_next().await?;
                changes += u32::from(is_open() != was_open);
                was_open = is_open();
                skipped += u32::from(was_open);
                clock.advance(Duration::from_millis(100));
            }
        }
        assert!(
            changes <= 10,
            "the breaker changes {changes} times in a minute"
        );
        assert!(skipped >= 300, "it is open for {skipped} of 600 pages");
        let told = log::told("store fails: ");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(log::told("a result is not stored: the store fails").len() <= 2);

        server.cli(&["config", "set", "maxmemory", "0"]);
        for _ in 0..20 {
            ask_next().await?;
            clock.advance(Duration::from_secs(1));
        }
        assert!(!is_open());
        assert_eq!(ask_next().await?.status, Status::Stored);
    }
    Ok(())
}

/// Its slabs are full and nothing may be evicted.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_to_be_stored_in_a_full_memcached() -> Result<()> {
    let server = Memcached::start_with(test_servers::free_port(), &["-M", "-m", "2"]);
    let cache = cache(Arc::new(memcached(&server)));
    let mut number = 0;
    let mut ask_next = async || {
        number += 1;
        ask(&cache, lookup(&number.to_string()), 50_000).await
    };
    for _ in 0..1_000 {
        if ask_next().await?.not_stored.is_some() {
            break;
        }
    }
    let before = cache.counts();
    for _ in 0..10 {
        assert_eq!(ask_next().await?.not_stored, Some(NotStored::StoreFailed));
    }
    let counts = cache.counts().since(&before);
    assert_eq!((counts.stored, counts.store_failed), (0, 10));
    Ok(())
}
