//! What memory has is served at once, without the steps of a lookup, exactly where a lookup would serve it fresh.

use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use giotto_cache::testing::Chaos;
use giotto_cache::{
    Cache, CacheControl, Clock, Computed, Error, Key, LayeredKeyValue, LocMemKeyValue, Lookup,
    Result, Scope, Status,
};

use crate::model::metadata;
use crate::world::{MINUTE, START_MS, World, cache_on, seconds, worlds};

const TAGS: [&str; 3] = ["nav", "user:7", "user:8"];
const PROGRAMS: [&str; 2] = ["page", "a(b)"];

fn some_tags(random: &mut Rng) -> Vec<String> {
    let tags = TAGS.iter().filter(|_| random.u8(..4) == 0);
    tags.map(|tag| (*tag).to_owned()).collect()
}

fn some_key(random: &mut Rng) -> Key {
    let arguments = random.u8(..2).to_string();
    Key::new(random.choice(PROGRAMS).unwrap(), arguments, "text/html")
}

fn some_lookup(random: &mut Rng) -> Lookup {
    let policy = MINUTE.version(u32::from(random.u8(..8) == 0));
    let policy = match random.u8(..3) {
        0 => policy.negative(30),
        1 => policy.stale_while_revalidate(60),
        _ => policy.stale_if_error(60).keep(60),
    };
    Lookup::new(some_key(random), policy).tags(some_tags(random))
}

/// A page with tags of its own, with a status or without, and with the result of another lookup in it or without. If it is not
/// `plain`, it may have a time of its own, or say that there is none.
async fn compute(cache: &Cache, plain: bool, lookup: Lookup, random: &mut Rng) -> Result<()> {
    let late = some_tags(random);
    let inner = Key::new("inner", random.u8(..2).to_string(), "text/plain");
    let inner = Lookup::new(inner, MINUTE).tags(some_tags(random));
    let inner = Some(inner).filter(|_| random.u8(..3) == 0);
    let (own_time, kind) = (random.u64(..120), random.u8(..if plain { 2 } else { 4 }));
    let page_cache = cache.clone();
    let page = async move |control: CacheControl| {
        if let Some(inner) = inner {
            let text = |_| async { Ok::<_, Error>(Bytes::from("inner").into()) };
            page_cache.answer(inner, text).await?;
        }
        control.tags(late);
        let body = Bytes::from("page");
        Ok::<_, Error>(match kind {
            0 => Computed::Page(body),
            1 => Computed::Described(body, metadata()),
            2 => Computed::Negative(body),
            _ => {
                control.ttl(seconds(own_time));
                Computed::Page(body)
            }
        })
    };
    cache.answer(lookup, page).await?;
    cache.settle().await;
    Ok(())
}

async fn change(cache: &Cache, clock: &Clock, plain: bool, random: &mut Rng) -> Result<()> {
    let tag = *random.choice(&TAGS).unwrap();
    let program = *random.choice(&PROGRAMS).unwrap();
    let scope = match random.u8(..8) {
        0 => Scope::All,
        1 => Scope::Program(program.to_owned()),
        2 => Scope::Program("inner".to_owned()),
        _ => Scope::from(tag),
    };
    match random.u8(..10) {
        0 => cache.invalidate(scope).await,
        1 => cache.purge(scope).await,
        2 => cache.expire(&some_key(random)).await.map(drop),
        3 => cache.remove(&some_key(random)).await.map(drop),
        4 => {
            let record = format!("{{tag:{tag}}}");
            cache.store().delete(&record).await.map(drop)
        }
        5 => {
            clock.advance(seconds(random.u64(..50)));
            Ok(())
        }
        _ => compute(cache, plain, some_lookup(random), random).await,
    }
}

/// Walks at random, and compares a hit at once with what `explain` says of a lookup; how many hits with tags, and how many
/// misses in spite of an entry, there were.
async fn walk(cache: &Cache, clock: &Clock, plain: bool) -> Result<(u32, u32)> {
    let mut random = Rng::with_seed(14);
    let (mut hits, mut misses) = (0, 0);
    for step in 0..2_000 {
        change(cache, clock, plain, &mut random).await?;
        for _ in 0..3 {
            let lookup = some_lookup(&mut random);
            let is_at_once = cache.hit(&lookup).is_some();
            let explained = cache.explain(&lookup).await;
            let is_hit = explained.next == Ok(Status::Hit);
            match plain {
                true => assert_eq!(is_at_once, is_hit, "step {step}: {lookup:?}, {explained:?}"),
                false => assert!(
                    is_hit || !is_at_once,
                    "step {step}: {lookup:?}, {explained:?}"
                ),
            }
            let has_tags = explained.entry.as_ref().map(|entry| !entry.tags.is_empty());
            hits += u32::from(is_at_once && has_tags == Some(true));
            misses += u32::from(!is_hit && has_tags.is_some());
        }
    }
    Ok((hits, misses))
}

#[tokio::test]
async fn what_memory_serves_at_once_is_what_a_lookup_would_serve_fresh() -> Result<()> {
    for plain in [true, false] {
        let [World { cache, clock }, _] = worlds();
        let (hits, misses) = walk(&cache, &clock, plain).await?;
        assert!(
            hits > 100 && misses > 300,
            "{plain}: {hits} with tags, {misses}"
        );
    }
    Ok(())
}

/// A layer in memory answers at once, but the records of tags are in the one below.
#[tokio::test]
async fn layers_serve_at_once_only_what_a_lookup_would_serve_fresh() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let [above, below] = [(); 2].map(|()| LocMemKeyValue::new().clock(clock.clone()));
    let layered = LayeredKeyValue::new(vec![Arc::new(above), Arc::new(Chaos::new(below))]);
    let cache = cache_on(Arc::new(layered), &clock);
    let (hits, misses) = walk(&cache, &clock, false).await?;
    assert!(hits == 0 && misses > 300, "{hits} with tags, {misses}");
    Ok(())
}
