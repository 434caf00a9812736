//! `None` and stored errors: only where the policy has a time for them.

use std::convert::Infallible;
use std::time::Duration;

use giotto_cache::Result;

use crate::world::{Broken, MINUTE, Runs, worlds};

#[tokio::test]
async fn none_is_stored_only_if_the_policy_has_a_time_for_it() -> Result<()> {
    for world in worlds() {
        for (policy, computed) in [(MINUTE, [1, 2, 3]), (MINUTE.negative(5), [1, 1, 2])] {
            let runs = Runs::default();
            let name = format!("find {}", computed[1]);
            let find = async || {
                let runs = runs.clone();
                let none = || async move {
                    runs.run().await;
                    Ok::<_, Infallible>(None::<u8>)
                };
                let found = world
                    .cache
                    .function(&name)
                    .policy(policy)
                    .call((), none)
                    .await;
                world.cache.settle().await;
                found
            };
            for count in &computed[..2] {
                assert_eq!(find().await?, None);
                assert_eq!(runs.count(), *count);
            }
            world.clock.advance(Duration::from_secs(5));
            assert_eq!(find().await?, None);
            assert_eq!(runs.count(), computed[2]);
        }
    }
    Ok(())
}

#[tokio::test]
async fn nothing_at_all_is_a_result_like_others() -> Result<()> {
    for world in worlds() {
        let runs = Runs::default();
        for _ in 0..2 {
            let runs = runs.clone();
            let nothing = || async move {
                runs.run().await;
                Ok::<_, Infallible>(())
            };
            world
                .cache
                .function("nothing")
                .policy(MINUTE)
                .call((), nothing)
                .await?;
            world.cache.settle().await;
        }
        assert_eq!(runs.count(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn an_error_that_is_chosen_is_stored_as_a_negative_result() -> Result<()> {
    for world in worlds() {
        for (error, computed) in [(Broken::Absent, [1, 1]), (Broken::Run(0), [1, 2])] {
            let runs = Runs::default();
            for count in computed {
                let (own_runs, own) = (runs.clone(), error.clone());
                let fail = || async move {
                    own_runs.run().await;
                    Err::<u8, _>(own)
                };
                let name = error.to_string();
                let function = world.cache.function(&name).policy(MINUTE.negative(5));
                let is_negative = |error: &Broken| *error == Broken::Absent;
                let failed = function.call_storing((), is_negative, fail).await;
                world.cache.settle().await;
                assert_eq!(failed.unwrap_err().into_computed::<Broken>()?, error);
                assert_eq!(runs.count(), count, "{error}");
            }
        }
    }
    Ok(())
}
