//! A function may call itself, and functions one another, whoever else computes them: none waits for ever.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use giotto_cache::{Cache, Result};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::world::{MINUTE, Runs, worlds};

/// So long is waited for what must happen, on a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);

type Number = Pin<Box<dyn Future<Output = Result<u64>> + Send>>;

fn fibonacci(cache: Cache, runs: Runs, n: u64) -> Number {
    Box::pin(async move {
        let function = cache.function("fibonacci").policy(MINUTE);
        let compute = || {
            let cache = cache.clone();
            async move {
                runs.run().await;
                match n {
                    0 | 1 => Ok::<_, giotto_cache::Error>(n),
                    _ => {
                        let one = fibonacci(cache.clone(), runs.clone(), n - 1).await?;
                        Ok(one + fibonacci(cache, runs, n - 2).await?)
                    }
                }
            }
        };
        function.call(n, compute).await
    })
}

#[tokio::test]
async fn a_function_may_call_itself() -> Result<()> {
    for world in worlds() {
        let runs = Runs::default();
        let number = fibonacci(world.cache.clone(), runs.clone(), 50).await?;
        assert_eq!((number, runs.count()), (12_586_269_025, 51));
    }
    Ok(())
}

#[tokio::test]
async fn a_function_that_asks_for_its_own_result_computes_alone() -> Result<()> {
    for world in worlds() {
        let (cache, runs) = (world.cache.clone(), Runs::default());
        let outer = || async move {
            let function = cache.function("own").policy(MINUTE);
            let inner = function.call((), || async move { Ok::<_, Infallible>(runs.run().await) });
            Ok::<_, giotto_cache::Error>(inner.await? + 10)
        };
        let number = world
            .cache
            .function("own")
            .policy(MINUTE)
            .call((), outer)
            .await?;
        assert_eq!(number, 11);
    }
    Ok(())
}

/// `names[0]` asks for `names[1]`, that for the next, and the last for the first.
fn circle(
    cache: Cache,
    names: Arc<Vec<String>>,
    at: usize,
    left: usize,
    all: Arc<Barrier>,
) -> Number {
    Box::pin(async move {
        let name = names[at % names.len()].clone();
        let compute = || {
            let (cache, names) = (cache.clone(), Arc::clone(&names));
            async move {
                // In the first round, until each caller computes the function that it has asked for.
                if left > names.len() {
                    all.wait().await;
                }
                match left {
                    0 => Ok(0),
                    _ => circle(cache, names, at + 1, left - 1, all)
                        .await
                        .map(|count| count + 1),
                }
            }
        };
        cache.function(&name).policy(MINUTE).call((), compute).await
    })
}

#[tokio::test]
async fn functions_that_wait_for_each_other_in_a_circle_come_to_an_end() -> Result<()> {
    for world in worlds() {
        for length in [2, 3, 7] {
            let names: Vec<_> = (0..length)
                .map(|number| format!("{number} of {length}"))
                .collect();
            let (names, all) = (Arc::new(names), Arc::new(Barrier::new(length)));
            let mut callers = JoinSet::new();
            for at in 0..length {
                let (names, all) = (Arc::clone(&names), Arc::clone(&all));
                callers.spawn(circle(world.cache.clone(), names, at, length + 1, all));
            }
            // Without an end of the circle they would wait for ever.
            let counts = tokio::time::timeout(PATIENCE, callers.join_all()).await;
            for count in counts.unwrap() {
                assert!(count? > 0);
            }
            assert_eq!(world.cache.in_flight(), 0);
        }
    }
    Ok(())
}
