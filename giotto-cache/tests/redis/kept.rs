//! An entry that is kept for its validators: the server has it for as long, and two processes renew it in turn.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{
    Acceptance, Answer, Cache, CacheControl, Clock, Computed, Key, Lookup, Metadata, Policy,
    Reason, Result, Staleness, Status,
};
use test_servers::Redis;

use crate::{PATIENCE, store_in};

fn key() -> Key {
    Key::new("squared", "{'x': 12}", "text/html")
}

fn lookup() -> Lookup {
    let policy = Policy::seconds(60).stale_if_error(600).keep(3_600);
    Lookup::new(key(), policy)
}

fn version(number: &str) -> Metadata {
    Metadata::new(None, [("etag", format!("\"{number}\""))]).unwrap()
}

/// A source that has `now`: it answers with the whole result, or that what the cache has is still valid.
async fn ask(cache: &Cache, lookup: Lookup, now: &'static str) -> Result<Answer> {
    let compute = move |control: CacheControl| async move {
        control.stale_if_error(0);
        let metadata = version(now);
        let is_same = control.old_metadata().as_ref() == Some(&metadata);
        Ok::<_, giotto_cache::Error>(match is_same {
            true => Computed::Revalidated(metadata),
            false => Computed::Described(Bytes::from_static(now.as_bytes()), metadata),
        })
    };
    let answer = cache.answer(lookup, compute).await;
    cache.settle().await;
    answer
}

#[tokio::test]
async fn it_is_kept_on_the_server_and_renewed_by_any_process() -> Result<()> {
    let server = Redis::start();
    let clock = Clock::manual(1_700_000_000_000);
    let process = || {
        let store = Arc::new(store_in(&server));
        let builder = Cache::builder(store).deadline(PATIENCE);
        builder.clock(clock.clone()).build()
    };
    let [one, two] = [process(), process()];
    let left = || server.cli(&["pttl", key().as_str()]);
    let is_an_hour_longer = |left: String| {
        let left: u64 = left.trim().parse().unwrap();
        (3_600_000..=3_660_000).contains(&left)
    };
    assert_eq!(ask(&one, lookup(), "1").await?.status, Status::Stored);
    assert!(is_an_hour_longer(left()), "{}", left());

    clock.advance(Duration::from_secs(3_000));
    let accepting = lookup().accept(|_| Acceptance::Stale);
    let stale = ask(&two, accepting, "2").await?;
    assert_eq!(stale.status, Status::Stale(Staleness::Accepted));
    assert_eq!(stale.entry.body(), "1");
    let revalidated = ask(&two, lookup(), "1").await?;
    let reason = (revalidated.status, revalidated.reason);
    assert_eq!(reason, (Status::Stored, Some(Reason::Expired)));
    let hit = ask(&one, lookup(), "2").await?;
    assert_eq!(hit.status, Status::Hit);
    assert_eq!(
        (hit.entry.body(), hit.stale_for),
        ("1".into(), Duration::ZERO)
    );
    assert!(is_an_hour_longer(left()), "{}", left());

    clock.advance(Duration::from_secs(60));
    let changed = ask(&one, lookup(), "2").await?;
    assert_eq!(
        (changed.status, changed.entry.body()),
        (Status::Stored, "2".into())
    );
    let hit = ask(&two, lookup(), "3").await?;
    assert_eq!(hit.entry.metadata(), Some(version("2")));
    Ok(())
}
