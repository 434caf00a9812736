//! What a thread was served a moment ago is served again without the store, and only while the store would return the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use giotto_cache::{
    Cache, Changes, Clock, Key, KeyValue, LocMemKeyValue, Lookup, Mode, Place, Policy, Result,
    Scope,
};

use crate::world::{MINUTE, Runs, User};

/// A memory that counts how often it is asked for an entry.
#[derive(Clone, Debug)]
struct Memory {
    store: LocMemKeyValue,
    asked: Arc<AtomicU64>,
}

#[async_trait]
impl KeyValue for Memory {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.store.get(key).await
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        self.store.set(key, value, expire).await
    }

    async fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: Option<Bytes>,
        expire: Option<Duration>,
    ) -> Result<bool> {
        self.store.replace(key, old, new, expire).await
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        self.store.delete(key).await
    }

    async fn clear(&self) -> Result<()> {
        self.store.clear().await
    }

    async fn delete_containing(&self, part: &str) -> Result<()> {
        self.store.delete_containing(part).await
    }

    fn get_now(&self, key: &str) -> Option<Option<Bytes>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.store.get_now(key)
    }

    fn changes(&self) -> Option<Changes> {
        self.store.changes()
    }

    fn set_max_bytes(&self, bytes: u64) -> bool {
        self.store.set_max_bytes(bytes)
    }

    fn place(&self) -> Place {
        Place::InProcess
    }
}

/// A cache on such a memory, and a function whose runs are counted.
struct Stage {
    cache: Cache,
    memory: Memory,
    clock: Clock,
    runs: Runs,
}

impl Stage {
    fn new() -> Self {
        Self::keeping(16 << 20)
    }

    /// One that keeps so many bytes of decoded values.
    fn keeping(max_decoded: u64) -> Self {
        let clock = Clock::manual(1_700_000_000_000);
        let memory = Memory {
            store: LocMemKeyValue::new().clock(clock.clone()),
            asked: Arc::default(),
        };
        let cache = Cache::builder(memory.clone())
            .clock(clock.clone())
            .max_decoded(max_decoded)
            .build();
        Self {
            cache,
            memory,
            clock,
            runs: Runs::default(),
        }
    }

    async fn call(&self, policy: Policy) -> Result<u64> {
        let function = self.cache.function("user").policy(policy);
        let user = function.call(7, || self.runs.clone().user(7)).await?;
        self.cache.settle().await;
        Ok(user.run)
    }

    /// Whether the call that returns `run` is served without the store.
    async fn is_again(&self, run: u64) -> Result<bool> {
        let before = self.memory.asked.load(Ordering::SeqCst);
        assert_eq!(self.call(MINUTE).await?, run);
        Ok(self.memory.asked.load(Ordering::SeqCst) == before)
    }

    /// Calls until the store is not asked any more.
    async fn warm(&self, run: u64) -> Result<()> {
        assert_eq!(self.call(MINUTE).await?, run);
        let mut hits = 0;
        while !self.is_again(run).await? {
            hits += 1;
            assert!(hits < 5, "the store is asked in each hit");
        }
        Ok(())
    }
}

#[tokio::test]
async fn the_store_is_not_asked_again_by_the_same_thread() -> Result<()> {
    for stage in [Stage::new(), Stage::keeping(0)] {
        stage.warm(1).await?;
        let programs = stage.cache.programs();
        let hits = programs[0].counts.hits;
        for _ in 0..10 {
            assert!(stage.is_again(1).await?);
        }
        assert_eq!(stage.cache.programs()[0].counts.hits, hits + 10);
        let threads = std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                    .unwrap();
                runtime.block_on(stage.is_again(1))
            });
            other.join().unwrap()
        });
        assert!(!threads?, "another thread has to ask the store once");
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_served_again_after_any_change() -> Result<()> {
    let stage = Stage::new();
    let cache = &stage.cache;
    let key = cache.function("user").policy(MINUTE).key::<User>(&7)?;
    let neighbour = Cache::builder(stage.memory.clone())
        .clock(stage.clock.clone())
        .build();
    for run in 1..=8 {
        stage.warm(run).await?;
        match run {
            1 => stage.clock.advance(Duration::from_secs(60)),
            2 => assert!(cache.expire(&key).await?),
            3 => assert!(cache.remove(&key).await?),
            4 => cache.clear().await?,
            5 => assert!(neighbour.remove(&key).await?),
            6 => neighbour.clear().await?,
            7 => assert!(stage.memory.delete(key.as_str()).await?),
            _ => assert!(stage.memory.set_max_bytes(0)),
        }
    }
    assert_eq!(stage.call(MINUTE).await?, 9);
    Ok(())
}

/// What is stored from then on is judged by its generation, and not served without that.
#[tokio::test]
async fn an_invalidated_function_is_computed_again() -> Result<()> {
    let program = |name: &str| Scope::Program(name.to_owned());
    for (scope, is_hard) in [
        (program("user"), false),
        (program("user"), true),
        (Scope::All, false),
        (Scope::All, true),
    ] {
        let stage = Stage::new();
        stage.warm(1).await?;
        match is_hard {
            true => stage.cache.purge(scope).await?,
            false => stage.cache.invalidate(scope).await?,
        }
        for _ in 0..4 {
            assert_eq!(stage.call(MINUTE).await?, 2);
        }
    }
    let stage = Stage::new();
    stage.warm(1).await?;
    stage.cache.invalidate(program("other")).await?;
    assert!(!stage.is_again(1).await?);
    stage.warm(1).await
}

#[tokio::test]
async fn what_another_writes_is_served() -> Result<()> {
    let stage = Stage::new();
    stage.warm(1).await?;
    let function = stage.cache.function("user").policy(MINUTE);
    let refresh = function.mode(Mode::Refresh);
    let user = refresh.call(7, || stage.runs.clone().user(7)).await?;
    assert_eq!(user.run, 2);
    stage.warm(2).await
}

#[tokio::test]
async fn a_caller_that_allows_less_is_not_served_more() -> Result<()> {
    let stage = Stage::new();
    stage.warm(1).await?;
    stage.clock.advance(Duration::from_secs(10));
    assert!(stage.is_again(1).await?);
    assert_eq!(stage.call(Policy::seconds(10)).await?, 2);
    Ok(())
}

/// As [`Key`]s, the names differ: some are escaped in it. They stand at one address, as the places of results are found by that.
#[tokio::test]
async fn no_name_and_no_type_is_taken_for_another() -> Result<()> {
    let stage = Stage::new();
    let mut name = String::with_capacity(16);
    for text in ["a(b", "a%28b", "a%2528b", "other"].repeat(2) {
        name.clear();
        name.push_str(text);
        for _ in 0..5 {
            let function = stage.cache.function(&name).policy(MINUTE);
            let own = function.call(7, || async move { Ok::<_, &str>(text.to_owned()) });
            assert_eq!(own.await?, text);
        }
    }
    for _ in 0..5 {
        let function = || stage.cache.function("number").policy(MINUTE);
        for _ in 0..5 {
            let wide = function().call(7, || async { Ok::<_, &str>(1_u64) });
            assert_eq!(wide.await?, 1);
        }
        for _ in 0..5 {
            let narrow = function().call(7, || async { Ok::<_, &str>(2_u8) });
            assert_eq!(narrow.await?, 2);
        }
    }
    Ok(())
}

/// A tag of the call, one that only the computation knew, and those of a result that it was computed from.
#[tokio::test]
async fn what_depends_on_what_was_invalidated_is_computed_again() -> Result<()> {
    let stage = Stage::new();
    let (cache, runs) = (&stage.cache, &stage.runs);
    let asked = || stage.memory.asked.load(Ordering::SeqCst);
    let call = async || {
        let function = cache.function("user").policy(MINUTE).tags(["called"]);
        let (inner, runs) = (cache.clone(), runs.clone());
        let user = function.call_with(7, |control| async move {
            let function = inner.function("inner").policy(MINUTE).tags(["inner"]);
            let found = function.call(7, || async { Ok::<_, giotto_cache::Error>(1_u8) });
            found.await?;
            control.tags(["late"]);
            Ok::<_, giotto_cache::Error>(runs.run().await)
        });
        let run = *user.await?;
        cache.settle().await;
        Ok::<_, giotto_cache::Error>(run)
    };
    let scopes = [
        Scope::from("called"),
        Scope::from("late"),
        Scope::from("inner"),
        Scope::Program("inner".to_owned()),
    ];
    for (scope, run) in scopes.into_iter().zip(1..) {
        for _ in 0..5 {
            assert_eq!(call().await?, run);
        }
        let before = asked();
        assert_eq!(call().await?, run);
        assert_eq!(asked(), before, "it is served without the store");
        cache.invalidate(scope).await?;
        // A late tag that is invalidated in the millisecond in which a computation begins is taken for invalidated in it.
        stage.clock.advance(Duration::from_millis(1));
        assert_eq!(call().await?, run + 1);
    }
    let other = cache.function("user").policy(MINUTE).tags(["other"]);
    assert_eq!(
        *other
            .call_shared(7, || async { Ok::<_, &str>(9_u64) })
            .await?,
        9
    );
    Ok(())
}

/// A page that is made of a result that was served again is old when that is.
#[tokio::test]
async fn what_is_served_again_gives_its_life_to_what_is_made_of_it() -> Result<()> {
    let stage = Stage::new();
    stage.warm(1).await?;
    stage.clock.advance(Duration::from_secs(50));
    let key = Key::new("page", "{}", "text/plain");
    let lookup = Lookup::new(key, Policy::seconds(3600));
    let answer = {
        let (cache, runs) = (stage.cache.clone(), stage.runs.clone());
        let page = async move || {
            let function = cache.function("user").policy(MINUTE);
            let user = function.call(7, || runs.user(7)).await?;
            Ok::<_, giotto_cache::Error>(Bytes::from(user.run.to_string()).into())
        };
        stage.cache.answer(lookup, |_| page()).await?
    };
    assert_eq!(answer.entry.body(), "1");
    assert_eq!(answer.fresh_for, Some(Duration::from_secs(10)));
    Ok(())
}

#[tokio::test]
async fn a_long_result_is_asked_for_each_time() -> Result<()> {
    let stage = Stage::new();
    let text = "x".repeat(1_000);
    for _ in 0..4 {
        let function = stage.cache.function("text").policy(MINUTE);
        let own = text.clone();
        let found = function.call((), || async { Ok::<_, &str>(own) }).await?;
        assert_eq!(found, text);
    }
    let before = stage.memory.asked.load(Ordering::SeqCst);
    let function = stage.cache.function("text").policy(MINUTE);
    let found = function.call((), || async { Ok::<_, &str>(String::new()) });
    assert_eq!(found.await?, text);
    assert_eq!(stage.memory.asked.load(Ordering::SeqCst), before + 1);
    Ok(())
}
