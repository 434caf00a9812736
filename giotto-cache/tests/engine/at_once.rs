//! What memory has is served at once, without the steps of a lookup, exactly where a lookup would serve it fresh.

use bytes::Bytes;
use fastrand::Rng;
use giotto_cache::{CacheControl, Computed, Error, Key, Lookup, Result, Scope, Status};

use crate::model::metadata;
use crate::world::{MINUTE, World, seconds, worlds};

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
        0 => policy,
        1 => policy.stale_while_revalidate(60),
        _ => policy.stale_if_error(60).keep(60),
    };
    Lookup::new(some_key(random), policy).tags(some_tags(random))
}

/// A page with tags of its own, with a status or without, and with the result of another lookup in it or without.
async fn compute(world: &World, lookup: Lookup, random: &mut Rng) -> Result<()> {
    let (late, cache) = (some_tags(random), world.cache.clone());
    let inner = Key::new("inner", random.u8(..2).to_string(), "text/plain");
    let inner = Lookup::new(inner, MINUTE).tags(some_tags(random));
    let inner = Some(inner).filter(|_| random.u8(..3) == 0);
    let is_described = random.bool();
    let page = async move |control: CacheControl| {
        if let Some(inner) = inner {
            let text = |_| async { Ok::<_, Error>(Bytes::from("inner").into()) };
            cache.answer(inner, text).await?;
        }
        control.tags(late);
        let body = Bytes::from("page");
        Ok::<_, Error>(match is_described {
            true => Computed::Described(body, metadata()),
            false => Computed::Page(body),
        })
    };
    world.cache.answer(lookup, page).await?;
    world.cache.settle().await;
    Ok(())
}

async fn change(world: &World, random: &mut Rng) -> Result<()> {
    let tag = *random.choice(&TAGS).unwrap();
    let program = *random.choice(&PROGRAMS).unwrap();
    let scope = match random.u8(..8) {
        0 => Scope::All,
        1 => Scope::Program(program.to_owned()),
        2 => Scope::Program("inner".to_owned()),
        _ => Scope::from(tag),
    };
    match random.u8(..10) {
        0 => world.cache.invalidate(scope).await,
        1 => world.cache.purge(scope).await,
        2 => world.cache.expire(&some_key(random)).await.map(drop),
        3 => world.cache.remove(&some_key(random)).await.map(drop),
        4 => world
            .cache
            .store()
            .delete(&format!("{{tag:{tag}}}"))
            .await
            .map(drop),
        5 => {
            world.clock.advance(seconds(random.u64(..50)));
            Ok(())
        }
        _ => compute(world, some_lookup(random), random).await,
    }
}

/// `explain` tells what a lookup does, and asks nobody for it that a hit at once asks.
#[tokio::test]
async fn what_is_served_at_once_is_what_a_lookup_would_serve_fresh() -> Result<()> {
    let [world, _] = worlds();
    let mut random = Rng::with_seed(14);
    let (mut hits, mut misses) = (0, 0);
    for step in 0..3_000 {
        change(&world, &mut random).await?;
        for _ in 0..3 {
            let lookup = some_lookup(&mut random);
            let explained = world.cache.explain(&lookup).await;
            let is_hit = explained.next == Ok(Status::Hit);
            let is_at_once = world.cache.hit(&lookup).is_some();
            assert_eq!(is_at_once, is_hit, "step {step}: {lookup:?}, {explained:?}");
            let entry = explained
                .entry
                .filter(|_| explained.reason.is_some() || is_hit);
            hits += u32::from(is_hit && entry.as_ref().is_some_and(|entry| !entry.tags.is_empty()));
            misses += u32::from(!is_hit && entry.is_some());
        }
    }
    assert!(hits > 500 && misses > 500, "{hits} with tags, {misses}");
    Ok(())
}
