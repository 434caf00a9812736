//! What a computation says of its own result's life, and entries that are only there to be revalidated.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use giotto_cache::testing::{assert_hit, assert_miss, assert_stale};
use giotto_cache::{
    Answer, Budget, Cache, CacheControl, Computed, EntryState, Error, ErrorKind, Lookup, Metadata,
    Mode, NotStored, Policy, Reason, Result, Staleness, Status,
};

use crate::model::{Model, Says, metadata, page};
use crate::until::until;
use crate::world::{MINUTE, World, ask_for, callers, kept, key, processes, seconds, worlds};

/// Fresh for a minute, stale for five, there for ten after a failure, and in the store for an hour after that.
fn long() -> Policy {
    MINUTE
        .stale_while_revalidate(300)
        .stale_if_error(600)
        .keep(3_600)
}

async fn stored(cache: &Cache, policy: Policy) -> Option<EntryState> {
    let lookup = Lookup::new(key("page"), policy);
    cache.explain(&lookup).await.entry
}

/// What a computation has seen of the old result.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    value: Option<Bytes>,
    age: Option<Duration>,
    metadata: Option<Metadata>,
}

/// Asks for the page, whose computation returns `computed`; and what that has seen.
async fn watch(
    cache: &Cache,
    lookup: Lookup,
    computed: Computed,
) -> (Result<Answer>, Option<Seen>) {
    let seen = Arc::new(Mutex::new(None));
    let compute = |control: CacheControl| {
        let seen = Arc::clone(&seen);
        async move {
            *seen.lock().unwrap() = Some(Seen {
                value: control.old_value(),
                age: control.old_age(),
                metadata: control.old_metadata(),
            });
            Ok::<_, Error>(computed)
        }
    };
    let answer = cache.answer(lookup, compute).await;
    cache.settle().await;
    let seen = seen.lock().unwrap().clone();
    (answer, seen)
}

fn language(language: &str) -> Metadata {
    Metadata::new(None, [("content-language", language)]).unwrap()
}

#[tokio::test]
async fn a_computation_shortens_each_time_and_lengthens_none() -> Result<()> {
    type Wants = fn(&CacheControl);
    let all: [(Wants, [u64; 4]); 7] = [
        (|_| (), [60, 360, 660, 4_260]),
        (
            |control| {
                control.stale_while_revalidate(86_400);
                control.stale_if_error(86_400);
                control.keep(86_400);
            },
            [60, 360, 660, 4_260],
        ),
        (
            |control| {
                control.stale_while_revalidate(5);
                control.stale_if_error(20);
                control.keep(100);
            },
            [60, 65, 80, 180],
        ),
        (
            |control| {
                control.stale_while_revalidate(0);
                control.stale_if_error(-1);
                control.keep(Duration::ZERO);
            },
            [60; 4],
        ),
        (
            |control| {
                control.stale_while_revalidate(5);
                control.stale_while_revalidate(7);
                control.ttl(10);
            },
            [10, 17, 610, 4_210],
        ),
        (CacheControl::no_cache, [0, 0, 0, 3_600]),
        (
            |control| {
                control.no_cache();
                control.stale_while_revalidate(20);
            },
            [0, 20, 20, 3_620],
        ),
    ];
    for (wants, expected) in all {
        for world in worlds() {
            world
                .ask(&long(), &Model::saying(Says::Wants(wants)))
                .await?;
            let entry = stored(&world.cache, long()).await.unwrap();
            let times = [
                entry.fresh_for,
                entry.stale_for,
                entry.error_for,
                entry.keep_for,
            ];
            assert_eq!(times, expected.map(|time| Some(seconds(time))));
        }
    }
    Ok(())
}

/// `must-revalidate`: what the policy allows to serve is not served.
#[tokio::test]
async fn a_result_that_allows_no_stale_serving_is_not_served_stale() -> Result<()> {
    let strict = |control: &CacheControl| {
        control.stale_while_revalidate(0);
        control.stale_if_error(0);
    };
    for world in worlds() {
        let model = Model::saying(Says::Wants(strict));
        world.ask(&long(), &model).await?;
        world.clock.advance(seconds(60));
        model.says(Says::Fails);
        for run in 2..4 {
            let error = world.ask(&long(), &model).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Compute);
            assert_eq!(model.runs(), run, "no throttle holds it back");
        }
        let explained = world.cache.explain(&Lookup::new(key("page"), long())).await;
        assert!(!explained.falls_back && explained.next == Ok(Status::Stored));
        assert_eq!(explained.reason, Some(Reason::Expired));
    }
    Ok(())
}

#[tokio::test]
async fn after_its_time_only_the_computation_sees_it_and_makes_it_fresh_again() -> Result<()> {
    for World { cache, clock } in worlds() {
        let policy = MINUTE.keep(600);
        let lookup = || Lookup::new(key("page"), policy);
        let described = Computed::Described("1".into(), metadata());
        let (first, seen) = watch(&cache, lookup(), described).await;
        assert_eq!(
            (first?.status, seen),
            (Status::Stored, Some(Seen::default()))
        );

        clock.advance(seconds(659));
        let revalidated = Computed::Revalidated(language("fr"));
        let (second, seen) = watch(&cache, lookup(), revalidated).await;
        let old = Seen {
            value: Some("1".into()),
            age: Some(seconds(659)),
            metadata: Some(metadata()),
        };
        assert_eq!(seen, Some(old));
        let second = second?;
        assert_miss!(second, Reason::Expired);
        assert_eq!((second.status, page(&second)), (Status::Stored, 1));

        clock.advance(seconds(59));
        let (hit, seen) = watch(&cache, lookup(), Computed::NotModified).await;
        let hit = hit?;
        assert_hit!(hit);
        assert_eq!((page(&hit), seen), (1, None));
        assert_eq!(hit.entry.metadata(), Some(language("fr")));
        assert_eq!(hit.entry.etag(), second.entry.etag());

        clock.advance(seconds(601));
        let (gone, seen) = watch(&cache, lookup(), Computed::Page("2".into())).await;
        assert_eq!((page(&gone?), seen), (2, Some(Seen::default())));
    }
    Ok(())
}

#[tokio::test]
async fn nothing_old_cannot_be_revalidated() {
    for world in worlds() {
        let lookup = Lookup::new(key("page"), MINUTE.keep(600));
        let computed = Computed::Revalidated(metadata());
        let (answer, _) = watch(&world.cache, lookup, computed).await;
        let error = answer.unwrap_err();
        assert!(error.to_string().contains("old_value"), "{error}");
    }
}

#[tokio::test]
async fn another_process_revalidates_what_is_kept() -> Result<()> {
    let ([one, two], _, clock) = processes::<2>();
    let lookup = || Lookup::new(key("page"), MINUTE.keep(600));
    let described = Computed::Described("1".into(), metadata());
    watch(&one, lookup(), described).await.0?;
    clock.advance(seconds(300));
    let (answer, seen) = watch(&two, lookup(), Computed::Revalidated(language("fr"))).await;
    assert_eq!(page(&answer?), 1);
    assert_eq!(seen.unwrap().metadata, Some(metadata()));
    let (hit, _) = watch(&one, lookup(), Computed::NotModified).await;
    let hit = hit?;
    assert_hit!(hit);
    assert_eq!(hit.entry.metadata(), Some(language("fr")));
    Ok(())
}

/// A reader whose policy keeps nothing is not shown what another has kept.
#[tokio::test]
async fn what_is_kept_is_seen_for_as_long_as_its_readers_policy_says() -> Result<()> {
    for World { cache, clock } in worlds() {
        let lookup = |policy| Lookup::new(key("page"), policy);
        watch(&cache, lookup(MINUTE.keep(600)), Computed::Page("1".into()))
            .await
            .0?;
        clock.advance(seconds(90));
        for policy in [MINUTE, MINUTE.keep(30)] {
            let entry = stored(&cache, policy).await.unwrap();
            assert_eq!(entry.keep_for, Some(Duration::ZERO));
        }
        let (answer, seen) = watch(&cache, lookup(MINUTE), Computed::Page("2".into())).await;
        assert_miss!(answer?, Reason::Expired);
        assert_eq!(seen, Some(Seen::default()));
    }
    Ok(())
}

#[tokio::test]
async fn what_is_kept_is_seen_after_an_invalidation_and_not_after_a_purge() -> Result<()> {
    for World { cache, clock } in worlds() {
        let lookup = || Lookup::new(key("page"), MINUTE.keep(600)).tags(vec!["tag".into()]);
        watch(&cache, lookup(), Computed::Page("1".into()))
            .await
            .0?;
        clock.advance(seconds(1));
        cache.invalidate("tag").await?;
        let (answer, seen) = watch(&cache, lookup(), Computed::NotModified).await;
        let answer = answer?;
        assert_miss!(answer, Reason::Invalidated("tag".into()));
        assert_eq!((page(&answer), seen.unwrap().age), (1, Some(seconds(1))));
        clock.advance(seconds(1));
        cache.purge("tag").await?;
        let (answer, seen) = watch(&cache, lookup(), Computed::Page("2".into())).await;
        assert_miss!(answer?, Reason::Invalidated("tag".into()));
        assert_eq!(seen, Some(Seen::default()));
        // By hand: it is expired in place, and revalidated.
        assert!(cache.expire(&key("page")).await?);
        let (answer, seen) = watch(&cache, lookup(), Computed::NotModified).await;
        assert_eq!((page(&answer?), seen.unwrap().value), (2, Some("2".into())));
    }
    Ok(())
}

#[tokio::test]
async fn a_result_of_no_cache_is_stored_and_each_caller_computes_with_it_at_hand() -> Result<()> {
    let policy = MINUTE.keep(600);
    for World { cache, clock } in worlds() {
        let lookup = || Lookup::new(key("page"), policy);
        let model = Model::saying(Says::Wants(CacheControl::no_cache));
        for _ in 0..3 {
            let answer = ask_for(&cache, lookup(), &model).await?;
            assert_eq!(answer.status, Status::Stored);
            assert_eq!(answer.fresh_for, Some(seconds(0)));
        }
        assert_eq!(cache.counts().stored, 3);
        let (answer, seen) = watch(&cache, lookup(), Computed::NotModified).await;
        let answer = answer?;
        assert_miss!(answer, Reason::Expired);
        assert_eq!((page(&answer), seen.unwrap().value), (3, Some("3".into())));

        // It is fresh now. Then each of many gets its own result, at once or after it has waited for the first in vain.
        clock.advance(seconds(60));
        let collapsed = cache.counts().collapsed;
        for waits in [9, 0] {
            model.hold();
            let runs = model.runs();
            let callers = callers(&cache, 10, policy, &model);
            let all = if waits > 0 { 1 } else { 10 };
            until(async || model.runs() == runs + all).await;
            until(async || cache.counts().collapsed == collapsed + 9).await;
            model.release();
            let mut pages = Vec::new();
            for answer in callers.join_all().await {
                pages.push(page(&answer?));
            }
            pages.sort_unstable();
            assert_eq!(pages, (runs + 1..=runs + 10).collect::<Vec<_>>());
            cache.settle().await;
        }
        let entry = stored(&cache, policy).await.unwrap();
        assert_eq!(entry.keep_for, Some(seconds(600)));
        assert_eq!(entry.stale_for, Some(seconds(0)));
    }
    Ok(())
}

#[tokio::test]
async fn a_result_of_no_cache_is_for_its_own_caller_also_where_it_is_not_stored() -> Result<()> {
    let policy = MINUTE.keep(600);
    for World { cache, .. } in worlds() {
        cache.set_budget("program", Budget::new().max_entries(1))?;
        ask_for(&cache, Lookup::new(key("other"), MINUTE), &Model::default()).await?;
        let model = Model::saying(Says::Wants(CacheControl::no_cache));
        model.hold();
        let callers = callers(&cache, 10, policy, &model);
        until(async || cache.counts().collapsed == 9).await;
        model.release();
        let mut pages = Vec::new();
        for answer in callers.join_all().await {
            let answer = answer?;
            assert_eq!(answer.not_stored, Some(NotStored::OverBudget));
            pages.push(page(&answer));
        }
        pages.sort_unstable();
        assert_eq!(pages, (1..=10).collect::<Vec<_>>());
    }
    Ok(())
}

/// No process waits for a result that it cannot use, and none takes the lease of another.
#[tokio::test(start_paused = true)]
async fn processes_do_not_queue_for_a_result_of_no_cache() -> Result<()> {
    let ([one, two], _, _) = processes::<2>();
    let policy = MINUTE.keep(600);
    let model = Model::saying(Says::Wants(CacheControl::no_cache));
    ask_for(&one, Lookup::new(key("page"), policy), &model).await?;
    model.hold();
    let first = callers(&one, 1, policy, &model);
    until(async || model.runs() == 2).await;
    let second = callers(&two, 1, policy, &model);
    until(async || model.runs() == 3).await;
    model.release();
    let pages = [first, second].map(|callers| async {
        let answers = callers.join_all().await;
        answers.into_iter().next().unwrap()
    });
    let [first, second] = pages;
    let (first, second) = (first.await?, second.await?);
    assert_eq!((first.status, page(&first)), (Status::Stored, 2));
    assert_eq!((second.status, page(&second)), (Status::NotStored, 3));
    one.settle().await;
    two.settle().await;
    let entry = stored(&two, policy).await.unwrap();
    assert_eq!(entry.body, "2", "of the one that had the lease");
    Ok(())
}

#[tokio::test]
async fn a_result_of_no_cache_that_nothing_keeps_is_not_stored() -> Result<()> {
    for world in worlds() {
        let model = Model::default();
        world.ask(&MINUTE, &model).await?;
        world.clock.advance(seconds(30));
        model.says(Says::Wants(CacheControl::no_cache));
        let refresh = Lookup::new(key("page"), MINUTE).mode(Mode::Refresh);
        let answer = ask_for(&world.cache, refresh, &model).await?;
        assert_eq!(answer.status, Status::NotStored);
        assert_eq!(world.cache.counts().no_store, 1);
        assert!(stored(&world.cache, MINUTE).await.is_none(), "nor the old");
    }
    Ok(())
}

/// The window is that of the computation, and its failure keeps the entry that may be served.
#[tokio::test]
async fn a_result_of_no_cache_may_be_served_stale_all_the_same() -> Result<()> {
    let wants = |control: &CacheControl| {
        control.no_cache();
        control.stale_if_error(30);
    };
    for world in worlds() {
        let model = Model::saying(Says::Wants(wants));
        world.ask(&kept(), &model).await?;
        model.says(Says::Fails);
        let answer = world.ask(&kept(), &model).await?;
        assert_stale!(answer, Staleness::Failed);
        assert_eq!(page(&answer), 1);
        world.clock.advance(seconds(30));
        assert!(world.ask(&kept(), &model).await.is_err());
    }
    Ok(())
}

/// What the store loses after the time of an entry was not lost before its time.
#[tokio::test]
async fn a_kept_entry_that_the_store_loses_has_expired() -> Result<()> {
    let ([cache], [chaos], clock) = processes();
    let model = Model::default();
    let lookup = || Lookup::new(key("page"), MINUTE.keep(600));
    ask_for(&cache, lookup(), &model).await?;
    clock.advance(seconds(61));
    assert!(giotto_cache::KeyValue::delete(&chaos, key("page").as_str()).await?);
    let answer = ask_for(&cache, lookup(), &model).await?;
    assert_miss!(answer, Reason::Expired);
    Ok(())
}

/// The same within its fresh time: an invalidation makes no window that the computation has closed.
#[tokio::test]
async fn a_result_that_allows_no_stale_serving_is_computed_after_an_invalidation() -> Result<()> {
    let strict = |control: &CacheControl| {
        control.stale_while_revalidate(0);
        control.stale_if_error(0);
    };
    for world in worlds() {
        let model = Model::saying(Says::Wants(strict));
        let lookup = || Lookup::new(key("page"), long()).tags(vec!["tag".into()]);
        ask_for(&world.cache, lookup(), &model).await?;
        world.clock.advance(seconds(1));
        world.cache.invalidate("tag").await?;
        model.says(Says::Fails);
        for run in 2..4 {
            let error = ask_for(&world.cache, lookup(), &model).await.unwrap_err();
            assert_eq!((error.kind(), model.runs()), (ErrorKind::Compute, run));
        }
        model.says(Says::Page);
        let answer = ask_for(&world.cache, lookup(), &model).await?;
        assert_miss!(answer, Reason::Invalidated("tag".into()));
    }
    Ok(())
}
