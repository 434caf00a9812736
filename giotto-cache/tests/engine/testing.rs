//! The module `testing` itself: what its chaos does, and what its assertions say.

use giotto_cache::testing::{Chaos, assert_hit, assert_miss, assert_stale};
use giotto_cache::{KeyValue, LocMemKeyValue, Reason, Result, Staleness};

use crate::model::Model;
use crate::world::{MINUTE, ask, processes, seconds};

/// The chaos itself: what it does is what it says, and the same in every run.
#[tokio::test]
async fn faults_come_in_the_part_that_was_asked_for_and_the_same_in_every_run() -> Result<()> {
    let run = async |seed| {
        let chaos = Chaos::new(LocMemKeyValue::new());
        chaos.set("key", "value".into(), None).await?;
        chaos.seed(seed).errors(0.3).corrupt(0.1);
        let mut results = Vec::new();
        for _ in 0..10_000 {
            results.push(chaos.get("key").await.ok().flatten());
        }
        Ok::<_, giotto_cache::Error>(results)
    };
    let results = run(1).await?;
    assert!(results == run(1).await? && results != run(2).await?);
    let failed = results.iter().filter(|result| result.is_none()).count();
    let damaged = results.iter().flatten().filter(|value| *value != "value");
    assert!((2_900..3_100).contains(&failed), "{failed}");
    let damaged = damaged.count();
    assert!(
        (630..770).contains(&damaged),
        "a tenth of the rest: {damaged}"
    );
    Ok(())
}

#[tokio::test]
async fn assertions_say_what_was_there_instead() -> Result<()> {
    let ([cache], _, clock) = processes();
    let (model, policy) = (Model::default(), MINUTE.stale_while_revalidate(300));
    let miss = ask(&cache, &policy, &model).await?;
    let hit = ask(&cache, &policy, &model).await?;
    clock.advance(seconds(60));
    let stale = ask(&cache, &policy, &model).await?;
    let hit_for_miss = "expected a hit, but it was a miss (first-seen), computed and stored";
    for (message, check) in [
        (
            hit_for_miss,
            Box::new(move || assert_hit!(miss)) as Box<dyn FnOnce() + Send>,
        ),
        (
            "expected a miss (expired), but it was a hit",
            Box::new(move || assert_miss!(hit, Reason::Expired)),
        ),
        (
            "expected a stale page (Failed), but it was a stale page (Revalidating; expired)",
            Box::new(move || assert_stale!(stale, Staleness::Failed)),
        ),
    ] {
        let panic = std::thread::spawn(check).join().unwrap_err();
        assert_eq!(*panic.downcast::<String>().unwrap(), message);
    }
    Ok(())
}
