//! Two processes on one store, against the real servers: leases, stale serving and invalidation.
//!
//! Each has connections of its own. Models wait for a permit; what a server does by its own clock is waited for.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

#[expect(dead_code, reason = "the tests of the engine use the rest")]
#[path = "common/model.rs"]
mod model;
#[path = "common/soon.rs"]
mod soon;

use std::sync::Arc;
use std::time::{Duration, Instant};

use giotto_cache::testing::{Chaos, assert_hit, assert_miss, assert_stale};
use giotto_cache::{
    Answer, Cache, DatabaseKeyValue, Key, KeyValue, Lookup, MemcacheKeyValue, Policy, Reason,
    RedisKeyValue, Result, Scope, Staleness,
};
use test_servers::{MariaDb, Memcached, Postgres, Redis};
use tokio::task::JoinSet;

use crate::model::{Model, Says, metadata, page};
use crate::soon::soon;

const HOUR: Policy = Policy::seconds(3600);
/// More than usual, for a machine under load.
const DEADLINE: Duration = Duration::from_secs(3);
/// So long is waited for what must happen, on a machine under load.
const PATIENCE: Duration = Duration::from_secs(30);
const TAGGED: usize = 1_000;

async fn ask(cache: &Cache, lookup: Lookup, model: &Model) -> Result<Answer> {
    let answer = cache
        .answer(lookup, |control| model.clone().run(control))
        .await;
    cache.settle().await;
    answer
}

fn spawn(cache: &Cache, name: &str, tags: &[String], model: &Model) -> JoinSet<Result<Answer>> {
    let (cache, model, tags) = (cache.clone(), model.clone(), tags.to_vec());
    let (mut task, key) = (JoinSet::new(), key(name));
    task.spawn(async move { ask(&cache, Lookup::new(key, HOUR).tags(tags), &model).await });
    task
}

fn key(name: &str) -> Key {
    Key::new("program", name, "text/html")
}

fn cache(store: impl KeyValue) -> Cache {
    Cache::builder(Arc::new(store)).deadline(DEADLINE).build()
}

/// All of it, on stores that `open` connects to one server.
async fn check<S: KeyValue>(open: impl Fn() -> S) -> Result<()> {
    let (chaos, next) = (Chaos::new(open()), cache(open()));
    let others = async {
        let caches = [cache(open()), cache(open())];
        one_computes_and_the_other_waits_for_its_page(&caches).await?;
        metadata_returns_from_the_store_as_it_was(&caches).await?;
        in_the_stale_window_nobody_waits_and_one_refreshes(&caches).await?;
        a_thousand_entries_are_old_for_the_other_process_at_once(&caches).await?;
        an_invalidation_during_a_computation_wins(&caches).await
    };
    // It takes as long as a lease lives.
    tokio::try_join!(a_holder_that_dies_is_succeeded(chaos, next), others)?;
    Ok(())
}

async fn a_holder_that_dies_is_succeeded(chaos: Chaos, next: Cache) -> Result<()> {
    chaos.die_with_lease();
    let (held, model) = (Model::held(), Model::default());
    let dying = cache(chaos.clone());
    let _dead = spawn(&dying, "dying", &[], &held);
    soon("the model runs", async || held.runs() == 1).await;
    assert!(chaos.is_dead());
    let started = Instant::now();
    ask(&next, Lookup::new(key("dying"), HOUR), &model).await?;
    assert!(next.counts().waited > 0, "there was a lease");
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert_eq!(model.runs(), 1);
    Ok(())
}

async fn one_computes_and_the_other_waits_for_its_page([one, two]: &[Cache; 2]) -> Result<()> {
    let model = Model::held();
    let first = spawn(one, "leased", &[], &model);
    soon("the model runs", async || model.runs() == 1).await;
    let second = spawn(two, "leased", &[], &model);
    soon("the other waits", async || two.counts().waited > 0).await;
    model.release();
    for answers in [first, second] {
        for answer in answers.join_all().await {
            assert_eq!(page(&answer?), 1);
        }
    }
    assert_eq!(model.runs(), 1);
    assert_hit!(ask(two, Lookup::new(key("leased"), HOUR), &model).await?);
    Ok(())
}

async fn metadata_returns_from_the_store_as_it_was([one, two]: &[Cache; 2]) -> Result<()> {
    let model = Model::saying(Says::Described);
    let lookup = || Lookup::new(key("described"), HOUR).tags(vec!["described".to_owned()]);
    let first = ask(one, lookup(), &model).await?;
    let hit = ask(two, lookup(), &model).await?;
    assert_hit!(hit);
    assert_eq!(hit.entry.metadata(), Some(metadata()));
    assert_eq!(hit.entry.etag(), first.entry.etag());
    Ok(())
}

async fn in_the_stale_window_nobody_waits_and_one_refreshes([one, two]: &[Cache; 2]) -> Result<()> {
    let policy = HOUR.stale_while_revalidate(3600);
    ask(one, Lookup::new(key("stale"), policy), &Model::default()).await?;
    assert!(two.expire(&key("stale")).await?);
    let model = Model::held();
    for cache in [one, two, one, two] {
        let lookup = Lookup::new(key("stale"), policy);
        let answer = cache
            .answer(lookup, |control| model.clone().run(control))
            .await?;
        assert_stale!(answer, Staleness::Revalidating);
    }
    soon("one refreshes", async || {
        model.runs() == 1 && (one.counts().waited > 0 || two.counts().waited > 0)
    })
    .await;
    model.release();
    for cache in [one, two] {
        cache.settle().await;
        assert_hit!(ask(cache, Lookup::new(key("stale"), policy), &model).await?);
    }
    assert_eq!(model.runs(), 1);
    Ok(())
}

async fn a_thousand_entries_are_old_for_the_other_process_at_once(
    [one, two]: &[Cache; 2],
) -> Result<()> {
    let model = Model::default();
    let policy = HOUR.without_lease();
    let tagged = |number: usize| {
        let lookup = Lookup::new(key(&number.to_string()), policy);
        lookup.tags(vec!["many".to_owned()])
    };
    for number in 0..TAGGED {
        ask(one, tagged(number), &model).await?;
    }
    assert_hit!(ask(two, tagged(0), &model).await?);
    one.invalidate("many").await?;
    let reason = Reason::Invalidated(Scope::Tag("many".to_owned()));
    for number in (0..TAGGED).step_by(50) {
        let answer = ask(two, tagged(number), &model).await?;
        assert_miss!(answer, reason.clone());
        assert_hit!(ask(one, tagged(number), &model).await?);
    }
    Ok(())
}

async fn an_invalidation_during_a_computation_wins([one, two]: &[Cache; 2]) -> Result<()> {
    let tags = ["racing".to_owned()];
    for way in ["tag", "program", "all", "expire", "remove"] {
        let model = Model::held();
        let first = spawn(one, way, &tags, &model);
        soon("the model runs", async || model.runs() == 1).await;
        let scope = match way {
            "tag" => Some(Scope::Tag("racing".to_owned())),
            "program" => Some(Scope::Program("program".to_owned())),
            "all" => Some(Scope::All),
            _ => None,
        };
        match (&scope, way) {
            (Some(scope), _) => two.invalidate(scope.clone()).await?,
            (None, "expire") => assert!(!two.expire(&key(way)).await?),
            (None, _) => assert!(!two.remove(&key(way)).await?),
        }
        if let Some(scope) = &scope {
            tokio::time::sleep(one.settles_within(scope)).await;
        }
        // A lookup that begins now meets that computation, whose result it must not get.
        let collapsed = one.counts().collapsed;
        let late = spawn(one, way, &tags, &model);
        soon("the late one waits", async || {
            one.counts().collapsed > collapsed
        })
        .await;
        model.release();
        assert_eq!(page(&first.join_all().await.remove(0)?), 1);
        assert_eq!(page(&late.join_all().await.remove(0)?), 2, "{way}");
        for cache in [two, one] {
            let lookup = Lookup::new(key(way), HOUR).tags(tags.to_vec());
            assert_eq!(page(&ask(cache, lookup, &model).await?), 2, "{way}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis() -> Result<()> {
    let server = Redis::start();
    let open = || RedisKeyValue::new().host("127.0.0.1").port(server.port());
    check(|| open().server_deadline(DEADLINE)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_memcached() -> Result<()> {
    let server = Memcached::start();
    let open = || MemcacheKeyValue::new().hosts([server.host()]).unwrap();
    check(|| open().server_deadline(DEADLINE)).await
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
    check(open).await
}
