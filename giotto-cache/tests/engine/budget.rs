//! The budgets of programs: what is over them is computed and not stored, and nothing else is evicted for it.

use std::sync::Arc;

use giotto_cache::testing::{Chaos, assert_hit};
use giotto_cache::{
    Answer, Budget, Cache, Clock, Key, KeyValue, LocMemKeyValue, Lookup, Mode, NotStored, Policy,
    Result, Scope, Status,
};

use crate::model::{Model, Says};
use crate::world::{
    MINUTE, START_MS, World, ask_for, kept, key, processes, seconds, spied, stale, worlds,
};

#[expect(
    clippy::needless_pass_by_value,
    reason = "a name is a number or a text"
)]
fn lookup(name: impl ToString) -> Lookup {
    Lookup::new(key(&name.to_string()), MINUTE)
}

/// Asks for pages of these numbers, one after the other, and counts those that are stored.
async fn stored(cache: &Cache, names: impl Iterator<Item = u32>) -> Result<u32> {
    let model = Model::default();
    let mut stored = 0;
    for name in names {
        let answer = ask_for(cache, lookup(name), &model).await?;
        stored += u32::from(answer.status == Status::Stored);
    }
    Ok(stored)
}

fn assert_over(answer: &Answer, why: NotStored) {
    assert_eq!(
        (answer.status, answer.not_stored),
        (Status::NotStored, Some(why))
    );
}

fn budget(world: &World, budget: Budget) -> Result<()> {
    world.cache.set_budget("program", budget)
}

fn entries(cache: &Cache) -> Option<usize> {
    cache.budgets()[0].entries
}

#[tokio::test]
async fn a_program_has_no_more_entries_than_its_budget() -> Result<()> {
    for world in worlds() {
        let cache = &world.cache;
        budget(&world, Budget::new().max_entries(10))?;
        assert_eq!(stored(cache, 0..100).await?, 10);
        assert_eq!(entries(cache), Some(10));
        let over = ask_for(cache, lookup(50), &Model::default()).await?;
        assert_over(&over, NotStored::OverBudget);
        assert_eq!(cache.counts().over_budget, 91);
        // Those that are stored are hits, and a refresh of them is no new entry.
        for name in 0..10 {
            assert_hit!(ask_for(cache, lookup(name), &Model::default()).await?);
            let refreshed = lookup(name).mode(Mode::Refresh);
            let refreshed = ask_for(cache, refreshed, &Model::default()).await?;
            assert_eq!(refreshed.status, Status::Stored);
        }
        // Another program has its own pages.
        let other = Lookup::new(Key::new("other", "1", "text/html"), MINUTE);
        let other = ask_for(cache, other, &Model::default()).await?;
        assert_eq!(other.status, Status::Stored);
    }
    Ok(())
}

#[tokio::test]
async fn many_new_pages_at_once_do_not_exceed_the_budget() -> Result<()> {
    for world in worlds() {
        budget(&world, Budget::new().max_entries(10))?;
        let model = Model::held();
        let mut callers = tokio::task::JoinSet::new();
        for name in 0..50 {
            let (cache, model) = (world.cache.clone(), model.clone());
            callers.spawn(async move {
                let answer = cache.answer(lookup(name), |control| model.clone().run(control));
                answer.await.map(|answer| answer.status)
            });
        }
        crate::until::until(async || model.runs() == 50).await;
        model.release();
        let mut stored = 0;
        while let Some(answered) = callers.join_next().await {
            stored += u32::from(answered.unwrap()? == Status::Stored);
        }
        assert_eq!(stored, 10);
    }
    Ok(())
}

/// Its place is kept for it for as long as it lived, a minute at most.
#[tokio::test]
async fn a_page_whose_time_is_over_makes_room_and_comes_back_first() -> Result<()> {
    for world in worlds() {
        let cache = &world.cache;
        budget(&world, Budget::new().max_entries(10))?;
        assert_eq!(stored(cache, 0..10).await?, 10);
        world.clock.advance(seconds(61));
        assert_eq!(stored(cache, 10..20).await?, 0);
        assert_eq!(stored(cache, 0..5).await?, 5);
        world.clock.advance(seconds(59));
        assert_eq!(entries(cache), Some(5));
        assert_eq!(stored(cache, 20..40).await?, 5);
    }
    Ok(())
}

#[tokio::test]
async fn old_pages_are_refreshed_however_full_the_budget_is() -> Result<()> {
    for policy in [stale(), kept()] {
        for world in worlds() {
            let (cache, model) = (&world.cache, Model::default());
            let page = || Lookup::new(key("page"), policy);
            ask_for(cache, page(), &model).await?;
            // Set when there are pages already, which have no place.
            budget(
                &world,
                Budget::new().max_entries(1).new_entries_per_second(1),
            )?;
            ask_for(cache, lookup("other"), &model).await?;
            assert_over(
                &ask_for(cache, lookup("third"), &model).await?,
                NotStored::OverBudget,
            );
            world.clock.advance(seconds(61));
            ask_for(cache, page(), &model).await?;
            assert_hit!(ask_for(cache, page(), &model).await?);
        }
    }
    Ok(())
}

#[tokio::test]
async fn removing_flushing_and_purging_make_room() -> Result<()> {
    for world in worlds() {
        let cache = &world.cache;
        budget(&world, Budget::new().max_entries(10))?;
        assert_eq!(stored(cache, 0..20).await?, 10);
        cache.remove(&key("3")).await?;
        assert_eq!(stored(cache, 20..30).await?, 1);
        cache.clear().await?;
        assert_eq!(stored(cache, 30..50).await?, 10);
        cache.purge(Scope::Program("program".to_owned())).await?;
        assert_eq!(stored(cache, 50..70).await?, 10);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_purge_by_another_process_makes_room() -> Result<()> {
    let ([one, other], _, clock) = processes();
    one.set_budget("program", Budget::new().max_entries(10))?;
    assert_eq!(stored(&one, 0..20).await?, 10);
    other.purge(Scope::All).await?;
    clock.advance(seconds(2));
    assert_eq!(stored(&one, 20..40).await?, 10);
    Ok(())
}

/// Nothing is stored in the end, and the place is free again.
#[tokio::test]
async fn a_computation_that_stores_nothing_takes_no_place() -> Result<()> {
    for says in [
        Says::Fails,
        Says::Panics,
        Says::Refused,
        Says::NotFound,
        Says::Wants(|control| control.no_store()),
        Says::Wants(|control| control.tags(["\n"])),
    ] {
        for world in worlds() {
            budget(&world, Budget::new().max_entries(1))?;
            let model = Model::saying(says);
            let _ = ask_for(&world.cache, lookup("nothing"), &model).await;
            assert_eq!(entries(&world.cache), Some(0));
            assert_eq!(stored(&world.cache, 0..3).await?, 1);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_store_that_refuses_the_page_takes_no_place() -> Result<()> {
    let ([cache], [chaos], _) = processes();
    cache.set_budget("program", Budget::new().max_entries(1))?;
    chaos.full(true);
    ask_for(&cache, lookup("page"), &Model::default()).await?;
    assert_eq!(entries(&cache), Some(0));
    Ok(())
}

/// Memory tells what it evicts, so that a page which never expires makes room, too.
#[tokio::test]
async fn what_memory_evicts_makes_room() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let memory = LocMemKeyValue::new()
        .max_bytes(100_000)
        .clock(clock.clone());
    let cache = Cache::builder(memory).clock(clock).build();
    cache.set_budget("program", Budget::new().max_entries(50))?;
    let ask = async |program: &str, name: u32| {
        let key = Key::new(program, name.to_string(), "text/html");
        let page = || async { Ok::<_, giotto_cache::Error>(vec![b'x'; 500].into()) };
        let answer = cache.get_or_compute(key, Policy::forever(), page).await?;
        Ok::<_, giotto_cache::Error>(answer.status == Status::Stored)
    };
    for name in 0..1_000 {
        ask("other", name).await?;
    }
    let mut stored = 0;
    for name in 0..200 {
        stored += usize::from(ask("program", name).await?);
        ask("other", 1_000 + name).await?;
    }
    assert!(stored > 50, "{stored}");
    let mut present = 0;
    for name in 0..200 {
        let key = Key::new("program", name.to_string(), "text/html");
        present += usize::from(cache.store().get(key.as_str()).await?.is_some());
    }
    assert_eq!(entries(&cache), Some(present), "it counts what is there");
    Ok(())
}

/// A store outside does not tell what it evicts.
#[tokio::test]
async fn outside_a_page_that_never_expires_counts_for_a_day() -> Result<()> {
    let [_, world] = worlds();
    budget(&world, Budget::new().max_entries(1))?;
    let forever = |name| Lookup::new(key(name), Policy::forever());
    ask_for(&world.cache, forever("one"), &Model::default()).await?;
    world.clock.advance(seconds(86_399));
    let over = ask_for(&world.cache, forever("two"), &Model::default()).await?;
    assert_over(&over, NotStored::OverBudget);
    world.clock.advance(seconds(1));
    let two = ask_for(&world.cache, forever("two"), &Model::default()).await?;
    assert_eq!(two.status, Status::Stored);
    Ok(())
}

#[tokio::test]
async fn new_pages_are_stored_at_the_rate_of_the_budget() -> Result<()> {
    for world in worlds() {
        budget(&world, Budget::new().new_entries_per_second(10))?;
        assert_eq!(stored(&world.cache, 0..100).await?, 10);
        world.clock.advance(seconds(1) / 2);
        assert_eq!(stored(&world.cache, 100..200).await?, 5);
        world.clock.advance(seconds(3_600));
        // Those that were stored before are not new, although a crawler has used the rate up.
        assert_eq!(stored(&world.cache, 200..300).await?, 10);
        assert_eq!(stored(&world.cache, 0..100).await?, 10);
    }
    Ok(())
}

#[tokio::test]
async fn a_page_is_stored_when_it_is_asked_for_again() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        budget(&world, Budget::new().cache_on_second_request())?;
        assert_over(
            &ask_for(cache, lookup("page"), &model).await?,
            NotStored::FirstRequest,
        );
        assert_eq!(
            ask_for(cache, lookup("page"), &model).await?.status,
            Status::Stored
        );
        assert_hit!(ask_for(cache, lookup("page"), &model).await?);
        // Known as one that was stored, it is stored at once when its time is over.
        world.clock.advance(seconds(7_200));
        assert_eq!(
            ask_for(cache, lookup("page"), &model).await?.status,
            Status::Stored
        );
        // Asked for long ago is not asked for before.
        ask_for(cache, lookup("rare"), &model).await?;
        world.clock.advance(seconds(1_201));
        assert_over(
            &ask_for(cache, lookup("rare"), &model).await?,
            NotStored::FirstRequest,
        );
        assert_eq!(cache.counts().first_request, 3);
    }
    Ok(())
}

#[tokio::test]
async fn an_operator_who_fills_the_cache_waits_for_no_second_request() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        let limits = Budget::new()
            .cache_on_second_request()
            .new_entries_per_second(1);
        budget(&world, limits.max_entries(5))?;
        for name in 0..10 {
            let answer = ask_for(cache, lookup(name).admit(true), &model).await?;
            assert_eq!(answer.status == Status::Stored, name < 5, "{name}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn explain_says_before_what_the_budget_does() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        let explained = async |name: u32| {
            let explained = cache.explain(&lookup(name)).await;
            (explained.next.unwrap(), explained.not_stored)
        };
        budget(
            &world,
            Budget::new().cache_on_second_request().max_entries(1),
        )?;
        // To ask for an explanation is not to ask for the page.
        for _ in 0..2 {
            let first = (Status::NotStored, Some(NotStored::FirstRequest));
            assert_eq!(explained(1).await, first);
        }
        ask_for(cache, lookup(1), &model).await?;
        assert_eq!(explained(1).await, (Status::Stored, None));
        ask_for(cache, lookup(1), &model).await?;
        assert_eq!(explained(1).await, (Status::Hit, None));
        ask_for(cache, lookup(2), &model).await?;
        let over = (Status::NotStored, Some(NotStored::OverBudget));
        assert_eq!(explained(2).await, over);
    }
    Ok(())
}

/// What is over the budget costs the store a read: no lease, and no record of its tags.
#[tokio::test]
async fn what_is_over_the_budget_writes_nothing() -> Result<()> {
    let ([cache, _], [spy, _], _) = spied();
    cache.set_budget("program", Budget::new().max_entries(1))?;
    ask_for(&cache, lookup("page"), &Model::default()).await?;
    spy.calls();
    let invented = lookup("invented").tags(vec!["tag".to_owned()]);
    let over = ask_for(&cache, invented, &Model::default()).await?;
    assert_over(&over, NotStored::OverBudget);
    let calls = spy.calls();
    let is_read = |(operation, _): &(&str, String)| operation.starts_with("get");
    assert!(calls.iter().all(is_read), "{calls:?}");
    Ok(())
}

#[tokio::test]
async fn a_budget_changes_while_the_process_runs() -> Result<()> {
    for world in worlds() {
        let cache = &world.cache;
        budget(&world, Budget::new().max_entries(10))?;
        assert_eq!(stored(cache, 0..20).await?, 10);
        budget(&world, Budget::new().max_entries(15))?;
        assert_eq!(stored(cache, 20..40).await?, 5);
        budget(&world, Budget::new().max_entries(1))?;
        assert_eq!(stored(cache, 40..50).await?, 0);
        assert!(
            cache
                .set_budget("program", Budget::new().max_entries(0))
                .is_err()
        );
        budget(&world, Budget::new())?;
        assert_eq!(stored(cache, 50..70).await?, 20);
        assert!(cache.budgets().is_empty());
    }
    Ok(())
}

/// A crawler that invents arguments beside a thousand pages that are read: in memory that is too small for all.
#[tokio::test]
async fn a_crawler_does_not_push_out_what_is_read() -> Result<()> {
    const HOT: u32 = 1_000;
    let budgets = [
        Budget::new().cache_on_second_request(),
        Budget::new().max_entries(1_500),
        Budget::new().new_entries_per_second(100),
    ];
    for budget in budgets {
        for is_outside in [false, true] {
            let clock = Clock::manual(START_MS);
            let memory = LocMemKeyValue::new()
                .max_bytes(2 << 20)
                .clock(clock.clone());
            let store: Arc<dyn KeyValue> = match is_outside {
                false => Arc::new(memory),
                true => Arc::new(Chaos::new(memory)),
            };
            let cache = Cache::builder(store).clock(clock.clone()).build();
            cache.set_budget("program", budget)?;
            let ask = async |name: u32| {
                let page = || async { Ok::<_, giotto_cache::Error>(vec![b'x'; 500].into()) };
                let key = key(&name.to_string());
                let answer = cache
                    .get_or_compute(key, Policy::seconds(3_600), page)
                    .await;
                Ok::<_, giotto_cache::Error>(answer?.status == Status::Hit)
            };
            for name in (0..HOT).chain(0..HOT).chain(0..HOT) {
                clock.advance(seconds(1) / 100);
                ask(name).await?;
            }
            let mut hits = 0;
            for number in 0..6_000 {
                clock.advance(seconds(1) / 1_000);
                ask(1_000_000 + number).await?;
                hits += u32::from(ask(number % HOT).await?);
            }
            assert!(hits >= 5_700, "{budget:?}: {hits} of 6,000");
            let crawled = cache.counts().stored - u64::from(HOT);
            assert!(crawled <= 1_000, "{budget:?}: {crawled} of the crawler's");
        }
    }
    Ok(())
}
