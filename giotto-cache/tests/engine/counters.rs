//! The counters by program and by layer: they add up whatever happens, and their number is bounded.

use std::sync::Arc;
use std::time::Duration;

use giotto_cache::testing::{Chaos, assert_hit, assert_miss, assert_stale};
use giotto_cache::{
    Acceptance, Budget, Cache, CacheControl, Clock, Counts, DummyKeyValue, Key, KeyValue,
    LayeredKeyValue, LocMemKeyValue, Lookup, Mode, Policy, Reason, Result, Scope, Staleness,
};
use tokio::task::JoinSet;

use crate::model::{Model, Says};
use crate::until::until;
use crate::world::{
    MINUTE, START_MS, ask, ask_for, cache_on, callers, kept, key, ms, processes, seconds, stale,
    worlds,
};

/// Whether `cache` has counted each of so many lookups once, and each of its computations.
fn assert_adds_up(cache: &Cache, lookups: u64) {
    let counts = cache.counts();
    let reasons = |reasons: &[(&str, u64)]| reasons.iter().map(|(_, count)| count).sum::<u64>();
    // The other stale answers are those of misses.
    let stale_at_once = counts.stale_revalidating + counts.stale_throttled + counts.stale_accepted;
    assert_eq!(counts.hits + stale_at_once + counts.misses, lookups);
    assert_eq!(counts.misses, reasons(&counts.misses_by_reason()));
    assert_eq!(counts.stale + counts.hits, reasons(&counts.hits_by_kind()));
    assert_eq!(counts.not_stored, reasons(&counts.not_stored_by_reason()));
    let ended = counts.stored + counts.not_stored + counts.failed + counts.refused;
    assert_eq!(counts.computed, ended);

    let programs = cache.programs();
    let models: u64 = programs.iter().map(|program| program.model.count()).sum();
    assert_eq!(models, counts.computed);
    let sum: Counts = programs.into_iter().map(|program| program.counts).sum();
    let of_programs = counts.by_name().into_iter().zip(sum.by_name());
    for ((name, total), (_, sum)) in of_programs {
        let is_of_none =
            ["invalidations", "deferred"].contains(&name) || name.starts_with("backend_e");
        let expected = match is_of_none || name == "backend_skipped" {
            true => 0,
            false => total,
        };
        assert_eq!(sum, expected, "{name}");
    }
    let layers = cache.layers();
    let errors: u64 = layers.iter().map(|layer| layer.errors).sum();
    let skipped: u64 = layers.iter().map(|layer| layer.skipped).sum();
    assert_eq!(
        (errors, skipped),
        (counts.backend_errors, counts.backend_skipped)
    );
}

const SAYS: [Says; 9] = [
    Says::Page,
    Says::Page,
    Says::NotFound,
    Says::NotModified,
    Says::Refused,
    Says::Fails,
    Says::Wants(CacheControl::no_store),
    Says::Wants(|control| control.tags(["\n"])),
    Says::Wants(|control| control.tags(["user:7"])),
];

fn random_lookup(random: &mut fastrand::Rng) -> Lookup {
    let program = ["a", "b", "c"][random.usize(..3)];
    let key = Key::new(program, random.u8(..4).to_string(), "text/html");
    let policy = [
        MINUTE,
        stale(),
        kept(),
        stale().version(random.u32(..2)),
        stale().hard_timeout(ms(50)),
    ][random.usize(..5)];
    let modes = [
        Mode::Prefer,
        Mode::Prefer,
        Mode::Only,
        Mode::Refresh,
        Mode::Bypass,
    ];
    let lookup = Lookup::new(key, policy).mode(modes[random.usize(..5)]);
    match random.u8(..4) {
        0 => lookup.tags(vec!["user:7".into()]),
        _ => lookup,
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_each_lookup_and_each_computation_is_counted_once() -> Result<()> {
    let ([cache, other], [chaos, _], clock) = processes();
    let mut random = fastrand::Rng::with_seed(12);
    let mut asked = [0; 2];
    for round in 0..200 {
        match random.u8(..10) {
            0 => chaos.errors(0.5),
            1 => chaos.delay(ms(200)),
            2 => chaos.corrupt(0.5),
            3 => chaos.full(true),
            _ => chaos.heal(),
        };
        let mut callers = JoinSet::new();
        for _ in 0..20 {
            let number = random.usize(..2);
            asked[number] += 1;
            let cache = [&cache, &other][number].clone();
            let (lookup, says) = (random_lookup(&mut random), SAYS[random.usize(..SAYS.len())]);
            callers.spawn(async move {
                let model = Model::saying(says);
                let answer = cache.answer(lookup, |control| model.run(control)).await;
                drop(answer);
            });
        }
        if round % 3 == 0 {
            let scope = [Scope::All, Scope::Program("a".into()), "user:7".into()];
            // A store that fails makes it an error.
            let _ = cache.invalidate(scope[random.usize(..3)].clone()).await;
        }
        while let Some(caller) = callers.join_next().await {
            caller.unwrap();
        }
        clock.advance(ms(random.u64(..40_000)));
    }
    for (cache, asked) in [(cache, asked[0]), (other, asked[1])] {
        cache.settle().await;
        assert_adds_up(&cache, asked);
        assert!(cache.programs().len() == 3);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_reason_of_a_miss_has_a_counter() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let chaos = Chaos::new(LocMemKeyValue::new().clock(clock.clone()));
    let build = |clock: &Clock, is_signed: bool| {
        let keys = is_signed.then_some([b'k'; 32]);
        let builder = Cache::builder(chaos.clone()).clock(clock.clone());
        builder.signing_keys(keys).map(|builder| builder.build())
    };
    let (cache, model) = (build(&clock, true)?, Model::default());
    let tagged = || Lookup::new(key("tagged"), MINUTE).tags(vec!["tag".into()]);

    let unsigned = build(&clock, false)?;
    ask_for(&unsigned, Lookup::new(key("other"), MINUTE), &model).await?;
    chaos.corrupt(1.0);
    let damaged = Lookup::new(key("other"), MINUTE);
    assert_miss!(
        ask_for(&unsigned, damaged, &model).await?,
        Reason::Undecodable
    );
    chaos.heal();

    ask(&cache, &MINUTE, &model).await?;
    clock.advance(seconds(60));
    ask(&cache, &MINUTE, &model).await?;
    chaos.delete(key("page").as_str()).await?;
    ask(&cache, &MINUTE, &model).await?;
    cache.invalidate(Scope::All).await?;
    ask(&cache, &MINUTE, &model).await?;
    ask(&cache, &MINUTE.version(7), &model).await?;
    ask_for(&cache, tagged(), &model).await?;
    chaos.delete("{tag:tag}").await?;
    assert_miss!(
        ask_for(&cache, tagged(), &model).await?,
        Reason::TagLost("tag".into())
    );
    ask_for(&unsigned, Lookup::new(key("forged"), MINUTE), &model).await?;
    let forged = Lookup::new(key("forged"), MINUTE);
    assert_miss!(ask_for(&cache, forged, &model).await?, Reason::Forged);
    let ahead = build(&Clock::manual(START_MS + 3_600_000), true)?;
    ask_for(&ahead, Lookup::new(key("ahead"), MINUTE), &model).await?;
    let early = Lookup::new(key("ahead"), MINUTE);
    assert_miss!(ask_for(&cache, early, &model).await?, Reason::ClockSkew);
    for mode in [Mode::Bypass, Mode::Refresh] {
        ask_for(&cache, Lookup::new(key("page"), MINUTE).mode(mode), &model).await?;
    }
    model.says(Says::Wants(CacheControl::no_store));
    for _ in 0..2 {
        ask_for(&cache, Lookup::new(key("private"), MINUTE), &model).await?;
    }
    model.says(Says::Page);
    chaos.delay(seconds(1));
    ask_for(&cache, Lookup::new(key("late"), MINUTE), &model).await?;
    chaos.heal().errors(1.0);
    ask_for(&cache, Lookup::new(key("down"), MINUTE), &model).await?;

    let unsigned = unsigned.counts().misses_by_reason();
    for ((reason, count), (_, count_unsigned)) in
        cache.counts().misses_by_reason().into_iter().zip(unsigned)
    {
        assert!(count + count_unsigned > 0, "{reason}");
    }
    assert_adds_up(&cache, 15);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_a_stale_answer_has_a_counter_and_three_of_them_save_time() -> Result<()> {
    let ([cache], _, clock) = processes();
    let policy = stale().stale_if_error(600).hard_timeout(ms(50)).keep(3_600);
    let model = Model::default();
    ask(&cache, &policy, &model).await?;
    clock.advance(seconds(60));
    assert_stale!(ask(&cache, &policy, &model).await?, Staleness::Revalidating);
    clock.advance(seconds(361));
    model.says(Says::Fails);
    assert_stale!(ask(&cache, &policy, &model).await?, Staleness::Failed);
    assert_stale!(ask(&cache, &policy, &model).await?, Staleness::Throttled);
    clock.advance(seconds(60));
    model.hold();
    let mut late = callers(&cache, 1, policy, &model);
    let answer = late.join_next().await.unwrap().unwrap()?;
    assert_stale!(answer, Staleness::Late);
    model.release();
    cache.settle().await;
    let lookup = Lookup::new(key("page"), policy).accept(|_| Acceptance::Stale);
    clock.advance(seconds(600));
    assert_stale!(ask_for(&cache, lookup, &model).await?, Staleness::Accepted);
    let kinds = cache.counts().hits_by_kind();
    let expected = [
        "fresh",
        "revalidating",
        "failed",
        "late",
        "throttled",
        "accepted",
    ];
    assert_eq!(kinds.map(|(kind, _)| kind), expected);
    assert_eq!(kinds.map(|(_, count)| count), [0, 1, 1, 1, 1, 1]);
    assert_adds_up(&cache, 6);
    Ok(())
}

/// What says that a longer life would do.
#[tokio::test]
async fn a_result_that_is_the_same_as_before_is_counted() -> Result<()> {
    for world in worlds() {
        let model = Model::default();
        for (says, unchanged) in [(Says::Page, 0), (Says::Page, 0), (Says::NotModified, 1)] {
            model.says(says);
            world.ask(&stale(), &model).await?;
            assert_eq!(world.cache.counts().unchanged, unchanged);
            world.clock.advance(seconds(61));
        }
        assert_eq!(world.cache.counts().replaced, 2);
    }
    Ok(())
}

#[tokio::test]
async fn each_reason_of_a_result_that_is_not_stored_has_a_counter() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let chaos = Chaos::new(LocMemKeyValue::new().clock(clock.clone()));
    let builder = Cache::builder(chaos.clone()).clock(clock.clone());
    let cache = builder.max_entry(20).build();
    let model = Model::default();
    let ask = async |name: &str, says| {
        model.says(says);
        ask_for(&cache, Lookup::new(key(name), MINUTE), &model).await
    };
    ask("private", Says::Wants(CacheControl::no_store)).await?;
    ask("tag", Says::Wants(|control| control.tags(["\n"]))).await?;
    ask("negative", Says::NotFound).await?;
    let large = async || Ok::<_, giotto_cache::Error>("more than twenty bytes".into());
    cache.get_or_compute(key("large"), MINUTE, large).await?;
    model.says(Says::Page);
    model.hold();
    let mut caller = callers(&cache, 1, MINUTE, &model);
    until(async || model.runs() == 4).await;
    cache.remove(&key("page")).await?;
    model.release();
    caller.join_next().await.unwrap().unwrap()?;
    cache.settle().await;
    cache.set_budget("program", Budget::new().cache_on_second_request())?;
    ask("once", Says::Page).await?;
    cache.set_budget("program", Budget::new().max_entries(1))?;
    ask("within", Says::Page).await?;
    ask("over", Says::Page).await?;
    cache.set_budget("program", Budget::new())?;
    chaos.full(true);
    ask("full", Says::Page).await?;
    let reasons = cache.counts().not_stored_by_reason();
    assert_eq!(reasons.map(|(_, count)| count), [1; 8], "{reasons:?}");
    assert_eq!(cache.counts().stored, 1);
    assert_adds_up(&cache, 9);
    Ok(())
}

#[tokio::test]
async fn a_thousand_programs_are_told_apart_and_the_others_are_invalidated_too() -> Result<()> {
    let ([cache, other], _, _) = processes();
    let lookup = |program: usize| {
        let key = Key::new(&format!("program {program}"), "1", "text/html");
        Lookup::new(key, MINUTE)
    };
    let model = Model::default();
    for program in 0..1_500 {
        ask_for(&cache, lookup(program), &model).await?;
        assert_hit!(ask_for(&cache, lookup(program), &model).await?);
    }
    let programs = cache.programs();
    assert_eq!(programs.len(), 1_001);
    assert_eq!(programs[0].program, "(other)");
    assert_eq!(
        (programs[0].counts.hits, programs[0].counts.misses),
        (500, 500)
    );
    assert_adds_up(&cache, 3_000);

    // Nothing is held of programs that are not told apart, so that an invalidation is seen at once.
    let scope = Scope::Program("program 1400".into());
    other.invalidate(scope.clone()).await?;
    let answer = ask_for(&cache, lookup(1_400), &model).await?;
    assert_miss!(answer, Reason::Invalidated(scope));
    assert_hit!(ask_for(&cache, lookup(1_401), &model).await?);
    Ok(())
}

#[tokio::test]
async fn what_is_counted_of_the_last_minute_is_that_of_the_clock() -> Result<()> {
    let ([cache], _, clock) = processes();
    let model = Model::default();
    for second in 0..200 {
        ask_for(
            &cache,
            Lookup::new(key(&second.to_string()), MINUTE),
            &model,
        )
        .await?;
        ask_for(
            &cache,
            Lookup::new(key(&second.to_string()), MINUTE),
            &model,
        )
        .await?;
        clock.advance(seconds(1));
    }
    let program = &cache.programs()[0];
    let minute = program.last_minute;
    assert!((50..=60).contains(&minute.hits), "{}", minute.hits);
    assert_eq!((minute.misses, minute.stored), (minute.hits, minute.hits));
    assert!(program.last_minute_model < program.model.sum);
    clock.advance(seconds(61));
    let program = &cache.programs()[0];
    assert_eq!(program.last_minute, Counts::default());
    assert_eq!(
        (program.counts.hits, program.last_minute_model),
        (200, Duration::ZERO)
    );
    Ok(())
}

#[tokio::test]
async fn time_that_a_hit_saves_is_what_its_entry_took_to_compute() -> Result<()> {
    let cache = Cache::new(LocMemKeyValue::new());
    let model = Model::default();
    let mut cost = Duration::ZERO;
    for _ in 0..11 {
        cost = ask(&cache, &MINUTE, &model).await?.entry.cost();
    }
    let program = &cache.programs()[0];
    assert_eq!(program.saved, 10 * cost);
    assert_eq!(program.model.count(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_layer_counts_what_it_answers_and_what_fails_of_it() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let memory = || LocMemKeyValue::new().clock(clock.clone());
    let chaos = Chaos::new(memory());
    let layered = |above| {
        let layers = LayeredKeyValue::new(vec![above, Arc::new(chaos.clone())]);
        cache_on(Arc::new(layers.clock(clock.clone())), &clock)
    };
    let [cache, other] = [(); 2].map(|()| layered(Arc::new(memory())));
    let model = Model::default();
    ask(&other, &MINUTE, &model).await?;
    for _ in 0..10 {
        assert_hit!(ask(&cache, &MINUTE, &model).await?);
    }
    let [above, last] = &cache.layers()[..] else {
        panic!("there are two layers")
    };
    assert_eq!(
        (above.name.as_str(), last.name.as_str()),
        ("locmem", "locmem-2")
    );
    assert_eq!((above.hits, last.hits), (9, 1));
    let calls = |layer: &giotto_cache::LayerCounts| -> Vec<u64> {
        layer.calls.iter().map(|(_, times)| times.count()).collect()
    };
    assert_eq!(calls(above), [0; 6], "memory is not timed");
    assert_eq!(last.calls[1].0, "get_many");
    assert_eq!(calls(last), [0, 1, 0, 0, 0, 0]);
    assert_eq!((last.errors, last.reads_open), (0, false));
    assert_adds_up(&cache, 10);

    chaos.errors(1.0);
    for number in 0..10 {
        ask_for(
            &cache,
            Lookup::new(key(&number.to_string()), MINUTE),
            &model,
        )
        .await?;
    }
    let layers = cache.layers();
    assert_eq!(
        (layers[0].errors, layers[0].skipped, layers[0].reads_open),
        (0, 0, false)
    );
    assert!(layers[1].errors >= 5 && layers[1].skipped > 0);
    assert!(layers[1].reads_open);
    assert_adds_up(&cache, 20);
    let measured = cache.measure().await;
    let names: Vec<_> = measured.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names, ["locmem", "locmem-2"]);
    Ok(())
}

#[tokio::test]
async fn a_store_without_layers_is_one_layer() -> Result<()> {
    let stores: [(Arc<dyn KeyValue>, &str, u64); 3] = [
        (Arc::new(LocMemKeyValue::new()), "locmem", 4),
        (Arc::new(Chaos::new(LocMemKeyValue::new())), "locmem", 4),
        (Arc::new(DummyKeyValue::new()), "dummy", 0),
    ];
    for (store, name, hits) in stores {
        let cache = Cache::new(store);
        let model = Model::default();
        for _ in 0..5 {
            ask(&cache, &Policy::seconds(3_600), &model).await?;
        }
        let [layer] = &cache.layers()[..] else {
            panic!("there is one layer")
        };
        assert_eq!((layer.name.as_str(), layer.hits), (name, hits));
        assert_adds_up(&cache, 5);
    }
    Ok(())
}
