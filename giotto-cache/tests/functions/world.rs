//! Caches whose clock a test sets, and a function whose runs are counted and held.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use giotto_cache::testing::Chaos;
use giotto_cache::{Cache, Clock, Function, KeyValue, LocMemKeyValue, Policy, ProgramCounts};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

pub(crate) const MINUTE: Policy = Policy::seconds(60);

/// A cache, its clock and its store.
pub(crate) struct World {
    pub(crate) cache: Cache,
    pub(crate) clock: Clock,
    pub(crate) store: Arc<dyn KeyValue>,
}

/// The same cache over this process's memory, and over a store outside.
pub(crate) fn worlds() -> [World; 2] {
    [false, true].map(|is_outside| {
        let clock = Clock::manual(1_700_000_000_000);
        let memory = LocMemKeyValue::new().clock(clock.clone());
        let store: Arc<dyn KeyValue> = match is_outside {
            false => Arc::new(memory),
            true => Arc::new(Chaos::new(memory)),
        };
        let cache = Cache::builder(Arc::clone(&store))
            .clock(clock.clone())
            .build();
        World {
            cache,
            clock,
            store,
        }
    })
}

impl World {
    /// The function `user`, fresh for a minute.
    pub(crate) fn user(&self) -> Function<'_> {
        self.cache.function("user").policy(MINUTE)
    }

    /// What was counted of `name`.
    pub(crate) fn counts(&self, name: &str) -> ProgramCounts {
        let programs = self.cache.programs();
        programs
            .into_iter()
            .find(|counts| counts.program == name)
            .unwrap()
    }

    /// Another process on the same store.
    pub(crate) fn another(&self) -> Cache {
        Cache::builder(Arc::clone(&self.store))
            .clock(self.clock.clone())
            .build()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// The number of the run that made it.
    pub(crate) run: u64,
}

/// Runs that are counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs {
    count: Arc<AtomicU64>,
    gate: Option<Arc<Semaphore>>,
}

impl Runs {
    /// Runs that wait until they are released.
    pub(crate) fn held() -> Self {
        let gate = Some(Arc::new(Semaphore::new(0)));
        Self {
            gate,
            ..Self::default()
        }
    }

    pub(crate) fn release(&self) {
        self.gate.as_ref().unwrap().close();
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// The number of this run.
    pub(crate) async fn run(&self) -> u64 {
        let run = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(gate) = &self.gate {
            let _ = gate.acquire().await;
        }
        run
    }

    pub(crate) async fn user(self, id: u64) -> Result<User, Broken> {
        let run = self.run().await;
        let name = format!("user {id}");
        Ok(User { id, name, run })
    }
}

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum Broken {
    #[error("run {0} is broken")]
    Run(u64),
    #[error("there is none")]
    Absent,
}
