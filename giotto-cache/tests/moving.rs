//! Moving from one store to another, on real servers: what was fresh stays fresh for as long as it had, and nothing that was
//! invalidated becomes fresh again.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use giotto_cache::testing::{assert_hit, assert_miss};
use giotto_cache::{
    Answer, Cache, Clock, Computed, DatabaseKeyValue, ErrorKind, Key, KeyValue, LocMemKeyValue,
    Lookup, MemcacheKeyValue, MigratingKeyValue, Policy, Reason, RedisKeyValue, Result, Scope,
};
use test_servers::{MariaDb, Memcached, Postgres, Redis};

const HOUR: Policy = Policy::seconds(3_600);

/// On a machine under load.
const PATIENCE: Duration = Duration::from_secs(30);

fn cache(store: Arc<dyn KeyValue>) -> Cache {
    Cache::builder(store).deadline(PATIENCE).build()
}

fn key(name: &str) -> Key {
    Key::new("price", format!("{{'sku': '{name}'}}"), "text/html")
}

fn page(name: &str) -> Lookup {
    Lookup::new(key(name), HOUR).tags(vec![format!("tag of {name}")])
}

async fn ask(cache: &Cache, lookup: Lookup) -> Result<Answer> {
    let page = Bytes::from("a page ".repeat(400));
    let compute = |_| async move { Ok::<_, giotto_cache::Error>(Computed::Page(page)) };
    let answer = cache.answer(lookup, compute).await;
    cache.settle().await;
    answer
}

/// Three pages, of which one was purged by its tag, and one of a program that was purged.
async fn fill(cache: &Cache) -> Result<()> {
    for name in ["kept", "other", "purged"] {
        ask(cache, page(name)).await?;
    }
    cache.purge("tag of purged").await?;
    ask(cache, of_other()).await?;
    cache.purge(Scope::Program("other".to_owned())).await
}

fn of_other() -> Lookup {
    Lookup::new(Key::new("other", "{}", "text/html"), HOUR)
}

async fn is_moved(source: &Cache, target: &Cache) -> Result<()> {
    let kept = ask(target, page("kept")).await?;
    assert_hit!(kept);
    let there = ask(source, page("kept")).await?;
    assert_eq!(kept.entry.to_bytes(), there.entry.to_bytes());
    assert_hit!(ask(target, page("other")).await?);
    assert_miss!(
        ask(target, page("purged")).await?,
        Reason::Invalidated(Scope::Tag("tag of purged".to_owned()))
    );
    assert_miss!(
        ask(target, of_other()).await?,
        Reason::Invalidated(Scope::Program("other".to_owned()))
    );
    // It can be invalidated there.
    target.purge("tag of kept").await?;
    assert!(!matches!(
        ask(target, page("kept")).await?.status,
        giotto_cache::Status::Hit
    ));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_copied_from_any_store_to_any_other() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let (redis, memcached) = (Redis::start(), Memcached::start());
    let (postgres, mariadb) = (Postgres::start(), MariaDb::start());
    let file = format!("sqlite://{}", folder.path().join("cache.db").display());
    let servers = DatabaseKeyValue::from_url;
    let stores = |namespace: &str| -> Result<Vec<Arc<dyn KeyValue>>> {
        let redis = RedisKeyValue::new().host("127.0.0.1").port(redis.port());
        let memcached = MemcacheKeyValue::new().hosts([memcached.host()])?;
        Ok(vec![
            Arc::new(redis.namespace(namespace)?),
            Arc::new(memcached.namespace(namespace)?.server_deadline(PATIENCE)),
            Arc::new(servers(&file)?.namespace(namespace)?),
            Arc::new(
                servers(&postgres.url())?
                    .timeout(PATIENCE)
                    .namespace(namespace)?,
            ),
            Arc::new(
                servers(&mariadb.url())?
                    .timeout(PATIENCE)
                    .namespace(namespace)?,
            ),
            Arc::new(LocMemKeyValue::new()),
        ])
    };
    let sources = stores("from")?;
    for store in &sources {
        store.syncdb().await?;
    }
    // Each to the next one.
    let targets = stores("to")?.into_iter().cycle().skip(1);
    for (source, target) in sources.into_iter().zip(targets) {
        // What was purged in memory stands in no store.
        if source.place() == giotto_cache::Place::InProcess {
            continue;
        }
        let about = format!("{source:?} to {target:?}");
        let (source, target) = (cache(source), cache(target));
        fill(&source).await?;
        let moved = source.copy_to(&target).await?;
        assert_eq!(
            moved.refused + moved.unknown + moved.too_large,
            0,
            "{about}: {moved:?}"
        );
        assert!(
            moved.entries == 4 && moved.records >= 4,
            "{about}: {moved:?}"
        );
        if target.store().place() != giotto_cache::Place::InProcess {
            is_moved(&source, &target).await?;
        }
        let again = source.copy_to(&target).await?;
        assert!(again.entries <= 2, "{about}: {again:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_export_is_imported_elsewhere_and_a_damaged_one_is_refused() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.export");
    let redis = Redis::start();
    let store = |name| {
        RedisKeyValue::new()
            .host("127.0.0.1")
            .port(redis.port())
            .namespace(name)
    };
    let (source, target) = (
        cache(Arc::new(store("from")?)),
        cache(Arc::new(store("to")?)),
    );
    fill(&source).await?;
    let foreign = Bytes::from_static(b"GIOT foreign");
    source
        .store()
        .set("{'x': 1}(price)(text/html)", foreign, None)
        .await?;
    let moved = source.export(&path).await?;
    assert_eq!((moved.entries, moved.refused), (4, 1), "{moved:?}");
    assert_eq!(
        source.export(&path).await.unwrap_err().kind(),
        ErrorKind::Configuration
    );

    let whole = std::fs::read(&path).unwrap();
    let damaged = folder.path().join("damaged");
    for (at, length) in [
        (40, whole.len()),
        (whole.len() - 1, whole.len()),
        (0, 500),
        (0, 0),
    ] {
        let mut changed = whole[..length].to_vec();
        if let Some(byte) = changed.get_mut(at) {
            *byte ^= 1;
        }
        std::fs::write(&damaged, changed).unwrap();
        let error = target.import(&damaged).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert_eq!(redis.cli(&["keys", "to:*"]).trim(), "", "{error}");
    }
    assert_eq!(target.import(&path).await?.entries, 4);
    let again = target.import(&path).await?;
    assert_eq!((again.entries, again.records), (0, 0), "{again:?}");
    is_moved(&source, &target).await
}

#[tokio::test]
async fn what_is_not_signed_or_over_is_not_moved() -> Result<()> {
    let clock = Clock::manual(1_700_000_000_000);
    let key = "0123456789abcdef0123456789abcdef";
    let stores: [Arc<dyn KeyValue>; 2] = std::array::from_fn(|_| {
        let memory = LocMemKeyValue::new().clock(clock.clone());
        Arc::new(giotto_cache::testing::Chaos::new(memory)) as _
    });
    let [one, other] = stores;
    let signed = Cache::builder(Arc::clone(&one))
        .clock(clock.clone())
        .signing_keys([key])?
        .build();
    let unsigned = Cache::builder(one).clock(clock.clone()).build();
    let target = Cache::builder(other)
        .clock(clock.clone())
        .signing_keys([key])?
        .build();
    let short = |name: &str| {
        let key = Key::new("price", name, "text/html");
        Lookup::new(key, Policy::seconds(60))
    };
    ask(&unsigned, page("forged")).await?;
    ask(&signed, short("brief")).await?;
    clock.advance(Duration::from_secs(61));
    ask(&signed, short("signed")).await?;
    let moved = signed.copy_to(&target).await?;
    // Its entry, and the record of its tag.
    assert!(moved.entries == 1 && moved.refused >= 2, "{moved:?}");
    assert_hit!(ask(&target, short("signed")).await?);
    Ok(())
}

/// The old store, and a process on both.
struct Migration {
    old: Cache,
    both: Cache,
    new: Cache,
    _servers: (Redis, tempfile::TempDir),
}

fn migration() -> Result<Migration> {
    let (redis, folder) = (Redis::start(), tempfile::tempdir().unwrap());
    let file = format!("sqlite://{}", folder.path().join("cache.db").display());
    let old: Arc<dyn KeyValue> = Arc::new(DatabaseKeyValue::from_url(&file)?);
    let new: Arc<dyn KeyValue> = Arc::new(
        RedisKeyValue::new()
            .host("127.0.0.1")
            .port(redis.port())
            .namespace("new")?,
    );
    let both = MigratingKeyValue::new(Arc::clone(&old), Arc::clone(&new));
    Ok(Migration {
        old: cache(old),
        both: cache(Arc::new(both)),
        new: cache(new),
        _servers: (redis, folder),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_store_is_replaced_the_old_one_is_read_and_the_new_one_written() -> Result<()> {
    let Migration {
        old,
        both,
        new,
        _servers,
    } = migration()?;
    ask(&old, page("old")).await?;
    assert_hit!(ask(&both, page("old")).await?);
    assert!(!matches!(
        ask(&both, page("new")).await?.status,
        giotto_cache::Status::Hit
    ));
    assert_hit!(ask(&both, page("new")).await?);
    let stored = |cache: &Cache, name: &str| {
        let (key, cache) = (key(name), cache.clone());
        async move { cache.store().get(key.as_str()).await.unwrap().is_some() }
    };
    assert!(!stored(&old, "new").await && stored(&new, "new").await);
    assert!(stored(&old, "old").await && !stored(&new, "old").await);
    // A page that is computed again is not replaced by the old one when it is gone.
    let again = page("old").mode(giotto_cache::Mode::Refresh);
    ask(&both, again).await?;
    assert!(!stored(&old, "old").await && stored(&new, "old").await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalidation_reaches_processes_on_either_store() -> Result<()> {
    for hard in [false, true] {
        let Migration {
            old,
            both,
            _servers,
            ..
        } = migration()?;
        for (one, other) in [(&old, &both), (&both, &old)] {
            for (name, scope) in [
                ("a", Scope::Tag("tag of a".to_owned())),
                ("b", Scope::Program("price".to_owned())),
                ("c", Scope::All),
            ] {
                old.clear().await?;
                both.clear().await?;
                ask(&old, page(name)).await?;
                assert_hit!(ask(&both, page(name)).await?);
                match hard {
                    true => one.purge(scope.clone()).await?,
                    false => one.invalidate(scope.clone()).await?,
                }
                tokio::time::sleep(one.settles_within(&scope).min(Duration::from_millis(1_200)))
                    .await;
                let answer = ask(other, page(name)).await?;
                assert!(
                    !matches!(answer.status, giotto_cache::Status::Hit),
                    "{name} {hard}"
                );
            }
        }
    }
    Ok(())
}
