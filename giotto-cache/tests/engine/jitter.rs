//! Jitter: pages that are stored at once do not expire at once.

use giotto_cache::{Clock, LocMemKeyValue, Lookup, Result};

use crate::model::Model;
use crate::world::{MINUTE, START_MS, ask_for, cache_on, key};

/// What was filled at once does not expire at once, and `max-age` follows the real clock.
#[tokio::test]
async fn jitter_spreads_a_thousand_keys_over_the_part_that_was_asked_for() -> Result<()> {
    let policy = MINUTE.stale_while_revalidate(300).jitter(0.1);
    let lives = async || {
        let clock = Clock::manual(START_MS);
        let cache = cache_on(std::sync::Arc::new(LocMemKeyValue::new()), &clock);
        let model = Model::default();
        let mut lives = Vec::new();
        for number in 0..1_000 {
            let key = key(&number.to_string());
            let answer = ask_for(&cache, Lookup::new(key, policy), &model).await?;
            lives.push(answer.fresh_for.unwrap().as_millis() as u64);
        }
        Ok::<_, giotto_cache::Error>(lives)
    };
    let first = lives().await?;
    assert_eq!(first, lives().await?, "the same with the same seed");
    assert!(first.iter().all(|life| (54_000..=60_000).contains(life)));
    // A tenth of the keys in each tenth of the range, as an even spread has it: 100 expected, 9.5 is the deviation.
    for tenth in 0..10 {
        let range = 54_000 + tenth * 600..54_000 + (tenth + 1) * 600;
        let keys = first.iter().filter(|life| range.contains(*life)).count();
        assert!((65..=135).contains(&keys), "{range:?}: {keys}");
    }
    Ok(())
}
