//! What was stored as another type is a miss, and what cannot be stored is no wrong value.

use std::convert::Infallible;

use giotto_cache::{Key, Listing, Lookup, Result};
use serde::{Deserialize, Serialize};

use crate::world::{MINUTE, Runs, User, World, worlds};

/// The same function before and after a deployment that changes its result.
mod before {
    #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    pub(super) struct Price {
        pub(super) amount: u32,
        pub(super) note: Option<String>,
    }
}

mod after {
    #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    pub(super) struct Price {
        pub(super) amount: u64,
        pub(super) note: Option<String>,
    }
}

#[tokio::test]
async fn a_changed_type_is_a_miss_and_both_types_live_side_by_side() -> Result<()> {
    for world in worlds() {
        let (runs, next) = (Runs::default(), world.another());
        for _ in 0..3 {
            let old = async |runs: Runs| {
                let amount = runs.run().await as u32;
                Ok::<_, Infallible>(before::Price { amount, note: None })
            };
            let new = async |runs: Runs| {
                let amount = runs.run().await;
                Ok::<_, Infallible>(after::Price { amount, note: None })
            };
            // Both versions of the program serve, as they do during a deployment.
            let price = world.cache.function("price").policy(MINUTE);
            assert_eq!(price.call((), || old(runs.clone())).await?.amount, 1);
            let price = next.function("price").policy(MINUTE);
            assert_eq!(price.call((), || new(runs.clone())).await?.amount, 2);
            world.cache.settle().await;
            next.settle().await;
        }
        let listed = world.cache.list(&Listing::new(10).program("price")).await?;
        assert_eq!(listed.entries.len(), 2);
    }
    Ok(())
}

/// Stores `body` where the user 7 is looked for.
async fn store(world: &World, body: &'static [u8]) -> Result<Key> {
    let key = world.user().key::<User>(&7)?;
    let compute = || async { Ok::<_, Infallible>(body.into()) };
    world
        .cache
        .get_or_compute(key.clone(), MINUTE, compute)
        .await?;
    world.cache.settle().await;
    Ok(key)
}

#[tokio::test]
async fn what_is_no_value_of_the_type_is_a_miss_and_is_replaced() -> Result<()> {
    for world in worlds() {
        // Nothing, nonsense, another type, a value that is cut, and one with something behind it.
        let values: [&[u8]; 5] = [
            b"",
            b"<p>page</p>",
            b"\x07",
            b"\x83\xa2id\x07\xa4name\xa3Ada\xa3run",
            b"\x83\xa2id\x07\xa4name\xa3Ada\xa3run\x01\x01",
        ];
        for body in values {
            let (key, runs) = (store(&world, body).await?, Runs::default());
            for _ in 0..2 {
                let user = world.user().call(7, || runs.clone().user(7)).await?;
                assert_eq!((user.name.as_str(), user.run), ("user 7", 1), "{body:?}");
                world.cache.settle().await;
            }
            assert!(world.cache.remove(&key).await?);
        }
        let (_, runs) = (
            store(&world, b"\x83\xa2id\x07\xa4name\xa3Ada\xa3run\x01").await?,
            Runs::default(),
        );
        let user = world.user().call(7, || runs.clone().user(7)).await?;
        assert_eq!(
            (user.name.as_str(), runs.count()),
            ("Ada", 0),
            "the test writes what is stored"
        );
    }
    Ok(())
}

#[tokio::test]
async fn what_would_return_as_another_value_is_returned_and_not_stored() -> Result<()> {
    for world in worlds() {
        let runs = Runs::default();
        for run in [1, 2, 3] {
            let call = world.cache.function("maybe").policy(MINUTE).call((), || {
                let runs = runs.clone();
                async move {
                    let run = runs.run().await;
                    Ok::<_, Infallible>((run, Some(None::<u8>)))
                }
            });
            assert_eq!(call.await?, (run, Some(None)));
            world.cache.settle().await;
        }
        let counts = world.counts("maybe").counts;
        assert_eq!((counts.hits, counts.computed), (0, 3));
        let key = world
            .cache
            .function("maybe")
            .policy(MINUTE)
            .key::<(u64, Option<Option<u8>>)>(&())?;
        let explained = world.cache.explain(&Lookup::new(key, MINUTE)).await;
        assert!(explained.entry.is_none(), "{explained:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_first_caller_gets_what_all_others_get() -> Result<()> {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Session {
        user: u64,
        #[serde(skip)]
        handle: u64,
    }

    for world in worlds() {
        for _ in 0..2 {
            let session = world.cache.function("session").policy(MINUTE);
            let session = session
                .call((), || async {
                    Ok::<_, Infallible>(Session { user: 7, handle: 3 })
                })
                .await?;
            assert_eq!(session, Session { user: 7, handle: 0 });
            world.cache.settle().await;
        }
    }
    Ok(())
}
