//! An error is not stored, and every caller that waited gets it as it is.

use std::convert::Infallible;
use std::time::Duration;

use giotto_cache::function::BoxError;
use giotto_cache::{ErrorKind, Result};
use tokio::task::JoinSet;

use crate::until::until;
use crate::world::{Broken, MINUTE, Runs, User, World, worlds};

async fn fails(runs: Runs) -> Result<User, Broken> {
    Err(Broken::Run(runs.run().await))
}

#[tokio::test]
async fn every_caller_gets_the_error_itself_and_the_next_one_computes() -> Result<()> {
    for world in worlds() {
        let (runs, mut callers) = (Runs::held(), JoinSet::new());
        for _ in 0..20 {
            let (cache, runs) = (world.cache.clone(), runs.clone());
            callers.spawn(async move {
                let function = cache.function("user").policy(MINUTE);
                function.call(7, || fails(runs)).await
            });
        }
        until(async || runs.count() == 1 && world.counts("user").counts.collapsed == 19).await;
        runs.release();
        for user in callers.join_all().await {
            let error = user.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Compute);
            assert_eq!(error.to_string(), "run 1 is broken");
            assert_eq!(error.into_computed::<Broken>()?, Broken::Run(1));
        }
        assert_eq!(world.user().call(7, || runs.clone().user(7)).await?.run, 2);
    }
    Ok(())
}

#[tokio::test]
async fn an_old_result_is_served_in_place_of_an_error() -> Result<()> {
    for World { cache, clock, .. } in worlds() {
        let runs = Runs::default();
        let function = || cache.function("user").policy(MINUTE.stale_if_error(60));
        function().call(7, || runs.clone().user(7)).await?;
        cache.settle().await;
        clock.advance(Duration::from_secs(61));
        let user = function().call(7, || fails(runs.clone())).await?;
        assert_eq!((user.run, runs.count()), (1, 2));
    }
    Ok(())
}

#[tokio::test]
async fn an_error_may_be_boxed_or_a_text() {
    for world in worlds() {
        let boxed = || async { Err::<u8, BoxError>(Box::new(Broken::Run(7))) };
        let error = world.user().call(7, boxed).await.unwrap_err();
        assert_eq!(error.computed::<Broken>(), Some(&Broken::Run(7)));
        let text = || async { Err::<u8, _>("no database") };
        let error = world.user().call(7, text).await.unwrap_err();
        assert_eq!(error.to_string(), "no database");
        assert!(error.into_computed::<Broken>().is_err());
    }
}

async fn panics() -> Result<User, Infallible> {
    panic!("staged: the function panics")
}

#[tokio::test]
async fn a_panic_is_an_error_of_its_caller() {
    for world in worlds() {
        let error = world.user().call(7, panics).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panic);
    }
}

#[tokio::test]
async fn arguments_that_cannot_be_written_are_an_error_before_anything_is_computed() {
    struct Unwritable;
    impl serde::Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("staged"))
        }
    }

    for world in worlds() {
        let runs = Runs::default();
        let error = world
            .user()
            .call(Unwritable, || runs.clone().user(7))
            .await
            .unwrap_err();
        assert_eq!((error.kind(), runs.count()), (ErrorKind::Key, 0));
    }
}
